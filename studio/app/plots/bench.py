"""How fast a plot of millions of points is: appending, panning, zooming."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from PySide6.QtTest import QTest

from studio.app.plots.line_plot import LinePlot
from studio.app.plots.lines import ColumnLine
from studio.app.plots.scheduler import DrawScheduler
from studio.runs.telemetry import Column

WIDTH, HEIGHT = 1200, 600
APPENDED = 100


class PlotFrames:
    """A plot of ``points`` values; each method gives the median milliseconds of ``frames`` frames.

    Needs a QApplication; on the ``offscreen`` platform the drawing is the same.
    """

    def __init__(self, points: int = 10_000_000, frames: int = 20) -> None:
        self._points, self._frames = points, frames
        self._random = np.random.default_rng(0)
        self._column = Column(points)
        self._column.extend(np.cumsum(self._random.standard_normal(points)).astype(np.float32))
        self._scheduler = DrawScheduler()
        self._plot = LinePlot("Benchmark", self._scheduler)
        self._plot.resize(WIDTH, HEIGHT)
        self._plot.set_run(points, 1000)
        self._plot.add(ColumnLine("walk", self._column, "plot1", key="walk"))
        self._plot.show()
        # What is not on the screen yet is not painted, and would be measured as quick.
        QTest.qWaitForWindowExposed(self._plot)

    def append(self) -> float:
        """Frames that each add 100 values."""
        self._plot.move(x=(0, self._points))

        def act(frame: int) -> None:
            self._column.extend(self._random.standard_normal(APPENDED).astype(np.float32))

        return self._median(act)

    def pan(self) -> float:
        """Frames that each move a view of a tenth of the run."""
        part = self._points

        def act(frame: int) -> None:
            self._plot.move(x=(part * 0.01 * frame, part * (0.1 + 0.01 * frame)))

        return self._median(act)

    def zoom(self) -> float:
        """Frames that each narrow the view by 3 %."""

        def act(frame: int) -> None:
            half = self._points / 2 * 0.97**frame
            self._plot.move(x=(self._points / 2 - half, self._points / 2 + half))

        return self._median(act)

    def close(self) -> None:
        """Take the plot off the screen."""
        self._plot.close()
        self._plot.deleteLater()

    def _median(self, act: Callable[[int], None]) -> float:
        times = []
        for frame in range(self._frames):
            begin = time.perf_counter()
            act(frame)
            self._plot.redraw()
            self._plot.viewport().repaint()
            times.append(time.perf_counter() - begin)
        return 1000 * statistics.median(times)
