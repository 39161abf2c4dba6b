"""The table of the cost view: whole rows, their order chosen at the head, a bar for the share."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from studio.app.build.cost_model import CostModel, Index
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, color

LINE = 24
"""Height of a row."""
BAR = 48
"""Pixels of the longest bar."""


class CostTable(QTableView):
    """Whole rows, quick at thousands of them. A third press on a head restores forward order."""

    copied = Signal()
    left = Signal()
    sort_changed = Signal(int, Qt.SortOrder)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setAccessibleName("Layers and what they cost")
        # The head's arrow is a part of its text, where it covers none.
        self.setStyleSheet(
            "QTableView { border: none; border-radius: 0; }"
            f"QTableView::item {{ padding: 0 {S2 - 3}px; }}"  # and the 3 px of Qt's own
            f"QHeaderView::section {{ padding: {S1}px {S2}px; }}"
            "QHeaderView::up-arrow, QHeaderView::down-arrow { image: none; width: 0; height: 0; }"
        )
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        sized(self, lambda w: w.verticalHeader().setDefaultSectionSize(px(LINE)))
        head = self.horizontalHeader()
        head.setHighlightSections(False)
        sized(head, lambda w: w.setFixedHeight(px(LINE) + S1))
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setSortIndicatorClearable(True)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        head.sortIndicatorChanged.connect(self.sort_changed)

    def event(self, event: QEvent) -> bool:
        # The window's own Copy is the canvas's; here it means rows.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.matches(QKeySequence.StandardKey.Copy)
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copied.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class ShareBar(QStyledItemDelegate):
    """A thin bar before the number, as long as its share beside the largest."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        model = index.model()
        assert isinstance(model, CostModel)
        share = model.part_of_largest(model.rows[index.row()])
        rect = option.rect
        bar = QRectF(rect.left() + S2, rect.center().y() - 1, BAR, 4)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("track"))
        painter.drawRoundedRect(bar, 2, 2)
        if share > 0:
            bar.setWidth(max(2.0, BAR * share))
            painter.setBrush(color("accent"))
            painter.drawRoundedRect(bar, 2, 2)
        painter.restore()
