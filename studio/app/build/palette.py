"""The palette: what can be added, found by a few letters, dragged or added by key."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QMimeData, QPoint, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QDrag,
    QEnterEvent,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QFrame,
    QLabel,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.app.canvas import catalog
from studio.app.canvas.figure_paint import elided
from studio.app.theme.icons import icon, paint_icon
from studio.app.theme.style import focus_pen, set_role
from studio.app.theme.tokens import FONT_SMALL, RADIUS, S1, S3, color, font, theme
from studio.project import registry
from studio.project.registry import PaletteEntry

WIDTH = 228
CARD_HEIGHT = 46
ROW_HEIGHT = 27


class PaletteItem(QAbstractButton):
    """One entry: a card for a block, a row for a layer. Dragged, double-clicked, or Enter."""

    chosen = Signal(object)
    stepped = Signal(int)
    """An arrow key asks for the next entry (1) or the one before (-1)."""

    def __init__(self, entry: PaletteEntry, large: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.entry = entry
        self._large = large
        self._pressed: QPoint | None = None
        self.setFixedHeight(CARD_HEIGHT if large else ROW_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setAccessibleName(f"Add {entry.title}")
        self.setAccessibleDescription(entry.hint)
        kind = registry.lookup(entry.kind)
        help_text = kind.help if kind is not None else entry.hint
        self.setToolTip(
            f"<b>{entry.title}</b><br>{help_text}<br><br>"
            "Drag it onto the canvas, or double-click to add it after the selection."
        )
        self.clicked.connect(self._choose)

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self.entry)

    def sizeHint(self) -> QSize:
        return QSize(WIDTH - 2 * S3, self.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        family = f"family.{self.entry.family}"
        lively = self.underMouse() or self.hasFocus()
        if self.hasFocus():
            body.adjust(0.5, 0.5, -0.5, -0.5)
        if self._large or lively:
            painter.setPen(focus_pen() if self.hasFocus() else color("line"))
            painter.setBrush(color("hover" if self.underMouse() else "field"))
            painter.drawRoundedRect(body, RADIUS, RADIUS)
        if self._large:
            painter.fillRect(QRectF(0, 6, 3, self.height() - 12), color(family))
            paint_icon(painter, QRectF(13, 11, 24, 24), self._icon(), family)
            self._text(painter, 48, 6, 18, self.entry.title, bold=True)
            self._text(painter, 48, 23, 16, self.entry.hint, bold=False)
        else:
            paint_icon(painter, QRectF(6, (self.height() - 16) / 2, 16, 16), self._icon(), family)
            painter.setFont(font())
            painter.setPen(color("text"))
            painter.drawText(
                QRectF(30, 0, self.width() - 34, self.height()),
                Qt.AlignmentFlag.AlignVCenter,
                elided(font(), self.entry.title, self.width() - 34),
            )
        painter.end()

    def _text(
        self, painter: QPainter, x: float, y: float, height: float, text: str, *, bold: bool
    ) -> None:
        style = font(bold=True) if bold else font(FONT_SMALL)
        painter.setFont(style)
        painter.setPen(color("text" if bold else "muted"))
        room = self.width() - x - 6
        painter.drawText(
            QRectF(x, y, room, height), Qt.AlignmentFlag.AlignVCenter, elided(style, text, room)
        )

    def _icon(self) -> str:
        return catalog.icon_of(self.entry.kind, self.entry.family, self.entry.settings)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        way = event.position().toPoint() - self._pressed
        if way.manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            self._drag()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        # A single click only takes the focus; adding takes two, or a drag.
        if self._pressed is not None:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._choose()
        event.accept()

    def _drag(self) -> None:
        data = QMimeData()
        data.setData(catalog.MIME, QByteArray(self.entry.key.encode()))
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.setPixmap(self._label())
        # The label hangs below the pointer, so that the ghost on the canvas stays in sight.
        drag.setHotSpot(QPoint(-14, -14))
        drag.exec(Qt.DropAction.CopyAction)

    def _label(self) -> QPixmap:
        """The entry's name as a small tag."""
        style = font(FONT_SMALL, bold=True)
        width = int(QFontMetricsF(style).horizontalAdvance(self.entry.title)) + 20
        ratio = self.devicePixelRatioF()
        tag = QPixmap(QSize(width, 22) * ratio)
        tag.setDevicePixelRatio(ratio)
        tag.fill(Qt.GlobalColor.transparent)
        painter = QPainter(tag)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color(f"family.{self.entry.family}"))
        painter.setBrush(color("card"))
        painter.drawRoundedRect(QRectF(0.5, 0.5, width - 1, 21), RADIUS, RADIUS)
        painter.setFont(style)
        painter.setPen(color("text"))
        painter.drawText(QRectF(0, 0, width, 22), Qt.AlignmentFlag.AlignCenter, self.entry.title)
        painter.end()
        return tag

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose()
        elif event.key() == Qt.Key.Key_Down:
            self.stepped.emit(1)
        elif event.key() == Qt.Key.Key_Up:
            self.stepped.emit(-1)
        else:
            super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()


def _rank(item: PaletteItem, found: list[str]) -> int:
    return found.index(item.entry.key) if item.entry.key in found else len(found)


class Palette(QFrame):
    """Search on top, sections below."""

    chosen = Signal(object)
    """The PaletteEntry to add after the selection."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
        for item in self._items:
            item.update()

    @Slot(str)
    def _filter(self, text: str) -> None:
        found = [entry.key for entry in catalog.find(text)]
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
        self._nothing.setVisible(not found)
        self._let_tab_stop_at(next(iter(self._shown()), None))

    def _shown(self) -> list[PaletteItem]:
        """The items from top to bottom."""
        layouts = [self._matches, *(rows for rows, _ in self._rows)]
        widgets = [
            item.widget()
            for layout in layouts
            for number in range(layout.count())
            if (item := layout.itemAt(number)) is not None
        ]
        return [w for w in widgets if isinstance(w, PaletteItem) and not w.isHidden()]

    def _let_tab_stop_at(self, one: PaletteItem | None) -> None:
        """Make the palette a single stop of Tab; the arrow keys go on from there."""
        for item in self._items:
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
        found = catalog.find(self.search.text())
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
        return next(item for item in self._items if item.entry.key == key)
