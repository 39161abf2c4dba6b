"""A panel of the dashboard: a title that can be dragged, words and tools beside it, a body."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.app.elided import ElidedLabel
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, S3, color

HEAD = 22


class PanelTitle(ElidedLabel):
    """The handle of a panel. A drag moves it, a double click (or Enter) makes it fill the page."""

    dragged = Signal(QPointF)
    dropped = Signal(QPointF)
    canceled = Signal()
    opened = Signal()
    _LEAST = 96

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        set_role(self, "title")
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Panel {text}")
        self.setToolTip(
            "Drag to change places with another panel. Double click to fill the page.\n"
            "With the keyboard: Enter fills the page, Shift+Left and Shift+Right move."
        )
        self._pressed: QPointF | None = None
        self._moving = False
        self._ringed = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.globalPosition()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        far = (event.globalPosition() - self._pressed).manhattanLength()
        if self._moving or far >= QApplication.startDragDistance():
            self._moving = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.dragged.emit(event.globalPosition())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._moving:
            self.dropped.emit(event.globalPosition())
        self._release()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._moving:
            self._release()
            self.canceled.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        tabs = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._ringed = event.reason() in tabs
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._ringed:
            painter = QPainter(self)
            painter.fillRect(0, self.height() - 2, self.width(), 2, color("accent"))

    def _release(self) -> None:
        self._pressed, self._moving = None, False
        self.setCursor(Qt.CursorShape.OpenHandCursor)


class Panel(QFrame):
    """A card with a head and a body; ``key`` is what the remembered order calls it."""

    def __init__(self, key: str, title: str, body: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self.body = body
        set_role(self, "card")
        self.title = PanelTitle(title, self)
        self._head = QHBoxLayout()
        self._head.setContentsMargins(S3, S1, S3, 0)
        self._head.setSpacing(S3)
        self._head.addWidget(self.title)
        sized(self.title, lambda w: w.setFixedHeight(px(HEAD)))
        self._head.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, S1, 1, S1)
        layout.setSpacing(S1)
        layout.addLayout(self._head)
        inner = QVBoxLayout()
        inner.setContentsMargins(S2, 0, S2, 0)
        inner.addWidget(body)
        layout.addLayout(inner, 1)

    def add_caption(self, label: QLabel) -> None:
        """Put a few quiet words behind the title; they give way where there is no room."""
        label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._head.setStretch(1, 0)
        self._head.insertWidget(1, label, 1)

    def add_to_head(self, widget: QWidget) -> None:
        """Put ``widget`` at the right end of the head."""
        self._head.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
