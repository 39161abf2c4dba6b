"""What an empty page says: one sentence on what belongs there, and the button that does it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.app.theme.icons import IconLabel
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2, S3, S4

_WIDEST = 560


class EmptyState(QWidget):
    """An icon, a sentence, what to do next, and at most one button."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._do: Callable[[], None] | None = None
        self._icon = IconLabel("info", 40, "muted", self)
        self.sentence = _centered(self)
        set_role(self.sentence, "title")
        self.advice = _centered(self)
        set_role(self.advice, "muted")
        self.button = QPushButton(self)
        self.button.clicked.connect(self._act)
        # The texts fill a column of their own, between stretches: a wrapped label that is added
        # with an alignment gets the height of one line and loses the others.
        column = QWidget(self)
        column.setMaximumWidth(_WIDEST)
        around = QHBoxLayout(self)
        around.setContentsMargins(S4, S4, S4, S4)
        around.addStretch(1)
        around.addWidget(column, 1000)
        around.addStretch(1)
        layout = QVBoxLayout(column)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S2)
        layout.addStretch(2)
        layout.addWidget(self._icon)
        layout.addWidget(self.sentence)
        layout.addWidget(self.advice)
        layout.addSpacing(S3)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(3)

    def say(
        self,
        icon: str,
        sentence: str,
        advice: str = "",
        button: str = "",
        do: Callable[[], None] | None = None,
        tone: str = "muted",
    ) -> None:
        """Show these words; ``tone`` is the token that colors the icon."""
        self._do = do
        self._icon.set_icon(icon, tone)
        self.sentence.setText(sentence)
        self.advice.setText(advice)
        self.advice.setVisible(bool(advice))
        self.button.setText(button)
        self.button.setVisible(bool(button))

    def _act(self) -> None:
        if self._do is not None:
            self._do()


def _centered(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
