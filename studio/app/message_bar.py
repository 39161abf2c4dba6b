"""The bar above a page that says what was refused or has failed. It never blocks anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from studio.app.theme.icons import IconLabel, set_icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S4

Tone = Literal["info", "good", "warning", "error"]

_ICONS: dict[Tone, tuple[str, str]] = {
    "info": ("info", "accent"),
    "good": ("check", "good"),
    "warning": ("warning", "warning"),
    "error": ("error", "error"),
}


class MessageBar(QFrame):
    """One message at a time; the latest counts. What only informs goes away by itself."""

    _INFO_MILLISECONDS = 8000

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self._do: Callable[[], None] | None = None
        self._icon = IconLabel("info", 16, "accent", self)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._action = QPushButton(self)
        set_role(self._action, "link")
        self._action.hide()
        self._action.clicked.connect(self._act)
        close = QToolButton(self)
        set_icon(close, "close", "muted")
        close.setIconSize(QSize(16, 16))
        close.setAccessibleName("Close this message")
        close.setToolTip("Close this message")
        close.clicked.connect(self.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(S4, S1, S2, S1)
        layout.setSpacing(S2)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._action)
        layout.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.clear)
        self.hide()

    @property
    def text(self) -> str:
        """What the bar says now; empty while it is closed."""
        return self._text.text() if not self.isHidden() else ""

    def say(
        self,
        tone: Tone,
        text: str,
        action: str = "",
        do: Callable[[], None] | None = None,
    ) -> None:
        """Show ``text``; ``action`` is the label of a button that calls ``do``."""
        self._text.setText(text)
        self._text.setAccessibleName(text)
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._do = do
        self._icon.set_icon(*_ICONS[tone])
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))
        if tone in ("info", "good") and not action:
            self._timer.start(self._INFO_MILLISECONDS)
        else:
            self._timer.stop()

    def clear(self) -> None:
        """Close the bar."""
        self._timer.stop()
        self.hide()

    def _act(self) -> None:
        do = self._do
        self.clear()
        if do is not None:
            do()
