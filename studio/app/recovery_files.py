"""The folder of recovery copies, which all windows of a user share.

Each window has a slot there: a lock that it holds while it runs and that says which file it has
open, and beside it, while something is unsaved, the copy. A copy whose lock is free was left
behind.
"""

from __future__ import annotations

import contextlib
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from studio.project import codec
from studio.project.values import Project
from studio.runs.file_lock import FileLock, can_lock
from studio.runs.files import write_whole

FORMAT = "training-studio-recovery"
_LOCK, _COPY, _DAMAGED = ".lock", ".recovery", ".damaged"


@dataclass(frozen=True, slots=True)
class Kept:
    """Unsaved work: the project, its title, its file, and the digest of what the file held."""

    project: Project
    title: str
    path: Path | None
    digest: str
    when: datetime = field(default_factory=lambda: datetime.now().astimezone())
    host: str = field(default_factory=socket.gethostname)


class _File(msgspec.Struct):
    format: str
    title: str
    path: str
    digest: str
    when: datetime
    host: str
    project: msgspec.Raw


def encode(kept: Kept) -> bytes:
    """``kept`` as the bytes of a recovery copy."""
    path = str(kept.path or "")
    project = msgspec.Raw(codec.compact(kept.project))
    return msgspec.json.encode(
        _File(FORMAT, kept.title, path, kept.digest, kept.when, kept.host, project)
    )


def decode(content: bytes) -> Kept:
    """What ``encode`` was given; raises ProjectError in words."""
    try:
        file = msgspec.json.decode(content, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        words = "it ends in the middle" if "truncated" in str(error) else "it is damaged"
        raise codec.ProjectError(words) from None
    if file.format != FORMAT or file.when.tzinfo is None:
        raise codec.ProjectError("it is damaged")
    path = Path(file.path) if file.path else None
    project = codec.loads(bytes(file.project))
    return Kept(project, file.title, path, file.digest, file.when, file.host)


class Slot:
    """One window's place in the folder; held until ``release`` or the end of the process."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock
        self.copy = lock.path.with_suffix(_COPY)

    def write(self, kept: Kept) -> None:
        """Put the copy there, whole or not at all; raises OSError."""
        write_whole(self.copy, encode(kept))

    def remove(self) -> None:
        """Take the copy away; raises OSError."""
        self.copy.unlink(missing_ok=True)

    def say_open(self, path: Path | None) -> None:
        """Let other windows know which file is open here."""
        with contextlib.suppress(OSError):
            self._lock.write(str(path or "").encode())

    def is_locked_by(self, file: Path) -> bool:
        """Whether ``file`` is this slot's lock."""
        return file == self._lock.path

    def release(self) -> None:
        """Let go of the slot; a copy stays, for the next start to find."""
        self._lock.release()


@dataclass(frozen=True, eq=False)
class Lost:
    """A copy that was left behind; nobody else can offer it while the slot is held."""

    slot: Slot
    kept: Kept


class RecoveryFolder:
    """Finds and makes slots."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def new_slot(self) -> Slot:
        """A slot of one's own; raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        while True:
            lock = FileLock.take(self.path / f"{uuid.uuid4().hex}{_LOCK}")
            if lock is not None:
                return Slot(lock)
            # Another window took it for one that was left behind, in the moment before it was
            # locked; or locks are not to be had at all.
            if not can_lock(self.path):
                raise OSError(f"files in {self.path} cannot be locked")

    def lost(self) -> tuple[list[Lost], list[str]]:
        """Copies that were left behind, the newest first, and sentences on what cannot be read.

        A damaged one is kept aside. One whose file holds the same by now is no loss.
        """
        found: list[Lost] = []
        complaints: list[str] = []
        for lock in self._free():
            slot = Slot(lock)
            try:
                kept = decode(codec.read(slot.copy)) if slot.copy.exists() else None
            except codec.ProjectError as error:
                complaints.append(_set_aside(slot, str(error)))
                continue
            if kept is not None and not _on_disk(kept):
                found.append(Lost(slot, kept))
                continue
            with contextlib.suppress(OSError):
                slot.remove()
            slot.release()
        return sorted(found, key=lambda lost: lost.kept.when, reverse=True), complaints

    def is_open_elsewhere(self, path: Path, own: Slot) -> bool:
        """Whether a running window other than that of the slot ``own`` has ``path`` open."""
        wanted = str(path).encode()
        for file in self.path.glob(f"*{_LOCK}"):
            with contextlib.suppress(OSError):
                if not own.is_locked_by(file) and file.read_bytes() == wanted and _held(file):
                    return True
        return False

    def _free(self) -> Iterator[FileLock]:
        names = {file.stem for file in self.path.glob("*") if file.suffix in (_LOCK, _COPY)}
        for name in sorted(names):
            with contextlib.suppress(OSError):
                if (lock := FileLock.take(self.path / f"{name}{_LOCK}")) is not None:
                    for part in self.path.glob(f".{name}{_COPY}.*"):  # of a write that was cut off
                        part.unlink(missing_ok=True)
                    yield lock


def _held(file: Path) -> bool:
    lock = FileLock.take(file)
    if lock is not None:
        lock.release()
    return lock is None


def _set_aside(slot: Slot, wrong: str) -> str:
    aside = slot.copy.with_suffix(_DAMAGED)
    said = f"A recovery copy cannot be read: {wrong}."
    try:
        slot.copy.replace(aside)
    except OSError:
        aside = slot.copy
    slot.release()
    return f"{said} It is kept as {aside}."


def _on_disk(kept: Kept) -> bool:
    if kept.path is None:
        return False
    try:
        return codec.load(kept.path) == kept.project
    except codec.ProjectError:
        return False
