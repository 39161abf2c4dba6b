"""Draws the texts and marks of a face inside its card.

Texts are laid out once for each face (QStaticText) and not at every frame.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QStaticText

from studio.app.canvas import figure_paint, texts
from studio.app.canvas.faces import Face
from studio.app.canvas.figure_paint import elided
from studio.app.canvas.ink import Ink
from studio.app.theme.icons import pixmap

LEFT = 15.0
ICON, ROW_ICON = 22.0, 16.0
AFTER_ICON = 9.0
RIGHT = 14.0
BAR_WIDTH = 56.0
CHIP_HEIGHT = 18.0
FIGURE_FROM = 140.0
"""Height in pixels from which a card has room for its figure."""


_Font = Literal["name_font", "small_font", "tiny_font"]


@lru_cache(maxsize=4096)
def _static(text: str, font: _Font, ink: Ink) -> QStaticText:
    """The text laid out; cards of one kind share most of theirs."""
    result = QStaticText(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    result.prepare(font=getattr(ink, font))
    return result


class Texts:
    """The laid-out texts of one face."""

    def __init__(self, face: Face, ink: Ink) -> None:
        self.share = _static(texts.share(face.share or 0.0), "small_font", ink)
        self.label = _static(face.output, "small_font", ink)
        self.parameters = _static(face.parameters, "small_font", ink)
        self.chips: list[tuple[QStaticText, float]] = []
        one_line = face.style in ("row", "pill") or (face.height >= FIGURE_FROM and not face.own)
        room = face.width - text_left(face) - RIGHT
        if face.share is not None and face.style == "card":
            room -= max(BAR_WIDTH, self.share.size().width()) + 10.0
        name = elided(ink.name_font, face.name, room * (0.62 if one_line else 1.0))
        self.name = _static(name, "name_font", ink)
        self.name_width = QFontMetricsF(ink.name_font).horizontalAdvance(name)
        left = room - self.name_width - 8.0 if one_line else room
        line = face.kind_line
        metrics = QFontMetricsF(ink.small_font)
        if face.style == "row":
            line = _row_line(face, metrics, left)
        self.kind_line = _static(elided(ink.small_font, line, left), "small_font", ink)
        self.kind_width = self.kind_line.size().width()
        room = face.width - LEFT - RIGHT - self.parameters.size().width() - 8.0
        for chip in face.chips:
            width = metrics.horizontalAdvance(chip) + 12.0
            if room < width:
                break
            room -= width + 5.0
            self.chips.append((_static(chip, "small_font", ink), width))

    def paint_label(self, painter: QPainter, at: QPointF, ink: Ink) -> None:
        """The output's shape beside its wire."""
        painter.setFont(ink.small_font)
        painter.setPen(ink.muted_pen)
        painter.drawStaticText(at, self.label)


def _row_line(face: Face, metrics: QFontMetricsF, room: float) -> str:
    """Kind and chips as far as they fit; the chips alone where the kind leaves no room for one."""
    # Numbers say more than the kind, which the icon shows; a word like "average" does not.
    numbers = bool(face.chips) and face.chips[0][:1].isdigit()
    kind = (face.kind_line,) if face.kind_line else ()
    for start in (kind, ()) if numbers else (kind,):
        parts = list(start)
        for chip in face.chips:
            if metrics.horizontalAdvance(", ".join([*parts, chip])) > room:
                break
            parts.append(chip)
        if len(parts) > len(start):
            return ", ".join(parts)
    return face.kind_line


def text_left(face: Face) -> float:
    """Pixels from a card's left edge to its texts."""
    if face.style == "pill":
        return RIGHT
    return LEFT + (ROW_ICON if face.style == "row" else ICON) + AFTER_ICON


class BriefText:
    """The name alone, at one size on screen whatever the zoom, so that it is quick to draw."""

    def __init__(self, face: Face, ink: Ink) -> None:
        self._name = face.name
        self._text = _static(face.name, "tiny_font", ink)
        self._size = self._text.size()

    def paint(self, painter: QPainter, body: QRectF, ink: Ink) -> None:
        """Draw it into the middle of ``body``."""
        spot = painter.worldTransform().mapRect(body)
        if spot.height() < 0.7 * self._size.height():
            return
        painter.save()
        painter.resetTransform()
        painter.setFont(ink.tiny_font)
        painter.setPen(ink.text_pen)
        middle = spot.center()
        if self._size.width() <= spot.width() - 6.0:
            corner = QPointF(
                middle.x() - self._size.width() / 2, middle.y() - self._size.height() / 2
            )
            painter.drawStaticText(corner, self._text)
        else:
            painter.drawText(
                spot,
                Qt.AlignmentFlag.AlignCenter,
                elided(ink.tiny_font, self._name, spot.width() - 6.0),
            )
        painter.restore()


