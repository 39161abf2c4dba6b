"""The dotted ground of the canvas, painted once for each zoom and moved with the view."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QPainter, QPixmap

from studio.app.canvas.ink import ink

PITCH = 24.0
"""Canvas pixels between two dots."""


class Dots:
    """A picture as large as the view and one dot more, so that any place of it can be cut out.

    Filling the view with a scaled pattern takes a third of a frame, this a thirtieth.
    """

    def __init__(self) -> None:
        self._made_for: tuple[object, ...] = ()
        self._picture = QPixmap()

    def paint(self, painter: QPainter, area: QRectF, view: QSize) -> None:
        """Fill ``area``, in canvas pixels, of a view of this size on screen."""
        way = painter.worldTransform()
        device = painter.device()
        ratio = device.devicePixelRatio() if device is not None else 1.0
        pitch = PITCH * way.m11()
        made_for = (ink(), pitch, ratio, view.width(), view.height())
        if made_for != self._made_for:
            self._made_for = made_for
            self._picture = _picture(pitch, ratio, view)
        shown = way.mapRect(area).toAlignedRect()
        origin = way.map(QPointF(0.0, 0.0))
        ahead = QPointF(shown.x() - origin.x(), shown.y() - origin.y())
        # Whole pixels: a picture between two would be blurred.
        left, top = round(ahead.x() % pitch * ratio), round(ahead.y() % pitch * ratio)
        part = QRectF(left, top, shown.width() * ratio, shown.height() * ratio)
        painter.save()
        painter.resetTransform()
        painter.drawPixmap(QRectF(shown), self._picture, part)
        painter.restore()


def _picture(pitch: float, ratio: float, view: QSize) -> QPixmap:
    """Dots on the ground, the first in the corner; made row by row out of one row."""
    width, height = ((side + pitch + 2.0) * ratio for side in (view.width(), view.height()))
    step, side = pitch * ratio, max(1, round(pitch / PITCH * ratio))
    row = QPixmap(round(width), side)
    row.fill(ink().window)
    painter = QPainter(row)
    for column in range(int(width / step) + 1):
        painter.fillRect(round(column * step), 0, side, side, ink().track)
    painter.end()
    picture = QPixmap(round(width), round(height))
    picture.fill(ink().window)
    painter = QPainter(picture)
    for number in range(int(height / step) + 1):
        painter.drawPixmap(0, round(number * step), row)
    painter.end()
    return picture
