"""Who may draw, and when: the budget that keeps live plots from taking training's time.

The window's thread and the trainer share the interpreter's lock, so each millisecond of drawing
may be one of waiting for the next step (up to 58 % of throughput when drawn naively). The share
of time spent is therefore measured, painting included, and the pace follows from it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from PySide6.QtCore import QObject, QTimer

BUDGET = 0.03
"""Share of one core that drawing may take."""

FASTEST_SECONDS = 0.1
SLOWEST_SECONDS = 2.0


class Drawable(Protocol):
    """A plot that can draw itself anew; ``stale`` tells that it has something new to show."""

    @property
    def stale(self) -> bool: ...

    def isVisible(self) -> bool: ...

    def redraw(self) -> None: ...


class Together:
    """Plots that are drawn in one turn, so that one never shows what the other does not yet."""

    def __init__(self, *plots: Drawable) -> None:
        self._plots = plots

    @property
    def stale(self) -> bool:
        return any(plot.stale and plot.isVisible() for plot in self._plots)

    def isVisible(self) -> bool:
        return any(plot.isVisible() for plot in self._plots)

    def redraw(self) -> None:
        """Draw all of them that are to be seen."""
        for plot in self._plots:
            if plot.isVisible():
                plot.redraw()


class DrawScheduler(QObject):
    """Redraws visible, stale plots one at a time, each at most every 0.1 s, within the budget."""

    def __init__(self, parent: QObject | None = None, budget: float = BUDGET) -> None:
        super().__init__(parent)
        self._budget = budget
        self._plots: list[Drawable] = []
        self._costs: list[float] = []
        self._next = 0
        self._current = 0
        self._spent = 0.0
        self._since = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw_next)

    def add(self, plot: Drawable) -> None:
        """Take ``plot`` into the rounds."""
        self._plots.append(plot)
        self._costs.append(0.0)

    def request(self) -> None:
        """Draw what is stale as soon as the budget allows."""
        if not self._timer.isActive() and self._waiting():
            self._timer.start(0)

    def flush(self) -> None:
        """Draw all that is stale and visible now, for the end of a run."""
        for plot in self._plots:
            if plot.stale and plot.isVisible():
                plot.redraw()

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time of what is done inside, painting for one, as drawing."""
        begin = time.thread_time()
        try:
            yield
        finally:
            self._spend(time.thread_time() - begin)

    def duty(self) -> float:
        """The share of one core that drawing took since the last call."""
        now = time.perf_counter()
        duty = self._spent / max(1e-6, now - self._since)
        self._spent, self._since = 0.0, now
        return duty

    def _spend(self, seconds: float) -> None:
        self._spent += seconds
        if self._costs:
            self._costs[self._current] += seconds

    def _waiting(self) -> list[int]:
        plots = range(len(self._plots))
        return [i for i in plots if self._plots[i].stale and self._plots[i].isVisible()]

    def _draw_next(self) -> None:
        waiting = self._waiting()
        if not waiting:
            return
        self._current = min(waiting, key=lambda i: (i - self._next) % len(self._plots))
        self._next = self._current + 1
        # What the last round of this plot cost, painting after the redraw included, says how
        # long the others have to wait; its own painting follows this call and counts for it.
        cost = self._costs[self._current]
        self._costs[self._current] = 0.0
        with self.spending():
            self._plots[self._current].redraw()
        rest = max(FASTEST_SECONDS / len(waiting), cost / self._budget)
        self._timer.start(round(1000 * min(rest, SLOWEST_SECONDS)))
