"""Colors, pens and fonts of the drawing, made once for each scheme."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QPen

from studio.app.theme.text_size import text_size
from studio.app.theme.tokens import FONT_BASE, FONT_SMALL, color, font, theme

FAMILIES = (
    "input", "output", "vgg", "inception", "residual", "convolution", "normalization",
    "activation", "pooling", "dropout", "linear", "merge", "shape", "group",
    "unknown",
)  # fmt: skip


class Ink:
    """What cards and wires are drawn with under one scheme."""

    def __init__(self) -> None:
        self.window = color("window")
        self.card = color("card")
        self.chip = color("field")
        self.text = color("text")
        self.muted = color("muted")
        self.track = color("track")
        self.accent = color("accent")
        self.accent_soft = color("accent_soft")
        self.accent_text = color("accent_text")
        self.warning = color("warning")
        self.outline = _pen(color("line"), 1.0)
        self.hovered = _pen(color("line_strong"), 1.0)
        self.selected = _pen(color("accent"), 2.0)
        self.faulty = _pen(color("warning"), 1.25)
        self.faulty_thin = _pen(color("warning"), 1.0)
        self.refused = _pen(color("error"), 2.0, dashed=True)
        self.wire_refused = _pen(color("error"), 1.8, dashed=True)
        self.wire = _pen(color("line_strong"), 1.4)
        self.wire_hovered = _pen(color("text"), 1.8)
        self.wire_selected = _pen(color("accent"), 2.4)
        self.wire_target = _pen(color("accent"), 4.0)
        self.wire_faulty = _pen(color("warning"), 1.4, dashed=True)
        self.wire_preview = _pen(color("accent"), 1.6, dashed=True)
        self.guide = _pen(color("accent"), 0.0, dashed=True)
        self.figure = _pen(color("line_strong"), 1.0)
        self.text_pen = _pen(color("text"), 1.0)
        self.muted_pen = _pen(color("muted"), 1.0)
        self.dot = QBrush(color("track"))
        self.family = {name: color(f"family.{name}") for name in FAMILIES}
        self.name_font = _card_font(FONT_BASE, bold=True)
        self.base_font = _card_font(FONT_BASE)
        self.small_font = _card_font(FONT_SMALL)
        self.tiny_font = _card_font(10)
        self.badge_font = _card_font(FONT_SMALL, bold=True)
        self.note_font = font(FONT_SMALL)
        self.note_bold = font(FONT_SMALL, bold=True)


MOST_SCALE = 1.15
"""Cards keep their sizes, which files and layouts rely on: their texts grow as far as a line has
room. Zoom makes them larger; what lies over the canvas (notes, tips) follows the text size."""


def _card_font(size: int, *, bold: bool = False) -> QFont:
    result = font(size, bold=bold)
    result.setPixelSize(round(size * min(MOST_SCALE, text_size().scale)))
    return result


def _pen(pen_color: QColor, width: float, *, dashed: bool = False) -> QPen:
    pen = QPen(pen_color, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    if width == 0.0:
        pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4.0, 3.0])
    return pen


@cache
def _ink(scheme: str, scale: float) -> Ink:
    return Ink()


def ink() -> Ink:
    """The ink of the scheme and the text size that hold now."""
    return _ink(theme().scheme, text_size().scale)
