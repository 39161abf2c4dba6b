"""Dashed vertical lines with a few words: the steps at which something changed."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFontMetricsF, QPainter, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from studio.app.plots import looks
from studio.app.theme.tokens import FONT_SMALL, color, font

MOST = 12
"""Marks in view beyond this many are drawn without words."""

APART = 16
"""Pixels between planned marks, on average; closer ones would hide the lines and are left out."""


class Marks(pg.GraphicsObject):  # type: ignore[misc]
    """All marks of a plot as one item over the whole of its view."""

    def __init__(self, view: pg.ViewBox) -> None:
        super().__init__()
        self._view = view
        self._marks: list[tuple[float, str]] = []
        self._planned: list[tuple[float, str]] = []
        view.sigRangeChanged.connect(self._follow)
        view.sigResized.connect(self._follow)

    def set_marks(
        self, marks: Sequence[tuple[float, str]], planned: Sequence[tuple[float, str]] = ()
    ) -> None:
        """Show (step, words) and nothing else; those that are ``planned`` where there is room."""
        self._marks, self._planned = list(marks), list(planned)
        self._follow()

    def _follow(self, *_: object) -> None:
        self.prepareGeometryChange()
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(self._view.viewRect()) if self._marks or self._planned else QRectF()

    def _shown(self) -> list[tuple[float, str]]:
        """The marks in view, without planned ones that are too close."""
        box = self._view.viewRect()
        marks, planned = (
            [mark for mark in each if box.left() <= mark[0] <= box.right()]
            for each in (self._marks, self._planned)
        )
        roomy = len(planned) * APART <= self._view.width()
        return [*(planned if roomy else []), *marks]

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        shown = self._shown()
        if not shown:
            return
        box = self._view.viewRect()
        ratio = painter.device().devicePixelRatio()
        painter.setPen(looks.scaled(looks.pen(color("line_strong"), dash=True), ratio))
        for step, _ in shown:
            painter.drawLine(QPointF(step, box.top()), QPointF(step, box.bottom()))
        if len(shown) > MOST:
            return
        to_pixels = QTransform(painter.worldTransform())
        top = min(to_pixels.map(box.topLeft()).y(), to_pixels.map(box.bottomLeft()).y())
        painter.resetTransform()
        painter.setFont(font(FONT_SMALL))
        painter.setPen(color("muted"))
        metrics = QFontMetricsF(painter.font())
        right = to_pixels.map(box.topRight()).x()
        ends: list[float] = []  # of the words in each row
        for step, words in sorted(shown):
            if not words:
                continue
            x, width = to_pixels.map(QPointF(step, 0)).x() + 5, metrics.horizontalAdvance(words)
            if x + width > right:  # at the end of the run they stand before their line
                x = max(to_pixels.map(box.topLeft()).x(), x - 10 - width)
            row = next((at for at, end in enumerate(ends) if end < x), len(ends))
            ends[row : row + 1] = [x + width + 5]
            baseline = top + metrics.ascent() + 2 + row * metrics.height()
            painter.drawText(QPointF(x, baseline), words)
        painter.setWorldTransform(to_pixels)
