"""The list of what is trained and what waits: a row in two lines, moved by keys or by drag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QDropEvent, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.app.theme.icons import paint_icon
from studio.app.theme.text_size import px, text_size
from studio.app.theme.tokens import FONT_BASE, FONT_SMALL, RADIUS, S1, S2, S3, color, font, theme

_ROW = Qt.ItemDataRole.UserRole
_ICON = 16
_WRAPPED = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Row:
    """A run as the list shows it. ``fixed`` ones keep their place; a run that is none of the
    queue's has no ``id``."""

    id: str
    icon: str
    tone: str
    title: str
    note: str
    details: str
    trouble: str = ""
    fixed: bool = False

    @property
    def described(self) -> str:
        """All of it, for those who hear it."""
        return ". ".join(part for part in (self.name, self.details, self.trouble) if part)

    @property
    def name(self) -> str:
        """What the first line says."""
        return ", ".join(part for part in (self.title, self.note) if part)


class QueueList(QListWidget):
    """Shows rows and keeps the selection by their ids."""

    ordered = Signal(list)
    """The ids in the order to which the user has dragged them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self.setAccessibleName("Runs in the queue")
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        self.setItemDelegate(_Lines(self))
        theme().scheme_changed.connect(self.viewport().update)
        text_size().changed.connect(self.scheduleDelayedItemsLayout)

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return tuple(self._rows)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Bring the list up to date; what is selected stays so, wherever it went."""
        if list(rows) == self._rows:
            return
        chosen = set(self.chosen())
        before, self._rows = self._rows, list(rows)
        if [row.id for row in before] == [row.id for row in rows]:
            for at, row in enumerate(rows):
                _fill(self.item(at), row)
            if [row.trouble for row in before] != [row.trouble for row in rows]:
                self.scheduleDelayedItemsLayout()
                self.updateGeometry()
            return
        at, now = self.currentRow(), self.currentItem()
        current = _row(now).id if now is not None else ""
        blocked = self.blockSignals(True)
        self.clear()
        for row in rows:
            item = QListWidgetItem()
            _fill(item, row)
            self.addItem(item)
        ids = [row.id for row in rows]
        first = next((number for number, row in enumerate(rows) if not row.fixed), 0)
        # Where the current one is gone, the next takes its place: Delete can be pressed again.
        to = ids.index(current) if current in ids else min(max(at, first), len(ids) - 1)
        self.setCurrentRow(to)
        if chosen & set(ids):
            for number, each in enumerate(ids):
                self.item(number).setSelected(each in chosen)
        self.blockSignals(blocked)
        self.updateGeometry()
        self.itemSelectionChanged.emit()

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.whole_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHintForRow(0) if self.count() else 0)

    def whole_height(self) -> int:
        """Pixels that all rows take."""
        return sum(self.sizeHintForRow(at) for at in range(self.count()))

    def chosen(self) -> list[str]:
        """The ids of the selected entries, from first to last."""
        items = (self.item(at) for at in range(self.count()))
        return [_row(item).id for item in items if item.isSelected() and _row(item).id]

    def dropEvent(self, event: QDropEvent) -> None:
        super().dropEvent(event)
        self._tell_order()

    def _tell_order(self) -> None:
        rows = [_row(self.item(at)) for at in range(self.count())]
        # What is under way stays first, wherever something was dropped.
        rows.sort(key=lambda row: not row.fixed)
        self._rows = []  # the items have moved: all are filled again
        self.ordered.emit([row.id for row in rows if row.id])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scheduleDelayedItemsLayout()  # reasons wrap anew


def _row(item: QListWidgetItem) -> Row:
    return cast(Row, item.data(_ROW))


def _fill(item: QListWidgetItem, row: Row) -> None:
    item.setData(_ROW, row)
    item.setText(row.name)
    item.setToolTip(row.described)
    item.setData(Qt.ItemDataRole.AccessibleTextRole, row.described)
    flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
    item.setFlags(flags if row.fixed else flags | Qt.ItemFlag.ItemIsDragEnabled)


class _Lines(QStyledItemDelegate):
    """Paints icon, title and note, details, and below them why a run failed."""

    def __init__(self, view: QueueList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row = cast(Row, index.data(_ROW))
        width = self._view.viewport().width()
        height = 2 * S2 + _line(FONT_BASE) + _line(FONT_SMALL)
        if row.trouble:
            room = QRect(0, 0, max(1, width - _left() - S3), 10_000)
            metrics = QFontMetrics(font(FONT_SMALL))
            height += S1 + metrics.boundingRect(room, int(_WRAPPED), row.trouble).height()
        return QSize(width, height)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = cast(Row, index.data(_ROW))
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QRectF(box).adjusted(S1, 1, -S1, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(color("accent_soft"))
            painter.drawRoundedRect(ground, RADIUS, RADIUS)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(color("hover"))
            painter.drawRoundedRect(ground, RADIUS, RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ground.adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        self._write(painter, box, row)
        painter.restore()

    def _write(self, painter: QPainter, box: QRect, row: Row) -> None:
        first, second = _line(FONT_BASE), _line(FONT_SMALL)
        top, left = box.top() + S2, box.left() + _left()
        room = box.right() - left - S3
        icon = QRectF(box.left() + S3, top + (first - _ICON) / 2, _ICON, _ICON)
        paint_icon(painter, icon, row.icon, row.tone)
        used = self._words(painter, QRect(left, top, room, first), row.title, bold=True)
        if row.note and room - used > S3:
            place = QRect(left + used + S2, top, room - used - S2, first)
            self._words(painter, place, row.note, tone="accent")
        top += first
        self._words(painter, QRect(left, top, room, second), row.details, FONT_SMALL, "muted")
        if row.trouble:
            painter.setFont(font(FONT_SMALL))
            painter.setPen(color("warning"))
            rest = QRect(left, top + second + S1, room, box.bottom() - top - second - S1)
            painter.drawText(rest, int(_WRAPPED), row.trouble)

    @staticmethod
    def _words(
        painter: QPainter,
        place: QRect,
        words: str,
        size: int = FONT_BASE,
        tone: str = "text",
        bold: bool = False,
    ) -> int:
        """Write in one line, and return the pixels that it took."""
        painter.setFont(font(size, bold=bold, tabular=True))
        painter.setPen(color(tone))
        metrics = painter.fontMetrics()
        shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        return metrics.horizontalAdvance(shown)


def _left() -> int:
    return S3 + _ICON + S2


def _line(size: int) -> int:
    return px(size + 6)
