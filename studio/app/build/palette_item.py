"""One entry of the palette: painted, dragged onto the canvas, or added by double click or key."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QDrag,
    QEnterEvent,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QSizePolicy, QWidget

from studio.app.canvas import catalog
from studio.app.canvas.figure_paint import elided
from studio.app.theme.icons import paint_icon
from studio.app.theme.style import focus_pen
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, RADIUS, S3, color, font
from studio.project import registry
from studio.project.registry import PaletteEntry

WIDTH = 228
CARD_HEIGHT = 46
ROW_HEIGHT = 27


class PaletteItem(QAbstractButton):
    """One entry: a card for a block, a row for a layer. Dragged, double-clicked, or Enter."""

    chosen = Signal(object)
    stepped = Signal(int)
    """An arrow key asks for the next entry (1) or the one before (-1)."""

    def __init__(self, entry: PaletteEntry, large: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self._large = large
        self._pressed: QPoint | None = None
        height = CARD_HEIGHT if large else ROW_HEIGHT
        sized(self, lambda w: w.setFixedHeight(px(height)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName(f"Add {entry.title}")
        self.setAccessibleDescription(entry.hint)
        kind = registry.lookup(entry.kind)
        help_text = kind.help if kind is not None else entry.hint
        self.setToolTip(
            f"<b>{escape(entry.title)}</b><br>{help_text}<br><br>"
            "Drag it onto the canvas, or double-click to add it after the selection."
        )
        self.clicked.connect(self._choose)

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.entry)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH - 2 * S3, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        family = f"family.{self.entry.family}"
        lively = self.underMouse() or self.hasFocus()
        if self.hasFocus():
            body.adjust(0.5, 0.5, -0.5, -0.5)
        if self._large or lively:
            painter.setPen(focus_pen() if self.hasFocus() else color("line"))
            painter.setBrush(color("hover" if self.underMouse() else "field"))
            painter.drawRoundedRect(body, RADIUS, RADIUS)
        if self._large:
            painter.fillRect(QRectF(0, 6, 3, self.height() - 12), color(family))
            paint_icon(painter, QRectF(13, (self.height() - 24) / 2, 24, 24), self._icon(), family)
            self._text(painter, 48, px(6), px(18), self.entry.title, bold=True)
            self._text(painter, 48, px(23), px(16), self.entry.hint, bold=False)
        else:
            paint_icon(painter, QRectF(6, (self.height() - 16) / 2, 16, 16), self._icon(), family)
            painter.setFont(font())
            painter.setPen(color("text"))
            painter.drawText(
                QRectF(30, 0, self.width() - 34, self.height()),
                Qt.AlignmentFlag.AlignVCenter,
                elided(font(), self.entry.title, self.width() - 34),
            )
        painter.end()

    def _text(
        self, painter: QPainter, x: float, y: float, height: float, text: str, *, bold: bool
    ) -> None:
        style = font(bold=True) if bold else font(FONT_SMALL)
        painter.setFont(style)
        painter.setPen(color("text" if bold else "muted"))
        room = self.width() - x - 6
        painter.drawText(
            QRectF(x, y, room, height), Qt.AlignmentFlag.AlignVCenter, elided(style, text, room)
        )

    def _icon(self) -> str:
        return catalog.icon_of(self.entry.kind, self.entry.family, self.entry.settings)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        way = event.position().toPoint() - self._pressed
        if way.manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            self._drag()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        # A single click only takes the focus; adding takes two, or a drag.
        if self._pressed is not None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose()
        event.accept()

    def _drag(self) -> None:
        data = QMimeData()
        data.setData(catalog.MIME, QByteArray(self.entry.key.encode()))
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(self._label())
        # The label hangs below the pointer, so that the ghost on the canvas stays in sight.
        drag.setHotSpot(QPoint(-14, -14))
        drag.exec(Qt.DropAction.CopyAction)

    def _label(self) -> QPixmap:
        """The entry's name as a small tag."""
        style = font(FONT_SMALL, bold=True)
        width = int(QFontMetricsF(style).horizontalAdvance(self.entry.title)) + 20
        ratio = self.devicePixelRatioF()
        height = px(22)
        tag = QPixmap(QSize(width, height) * ratio)
        tag.setDevicePixelRatio(ratio)
        tag.fill(Qt.GlobalColor.transparent)
        painter = QPainter(tag)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color(f"family.{self.entry.family}"))
        painter.setBrush(color("card"))
        painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, height - 1), RADIUS, RADIUS)
        painter.setFont(style)
        painter.setPen(color("text"))
        painter.drawText(
            QRectF(0, 0, width, height), Qt.AlignmentFlag.AlignCenter, self.entry.title
        )
        painter.end()
        return tag

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose()
        elif event.key() == Qt.Key.Key_Down:
            self.stepped.emit(1)
        elif event.key() == Qt.Key.Key_Up:
            self.stepped.emit(-1)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()
