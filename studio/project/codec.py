"""Project files: JSON that diffs well, read with limits and written so that nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from studio.project import comment_limits
from studio.project.values import Project, Recipe

FORMAT = "training-studio"
VERSION = 1
SUFFIX = ".studio"
MAX_BYTES = 64 * 2**20
MAX_TEXT = 4096
MAX_DEPTH = 40
MAX_VALUES = 2_000_000


class ProjectError(Exception):
    """A project file that cannot be read or written; the message is a sentence for the user."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    network: msgspec.Raw
    data: msgspec.Raw
    recipe: msgspec.Raw


def dumps(project: Project) -> bytes:
    """``project`` as the bytes of a project file: sorted, indented UTF-8."""
    plain = msgspec.to_builtins(project)
    plain["recipe"] = _without_defaults(plain["recipe"])
    text = json.dumps(
        {"format": FORMAT, "version": VERSION, **plain},
        indent=2,
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
    )
    return (text + "\n").encode()


_ALWAYS_WRITTEN = (
    "optimizer", "learning_rate", "schedule", "batch_size", "epochs", "device", "precision",
    "seed", "weights",
)  # fmt: skip
_DEFAULTS: dict[str, Any] = msgspec.to_builtins(Recipe())


def _without_defaults(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with the choices that stand in every file, and of the others those that were
    made: a file that needs nothing new can be read by older versions."""
    return {
        name: value
        for name, value in recipe.items()
        if name in _ALWAYS_WRITTEN or value != _DEFAULTS[name]
    }


def compact(project: Project) -> bytes:
    """``project`` as the bytes of a project file for programs alone: fast, in one line."""
    parts = {"network": project.network, "data": project.data, "recipe": project.recipe}
    return msgspec.json.encode({"format": FORMAT, "version": VERSION, **parts})


def loads(content: bytes) -> Project:
    """The project in the bytes of a file; raises ProjectError in words.

    Nothing in the file is executed, and its size and nesting are bounded before work is done.
    Kinds that this version does not know are kept as they are.
    """
    if len(content) > MAX_BYTES:
        raise ProjectError(
            f"this is no project file: it has {len(content) // 2**20} MiB, and one has at most "
            f"{MAX_BYTES // 2**20}"
        )
    try:
        head = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        header = {key: msgspec.json.decode(head.get(key, b"null")) for key in ("format", "version")}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        if f'"{FORMAT}"'.encode() in content:
            raise ProjectError(f"the project file is damaged: {_words(error)}") from None
        raise ProjectError(f"this is no project file: {_words(error)}") from None
    if header["format"] != FORMAT:
        raise ProjectError('this is no project file: "format" is not "training-studio"')
    version = header["version"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ProjectError(f"the project file's version must be a number from 1, not {version!r}")
    if version > VERSION:
        raise ProjectError(
            f"the project was saved by a newer Training Studio (file version {version}, this one "
            f"reads up to {VERSION}): update Training Studio to open it"
        )
    try:
        parts = msgspec.json.decode(content, type=_File)
        body = b'{"network":%b,"data":%b,"recipe":%b}' % (
            bytes(parts.network), bytes(parts.data), bytes(parts.recipe)
        )  # fmt: skip
        project = msgspec.json.decode(body, type=Project)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ProjectError(f"the project file is damaged: {_words(error)}") from None
    _check_texts(project)
    return project


_TYPES = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false",
    "object": "a group of entries", "array": "a list", "null": "empty",
}  # fmt: skip


def _words(error: Exception) -> str:
    """What a decoder complains of, in a reader's words; msgspec names a place as
    ``$.network.nodes[3].name``."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text, _, place = str(error).strip().partition(" - at ")
    where = place.strip("`").removeprefix("$").removeprefix(".") or "the file"
    if "truncated" in text:
        return "it ends in the middle"
    if found := re.match(r"Object contains unknown field `(.*)`", text):
        return f"{where} has an entry {found[1]!r} that this version does not know"
    if found := re.match(r"Object missing required field `(.*)`", text):
        return f"{where} has no entry {found[1]!r}"
    if found := re.match(r"Expected `(.*)`, got `(.*)`", text):
        wanted, got = (
            " or ".join(_TYPES.get(word, word) for word in types.split(" | "))
            for types in found.groups()
        )
        return f"{where} must be {wanted}, and is {got}"
    text = text or type(error).__name__
    # "JSON is malformed" keeps its capitals.
    small = text[:1].lower() if text[1:2].islower() else text[:1]
    return small + text[1:300]


def _check_texts(project: Project) -> None:
    values = 0

    def check(value: Any, depth: int = 0) -> None:
        nonlocal values
        values += 1
        if values > MAX_VALUES:
            raise ProjectError(
                f"the project file is damaged: its nodes have more than {MAX_VALUES:,} settings"
            )
        if depth > MAX_DEPTH:
            raise ProjectError("the project file is damaged: a setting is nested too deeply")
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise ProjectError(
                f"the project file is damaged: a text in it has {len(value):,} characters, and "
                f"at most {MAX_TEXT:,} fit"
            )
        if isinstance(value, dict):
            for key, item in value.items():
                check(key, depth + 1)
                check(item, depth + 1)
        elif isinstance(value, list):
            for item in value:
                check(item, depth + 1)

    for node in project.network.nodes:
        check([node.name, node.kind, node.settings])
    for edge in project.network.edges:
        check([edge.source, edge.target])
    _check_comments(project)
    check([project.data.source, project.recipe.optimizer.settings])
    check([project.recipe.schedule.settings, project.recipe.device, project.recipe.weights])
    check(project.recipe.node_rates)


def _check_comments(project: Project) -> None:
    comments = project.network.comments
    if len(comments) > comment_limits.MOST:
        raise ProjectError(
            f"the project file is damaged: it has {len(comments):,} notes, and at most "
            f"{comment_limits.MOST:,} fit"
        )
    if len({each.name for each in comments}) < len(comments):
        raise ProjectError("the project file is damaged: two notes in it have one name")
    for comment in comments:
        if reason := comment_limits.fault(comment):
            raise ProjectError(f"the project file is damaged: {reason}")


def load(path: Path) -> Project:
    """The project in the file ``path``; raises ProjectError naming the file."""
    return parse(read(path), path)


def read(path: Path) -> bytes:
    """The content of the file ``path``, if it can be that of a project; raises ProjectError."""
    try:
        if path.is_dir():
            raise ProjectError(f"cannot open {path}: it is a folder, not a project file")
        if path.stat().st_size > MAX_BYTES:
            raise ProjectError(f"cannot open {path}: it is too large for a project file")
        return path.read_bytes()
    except FileNotFoundError:
        raise ProjectError(f"there is no file {path}") from None
    except OSError as error:
        raise ProjectError(f"cannot open {path}: {error.strerror or error}") from None


def parse(content: bytes, path: Path) -> Project:
    """The project in ``content``, which was read from ``path``; raises ProjectError naming it."""
    try:
        return loads(content)
    except ProjectError as error:
        raise ProjectError(f"cannot open {path}: {error}") from None


def save(project: Project, path: Path) -> None:
    """Write ``project`` to ``path``: beside it first, synced, then renamed over it.

    Raises ProjectError; the file that was there is then still whole.
    """
    write_atomically(path, dumps(project))


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` holds either the old bytes or all of the new ones."""
    beside = ""
    try:
        # A link's target is what the user means; renaming over the link would break it.
        path = path.resolve()
        descriptor, beside = tempfile.mkstemp(
            prefix=f".{path.name[:80]}.", suffix=".part", dir=path.parent
        )
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(beside, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(beside, path)
        beside = ""
        sync_folder(path.parent)
    except OSError as error:
        raise ProjectError(f"{path} could not be saved: {_os_words(error)}") from None
    finally:
        if beside:
            Path(beside).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power loss, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network disks cannot sync a folder; the file itself is synced.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _os_words(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space, or save it elsewhere"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "writing there is not allowed; save it elsewhere"
    if error.errno == errno.ENOENT:
        return "its folder does not exist; save it elsewhere"
    return error.strerror or str(error)
