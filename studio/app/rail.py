"""The rail on the left: the pages in the order of the work."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget

from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, S1, S2, color, font


class Rail(QFrame):
    """A button for each page; ``chosen`` is sent with the page's key when the user picks one."""

    chosen = Signal(str)
    WIDTH = 68

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        sized(self, lambda w: w.setFixedWidth(px(w.WIDTH)))
        self.setAccessibleName("Pages")
        self._buttons: dict[str, _PageButton] = {}
        self._group = QButtonGroup(self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(S1, S2, S1, S2)
        self._layout.setSpacing(S1)
        self._layout.addStretch(1)

    def add_page(self, key: str, title: str, icon: str, tooltip: str) -> None:
        """Append a page; Ctrl+1, Ctrl+2, ... follow the order of these calls."""
        button = _PageButton(title, icon, self)
        number = len(self._buttons) + 1
        button.setShortcut(f"Ctrl+{number}")
        button.setToolTip(f"{tooltip} (Ctrl+{number})")
        button.clicked.connect(lambda: self.chosen.emit(key))
        self._group.addButton(button)
        self._buttons[key] = button
        self._layout.insertWidget(number - 1, button)

    def set_current(self, key: str) -> None:
        """Mark the page as the one that is shown; an unknown key marks none."""
        self._group.setExclusive(False)
        for name, button in self._buttons.items():
            button.setChecked(name == key)
            button.retint()
        self._group.setExclusive(key in self._buttons)


class _PageButton(QToolButton):
    def __init__(self, title: str, icon: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._icon = icon
        set_role(self, "page")
        self.setText(title)
        self.setCheckable(True)
        sized(self, lambda w: w.setFont(font(FONT_SMALL, bold=True)))
        self.setIconSize(QSize(22, 22))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        sized(self, lambda w: w.setFixedSize(px(Rail.WIDTH) - 2 * S1, 38 + px(16)))
        self.setAccessibleName(f"{title} page")
        self.retint()

    def retint(self) -> None:
        set_icon(self, self._icon, "accent" if self.isChecked() else "muted")

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.isChecked():
            # A bar at the edge: the page that is shown can be told without color.
            painter = QPainter(self)
            painter.fillRect(0, S2, 3, self.height() - 2 * S2, color("accent"))
