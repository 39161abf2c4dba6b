"""The runs there are, looked for again and again: what has not changed is not read again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio.runs.api import WorkFailed
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.standing import Standing, quiet_for, standing


@dataclass(frozen=True)
class Entry:
    """A run and how it stands; nothing was written for ``quiet`` seconds where that counts."""

    folder: Path
    info: RunInfo
    standing: Standing
    quiet: float = field(default=0.0, compare=False)


class Catalog:
    """Looks for runs. Of 500 that have ended a look reads no file and takes a few milliseconds."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], RunInfo]] = {}

    def look(self, places: Sequence[Path]) -> tuple[Entry, ...]:
        """The runs at ``places``, which are run folders or hold some; newest first.

        What is none, or cannot be read, is passed over.
        """
        found: dict[Path, Entry] = {}
        for folder in _candidates(places):
            if folder not in found and (entry := self._entry(folder)) is not None:
                found[folder] = entry
        self._known = {folder: seen for folder, seen in self._known.items() if folder in found}
        return tuple(sorted(found.values(), key=lambda entry: entry.info.created, reverse=True))

    def _entry(self, folder: Path) -> Entry | None:
        try:
            state = os.stat(folder / "run.json")
            now = (state.st_mtime_ns, state.st_size)
            seen = self._known.get(folder)
            info = seen[1] if seen is not None and seen[0] == now else RunFolder(folder).info()
        except (OSError, WorkFailed):
            return None
        self._known[folder] = (now, info)
        quiet = quiet_for(folder) if info.state in ("running", "paused") else 0.0
        return Entry(folder, info, standing(info, quiet), quiet)


def is_run(folder: Path) -> bool:
    """Whether there is a run in ``folder``."""
    return (folder / "run.json").is_file()


def _candidates(places: Sequence[Path]) -> Iterable[Path]:
    for place in places:
        if is_run(place):
            yield place
            continue
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            yield from (Path(entry.path) for entry in entries if entry.is_dir())
