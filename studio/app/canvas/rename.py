"""Renaming in place: a field over the card's name. Enter keeps it, Escape does not."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from studio.app.canvas.stage import Stage
from studio.project.graph import MAX_NAME


class RenameField(QLineEdit):
    """Shown over one card at a time."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view.viewport())
        self._view = view
        self._node = ""
        self.setMaxLength(MAX_NAME)
        self.setAccessibleName("New name of the node")
        self.setToolTip("Enter renames, Escape keeps the old name")
        self.returnPressed.connect(self._keep)
        self.installEventFilter(self)
        self.hide()

    @Slot(str)
    def open_for(self, node: str) -> None:
        """Edit the name of ``node``, which is on the canvas."""
        box = self._view.canvas.grid.get(node)
        if box is None:
            return
        self._node = node
        corner = self._view.mapFromScene(QPointF(box.left + 10, box.top))
        width = max(140, int((box.width - 20) * min(1.0, self._view.zoom)))
        self.setGeometry(corner.x(), corner.y() + 2, width, 30)
        self.setText(node)
        self.selectAll()
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot()
    def _keep(self) -> None:
        if self._view.editor.rename(self._node, self.text().strip()):
            self.close_field()
        else:
            self.selectAll()

    def close_field(self) -> None:
        """Hide it and give the canvas the focus back."""
        if self.isVisible():
            self.hide()
            self._view.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Escape
        ):
            self.close_field()
            return True
        return False
