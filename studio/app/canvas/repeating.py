"""Setting how often a stage holds its block, in a small field at its card."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QSpinBox

from studio.app.canvas.stage import Stage
from studio.project import grouping
from studio.project.blocks.group import MAX_REPEATS

WIDTH, HEIGHT = 96, 30


class RepeatField(QSpinBox):
    """Enter makes a stage of the selection, or gives a stage its number; Escape does not."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view.viewport())
        self._view = view
        self._names: tuple[str, ...] = ()
        self.setRange(1, MAX_REPEATS)
        self.setPrefix("×")
        self.setAccessibleName("How often the block is repeated")
        self.setToolTip("Enter sets how many stand in a row, Escape leaves it as it was")
        self.setFixedSize(WIDTH, HEIGHT)
        self.installEventFilter(self)
        self.hide()

    def open_for(self, names: tuple[str, ...]) -> None:
        """Ask for the number for these nodes."""
        boxes = [box for box in map(self._view.canvas.grid.get, names) if box is not None]
        if not boxes:
            return
        self._names = names
        nodes = {node.name: node for node in self._view.editor.network.nodes}
        now = grouping.repeats_of(nodes[names[0]]) if len(names) == 1 else None
        self.setValue(now or 2)
        last = max(boxes, key=lambda box: box.bottom)
        corner = self._view.mapFromScene(last.left, last.bottom)
        room = self._view.viewport().rect()
        self.move(
            QPoint(
                min(max(corner.x() + 8, 4), room.width() - WIDTH - 4),
                min(max(corner.y() - HEIGHT - 6, 4), room.height() - HEIGHT - 4),
            )
        )
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.selectAll()

    @Slot()
    def _keep(self) -> None:
        self.interpretText()
        if self._view.editor.repeat(self._names, self.value()):
            self._close()

    def _close(self) -> None:
        if self.isVisible():
            self.hide()
            self._view.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._keep()
        else:
            return False
        return True
