"""The bar over a page that says what was refused or has failed. It never blocks anything.

It lies over the page and takes no room in it: nothing moves away under the pointer when it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from studio.app.theme.icons import IconLabel, set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px
from studio.app.theme.tokens import S2, S3, S4

Tone = Literal["info", "good", "warning", "error"]

Choice = tuple[str, Callable[[], object]]
"""The label of a button, and what it does."""

_ICONS: dict[Tone, tuple[str, str]] = {
    "info": ("info", "accent"),
    "good": ("check", "good"),
    "warning": ("warning", "warning"),
    "error": ("error", "error"),
}


class MessageBar(QFrame):
    """One message at a time; the latest counts. What only informs goes away by itself, later where
    it offers something, and not under the pointer; what no longer holds goes with ``refresh``.
    ``over`` is what it lies upon."""

    closed = Signal()
    """What it said is gone; in a moment something else may be said."""
    _INFO_MILLISECONDS = 8000
    _OFFER_MILLISECONDS = 20_000
    _WIDEST = 760
    _ABOVE = 48

    def __init__(self, over: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "bar")
        self._over = over
        over.installEventFilter(self)
        self._tone: Tone = "info"
        self._stays = False
        self._holds: Callable[[], bool] | None = None
        self._icon = IconLabel("info", 16, "accent", self)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._buttons = (QPushButton(self), QPushButton(self))
        self._does: list[Callable[[], object]] = []
        for number, button in enumerate(self._buttons):
            set_role(button, "link")
            button.hide()
            button.clicked.connect(lambda _=False, number=number: self._act(number))
        self._close = close = QToolButton(self)
        set_icon(close, "close", "muted")
        close.setIconSize(QSize(16, 16))
        close.setAccessibleName("Close this message")
        close.setToolTip("Close this message")
        close.clicked.connect(self.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(S4, S2, S2, S2)
        layout.setSpacing(S3)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        for button in self._buttons:
            layout.addWidget(button)
        layout.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._time_out)
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
        do: Callable[[], object] | None = None,
        holds: Callable[[], bool] | None = None,
        other: Choice | None = None,
    ) -> None:
        """Show ``text``; ``action`` is the label of a button that calls ``do``.

        ``holds`` says, when the bar is asked to ``refresh``, whether the text is still true.
        ``other`` is a second button: a message that asks stays when the page is turned.
        """
        self._tone = tone
        self._stays = other is not None
        self._holds = holds
        self.setProperty("tone", tone)
        self.style().unpolish(self)
        self.style().polish(self)
        self._text.setText(text)
        self._text.setAccessibleName(text)
        choices = [(action, do)] if action and do is not None else []
        choices += [other] if other is not None else []
        self._does = [does for _, does in choices]
        for number, button in enumerate(self._buttons):
            button.setText(choices[number][0] if number < len(choices) else "")
            button.setVisible(number < len(choices))
        self._icon.set_icon(*_ICONS[tone])
        self.show()
        self.raise_()
        self._place()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))
        if tone in ("info", "good") and not self._stays:
            self._timer.start(self._OFFER_MILLISECONDS if choices else self._INFO_MILLISECONDS)
        else:
            self._timer.stop()

    def clear(self) -> None:
        """Close the bar."""
        self._timer.stop()
        self._holds = None
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    @Slot()
    def _time_out(self) -> None:
        if self.underMouse() or self.isAncestorOf(QApplication.focusWidget() or self._over):
            self._timer.start(self._INFO_MILLISECONDS)
        else:
            self.clear()

    @Slot()
    def refresh(self) -> None:
        """Close the bar if what it says is no longer true."""
        if self._holds is not None and not self._holds():
            self.clear()

    def turn(self) -> None:
        """Another page came up: what went well need not follow the user there."""
        if self._tone in ("info", "good") and not self._stays:
            self.clear()
        else:
            self.raise_()

    def _place(self) -> None:
        """Lie in the middle above the lower edge, where no page has its title or its controls."""
        parent = self.parentWidget()
        if parent is None:
            return
        room = self._over.width() - 2 * S4
        # A label that wraps asks for a narrow column; in one line it reads best.
        line = self._text.fontMetrics().horizontalAdvance(self._text.text()) + S2
        others = self._icon.sizeHint().width() + 4 * S3 + 2 * S4 + self._close.sizeHint().width()
        for button in self._buttons:
            if not button.isHidden():
                others += button.sizeHint().width() + S3
        width = max(1, min(px(self._WIDEST), room, line + others))
        self.resize(width, self.heightForWidth(width))
        corner = self._over.mapTo(parent, QPoint(0, 0))
        bottom = corner.y() + self._over.height() - self._ABOVE
        self.move(corner.x() + (self._over.width() - width) // 2, bottom - self.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        moved = event.type() in (QEvent.Type.Resize, QEvent.Type.Move)
        if watched is self._over and moved and not self.isHidden():
            self._place()
        return False

    def _act(self, number: int) -> None:
        do = self._does[number]
        self.clear()
        do()
