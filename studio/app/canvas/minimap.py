"""The whole network small in a corner, with the part in view; a click or drag goes there."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from studio.app.canvas.geometry import Box
from studio.app.canvas.ink import ink
from studio.app.canvas.stage import Stage
from studio.app.theme.tokens import RADIUS, S2
from studio.project.colors import COLORS

WIDTH = 96
HEIGHT = 112
LENGTH, BREADTH = 208, 72
"""The size for a network that flows to the right."""


class Minimap(QWidget):
    """Lies over the canvas's top right corner. The cards are painted once for each drawing."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._cards: QPixmap | None = None
        self._look: tuple[object, ...] = ()
        self._scaled: tuple[float, QPointF] | None = None
        self.setFixedSize(WIDTH, HEIGHT)
        self.setAccessibleName("Overview of the network")
        self.setToolTip("Overview: click or drag to move the view")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @Slot()
    def redraw(self) -> None:
        """The drawing may have changed: most edits move no card and keep their families."""
        look = (ink(), *self._view.canvas.outlines)
        if look != self._look:
            self._look = look
            self._cards = self._scaled = None
        self.update()

    def settle(self) -> None:
        """Go to the corner; nothing is shown of an empty canvas."""
        down = self._view.canvas.flow == "down"
        size = QSize(WIDTH, HEIGHT) if down else QSize(LENGTH, BREADTH)
        if size != self.size():
            self.setFixedSize(size)
            self._scaled = None
        self.move(self._view.width() - self.width() - S2 - 4, S2 + 4)
        self.setVisible(self._view.width() > 420 and bool(self._view.canvas.cards))

    def _scale(self) -> tuple[float, QPointF]:
        """Minimap pixels for a canvas pixel, and where the canvas's origin lies."""
        if self._scaled is None:
            area = self._view.canvas.content() or QRectF(0, 0, 1, 1)
            inner = QRectF(self.rect()).adjusted(7, 7, -7, -7)
            factor = min(inner.width() / area.width(), inner.height() / area.height(), 0.25)
            self._scaled = factor, inner.center() - area.center() * factor
        return self._scaled

    def _paint_cards(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = ink()
        painter.setPen(colors.outline)
        painter.setBrush(colors.card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setPen(Qt.PenStyle.NoPen)
        factor, origin = self._scale()

        def spot(box: Box) -> QRectF:
            return QRectF(
                box.left * factor + origin.x(),
                box.top * factor + origin.y(),
                max(1.5, box.width * factor),
                max(1.5, box.height * factor),
            )

        for item in self._view.canvas.comments.values():
            sheet = QColor(colors.family[COLORS[item.comment.color]])
            sheet.setAlpha(70)
            painter.setBrush(sheet)
            painter.drawRect(spot(item.box))
        for name, card in self._view.canvas.cards.items():
            box = self._view.canvas.grid.get(name)
            if box is not None:
                painter.setBrush(colors.family[card.form.family])
                painter.drawRoundedRect(spot(box), 1.5, 1.5)
        painter.end()
        return picture

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._cards is None or self._cards.devicePixelRatio() != self.devicePixelRatioF():
            self._cards = self._paint_cards()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._cards)
        factor, origin = self._scale()
        shown = self._view.shown_area()
        frame = QRectF(
            shown.left() * factor + origin.x(),
            shown.top() * factor + origin.y(),
            shown.width() * factor,
            shown.height() * factor,
        )
        frame = frame.intersected(QRectF(self.rect()).adjusted(2.5, 2.5, -2.5, -2.5))
        painter.setPen(QPen(ink().accent, 1.0))
        painter.drawRoundedRect(frame, 2.0, 2.0)
        painter.end()

    def _go(self, event: QMouseEvent) -> None:
        factor, origin = self._scale()
        self._view.centerOn((event.position() - origin) / factor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event)
