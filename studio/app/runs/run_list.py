"""The list of runs: a row for each, painted, so that hundreds cost as little as three."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.app.theme.icons import paint_icon
from studio.app.theme.style import focus_pen
from studio.app.theme.text_size import px, text_size
from studio.app.theme.tokens import FONT_BASE, FONT_SMALL, RADIUS, S1, S2, S3, color, font, theme
from studio.app.train.run_words import STANDINGS, begun, device, of_all, parent, percent
from studio.runs.catalog import Entry

Index = QModelIndex | QPersistentModelIndex
ENTRY = Qt.ItemDataRole.UserRole
_ICON = 16
_NAMES = Qt.TextElideMode.ElideMiddle
"""Names of runs differ at their ends, in the time."""
_LINES = (18, 16, 16)
"""Heights of a row's lines: title, what came of it, and what a branch began from."""


class RunModel(QAbstractListModel):
    """The runs whose words hold all that is sought."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[Entry, ...] = ()
        self._shown: tuple[Entry, ...] = ()
        self._sought: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[Entry, ...]:
        """What is in the list, from top to bottom."""
        return self._shown

    def set_entries(self, entries: tuple[Entry, ...]) -> None:
        """Show these. Where only what is known of them has changed, rows keep their places."""
        self._all = entries
        self._fill()

    def seek(self, text: str) -> None:
        """Show only the runs with all of these words in their title, state, device or parent."""
        self._sought = tuple(text.lower().split())
        self._fill()

    def row_of(self, folder: Path | None) -> int:
        """The row of the run in ``folder``, -1 where it is not shown."""
        folders = [entry.folder for entry in self._shown]
        return folders.index(folder) if folder in folders else -1

    def _fill(self) -> None:
        shown = tuple(e for e in self._all if all(word in _words(e) for word in self._sought))
        if [entry.folder for entry in shown] != [entry.folder for entry in self._shown]:
            self.beginResetModel()
            self._shown = shown
            self.endResetModel()
            return
        before, self._shown = self._shown, shown
        for row, (was, entry) in enumerate(zip(before, shown, strict=True)):
            if was != entry:
                self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not 0 <= index.row() < len(self._shown):
            return None
        entry = self._shown[index.row()]
        match role:
            case Qt.ItemDataRole.UserRole:
                return entry
            case Qt.ItemDataRole.DisplayRole:
                return entry.info.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(part for part in (entry.info.title, *lines(entry)) if part)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{lines(entry)[1]}\n{entry.folder}"
        return None


def lines(entry: Entry) -> tuple[str, str, str]:
    """The accuracy, what came of the run, and what it began from."""
    info = entry.info
    accuracy = percent(info.best_accuracy) if info.best_epoch else ""
    word = "" if entry.standing == "completed" else STANDINGS[entry.standing][0]
    epochs = of_all(info.epochs_done, info.epochs) if info.epochs else ""
    what = " · ".join(part for part in (word, epochs, begun(info), device(info)) if part)
    return accuracy, what, parent(info)


def _words(entry: Entry) -> str:
    info = entry.info
    state = STANDINGS[entry.standing][0]
    return f"{info.title} {state} {device(info)} {info.machine} {parent(info)}".lower()


class RunList(QListView):
    """``chosen`` is sent with the entry that the user goes to, and ``opened`` on a double click or
    Enter."""

    chosen = Signal(object)
    opened = Signal(object)

    def __init__(self, widget: QWidget | None = None) -> None:
        super().__init__(widget)
        self.runs = RunModel(self)
        self.setModel(self.runs)
        self.setItemDelegate(_RowDelegate(self))
        self.setAccessibleName("Runs")
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setStyleSheet("QListView { border: none; }")
        self._folder: Path | None = None
        self._quiet = False
        self.selectionModel().currentChanged.connect(self._tell)
        self.runs.modelReset.connect(self._choose_again)
        self.activated.connect(lambda index: self.opened.emit(index.data(ENTRY)))
        theme().scheme_changed.connect(self.viewport().update)
        text_size().changed.connect(self.scheduleDelayedItemsLayout)

    def choose(self, folder: Path) -> bool:
        """Go to the run in ``folder``; whether it is there."""
        row = self.runs.row_of(folder)
        if row >= 0:
            index = self.runs.index(row)
            if index == self.currentIndex():
                self._tell(index)  # it was gone and is back: no other one was gone to meanwhile
            else:
                self.setCurrentIndex(index)
            self.scrollTo(index)
        return row >= 0

    def _tell(self, index: QModelIndex) -> None:
        entry = index.data(ENTRY)
        if isinstance(entry, Entry) and not self._quiet:
            self._folder = entry.folder
            self.chosen.emit(entry)

    def _choose_again(self) -> None:
        """Rows came or went: what was chosen stays so, without being told again."""
        row = self.runs.row_of(self._folder)
        if row < 0:
            return
        self._quiet = True
        select = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.selectionModel().setCurrentIndex(self.runs.index(row), select)
        self._quiet = False


class _RowDelegate(QStyledItemDelegate):
    """Paints a run: state by shape and color, title and accuracy, then the rest in small."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        entry = index.data(ENTRY)
        count = 3 if isinstance(entry, Entry) and entry.info.parent else 2
        return QSize(100, sum(px(line) for line in _LINES[:count]) + 2 * S2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry = index.data(ENTRY)
        if not isinstance(entry, Entry):
            return
        box: QRect = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ground(painter, box, state)
        _, icon, tint = STANDINGS[entry.standing]
        middle = box.top() + S2 + px(_LINES[0]) / 2
        paint_icon(painter, QRectF(box.left() + S3, middle - _ICON / 2, _ICON, _ICON), icon, tint)
        accuracy, *rest = lines(entry)
        left, top = box.left() + S3 + _ICON + S2, box.top() + S2
        room = box.right() - S3 - left
        bold = font(FONT_BASE, bold=True, tabular=True)
        used = QFontMetrics(bold).horizontalAdvance(accuracy) + S2 if accuracy else 0
        right = QRect(left, top, room, px(_LINES[0]))
        painter.setFont(bold)
        painter.setPen(color("text"))
        align = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(right, align | Qt.AlignmentFlag.AlignRight, accuracy)
        self._line(painter, QRect(left, top, room - used, px(_LINES[0])), entry.info.title, _NAMES)
        painter.setFont(font(FONT_SMALL, tabular=True))
        painter.setPen(color("muted"))
        for text, above, height in zip(rest, _LINES, _LINES[1:], strict=False):
            top += px(above)
            if text:
                cut = _NAMES if text == rest[-1] else Qt.TextElideMode.ElideRight
                self._line(painter, QRect(left, top, room, px(height)), text, cut)
        painter.restore()

    @staticmethod
    def _paint_ground(painter: QPainter, box: QRect, state: QStyle.StateFlag) -> None:
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        over = bool(state & QStyle.StateFlag.State_MouseOver)
        focused = bool(state & QStyle.StateFlag.State_HasFocus)
        inner = QRectF(box).adjusted(S1, 1, -S1, -1)
        painter.setPen(focus_pen() if focused else Qt.PenStyle.NoPen)
        painter.setBrush(color("accent_soft" if chosen else "hover" if over else "panel"))
        if chosen or over or focused:
            painter.drawRoundedRect(inner, RADIUS, RADIUS)
        if chosen:
            # A bar at the edge: the run that is shown can be told without color.
            painter.fillRect(QRectF(inner.left(), inner.top() + S2, 3, inner.height() - 2 * S2),
                             color("accent"))  # fmt: skip

    @staticmethod
    def _line(
        painter: QPainter,
        box: QRect,
        text: str,
        cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        elided = painter.fontMetrics().elidedText(text, cut, box.width())
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, elided)
