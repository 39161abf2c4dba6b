"""The inspector's title: a node's name that can be typed over."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import color, theme
from studio.project.graph import MAX_NAME


class NameField(QLineEdit):
    """Looks like a heading until it is pointed at. Enter or leaving renames, Escape does not."""

    renamed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ""
        self.setMaxLength(MAX_NAME)
        self.setAccessibleName("Name of the node")
        self.setToolTip(
            "The node's name, and the first part of its parameters' names. Type to rename."
        )
        self.editingFinished.connect(self._finish)
        theme().scheme_changed.connect(self._dress)
        sized(self, lambda w: w._dress())

    @Slot()
    def _dress(self) -> None:
        accent, line = color("accent").name(), color("line").name()
        self.setStyleSheet(
            "QLineEdit { border: 1px solid transparent; background: transparent; padding: 0;"
            f" margin-left: -2px; font-size: {px(16)}px; font-weight: 600; }}"
            f"QLineEdit:hover {{ border: 1px solid {line}; }}"
            f"QLineEdit:focus {{ border: 1px solid {accent}; }}"
        )

    def show_name(self, name: str) -> None:
        """Show the name that holds."""
        if name != self._name or not self.hasFocus():
            self._name = name
            self.setText(name)

    @Slot()
    def _finish(self) -> None:
        new = self.text().strip()
        if new == self._name:
            return
        self._name = new
        self.renamed.emit(new)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._name)
            event.ignore()  # the inspector gives the keyboard back to the canvas
        else:
            super().keyPressEvent(event)
