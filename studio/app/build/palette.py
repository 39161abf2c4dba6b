"""The palette: what can be added, found by a few letters, dragged or added by key."""

from __future__ import annotations

from itertools import chain

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from studio.app.build.mine import MineSection
from studio.app.build.palette_item import WIDTH, PaletteItem
from studio.app.canvas import catalog
from studio.app.shelf import Shelf
from studio.app.theme.icons import icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S3, theme
from studio.project import registry
from studio.project.registry import PaletteEntry

__all__ = ["WIDTH", "Palette"]


def _rank(item: PaletteItem, found: list[str]) -> int:
    return found.index(item.entry.key) if item.entry.key in found else len(found)


class Palette(QFrame):
    """Search on top, sections below."""

    chosen = Signal(object)
    """The PaletteEntry to add after the selection."""

    def __init__(self, shelf: Shelf, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shelf = shelf
        set_role(self, "panel")
        self.setAccessibleName("Palette")
        sized(self, lambda w: w.setMinimumWidth(px(168)))
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
        self.mine.stepped.connect(self._walk)
        self._headings: list[tuple[QLabel, list[PaletteItem]]] = []
        self._rows: list[tuple[QVBoxLayout, list[PaletteItem]]] = []
        self._nothing = QLabel("Nothing is called that. Try “conv”, “pool” or “res”.", self)
        self._nothing.setWordWrap(True)
        set_role(self._nothing, "muted")
        self._nothing.hide()
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(S3, 0, S3, S3)
        column.setSpacing(1)
        column.addWidget(self._nothing)
        self._matches = QVBoxLayout()
        self._matches.setSpacing(1)
        column.addLayout(self._matches)
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
        self._let_tab_stop_at(self._items[0])

    def _add_section(
        self, column: QVBoxLayout, title: str, entries: tuple[PaletteEntry, ...]
    ) -> None:
        heading = QLabel(title, self)
        set_role(heading, "section")
        heading.setContentsMargins(0, S3, 0, S1)
        column.addWidget(heading)
        members: list[PaletteItem] = []
        large = title == "Blocks"
        rows = QVBoxLayout()
        rows.setSpacing(S1 + 1 if large else 1)
        column.addLayout(rows)
        for entry in entries:
            item = PaletteItem(entry, large, self)
            item.chosen.connect(self.chosen)
            item.stepped.connect(lambda way, item=item: self._walk(item, way))
            rows.addWidget(item)
            members.append(item)
        self._items += members
        self._headings.append((heading, members))
        self._rows.append((rows, members))

    @Slot()
    def _tint(self) -> None:
        self._glass.setIcon(icon("search", "muted"))
        for item in (*self._items, *self.mine.items):
            item.update()

    @Slot(str)
    def _filter(self, text: str) -> None:
        found = [entry.key for entry in catalog.find(text, self._shelf.entries)]
        searching = bool(text.strip())
        for rows, members in self._rows:
            for item in members:
                rows.addWidget(item)
        if searching:
            # The best match first, whichever section it is of.
            for item in sorted(self._items, key=lambda item: _rank(item, found)):
                self._matches.addWidget(item)
        for heading, members in self._headings:
            for item in members:
                item.setVisible(item.entry.key in found)
            heading.setVisible(not searching and bool(members))
        self.mine.show_only(found if searching else None)
        self._nothing.setVisible(not found)
        self._let_tab_stop_at(next(iter(self._shown()), None))

    def _shown(self) -> list[PaletteItem]:
        """The items from top to bottom."""
        layouts = [self._matches, *(rows for rows, _ in self._rows)]
        parts = [
            [
                widget
                for number in range(layout.count())
                if (item := layout.itemAt(number)) is not None
                and isinstance(widget := item.widget(), PaletteItem)
            ]
            for layout in layouts
        ]
        # The user's own stand behind the first section.
        widgets = [*parts[0], *parts[1], *self.mine.items, *chain.from_iterable(parts[2:])]
        return [widget for widget in widgets if not widget.isHidden()]

    def _let_tab_stop_at(self, one: PaletteItem | None) -> None:
        """Make the palette a single stop of Tab; the arrow keys go on from there."""
        for item in self._all_items():
            policy = Qt.FocusPolicy.TabFocus if item is one else Qt.FocusPolicy.NoFocus
            item.setFocusPolicy(policy)

    def _walk(self, start: PaletteItem, way: int) -> None:
        shown = self._shown()
        place = shown.index(start) + way
        if place < 0:
            self.search.setFocus(Qt.FocusReason.BacktabFocusReason)
        elif place < len(shown):
            self._let_tab_stop_at(shown[place])
            shown[place].setFocus(Qt.FocusReason.TabFocusReason)
            self._scroll.ensureWidgetVisible(shown[place])

    @Slot()
    def _add_first(self) -> None:
        found = catalog.find(self.search.text(), self._shelf.entries)
        if found and self.search.text().strip():
            self.chosen.emit(found[0])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            first = next(iter(self._shown()), None)
            if first is not None:
                first.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)

    def shown(self) -> list[str]:
        """The keys of the entries that the search leaves."""
        return [item.entry.key for item in self._shown()]

    def item(self, key: str) -> PaletteItem:
        """The widget of one entry; raises StopIteration for an unknown key."""
        return next(item for item in self._all_items() if item.entry.key == key)

    def _all_items(self) -> tuple[PaletteItem, ...]:
        return (*self._items, *self.mine.items)
