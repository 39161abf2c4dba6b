"""Draws a block's inside on its card: branches with their numbers, shortcut and merge."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPainterPath

from studio.app.canvas.figures import Figure
from studio.app.canvas.ink import Ink

BOX_HEIGHT = 22.0
GAP = 8.0
MERGE_HEIGHT = 18.0
ROW_MARGIN = 6.0
_CENTER = Qt.AlignmentFlag.AlignCenter


def paint(painter: QPainter, area: QRectF, figure: Figure, ink: Ink) -> None:
    """Draw ``figure`` into ``area``: data flows from its top middle to its bottom middle."""
    if len(figure.branches) > 1:
        _paint_branches(painter, area, figure, ink)
    else:
        _paint_rows(painter, area, figure.branches[0], ink)


def _paint_rows(painter: QPainter, area: QRectF, rows: tuple[str, ...], ink: Ink) -> None:
    """A row for each step, one below the other on the wire that runs through them."""
    x, bottom = area.center().x(), area.bottom() - MERGE_HEIGHT
    pitch = min(26.0, (bottom - area.top() - ROW_MARGIN) / max(1, len(rows)))
    height = min(BOX_HEIGHT, pitch - 5.0)
    metrics = QFontMetricsF(ink.small_font)
    widest = max((metrics.horizontalAdvance(row) for row in rows), default=0.0)
    width = min(area.width(), max(120.0, widest + 20.0))
    top = area.top() + ROW_MARGIN
    top += (bottom - top - pitch * len(rows)) / 2
    painter.setPen(ink.figure)
    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
    painter.setFont(ink.small_font)
    for number, row in enumerate(rows):
        box = QRectF(x - width / 2, top + pitch * number + (pitch - height) / 2, width, height)
        painter.setPen(ink.outline)
        painter.setBrush(ink.chip)
        painter.drawRoundedRect(box, 4.0, 4.0)
        painter.setPen(ink.text_pen)
        painter.drawText(box, _CENTER, elided(ink.small_font, row, box.width() - 10.0))


def _paint_branches(painter: QPainter, area: QRectF, figure: Figure, ink: Ink) -> None:
    columns = len(figure.branches)
    column = area.width() / columns
    box_width = min(column - GAP, 92.0)
    tallest = max(1, *(len(steps) for steps in figure.branches))
    text = "+" if figure.merge == "add" else figure.merge
    merge_width = MERGE_HEIGHT if text == "+" else 84.0
    merge = QRectF(
        area.center().x() - merge_width / 2, area.bottom() - MERGE_HEIGHT, merge_width, MERGE_HEIGHT
    )
    top, bottom = area.top() + 15.0, merge.top() - 13.0
    pitch = (bottom - top) / tallest
    box_height = min(BOX_HEIGHT, pitch - 4.0)
    wires = QPainterPath()
    boxes: list[tuple[QRectF, str]] = []
    start = QPointF(area.center().x(), area.top())
    end = QPointF(area.center().x(), merge.top())
    for index, steps in enumerate(figure.branches):
        x = area.left() + column * (index + 0.5)
        first = top + pitch * (tallest - len(steps)) / 2
        at = start
        for row, step in enumerate(steps):
            middle = first + pitch * (row + 0.5)
            box = QRectF(x - box_width / 2, middle - box_height / 2, box_width, box_height)
            boxes.append((box, step))
            if row == 0:
                # Spread above the first row, then run straight: never behind a neighbor.
                _join(wires, at, QPointF(x, top + 2.0))
                at = QPointF(x, top + 2.0)
            wires.moveTo(at)
            wires.lineTo(x, box.top())
            at = QPointF(x, box.bottom())
        if not steps:
            # A shortcut runs down its own column past the steps it skips.
            _join(wires, at, QPointF(x, top + 4.0))
            at = QPointF(x, bottom - 4.0)
            wires.lineTo(at)
        wires.moveTo(at)
        wires.lineTo(x, bottom - 2.0)
        _join(wires, QPointF(x, bottom - 2.0), end)
    wires.moveTo(merge.center().x(), merge.bottom())
    wires.lineTo(merge.center().x(), area.bottom())
    painter.setPen(ink.figure)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(wires)
    painter.setPen(ink.outline)
    painter.setBrush(ink.chip)
    for box, _ in boxes:
        painter.drawRoundedRect(box, 4.0, 4.0)
    painter.drawRoundedRect(merge, MERGE_HEIGHT / 2, MERGE_HEIGHT / 2)
    painter.setFont(ink.tiny_font)
    painter.setPen(ink.text_pen)
    for box, step in boxes:
        painter.drawText(box, _CENTER, elided(ink.tiny_font, step, box.width() - 4.0))
    painter.drawText(merge, _CENTER, text)


def _join(path: QPainterPath, a: QPointF, b: QPointF) -> None:
    middle = (a.y() + b.y()) / 2
    path.moveTo(a)
    path.cubicTo(QPointF(a.x(), middle), QPointF(b.x(), middle), b)


def elided(font: QFont, text: str, width: float) -> str:
    """``text``, cut with an ellipsis where it is wider than ``width`` pixels."""
    metrics = QFontMetricsF(font)
    if metrics.horizontalAdvance(text) <= width:
        return text
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)
