"""The search box that Tab opens at the pointer: type a few letters, Enter adds.

Arrow keys and Tab walk through what matches; Tab goes around, so that it never leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from studio.app.canvas.catalog import find, icon_of
from studio.app.shelf import Shelf
from studio.app.theme.icons import icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px
from studio.app.theme.tokens import S1, S2
from studio.project.registry import PaletteEntry

WIDTH = 264
ROW = 28
ROWS = 9
_LIST_KEYS = (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp)


class QuickAdd(QFrame):
    """A search field over a list of what can be added. Escape and a click elsewhere close it."""

    chosen = Signal(object)
    """The PaletteEntry that was picked."""
    closed = Signal()

    def __init__(self, parent: QWidget, shelf: Shelf) -> None:
        super().__init__(parent)
        self._around = parent
        self._shelf = shelf
        set_role(self, "card")
        self.setAccessibleName("Add a block or layer")
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Add a block or layer")
        self.field.setAccessibleName("Search blocks and layers to add")
        self.field.installEventFilter(self)
        self.list = QListWidget(self)
        self.list.setAccessibleName("Blocks and layers that match")
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setStyleSheet("QListWidget { border: none; background: transparent; }")
        self.list.setIconSize(QSize(16, 16))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S2, S2, S2, S1)
        layout.setSpacing(S1)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        self.resize(px(WIDTH), self._height())
        self._fits: Callable[[PaletteEntry], bool] | None = None
        self.field.textChanged.connect(self._search)
        self.list.itemClicked.connect(self._pick)
        self.hide()

    def open_at(self, place: QPoint, fits: Callable[[PaletteEntry], bool] | None = None) -> None:
        """Show it with its corner at ``place``, moved inside the parent where it would stick out.

        ``fits`` leaves out what a wire in hand could not feed.
        """
        self._fits = fits
        self.field.clear()
        self._search("")
        room = self._around.rect()
        self.move(
            max(0, min(place.x(), room.width() - self.width() - S1)),
            max(0, min(place.y(), room.height() - self.height() - S1)),
        )
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    @Slot()
    def dismiss(self) -> None:
        """Close without adding."""
        if self.isVisible():
            self.hide()
            self.closed.emit()

    @Slot(str)
    def _search(self, text: str) -> None:
        self.list.clear()
        for entry in find(text, self._shelf.entries):
            if self._fits is not None and not self._fits(entry):
                continue
            picture = icon_of(entry.kind, entry.family, entry.settings)
            item = QListWidgetItem(icon(picture, f"family.{entry.family}"), entry.title)
            item.setToolTip(entry.hint)
            item.setData(Qt.ItemDataRole.UserRole, entry)
            item.setSizeHint(QSize(0, px(ROW)))
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.resize(px(WIDTH), self._height())

    def _height(self) -> int:
        """As many rows as there are matches, up to a limit; one where there are none."""
        rows = max(1, min(ROWS, self.list.count()))
        return self.field.sizeHint().height() + rows * px(ROW) + 4 * S2

    @Slot(QListWidgetItem)
    def _pick(self, item: QListWidgetItem) -> None:
        entry = item.data(Qt.ItemDataRole.UserRole)
        self.hide()
        self.closed.emit()
        self.chosen.emit(entry)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self.field:
            return False
        if event.type() == QEvent.Type.FocusOut:
            self.dismiss()
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        return False

    def _key(self, event: QKeyEvent) -> bool:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            item = self.list.currentItem()
            if item is not None:
                self._pick(item)
            return True
        if event.key() in _LIST_KEYS:
            step = {_LIST_KEYS[0]: 1, _LIST_KEYS[1]: -1, _LIST_KEYS[2]: 6, _LIST_KEYS[3]: -6}
            row = self.list.currentRow() + step[Qt.Key(event.key())]
            self.list.setCurrentRow(max(0, min(self.list.count() - 1, row)))
            return True
        if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            way = 1 if event.key() == Qt.Key.Key_Tab else -1
            if self.list.count():
                self.list.setCurrentRow((self.list.currentRow() + way) % self.list.count())
            return True
        return False
