"""The gradient norms of all layers now, against those at the start, in line with the map's rows."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app.plots import looks, ticks
from studio.app.plots.axes import GAP
from studio.app.plots.gradient_plot import GradientPlot
from studio.app.theme.tokens import FONT_SMALL, S2, S3, color, font

WIDTH = 176
LEFT = 10
"""Pixels left of the scale, so that its first number stands clear of the map's last one."""
ROW_FOR_BARS = 3
"""Rows at least this high have a bar each; lower ones are joined to a line."""

WEAK = 0.01
"""A part of the network that gets less than this of another's gradient is pointed out."""


class NormProfile(QWidget):
    """A bar for each layer on the map's scale, with a mark where it was at the start.

    ``styled`` tells whether bars or, for very many layers, lines are drawn; ``compared`` how the
    parts of the network compare, and whether one of them gets little.
    """

    styled = Signal(bool)
    compared = Signal(str, bool)

    def __init__(self, plot: GradientPlot, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = plot
        self._now = np.empty(0)
        self._start = np.empty(0)
        self._bars = True
        self.setAccessibleName("Gradient norm of each layer, now and at the start")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        self.setToolTip(
            "The mean norm of each layer's gradient over the last 20 steps and over the first 20, "
            "or over half as many as there are, on the logarithmic scale of the map."
        )

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 80)

    def refresh(self) -> None:
        """Take the present numbers."""
        self._now, self._start = self._plot.profile()
        self.setAccessibleDescription(self.describe())
        self.compared.emit(*(self.comparison() or ("", False)))
        self.update()

    def describe(self) -> str:
        """The norms in words: the largest, the smallest, and how the parts compare."""
        if not len(self._now):
            return "Gradient norms: nothing yet."
        layers = self._plot.layers
        most, least = int(np.argmax(self._now)), int(np.argmin(self._now))
        text = (
            f"Gradient norms of {len(layers)} layers: largest {ticks.number(self._now[most])} in "
            f"{layers[most]}, smallest {ticks.number(self._now[least])} in {layers[least]}."
        )
        comparison = self.comparison()
        return f"{text} {comparison[0]}." if comparison else text

    def comparison(self) -> tuple[str, bool] | None:
        """The weakest block against the strongest, in a few words, and whether that is little."""
        blocks = self._plot.blocks
        if len(blocks) < 2 or not len(self._now):
            return None
        norms = [float(np.median(self._now[b.first : b.first + b.count])) for b in blocks]
        if not all(np.isfinite(norms)) or max(norms) <= 0:
            return None
        least, most = int(np.argmin(norms)), int(np.argmax(norms))
        share = norms[least] / norms[most]
        text = f"norm in {blocks[least].name}: {ticks.number(share, 2)} of {blocks[most].name}'s"
        return text, share < WEAK

    def _x(self, norms: np.ndarray) -> np.ndarray:
        low, high = self._plot.limits
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (np.log10(norms) - low) / (high - low)
        shares = np.clip(np.nan_to_num(shares, nan=0.0), 0.0, 1.0)
        return np.asarray(LEFT + shares * self._room())

    def _room(self) -> float:
        return max(1.0, float(self.width() - LEFT - S3))

    def paintEvent(self, event: QPaintEvent) -> None:
        if not len(self._now):
            return
        with self._plot.scheduler.spending():
            self._paint()

    def _paint(self) -> None:
        painter = QPainter(self)
        painter.setFont(font(FONT_SMALL))
        top, height = self._plot.rows_span()
        row = height / len(self._now)
        now, start = self._x(self._now), self._x(self._start)
        self._paint_scale(painter, top, height)
        bars = row >= ROW_FOR_BARS
        if bars:
            self._paint_bars(painter, now, start, top, row)
        else:
            self._paint_lines(painter, now, start, top, row)
        painter.end()
        if bars != self._bars:
            self._bars = bars
            self.styled.emit(bars)

    def _paint_bars(
        self, painter: QPainter, now: np.ndarray, start: np.ndarray, top: float, row: float
    ) -> None:
        inset = min(3.0, row * 0.2) if row >= 6 else 0.5
        mark = color("text")
        for i in range(len(now)):
            y = top + i * row
            share = (now[i] - LEFT) / self._room()
            bar = QRectF(LEFT, y + inset, max(1.0, now[i] - LEFT), row - 2 * inset)
            painter.fillRect(bar, self._plot.color_at(share))
            painter.fillRect(QRectF(start[i], y + inset, 1.5, row - 2 * inset), mark)

    def _paint_lines(
        self, painter: QPainter, now: np.ndarray, start: np.ndarray, top: float, row: float
    ) -> None:
        middles = top + (np.arange(len(now)) + 0.5) * row
        for xs, pen in (
            (start, looks.pen(color("muted"), dash=True)),
            (now, looks.pen(color("plot1"))),
        ):
            # A path, not a polygon: with PySide6 6.11 drawPolyline crashed here in some processes.
            line = QPainterPath(QPointF(xs[0], middles[0]))
            for x, y in zip(xs[1:].tolist(), middles[1:].tolist(), strict=True):
                line.lineTo(x, y)
            painter.strokePath(line, pen)

    def _paint_scale(self, painter: QPainter, top: float, height: float) -> None:
        """A hairline at each power of ten, and numbers at as many as have room."""
        low, high = self._plot.limits
        metrics = QFontMetricsF(painter.font())
        step = self._room() / (high - low)
        wide = metrics.horizontalAdvance("10⁻⁸") + S2
        stride = max(1, math.ceil(wide / step))
        for exponent in range(low, high + 1):
            x = LEFT + (exponent - low) * step
            painter.fillRect(QRectF(x, top, 1, height), color("line"))
            if (high - exponent) % stride:
                continue
            text = "1" if exponent == 0 else ticks.power(exponent)
            painter.setPen(color("muted"))
            half = metrics.horizontalAdvance(text) / 2 + 1
            x = max(half, min(x, self.width() - half))
            where = QRectF(x - half, top + height + GAP, 2 * half, metrics.height())
            painter.drawText(where, Qt.AlignmentFlag.AlignHCenter, text)
