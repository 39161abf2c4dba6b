"""What is drawn of a long series: as many points as there are pixels, extremes kept.

Plain numpy over the telemetry's columns; nothing here draws.
"""

from __future__ import annotations

import numpy as np

from studio.runs.telemetry import Column

BLOCK = 256


def polyline(
    column: Column, start: float, stop: float, buckets: int
) -> tuple[np.ndarray, np.ndarray]:
    """The values of [start, stop) as a line of at most about ``4 · buckets`` points.

    ``start`` and ``stop`` are positions in the column, and may lie outside of it; the parts are
    as wide as a bucket of the whole range, so a growing column keeps its parts. Each part gives
    its minimum and its maximum; what is not finite is left out.
    """
    first = max(0, int(np.floor(start)) - 1)
    last = min(len(column), int(np.ceil(stop)) + 2)
    if last <= first:
        return np.empty(0), np.empty(0, np.float32)
    share = (last - first) / max(stop - start, 1.0)
    x, low, high = column.envelope(first, last, max(1, round(buckets * share)))
    if len(x) == last - first:
        y = low
    else:
        x = np.repeat(x, 2)
        y = np.empty(2 * len(low), np.float32)
        y[0::2], y[1::2] = low, high
    good = np.isfinite(y)
    if good.all():
        return x, y
    return x[good], y[good]


class Smoother:
    """An exponential moving average of a column, kept as a column of its own.

    The weight of a value halves every ``span`` · ln 2 steps. It starts at the first value. A
    value that is not finite counts as the average before its block.
    """

    def __init__(self, source: Column, span: float) -> None:
        self.source = source
        self.column = Column()
        keep = 1.0 - 1.0 / max(1.0, span)
        powers = keep ** np.arange(BLOCK + 1)
        lags = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK))
        self._weights = np.where(lags >= 0, (1 - keep) * powers[np.maximum(lags, 0)], 0.0)
        self._carry = powers[1:]
        self._last: float | None = None

    def catch_up(self) -> None:
        """Take in the values that are new (0.05 µs each)."""
        values = self.source.values[len(self.column) :].astype(np.float64)
        if len(values) == 0:
            return
        smooth = np.empty(len(values), np.float32)
        for start in range(0, len(values), BLOCK):
            part = values[start : start + BLOCK]
            good = np.isfinite(part)
            if self._last is None and good.any():
                self._last = float(part[good][0])
            if self._last is None:
                smooth[start : start + len(part)] = np.nan
                continue
            part = np.where(good, part, self._last)
            n = len(part)
            result = self._weights[:n, :n] @ part + self._carry[:n] * self._last
            smooth[start : start + n] = result
            self._last = float(result[-1])
        self.column.extend(smooth)


class RowMaxima:
    """A pyramid of maxima over the rows of a growing matrix, for a heat map of any length.

    Level k holds the largest value of each column in every ``FAN ** k`` rows. A value that is
    not a number stays visible: it wins its part.
    """

    FAN = 16

    def __init__(self, width: int) -> None:
        self._width = width
        self._levels: list[np.ndarray] = []
        self._lengths: list[int] = []

    def catch_up(self, rows: np.ndarray) -> None:
        """Fold in what ``rows``, all rows so far as ``(length, width)``, has more than before."""
        below, length, level = rows, len(rows), 0
        while length >= self.FAN:
            if level == len(self._levels):
                self._levels.append(np.empty((64, self._width), np.float32))
                self._lengths.append(0)
            done, count = self._lengths[level], length // self.FAN
            if count > done:
                store = self._levels[level]
                if count > len(store):
                    store = np.empty((max(count, 2 * len(store)), self._width), np.float32)
                    store[:done] = self._levels[level][:done]
                    self._levels[level] = store
                part = below[done * self.FAN : count * self.FAN]
                store[done:count] = part.reshape(-1, self.FAN, self._width).max(axis=1)
                self._lengths[level] = count
            below, length, level = self._levels[level], count, level + 1

    def maxima(
        self, rows: np.ndarray, start: int, stop: int, buckets: int
    ) -> tuple[np.ndarray, int, int]:
        """The largest values of about ``buckets`` equal parts of rows [start, stop).

        Gives ``(parts, width)``, the first row that part 0 covers, and the rows a part. Parts
        begin at multiples of their size, so that they stay the same while the matrix grows and
        the range moves; the last one may be cut short.
        """
        start, stop = max(0, start), min(stop, len(rows))
        if stop <= start:
            return np.empty((0, self._width), np.float32), 0, 1
        size = max(1, -(-(stop - start) // max(1, buckets)))
        size = _round_up(size)
        fold, source = 1, rows
        for level, length in zip(self._levels, self._lengths, strict=True):
            if size % (fold * self.FAN):
                break
            fold *= self.FAN
            source = level[:length]
        first = start // size
        last = -(-stop // size)
        step = size // fold
        edges = np.arange(first, last) * step
        covered = min(len(source), last * step)
        edges = edges[edges < covered]
        parts = np.maximum.reduceat(source[:covered], edges, axis=0) if len(edges) else source[:0]
        tail = rows[max(covered * fold, first * size) : stop]
        if len(tail):
            parts = self._with_tail(parts, tail, covered * fold, first, size)
        return parts, first * size, size

    def _with_tail(
        self, parts: np.ndarray, tail: np.ndarray, at: int, first: int, size: int
    ) -> np.ndarray:
        """Fold rows that no level holds yet into the last parts."""
        peak = tail.max(axis=0)[None]
        if len(parts) == max(at, first * size) // size - first:
            return np.concatenate([parts, peak])
        parts[-1] = np.maximum(parts[-1], peak[0])
        return parts


def _round_up(size: int) -> int:
    """The next of 1, 2, 4, 8, 16, 32, ... so that the levels of a pyramid divide it."""
    return 1 << (size - 1).bit_length()