def paint(painter: QPainter, body: QRectF, face: Face, laid: Texts, ink: Ink) -> None:
    """Draw the inside of a card."""
    if face.style == "pill":
        _paint_pill(painter, body, laid, ink)
    elif face.style == "row":
        _paint_icon(painter, QPointF(body.left() + LEFT - 2, -ROW_ICON / 2), ROW_ICON, face)
        _line(painter, body.left() + text_left(face), 0.0, laid, ink)
    else:
        _paint_card(painter, body, face, laid, ink)


def _paint_pill(painter: QPainter, body: QRectF, laid: Texts, ink: Ink) -> None:
    gap = 8.0 if laid.kind_width else 0.0
    x = -(laid.name_width + gap + laid.kind_width) / 2
    _line(painter, x, 0.0, laid, ink)


def _paint_icon(painter: QPainter, at: QPointF, size: float, face: Face) -> None:
    """The family's icon, drawn from a picture that is sharp at this zoom."""
    device = painter.device()
    ratio = device.devicePixelRatio() if device is not None else 1.0
    sharpness = 2.0 ** max(0, math.ceil(math.log2(painter.worldTransform().m11() * ratio) - 0.01))
    picture = pixmap(face.icon, int(size), f"family.{face.family}", sharpness)
    painter.drawPixmap(QRectF(at.x(), at.y(), size, size), picture, QRectF(picture.rect()))


def _line(painter: QPainter, x: float, middle: float, laid: Texts, ink: Ink) -> None:
    """Name and kind side by side."""
    painter.setPen(ink.text_pen)
    painter.setFont(ink.name_font)
    painter.drawStaticText(QPointF(x, middle - laid.name.size().height() / 2), laid.name)
    painter.setPen(ink.muted_pen)
    painter.setFont(ink.small_font)
    painter.drawStaticText(
        QPointF(x + laid.name_width + 8.0, middle - laid.kind_line.size().height() / 2 + 0.5),
        laid.kind_line,
    )


def _paint_card(painter: QPainter, body: QRectF, face: Face, laid: Texts, ink: Ink) -> None:
    left, top = body.left() + text_left(face), body.top() + 9.0
    _paint_icon(painter, QPointF(body.left() + LEFT - 2, body.top() + 11.0), ICON, face)
    figure = face.figure if face.height >= FIGURE_FROM else None
    if figure is not None and not face.own:
        _line(painter, left, top + 13.0, laid, ink)
    else:
        painter.setPen(ink.text_pen)
        painter.setFont(ink.name_font)
        painter.drawStaticText(QPointF(left, top), laid.name)
        painter.setPen(ink.muted_pen)
        painter.setFont(ink.small_font)
        painter.drawStaticText(QPointF(left, top + 18.0), laid.kind_line)
    if face.share is not None:
        _paint_share(painter, body, face.share, face.family, laid, ink)
    if figure is not None:
        area = body.adjusted(LEFT, 48.0 if face.own else 34.0, -RIGHT, -8.0)
        figure_paint.paint(painter, area, figure, ink)
        if face.repeats > 1:
            _paint_chips(painter, body, laid, ink)
        else:
            _paint_parameters(painter, body, body.bottom() - 24.0, laid, ink)
    else:
        _paint_chips(painter, body, laid, ink)


def _paint_share(
    painter: QPainter, body: QRectF, share: float, family: str, laid: Texts, ink: Ink
) -> None:
    right, top = body.right() - RIGHT, body.top() + 14.0
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink.track)
    painter.drawRoundedRect(QRectF(right - BAR_WIDTH, top, BAR_WIDTH, 4.0), 2.0, 2.0)
    painter.setBrush(ink.family[family])
    width = max(3.0, BAR_WIDTH * min(1.0, share))
    painter.drawRoundedRect(QRectF(right - BAR_WIDTH, top, width, 4.0), 2.0, 2.0)
    painter.setPen(ink.muted_pen)
    painter.setFont(ink.small_font)
    painter.drawStaticText(QPointF(right - laid.share.size().width(), top + 8.0), laid.share)


def _paint_chips(painter: QPainter, body: QRectF, laid: Texts, ink: Ink) -> None:
    x, top = body.left() + LEFT, body.bottom() - CHIP_HEIGHT - 9.0
    painter.setFont(ink.small_font)
    for chip, width in laid.chips:
        painter.setPen(ink.outline)
        painter.setBrush(ink.chip)
        painter.drawRoundedRect(QRectF(x, top, width, CHIP_HEIGHT), 4.0, 4.0)
        painter.setPen(ink.text_pen)
        painter.drawStaticText(
            QPointF(x + 6.0, top + (CHIP_HEIGHT - chip.size().height()) / 2), chip
        )
        x += width + 5.0
    _paint_parameters(painter, body, top, laid, ink)


def _paint_parameters(painter: QPainter, body: QRectF, top: float, laid: Texts, ink: Ink) -> None:
    painter.setFont(ink.small_font)
    painter.setPen(ink.muted_pen)
    size = laid.parameters.size()
    painter.drawStaticText(
        QPointF(body.right() - RIGHT - size.width(), top + (CHIP_HEIGHT - size.height()) / 2),
        laid.parameters,
    )
