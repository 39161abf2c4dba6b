"""A small card that opens at the button which asks for it; a press elsewhere closes it."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S2, S3, S4


class Popup(QFrame):
    """A column of widgets, ``width`` wide at the usual text size. Escape closes it, Enter means
    ``choose``."""

    def __init__(self, title: str, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        set_role(self, "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        sized(self, lambda w: w.setFixedWidth(px(width)))
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(S4, S3, S4, S3)
        self.column.setSpacing(S2)

    def choose(self) -> None:
        """What Enter does."""

    def open_below(self, anchor: QWidget) -> None:
        """Show it under ``anchor``, within its window; above where the screen ends."""
        self.fit()
        corner = anchor.mapToGlobal(QPoint(0, anchor.height() + S2))
        window = anchor.window()
        right = window.mapToGlobal(QPoint(window.width() - S2, 0)).x()
        corner.setX(min(corner.x(), right - self.width()))
        screen = anchor.screen()
        if screen is not None:
            room = screen.availableGeometry()
            corner.setX(max(room.left(), min(corner.x(), room.right() - self.width() - S2)))
            if corner.y() + self.height() > room.bottom():
                corner.setY(anchor.mapToGlobal(QPoint(0, 0)).y() - self.height() - S2)
        self.move(corner)
        self.show()

    def fit(self) -> None:
        """Take the height that the content needs; a label that wraps has its own only once its
        width is known."""
        self.column.activate()
        self.setFixedHeight(self.column.totalHeightForWidth(self.width()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.choose()
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
