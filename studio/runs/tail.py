"""What was added to a run's curves since the last look, a bounded number of steps at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import numpy as np

from studio.runs.api import WorkFailed

STEPS = 4_000
"""Steps a read: about 10 ms, of which others wait for a part only."""

_NUMBERS = "s.loss, s.accuracy, s.learning_rate, s.images_per_second, s.seconds"


@dataclass(frozen=True)
class Rows:
    """Steps in a row from ``first`` on: ``numbers`` ``(steps, 5)`` are loss, accuracy, learning
    rate, images per second and seconds, ``norms`` ``(steps, layers)`` the gradient norms.
    """

    first: int
    numbers: np.ndarray
    norms: np.ndarray


class Tail:
    """Remembers up to which step the curves were read. ``layers`` of gradients are read along;
    with 0 none are."""

    def __init__(self, layers: int) -> None:
        self._layers = layers
        self._last: tuple[object, ...] | None = None

    def holds(self, connection: sqlite3.Connection) -> bool:
        """Whether the last step that was read is still there as it was: a run that went back to a
        checkpoint takes it anew, or has not come to it yet."""
        if self._last is None:
            return True
        query = f"SELECT s.step, {_NUMBERS} FROM steps AS s WHERE s.step = ?"
        row: tuple[object, ...] | None = connection.execute(query, self._last[:1]).fetchone()
        return row == self._last

    def read(self, connection: sqlite3.Connection, limit: int = STEPS) -> Rows | None:
        """The next steps in a row, at most ``limit``; None where there are none. Raises WorkFailed
        where their gradients are damaged."""
        norms = "g.norms" if self._layers else "NULL"
        join = "LEFT JOIN gradients AS g ON g.step = s.step" if self._layers else ""
        after = -1 if self._last is None else self._last[0]
        rows = connection.execute(
            f"SELECT s.step, {_NUMBERS}, {norms} FROM steps AS s {join} "
            "WHERE s.step > ? ORDER BY s.step LIMIT ?",
            (after, limit),
        ).fetchall()
        if not rows:
            return None
        steps = np.array([row[0] for row in rows])
        gaps = np.flatnonzero(np.diff(steps) != 1)
        if len(gaps):
            rows = rows[: gaps[0] + 1]
        # None, which is how SQLite keeps not-a-number, becomes that again.
        numbers = np.array([row[1:6] for row in rows], np.float32)
        self._last = rows[-1][:6]
        return Rows(int(steps[0]), numbers, self._norms([row[6] for row in rows]))

    def _norms(self, blobs: list[bytes | None]) -> np.ndarray:
        silent = np.full(self._layers, np.nan, np.float32).tobytes()
        joined = b"".join(silent if blob is None else blob for blob in blobs)
        if len(joined) != 4 * len(blobs) * self._layers:
            raise WorkFailed("The gradients of this run are damaged.", "Train the network again.")
        return np.frombuffer(joined, np.float32).reshape(len(blobs), self._layers)
