"""A plot of lines over the steps of a run, quick with any number of points."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from studio.app.plots import saving, ticks
from studio.app.plots.axes import PIXELS_A_ROW
from studio.app.plots.lines import Line
from studio.app.plots.marks import Marks
from studio.app.plots.scheduler import DrawScheduler
from studio.app.plots.step_plot import StepPlot

MARGIN = 0.015
"""Share of a plot that is left free beyond the last step and above a ceiling, for markers."""


class LinePlot(StepPlot):
    """Lines over steps, on a linear or a logarithmic axis.

    ``floor`` and ``ceiling`` fix an end of the linear axis; ``unit`` writes a number of the
    axis, and ``words`` a value where there is more room for it.
    """

    scale_changed = Signal()
    drawn = Signal()

    def __init__(
        self,
        title: str,
        scheduler: DrawScheduler,
        *,
        unit: Callable[[float], str] = ticks.number,
        words: Callable[[float], str] | None = None,
        floor: float | None = None,
        ceiling: float | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, scheduler, unit, parent)
        self.logarithmic = False
        self.lines: list[Line] = []
        self.words = words or unit
        self._floor = floor
        self._ceiling = ceiling * (1 + MARGIN) if ceiling is not None else None
        self._fitted = False
        self._marks = Marks(self.view)
        self.addItem(self._marks, ignoreBounds=True)
        self.dress()
        self.reset()

    def add(self, line: Line) -> None:
        """Show ``line`` too; the first added lies at the back."""
        self.lines.append(line)
        self.addItem(line.item, ignoreBounds=True)
        line.dress()
        self.touch()

    def clear_lines(self) -> None:
        """Take all lines and marks away."""
        for line in self.lines:
            self.removeItem(line.item)
        self.lines.clear()
        self.set_marks([])
        self.touch()

    def set_marks(
        self, marks: Sequence[tuple[float, str]], planned: Sequence[tuple[float, str]] = ()
    ) -> None:
        """Draw a dashed vertical line with a short text at each step of ``marks``, and of
        ``planned`` where these are not too close."""
        self._marks.set_marks(marks, planned)

    def set_logarithmic(self, on: bool) -> None:
        """Choose the axis; values that have no logarithm are left out."""
        if on != self.logarithmic:
            self.logarithmic = on
            self.left_axis.set_logarithmic(on)
            self.reset()
            self.scale_changed.emit()

    def redraw(self) -> None:
        self.stale = False
        (left, right), _ = self.view.viewRange()
        buckets = max(64, int(self.view.width()))
        shown: list[np.ndarray] = []
        for line in self.lines:
            x, y = line.points(left, right, buckets)
            if self.logarithmic:
                good = y > 0
                x, y = x[good], np.log10(y[good])
            line.draw(x, y)
            # Of a rough line the middle 96 % count: one wild batch must not flatten all.
            rough = line.rough and len(y) > 20
            shown.append(np.quantile(y, (0.02, 0.98)) if rough else y)
        if not self.held:
            self._fit(ticks.finite_bounds(*shown))
        self.setAccessibleDescription(self.describe())
        self.drawn.emit()

    def describe(self) -> str:
        """The current values in words, for a screen reader."""
        said = [
            f"{line.title} {self.words(value)}"
            for line in self.lines
            if line.title and line.current and (value := line.last()) is not None
        ]
        return f"{self.title}: {', '.join(said)}." if said else f"{self.title}: nothing yet."

    def dress(self) -> None:
        super().dress()
        for line in self.lines:
            line.dress()
        self._marks.update()

    def set_run(self, total_steps: int, steps_per_epoch: int) -> None:
        super().set_run(total_steps, steps_per_epoch)
        # Room for the marker at the very end, half of which would be cut off.
        self.home = (0.0, self.home[1] * (1 + MARGIN))
        self.reset()

    def show_home(self) -> None:
        low = self._floor or 0.0
        vertical = (-3.0, 1.0) if self.logarithmic else (low, self._ceiling or low + 1.0)
        self.move(self.home, vertical)
        self._fitted = False

    def hover_texts(self, step: float, y: float) -> list[str]:
        values = [
            f"{line.title}: {self.words(value)}"
            for line in self.lines
            if line.title and (value := line.at(step)) is not None
        ]
        return [self.step_axis.place(step), *values] if values else []

    def table(self) -> saving.Table:
        return [(line.key, *line.everything()) for line in self.lines]

    def context_menu(self) -> QMenu:
        menu = super().context_menu()
        log = menu.addAction("Logarithmic axis")
        log.setCheckable(True)
        log.setChecked(self.logarithmic)
        log.toggled.connect(self.set_logarithmic)
        menu.insertAction(menu.actions()[1], log)
        return menu

    def _fit(self, wanted: tuple[float, float] | None) -> None:
        """Set the vertical bounds to round numbers around the lines; keep them while they fit."""
        if wanted is None:
            return
        floor = None if self.logarithmic else self._floor
        ceiling = None if self.logarithmic else self._ceiling
        low = wanted[0] if floor is None else floor
        high = wanted[1] if ceiling is None else ceiling
        bottom, top = self.view.viewRange()[1]
        if self._fitted and ticks.fits(low, high, (bottom, top)):
            return
        self._fitted = True
        if self.logarithmic:
            bottom, top = ticks.log_bounds(low, high)
        else:
            bottom, top = ticks.linear_bounds(low, high, self.view.height() / PIXELS_A_ROW)
        self.move(y=(bottom if floor is None else floor, top if ceiling is None else ceiling))
