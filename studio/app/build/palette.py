"""The palette: what can be added, found by a few letters, dragged or added by key."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from studio.app.build.mine import MineSection
from studio.app.build.palette_item import WIDTH, PaletteItem
from studio.app.canvas import catalog
from studio.app.shelf import Shelf
from studio.app.theme.icons import icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S3, theme
from studio.project import registry
from studio.project.registry import PaletteEntry

__all__ = ["WIDTH", "Palette"]


class Palette(QFrame):
    """Search on top, sections below."""

    chosen = Signal(object)
    """The PaletteEntry to add after the selection."""

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        set_role(self, "panel")
        self.setAccessibleName("Palette")
        self.setMinimumWidth(168)
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search blocks, layers")
        self.search.setAccessibleName("Search blocks and layers")
        self.search.setToolTip("Type a few letters; Enter adds the first match (Ctrl+F)")
        self.search.setClearButtonEnabled(True)
        self._glass = QAction(self)
        self.search.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._add_first)
        self._items: list[PaletteItem] = []
        self.mine = MineSection(shelf, self)
        self.mine.chosen.connect(self.chosen)
        self._headings: list[tuple[QLabel, list[PaletteItem]]] = []
        self._nothing = QLabel("Nothing is called that. Try “conv”, “pool” or “res”.", self)
        self._nothing.setWordWrap(True)
        set_role(self._nothing, "muted")
        self._nothing.hide()
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(S3, 0, S3, S3)
        column.setSpacing(1)
        column.addWidget(self._nothing)
        for section in registry.palette():
            self._add_section(column, section.title, section.entries)
            if section.title == "Blocks":
                column.addWidget(self.mine)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)
        self._scroll = scroll
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, S3, 0, 0)
        outer.setSpacing(S1)
        top = QVBoxLayout()
        top.setContentsMargins(S3, 0, S3, 0)
        top.addWidget(self.search)
        outer.addLayout(top)
        outer.addWidget(scroll, 1)
        theme().scheme_changed.connect(self._tint)
        self._tint()

    def _add_section(
        self, column: QVBoxLayout, title: str, entries: tuple[PaletteEntry, ...]
    ) -> None:
        heading = QLabel(title, self)
        set_role(heading, "section")
        heading.setContentsMargins(0, S3, 0, S1)
        column.addWidget(heading)
        members: list[PaletteItem] = []
        large = title == "Blocks"
        for entry in entries:
            item = PaletteItem(entry, large, self)
            item.chosen.connect(self.chosen)
            column.addWidget(item)
            if large:
                column.addSpacing(S1)
            members.append(item)
        self._items += members
        self._headings.append((heading, members))

    @Slot()
    def _tint(self) -> None:
        self._glass.setIcon(icon("search", "muted"))
        for item in (*self._items, *self.mine.items):
            item.update()

    @Slot(str)
    def _filter(self, text: str) -> None:
        found = {entry.key for entry in catalog.find(text, self._shelf.entries)}
        for heading, members in self._headings:
            for item in members:
                item.setVisible(item.entry.key in found)
            heading.setVisible(any(item.entry.key in found for item in members))
        self.mine.show_only(found if text.strip() else None)
        self._nothing.setVisible(not found)

    @Slot()
    def _add_first(self) -> None:
        found = catalog.find(self.search.text(), self._shelf.entries)
        if found and self.search.text().strip():
            self.chosen.emit(found[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            first = next((item for item in self._all_items() if item.isVisible()), None)
            if first is not None:
                first.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)

    def shown(self) -> list[str]:
        """The keys of the entries that the search leaves."""
        return [item.entry.key for item in self._all_items() if not item.isHidden()]

    def item(self, key: str) -> PaletteItem:
        """The widget of one entry; raises StopIteration for an unknown key."""
        return next(item for item in self._all_items() if item.entry.key == key)

    def _all_items(self) -> tuple[PaletteItem, ...]:
        return (*self._items, *self.mine.items)
