"""The numbers of a run while it lives: one writer, many readers, no locks.

The trainer appends; a reader takes a view of what was published before it looked. A column is
published by storing its length after its values, which the interpreter does atomically.
"""

from __future__ import annotations

import numpy as np


class Column:
    """A growing array of float32 with a min/max pyramid, so that any range draws in constant time.

    Level k holds the minimum and maximum of each ``FAN ** k`` values. Appending n values costs
    O(n), an envelope of b buckets O(b · FAN).
    """

    FAN = 16

    def __init__(self, capacity: int = 1024) -> None:
        self._values = np.empty(max(capacity, self.FAN), np.float32)
        self._levels: list[_Level] = []
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def values(self) -> np.ndarray:
        """A read-only view of all published values."""
        view = self._values[: self._length]
        view.flags.writeable = False
        return view

    def append(self, value: float) -> None:
        """Publish one more value."""
        self.extend(np.array([value], np.float32))

    def extend(self, values: np.ndarray) -> None:
        """Publish a block of values."""
        start, end = self._length, self._length + len(values)
        if end > len(self._values):
            grown = np.empty(max(end, 2 * len(self._values)), np.float32)
            grown[:start] = self._values[:start]
            self._values = grown
        self._values[start:end] = values
        low = high = self._values
        for level in self._update_levels(end):
            done = level.length
            count = end // self.FAN
            if count > done:
                part = slice(done * self.FAN, count * self.FAN)
                level.store(done, count, _fold(low[part], np.fmin), _fold(high[part], np.fmax))
            low, high, end = level.low, level.high, count
        self._length = start + len(values)

    def _update_levels(self, length: int) -> list[_Level]:
        depth = 0
        while length >= self.FAN:
            length //= self.FAN
            depth += 1
        while len(self._levels) < depth:
            self._levels.append(_Level())
        return self._levels

    def envelope(
        self, start: int, stop: int, buckets: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, minima and maxima of at most about ``2 · buckets`` parts of [start, stop).

        Not-a-number is passed over unless a part holds nothing else. Positions are the middles
        of the parts, in values.
        """
        stop = min(stop, self._length)
        start = max(0, start)
        if stop <= start:
            empty = np.empty(0, np.float32)
            return np.empty(0), empty, empty
        size = 1
        low = high = self._values
        for level in self._levels:
            if (stop - start) // (size * self.FAN) < buckets:
                break
            size *= self.FAN
            low, high = level.low, level.high
        first, last = start // size, max(start // size + 1, stop // size)
        step = max(1, (last - first) // buckets)
        count = -(-(last - first) // step)
        edges = first + np.arange(count) * step
        minima = np.fmin.reduceat(low[:last], edges)
        maxima = np.fmax.reduceat(high[:last], edges)
        ends = np.minimum(edges + step, last)
        middles = (edges + ends - 1) / 2 * size + (size - 1) / 2
        if size > 1 and last * size < stop:
            tail = self._values[last * size : stop]
            middles = np.append(middles, (last * size + stop - 1) / 2)
            minima = np.append(minima, np.fmin.reduce(tail))
            maxima = np.append(maxima, np.fmax.reduce(tail))
        return middles, minima, maxima


class _Level:
    """Minima and maxima of fixed-size parts of the level below."""

    def __init__(self) -> None:
        self.low = np.empty(64, np.float32)
        self.high = np.empty(64, np.float32)
        self.length = 0

    def store(self, start: int, end: int, low: np.ndarray, high: np.ndarray) -> None:
        if end > len(self.low):
            size = max(end, 2 * len(self.low))
            self.low, self.high = _grow(self.low, size), _grow(self.high, size)
        self.low[start:end] = low
        self.high[start:end] = high
        self.length = end


def _grow(array: np.ndarray, size: int) -> np.ndarray:
    grown = np.empty(size, array.dtype)
    grown[: len(array)] = array
    return grown


def _fold(values: np.ndarray, by: np.ufunc) -> np.ndarray:
    folded: np.ndarray = by.reduce(values.reshape(-1, Column.FAN), axis=1)
    return folded


class Matrix:
    """A growing table of float32 rows of one width: the gradient norms of all layers by step."""

    def __init__(self, width: int, capacity: int = 256) -> None:
        self._rows = np.empty((capacity, width), np.float32)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def width(self) -> int:
        """Values a row."""
        return int(self._rows.shape[1])

    @property
    def rows(self) -> np.ndarray:
        """A read-only view ``(length, width)`` of all published rows."""
        view = self._rows[: self._length]
        view.flags.writeable = False
        return view

    def extend(self, rows: np.ndarray) -> None:
        """Publish a block of rows ``(n, width)``."""
        start, end = self._length, self._length + len(rows)
        if end > len(self._rows):
            grown = np.empty((max(end, 2 * len(self._rows)), self.width), np.float32)
            grown[:start] = self._rows[:start]
            self._rows = grown
        self._rows[start:end] = rows
        self._length = end


class Telemetry:
    """All columns of a run. Row i of each per-step column belongs to step ``first_step + i``.

    ``layers`` names the parameterized layers in forward order; ``gradients`` has a column for
    each: the L2 norm of the loss gradient over that layer's parameters. ``learning_rate`` is the
    rate used at that step, ``seconds`` the training time at its end (pauses left out), from which
    images per second follow with ``batch_size``.
    """

    def __init__(self, layers: tuple[str, ...], first_step: int = 0) -> None:
        self.layers = layers
        self.first_step = first_step
        self.loss = Column()
        self.accuracy = Column()
        self.learning_rate = Column()
        self.images_per_second = Column()
        self.seconds = Column()
        self.gradients = Matrix(len(layers))

    def __len__(self) -> int:
        """Steps that are published in all columns (the gradients are written last)."""
        return len(self.gradients)

    def __bool__(self) -> bool:
        """A telemetry is there even before its first step."""
        return True
