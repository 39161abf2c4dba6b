"""The palette's section of the user's own blocks: renamed and removed where they stand."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal, SignalInstance, Slot
from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QLineEdit, QMenu, QVBoxLayout, QWidget

from studio.app.build.palette_item import PaletteItem
from studio.app.shelf import Shelf
from studio.app.theme.icons import icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3
from studio.project.blocks.group import MAX_TITLE
from studio.project.registry import PaletteEntry

EMPTY = "Select some nodes on the canvas and press Ctrl+G: the block they make is kept here."


class OwnItem(PaletteItem):
    """A block of the user's; its context menu renames and removes it."""

    rename_wanted = Signal(str)
    remove_wanted = Signal(str)

    def __init__(self, entry: PaletteEntry, parent: QWidget) -> None:
        super().__init__(entry, True, parent)
        self._rename = self._action("Rename", "F2", "edit", self.rename_wanted)
        self._remove = self._action("Remove", "Del", "trash", self.remove_wanted)

    def _action(self, text: str, keys: str, picture: str, wanted: SignalInstance) -> QAction:
        action = QAction(icon(picture, "muted"), text, self)
        action.setShortcut(QKeySequence(keys))
        # The keys belong to the item that has the focus, and to none where another has it.
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(lambda: wanted.emit(self.entry.title))
        self.addAction(action)
        return action

    def menu(self) -> QMenu:
        """What can be done with it; the menu deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self._rename)
        menu.addSeparator()
        menu.addAction(self._remove)
        return menu

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.menu().popup(event.globalPos())
        event.accept()


class TitleField(QLineEdit):
    """Lies over an item while its title is typed; Enter takes it, Escape leaves the old one."""

    done = Signal(str)
    left = Signal()

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(title, parent)
        self.setMaxLength(MAX_TITLE)
        self.setAccessibleName(f"New title of {title}")
        self.selectAll()
        self.returnPressed.connect(lambda: self.done.emit(self.text()))
        self.editingFinished.connect(self.left)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class MineSection(QWidget):
    """Heading, the user's blocks, and a sentence where there are none."""

    chosen = Signal(object)
    """The PaletteEntry to add after the selection."""
    stepped = Signal(object, int)
    """An arrow key asks an item's neighbor for the focus: the item, and the way (1 or -1)."""
    filled = Signal()
    """The items have changed."""

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        self._found: Collection[str] | None = None
        self._field: TitleField | None = None
        self.items: list[OwnItem] = []
        self._heading = QLabel("Mine", self)
        set_role(self._heading, "section")
        self._heading.setContentsMargins(0, S3, 0, S1)
        self._empty = QLabel(EMPTY, self)
        self._empty.setWordWrap(True)
        set_role(self._empty, "small")
        self._column = QVBoxLayout()
        self._column.setSpacing(S1 + 2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, S1)
        whole.setSpacing(1)
        whole.addWidget(self._heading)
        whole.addWidget(self._empty)
        whole.addLayout(self._column)
        shelf.changed.connect(self._follow)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        """Show what the shelf holds; items that stay are kept, and the focus with them."""
        wanted = self._shelf.entries
        kept = {item.entry.key: item for item in self.items if item.entry in wanted}
        for item in self.items:
            if item not in kept.values():
                self._column.removeWidget(item)
                item.hide()
                item.deleteLater()
        self.items = [kept.get(entry.key) or self._make(entry) for entry in wanted]
        for place, item in enumerate(self.items):
            self._column.insertWidget(place, item)
        self._show()
        self.filled.emit()

    def _make(self, entry: PaletteEntry) -> OwnItem:
        item = OwnItem(entry, self)
        item.chosen.connect(self.chosen)
        item.stepped.connect(lambda way: self.stepped.emit(item, way))
        item.rename_wanted.connect(self.rename)
        item.remove_wanted.connect(self._shelf.remove)
        return item

    def show_only(self, keys: Collection[str] | None) -> None:
        """Show the blocks that a search found; all for None."""
        self._found = keys
        self._show()

    def _show(self) -> None:
        for item in self.items:
            item.setVisible(self._found is None or item.entry.key in self._found)
        searching = self._found is not None
        self._empty.setVisible(not self.items and not searching)
        self._heading.setVisible(not searching or any(not item.isHidden() for item in self.items))

    @Slot(str)
    def rename(self, title: str) -> None:
        """Open a field over the item ``title`` in which its new title is typed."""
        item = next((item for item in self.items if item.entry.title == title), None)
        if item is None:
            return
        field = TitleField(title, self)
        field.setGeometry(item.geometry().adjusted(S2, S2, -S2, -S2))
        field.done.connect(lambda text: self._shelf.rename(title, text))
        field.left.connect(self._close_field)
        self._field = field
        field.show()
        field.setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot()
    def _close_field(self) -> None:
        field, self._field = self._field, None
        if field is not None:
            field.hide()
            field.deleteLater()

    @property
    def field(self) -> TitleField | None:
        """The field in which a title is being typed."""
        return self._field
