"""The mark of a tag: a small colored disk with a shape in it, so that color is never alone."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPainterPath, QPixmap

from studio.app.canvas.ink import Ink, ink
from studio.project.colors import COLORS
from studio.project.tags import TAGS

_POINTS = {"triangle": (3, 0.0), "diamond": (4, 0.0), "square": (4, 45.0)}
"""Corners, and how far the first is turned from straight up."""


def paint(painter: QPainter, center: QPointF, radius: float, tag: str, colors: Ink) -> None:
    """Draw the mark of ``tag`` around ``center``."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colors.family[COLORS[TAGS[tag]]])
    painter.drawEllipse(center, radius, radius)
    painter.setBrush(colors.card)
    painter.drawPath(_shape(tag, center, radius * 0.58))


def _shape(tag: str, center: QPointF, radius: float) -> QPainterPath:
    path = QPainterPath()
    if tag == "circle":
        path.addEllipse(center, radius * 0.72, radius * 0.72)
    elif tag == "cross":
        arm, thick = radius, radius * 0.34
        path.addRect(QRectF(center.x() - arm, center.y() - thick, 2 * arm, 2 * thick))
        upright = QPainterPath()
        upright.addRect(QRectF(center.x() - thick, center.y() - arm, 2 * thick, 2 * arm))
        path = path.united(upright)
    elif tag == "star":
        _polygon(path, center, [radius * (1.15 if n % 2 == 0 else 0.5) for n in range(10)], 0.0)
    else:
        corners, turned = _POINTS[tag]
        _polygon(path, center, [radius * 1.1] * corners, turned)
    return path


def _polygon(path: QPainterPath, center: QPointF, radii: list[float], turned: float) -> None:
    for number, radius in enumerate(radii):
        angle = math.radians(turned + 360.0 * number / len(radii) - 90.0)
        at = center + QPointF(math.cos(angle), math.sin(angle)) * radius
        path.lineTo(at) if number else path.moveTo(at)
    path.closeSubpath()


def tag_icon(tag: str) -> QIcon:
    """The mark as the icon of a menu entry, sharp on dense screens."""
    picture = QPixmap(32, 32)
    picture.setDevicePixelRatio(2.0)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter, QPointF(8.0, 8.0), 7.0, tag, ink())
    painter.end()
    return QIcon(picture)
