"""The gradient norm of every layer at every step as one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from studio.app.plots import looks, saving, series, ticks
from studio.app.plots.scheduler import DrawScheduler
from studio.app.plots.step_plot import StepPlot
from studio.app.plots.strip import BlockRows
from studio.app.theme.tokens import color
from studio.runs.telemetry import Telemetry

LEVELS = 254
NOT_A_NUMBER = 255
DECADES = 8
"""Powers of ten that the color scale spans at most, counted from the largest norm."""

ROUNDING = 0.01
"""A norm this close (in decades) to a power of ten does not call for another decade."""

RECENT_STEPS = 20
"""Steps whose mean stands for "now" and for "at the start", where there are twice as many."""

FEWEST_SEPARATED_PIXELS = 5
"""Rows lower than this are drawn without a line between them."""


class _RowImage(pg.GraphicsObject):  # type: ignore[misc]
    """An indexed picture with a row for each layer, laid over a range of steps."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._place = QRectF()
        self._rows = 0
        self._breaks: tuple[int, ...] = ()

    def show_parts(self, image: QImage, place: QRectF, breaks: tuple[int, ...]) -> None:
        self.prepareGeometryChange()
        self._image, self._place, self._rows = image, place, image.height()
        self._breaks = breaks
        self.update()

    def boundingRect(self) -> QRectF:
        return self._place

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        if self._image.isNull():
            return
        painter.drawImage(self._place, self._image)
        height = painter.worldTransform().m22() * self._place.height() / max(1, self._rows)
        left, right = self._place.left(), self._place.right()
        painter.setPen(looks.pen(color("card")))
        if abs(height) >= FEWEST_SEPARATED_PIXELS:
            for row in range(1, self._rows):
                painter.drawLine(pg.Point(left, row), pg.Point(right, row))
        else:
            for row in self._breaks:
                painter.drawLine(pg.Point(left, row), pg.Point(right, row))


class GradientPlot(StepPlot):
    """The image alone, over steps; rows run from the first layer at the top to the last."""

    scaled = Signal()

    def __init__(self, scheduler: DrawScheduler, parent: QWidget | None = None) -> None:
        super().__init__("Gradient norm", scheduler, parent=parent)
        self.limits: tuple[int, int] = (-5, 0)
        self.blocks: tuple[BlockRows, ...] = ()
        self._telemetry: Telemetry | None = None
        self._maxima: series.RowMaxima | None = None
        self._seen = False
        table = pg.colormap.get("viridis").getLookupTable(nPts=LEVELS)
        self._table = [0xFF000000 | int(r) << 16 | int(g) << 8 | int(b) for r, g, b in table]
        self._item = _RowImage()
        self.addItem(self._item, ignoreBounds=True)
        self.hideAxis("left")
        self.view.invertY(True)
        self.view.setMouseEnabled(x=True, y=False)
        self.getPlotItem().setContentsMargins(6, 6, 12, 0)
        self.dress()
        self.reset()

    def set_telemetry(self, telemetry: Telemetry | None, blocks: Sequence[BlockRows]) -> None:
        """Show this run's gradients from now on."""
        self._telemetry = telemetry
        self._maxima = (
            series.RowMaxima(telemetry.gradients.width) if telemetry is not None else None
        )
        self.blocks = tuple(blocks)
        self._seen = False
        self._item.show_parts(QImage(), QRectF(), ())
        self.reset()

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the rows."""
        return self._telemetry.layers if self._telemetry is not None else ()

    def redraw(self) -> None:
        self.stale = False
        telemetry, maxima = self._telemetry, self._maxima
        if telemetry is None or maxima is None or not telemetry.layers:
            return
        rows = telemetry.gradients.rows
        maxima.catch_up(rows)
        left, right = self.view.viewRange()[0]
        shift = telemetry.first_step
        start = max(0, int(np.floor(left)) - shift)
        stop = min(len(rows), int(np.ceil(right)) - shift)
        if stop <= start:
            return
        # As many parts as the whole view has pixels for: a run that has only begun does not
        # change its parts with each step.
        share = (stop - start) / max(1.0, right - left)
        buckets = max(1, int(share * max(64.0, self.view.width())))
        parts, first, size = maxima.maxima(rows, start, stop, buckets)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(parts)
        self._widen(logs)
        image = self._colored(logs)
        # The last part may be cut short, and its column is drawn in full all the same.
        place = QRectF(first + shift, 0, len(parts) * size, len(telemetry.layers))
        breaks = tuple(block.first for block in self.blocks[1:])
        self._item.show_parts(image, place, breaks)

    def profile(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean norms of each layer now, and at the start; empty before the first step."""
        if self._telemetry is None or not len(self._telemetry.gradients):
            return np.empty(0), np.empty(0)
        rows = self._telemetry.gradients.rows
        count = max(1, min(RECENT_STEPS, len(rows) // 2))  # the same steps would say nothing
        return rows[-count:].mean(axis=0), rows[:count].mean(axis=0)

    def color_at(self, share: float) -> int:
        """The 0xAARRGGBB color at ``share`` of the scale."""
        return self._table[round(min(1.0, max(0.0, share)) * (LEVELS - 1))]

    def rows_span(self) -> tuple[float, float]:
        """Top and height of the rows in pixels of this widget, for what stands beside it."""
        box = self.view.sceneBoundingRect()
        top = self.mapFromScene(box.topLeft()).y()
        return float(top), box.height()

    def hover_texts(self, step: float, y: float) -> list[str]:
        if self._telemetry is None:
            return []
        row, index = int(y), int(step) - self._telemetry.first_step
        rows = self._telemetry.gradients.rows
        if not (0 <= row < len(self.layers) and 0 <= index < len(rows)):
            return []
        norm = ticks.number(float(rows[index, row]))
        return [self.layers[row], self.step_axis.place(int(step) + 1), f"gradient norm {norm}"]

    def table(self) -> saving.Table:
        if self._telemetry is None:
            return []
        rows = self._telemetry.gradients.rows
        steps = np.arange(len(rows)) + self._telemetry.first_step + 1
        return [(layer, steps, rows[:, i]) for i, layer in enumerate(self.layers)]

    def show_home(self) -> None:
        self.move(self.home, (0.0, float(max(1, len(self.layers)))))

    def _widen(self, logs: np.ndarray) -> None:
        """Let the scale take in what is new; it never shrinks in a run, so colors keep meaning."""
        bounds = ticks.finite_bounds(logs)
        if bounds is None:
            return
        low, high = int(np.floor(bounds[0] + ROUNDING)), int(np.ceil(bounds[1] - ROUNDING))
        if self._seen:
            low, high = min(low, self.limits[0]), max(high, self.limits[1])
        low = max(low, high - DECADES)
        limits = (low, max(high, low + 1))
        if limits != self.limits or not self._seen:
            self.limits, self._seen = limits, True
            self.scaled.emit()

    def _colored(self, logs: np.ndarray) -> QImage:
        low, high = self.limits
        with np.errstate(invalid="ignore"):
            shares = np.clip((logs - low) / (high - low), 0.0, 1.0)
            indices = np.where(np.isnan(logs), NOT_A_NUMBER, np.rint(shares * (LEVELS - 1)))
        cells = np.ascontiguousarray(indices.T.astype(np.uint8))
        height, width = cells.shape
        image = QImage(cells.data, width, height, width, QImage.Format.Format_Indexed8)
        blank = LEVELS + 1 - len(self._table)
        image.setColorTable([*self._table, *[0] * blank, color("error").rgb()])
        return image.copy()  # the picture must not outlive the array it was made over
