"""Reads on in the curves, epochs and events of a run, as far as they are new."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from studio.runs import changes, metrics
from studio.runs.api import EpochDone
from studio.runs.changes import Change
from studio.runs.folder import RunFolder
from studio.runs.snapshot import Snapshot
from studio.runs.system import SystemSample
from studio.runs.tail import Rows, Tail


@dataclass(frozen=True)
class News:
    """What a look has brought. ``anew``: the run went back to a checkpoint, and ``rows`` begin
    again. ``epochs`` and ``changes`` are all that hold now, ``warnings`` the new ones; ``sample``
    is the last that was recorded of the machine."""

    anew: bool
    rows: Rows | None
    epochs: tuple[EpochDone, ...]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    sample: SystemSample | None


class RunReader:
    """Remembers how far ``run`` was read; gradients of so many ``layers`` are read along."""

    def __init__(self, run: RunFolder, layers: int) -> None:
        self._run = run
        self._layers = layers
        self._tail = Tail(layers)
        self._snapshot: Snapshot | None = None
        self._event = 0
        self._epochs = 0
        self._changes: tuple[Change, ...] = ()

    def read(self, here: bool) -> News:
        """The next part of what was written; raises WorkFailed. Where the run is not of this
        machine (``here``), a copy is read."""
        with self._curves(here) as connection:
            query = "SELECT id, step, kind, message FROM events WHERE id > ? ORDER BY id"
            events = connection.execute(query, (self._event,)).fetchall()
            query = "SELECT * FROM epochs ORDER BY epoch"
            epochs = tuple(metrics.epoch_of(row) for row in connection.execute(query))
            hold = changes.add(self._changes, [event[1:] for event in events])
            anew = (
                len(epochs) < self._epochs
                or hold[: len(self._changes)] != self._changes
                or not self._tail.holds(connection)
            )
            if anew:
                self._tail = Tail(self._layers)
            rows = self._tail.read(connection)
            sample = metrics.last_sample(connection)
        self._event = events[-1][0] if events else self._event
        self._epochs, self._changes = len(epochs), hold
        warnings = tuple(message for _, _, kind, message in events if kind == "warning")
        return News(anew, rows, epochs, hold, warnings, sample)

    def close(self) -> None:
        """Remove the copy."""
        if self._snapshot is not None:
            self._snapshot.close()

    @contextlib.contextmanager
    def _curves(self, here: bool) -> Iterator[sqlite3.Connection]:
        path = self._run.metrics
        if not here:
            self._snapshot = self._snapshot or Snapshot(path)
            path = self._snapshot.refresh()
        with metrics.reading(path) as connection:
            connection.execute("BEGIN")  # all that is read is of one moment
            yield connection
