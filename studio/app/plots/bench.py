"""How fast a plot of millions of points is: appending, panning, zooming."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from PySide6.QtWidgets import QApplication

from studio.app.plots.line_plot import LinePlot
from studio.app.plots.lines import ColumnLine
from studio.app.plots.scheduler import DrawScheduler
from studio.runs.telemetry import Column

WIDTH, HEIGHT = 1200, 600
APPENDED = 100


def bench_line_plot(points: int = 10_000_000, frames: int = 60) -> dict[str, float]:
    """Median milliseconds of a frame, data to painted pixels, by what the frame does.

    ``append`` adds 100 values, ``pan`` moves a view of a tenth of the run, ``zoom`` narrows it by
    3 % a frame. Needs a QApplication; on the ``offscreen`` platform the drawing is the same.
    """
    random = np.random.default_rng(0)
    column = Column(points + frames * APPENDED)
    column.extend(np.cumsum(random.standard_normal(points)).astype(np.float32))
    scheduler = DrawScheduler()
    plot = LinePlot("Benchmark", scheduler)
    plot.resize(WIDTH, HEIGHT)
    plot.set_run(points + frames * APPENDED, 1000)
    plot.add(ColumnLine("walk", column, "plot1", key="walk"))
    plot.show()
    QApplication.processEvents()

    def append(frame: int) -> None:
        column.extend(random.standard_normal(APPENDED).astype(np.float32))
        plot.redraw()

    def pan(frame: int) -> None:
        plot.move(x=(points * 0.01 * frame, points * (0.1 + 0.01 * frame)))
        plot.redraw()

    def zoom(frame: int) -> None:
        half = points / 2 * 0.97**frame
        plot.move(x=(points / 2 - half, points / 2 + half))
        plot.redraw()

    result = {
        name: _median_ms(act, frames, plot)
        for name, act in (("append", append), ("pan", pan), ("zoom", zoom))
    }
    plot.close()
    plot.deleteLater()
    return result


def _median_ms(act: Callable[[int], None], frames: int, plot: LinePlot) -> float:
    times = []
    for frame in range(frames):
        begin = time.perf_counter()
        act(frame)
        plot.viewport().repaint()
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)
