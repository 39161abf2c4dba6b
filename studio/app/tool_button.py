"""A button that is an icon, named for screen readers."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QToolButton, QWidget

from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S2


def tool_button(icon: str, name: str, parent: QWidget) -> QToolButton:
    """As high as a row of controls."""
    button = QToolButton(parent)
    set_role(button, "button")
    set_icon(button, icon)
    button.setIconSize(QSize(16, 16))
    sized(button, lambda w: w.setFixedSize(px(ROW + S2), px(ROW)))
    button.setStyleSheet("padding: 0;")
    button.setAccessibleName(name)
    return button


def show_pausing(button: QToolButton, paused: bool) -> None:
    """Let ``button`` offer to pause a run, or to let it go on."""
    word = "Resume" if paused else "Pause"
    set_icon(button, "play" if paused else "pause", "text")
    button.setAccessibleName(word)
    button.setToolTip("Go on with the training" if paused else "Wait after the step under way")
