"""Pens and colors of the plots, from the theme's tokens. Pens are one pixel, not antialiased."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from studio.app.theme.tokens import color


def mixed(name: str, share: float, ground: str = "card") -> QColor:
    """The color ``name`` at ``share`` over ``ground``; opaque, because blending costs time."""
    front, back = color(name), color(ground)
    return QColor(
        *(
            round(share * one + (1 - share) * other)
            for one, other in (
                (front.red(), back.red()),
                (front.green(), back.green()),
                (front.blue(), back.blue()),
            )
        )
    )


def pen(tint: QColor, dash: bool = False) -> QPen:
    """A pen that stays one pixel wide at any zoom."""
    result = QPen(tint, 1)
    result.setCosmetic(True)
    if dash:
        result.setStyle(Qt.PenStyle.CustomDashLine)
        result.setDashPattern([5, 3])
    return result


def scaled(line: QPen, ratio: float) -> QPen:
    """``line`` for a screen of ``ratio`` pixels a point: dashes as long to the eye."""
    if ratio == 1 or line.style() != Qt.PenStyle.CustomDashLine:
        return line
    result = QPen(line)
    result.setDashPattern([length * ratio for length in line.dashPattern()])
    return result
