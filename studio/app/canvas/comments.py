"""A note on the canvas: a tinted sheet with text that lies below wires and cards."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from studio.app.canvas.geometry import Box
from studio.app.canvas.ink import ink
from studio.app.theme.tokens import RADIUS, theme
from studio.project.colors import COLORS
from studio.project.values import Comment

PADDING = 12.0
GRIP = 14.0
"""Side of the square in the lower right corner by which a note is made larger."""
TEXT_FROM = 0.3
"""Zoom below which the text is left out."""
_WRAP = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
_TINT = {"light": 34, "dark": 46}


class CommentItem(QGraphicsRectItem):
    """Draws one note."""

    def __init__(self, comment: Comment) -> None:
        super().__init__()
        self.setZValue(-1.0)
        self.setPen(Qt.PenStyle.NoPen)
        self.comment = comment
        self.selected = False
        self._fit()

    def _fit(self) -> None:
        self.setPos(self.comment.x, self.comment.y)
        self.setRect(-2.0, -2.0, self.comment.width + 4.0, self.comment.height + 4.0)

    def set_comment(self, comment: Comment) -> None:
        """Show another state of the note."""
        if comment != self.comment:
            self.comment = comment
            self._fit()
            self.update()

    def set_selected(self, selected: bool) -> None:
        """Mark it as selected, or not."""
        if selected != self.selected:
            self.selected = selected
            self.update()

    @property
    def box(self) -> Box:
        """Where it lies on the canvas."""
        at = self.pos()
        width, height = self.comment.width, self.comment.height
        return Box(at.x(), at.y(), at.x() + width, at.y() + height)

    def grip_holds(self, x: float, y: float) -> bool:
        """Whether (x, y) is on the corner that makes it larger."""
        box = self.box
        return box.holds(x, y) and x > box.right - GRIP and y > box.bottom - GRIP

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        colors = ink()
        tone = colors.family[COLORS[self.comment.color]]
        sheet = QColor(tone)
        sheet.setAlpha(_TINT[theme().scheme])
        body = QRectF(0.0, 0.0, self.comment.width, self.comment.height)
        painter.setBrush(sheet)
        painter.setPen(colors.selected if self.selected else QPen(tone, 1.0))
        painter.drawRoundedRect(body, RADIUS, RADIUS)
        if painter.worldTransform().m11() < TEXT_FROM:
            return
        painter.setPen(colors.text_pen)
        painter.setFont(colors.base_font)
        inside = body.adjusted(PADDING, PADDING - 3.0, -PADDING, -PADDING + 5.0)
        painter.save()
        painter.setClipRect(inside, Qt.ClipOperation.IntersectClip)
        painter.drawText(inside, _WRAP, self.comment.text)
        painter.restore()
        self._paint_grip(painter, tone)

    def _paint_grip(self, painter: QPainter, tone: QColor) -> None:
        painter.setPen(QPen(tone, 1.2))
        right, bottom = self.comment.width - 4.0, self.comment.height - 4.0
        for length in (4.0, 8.0):
            painter.drawLine(QPointF(right - length, bottom), QPointF(right, bottom - length))
