"""Runs that wait to be trained one after the other: plain values, and the file that keeps them.

A project lies in its entry as it was when it was queued, so that what is edited afterwards, or
removed from the disk, changes nothing of what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from studio.project import codec
from studio.project.differing import in_words
from studio.project.values import Project

FORMAT = "training-studio-queue"
VERSION = 1
FOLDER, FILE = "queue", "queue.json"
"""Where the file is in the user's folder for data."""
MOST = 500
"""So many runs wait at most."""
MAX_BYTES = 256 * 2**20


class Queued(msgspec.Struct, frozen=True):
    """A run that was asked for.

    ``note`` says what sets it apart from the one asked for before it. ``parent`` is the
    checkpoint file that it branches from. ``folder`` is its run folder from the moment at which
    it is begun: an entry that still has one after a restart is gone on with. ``trouble`` says why
    it failed; it then waits no longer, until it is tried again.
    """

    id: str
    title: str
    project: Project
    added: datetime
    note: str = ""
    parent: str = ""
    folder: str = ""
    trouble: str = ""

    @property
    def name(self) -> str:
        """Title and note, as a sentence calls it."""
        return f"{self.title}, {self.note}" if self.note else self.title


def note_on(project: Project, before: Project | None) -> str:
    """What to call a run of ``project`` that is asked for after one of ``before``."""
    if before is None:
        return ""
    return in_words(project, before) or "once more"


class Queue(msgspec.Struct, frozen=True):
    """The entries in the order in which they are trained. Every change gives another value."""

    entries: tuple[Queued, ...] = ()

    @property
    def waiting(self) -> tuple[Queued, ...]:
        """Those that have not failed."""
        return tuple(entry for entry in self.entries if not entry.trouble)

    def find(self, id: str) -> Queued | None:
        """The entry ``id``, or None."""
        return next((entry for entry in self.entries if entry.id == id), None)

    def add(self, entry: Queued) -> Queue:
        """With ``entry`` at the end."""
        return Queue((*self.entries, entry))

    def remove(self, ids: Collection[str]) -> Queue:
        """Without the entries ``ids``."""
        return Queue(tuple(entry for entry in self.entries if entry.id not in ids))

    def put_back(self, places: Iterable[tuple[int, Queued]]) -> Queue:
        """With entries at the places that they had; one that is there already stays."""
        entries = list(self.entries)
        for place, entry in sorted(places, key=lambda each: each[0]):
            if self.find(entry.id) is None:
                entries.insert(place, entry)
        return Queue(tuple(entries))

    def move(self, ids: Collection[str], step: int, floor: int = 0) -> Queue:
        """With the entries ``ids`` one place earlier (-1) or later (1), as far as there is room;
        the first ``floor`` entries keep their places."""
        entries = list(self.entries)
        order = range(len(entries)) if step < 0 else range(len(entries) - 1, -1, -1)
        for at in order:
            to = at + step
            if entries[at].id in ids and floor <= to < len(entries) and at >= floor:
                if entries[to].id in ids:
                    continue  # it has come to the end itself
                entries[at], entries[to] = entries[to], entries[at]
        return Queue(tuple(entries))

    def arrange(self, ids: Sequence[str]) -> Queue:
        """With the entries ``ids`` first and in that order, and the others behind them as they
        were."""
        first = [entry for each in ids if (entry := self.find(each)) is not None]
        return Queue((*first, *self.remove(ids).entries))

    def change(self, id: str, **fields: Any) -> Queue:
        """With these fields of the entry ``id`` replaced."""
        return Queue(tuple(replace(e, **fields) if e.id == id else e for e in self.entries))


# The file ----------------------------------------------------------------------------------------


class _Entry(msgspec.Struct):
    id: str
    title: str
    project: msgspec.Raw
    added: datetime
    note: str = ""
    parent: str = ""
    folder: str = ""
    trouble: str = ""


class _File(msgspec.Struct):
    format: str
    version: int
    entries: list[_Entry]


def dumps(queue: Queue) -> bytes:
    """The queue as the bytes of a file."""
    entries = [
        _Entry(
            project=msgspec.Raw(codec.compact(entry.project)),
            **{
                name: getattr(entry, name) for name in _Entry.__struct_fields__ if name != "project"
            },
        )
        for entry in queue.entries
    ]
    return msgspec.json.encode(_File(FORMAT, VERSION, entries))


def loads(content: bytes, read: Callable[[bytes], Project] = codec.loads) -> tuple[Queue, str]:
    """The queue in the bytes of a file, and what is wrong with it ("" for nothing).

    What can be read is given even where an entry cannot; ``read`` makes a project of its bytes.
    Nothing is executed.
    """
    if len(content) > MAX_BYTES:
        return Queue(), f"it is larger than {MAX_BYTES // 2**20} MiB"
    try:
        file = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return Queue(), "it is no JSON, or ends in the middle"
    if not isinstance(file, dict) or file.get("format") != FORMAT:
        return Queue(), f'"format" in it is not "{FORMAT}"'
    if file.get("version") != VERSION:
        return Queue(), f"it is of version {str(file.get('version'))[:20]}, not {VERSION}"
    listed = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("entries", b"[]")
    try:
        raw = msgspec.json.decode(bytes(listed), type=list[msgspec.Raw])
    except msgspec.MsgspecError:
        return Queue(), '"entries" in it is no list'
    entries: list[Queued] = []
    wrong = f"it has more than {MOST} runs" if len(raw) > MOST else ""
    for number, each in enumerate(raw[:MOST], start=1):
        try:
            entry = msgspec.json.decode(bytes(each), type=_Entry)
            project = read(bytes(entry.project))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError,
                codec.ProjectError):  # fmt: skip
            wrong = wrong or f"run {number} in it is damaged"
            continue
        if any(entry.id == other.id for other in entries):
            wrong = wrong or f"run {number} in it is there twice"
            continue
        known = {name: getattr(entry, name) for name in _Entry.__struct_fields__}
        entries.append(Queued(**known | {"project": project}))
    return Queue(tuple(entries)), wrong
