"""The cost view: a table of layers below the canvas, with which it shares its selection."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QSettings,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.build.cost_model import BLOCK, SHARE, By, CostModel
from studio.app.build.cost_table import BAR, LINE, CostTable, ShareBar
from studio.app.canvas import texts
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S1, S2, S3, S4, font, theme
from studio.app.workspace import Workspace

HEIGHT = 220
_KEY = "build/cost_by"


class CostView(QWidget):
    """What each layer costs. Follows the workspace while it is shown, and not while folded."""

    node_wanted = Signal(str)
    """A node to bring into view on the canvas."""
    left = Signal()
    """Escape was pressed: the keyboard goes back to the canvas."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumHeight(3 * LINE + ROW + 3 * S2)
        self.setAccessibleName("Cost of the layers")
        self._workspace = workspace
        self._shown_for: object = None
        self._choosing = False
        self.model = CostModel(self)
        title = QLabel("Cost", self)
        set_role(title, "title")
        self.by = QComboBox(self)
        self.by.addItem("by layer", "layer")
        self.by.addItem("by block", "node")
        self.by.setAccessibleName("One row for each layer or block")
        self.by.setToolTip("One row for each layer, or for each node of the canvas")
        sized(self.by, lambda w: w.setFixedHeight(px(ROW)))
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Filter by name or kind")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(240)
        sized(self.search, lambda w: w.setFixedHeight(px(ROW)))
        self.search.setAccessibleName("Filter the rows")
        self.sums = QLabel(self)
        set_role(self.sums, "muted")
        sized(self.sums, lambda w: w.setFont(font(tabular=True)))
        self.copy = QToolButton(self)
        set_icon(self.copy, "copy", "muted")
        sized(self.copy, lambda w: w.setFixedSize(px(ROW), px(ROW)))
        self.copy.setAccessibleName("Copy the table")
        self.copy.setToolTip("Copy the selected rows, or all that are shown, for a spreadsheet")
        self.table = CostTable(self)
        self.table.setModel(self.model)
        self._arrange(title)
        sized(self.table, _dress)
        self.table.setItemDelegateForColumn(SHARE, ShareBar(self.table))
        self.table.copied.connect(self._copy)
        self.table.left.connect(self.left)
        self.table.sort_changed.connect(self._sort)
        self.table.selectionModel().selectionChanged.connect(self._chosen)
        self.search.textChanged.connect(self._filter)
        self.copy.clicked.connect(self._copy)
        by = str(QSettings().value(_KEY, "layer"))
        self.by.setCurrentIndex(max(0, self.by.findData(by)))
        self.by.activated.connect(self._set_by)
        self._show_by("node" if by == "node" else "layer")
        workspace.changed.connect(self._follow)
        workspace.selection_changed.connect(self._follow_selection)
        theme().scheme_changed.connect(self.table.viewport().update)

    def _arrange(self, title: QLabel) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(S4, S2, S2, S1)
        head.setSpacing(S2)
        head.addWidget(title)
        head.addSpacing(S1)
        head.addWidget(self.by)
        head.addWidget(self.search, 1)
        head.addSpacing(S2)
        head.addWidget(self.sums)
        head.addStretch(1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        rows = QHBoxLayout()
        rows.setContentsMargins(S2, 0, 0, 0)  # in line with the head
        rows.addWidget(self.table)
        column.addLayout(rows, 1)

    # Following ----------------------------------------------------------------------------------

    @Slot()
    def _follow(self) -> None:
        if self.isVisible() and self._workspace.analysis is not self._shown_for:
            self._shown_for = self._workspace.analysis
            if not self.model.show_analysis(self._workspace.analysis):
                self._follow_selection()
            self._show_sums()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._follow()
        self._follow_selection()
        self._show_sums()

    def _show_sums(self) -> None:
        rows = self.model.rows
        word = "layer" if self.by.currentData() == "layer" else "node"
        count = f"{len(rows):,} {word}{'s' if len(rows) != 1 else ''}"
        if len(rows) < self.model.total:
            count = f"{len(rows):,} of {self.model.total:,} {word}s"
        macs = sum(row.macs for row in rows)
        share = sum(self.model.share(row) for row in rows)
        self.sums.setText(
            f"{count} · {texts.count(sum(row.parameters for row in rows))} parameters · "
            f"{texts.count(macs)} multiply-adds"
            + (f" ({share:.0%})".replace("%", " %") if len(rows) < self.model.total else "")
        )

    @Slot()
    def _follow_selection(self) -> None:
        """Select the rows of the selected nodes, unless it was they that selected them."""
        if self._choosing or not self.isVisible():
            return
        path = self._workspace.level.path
        # Inside a block its own rows are marked: the table is that of the whole network.
        wanted = set(path[:1] or self._workspace.selection)
        chosen = QItemSelection()
        first = start = -1
        rows = self.model.rows
        for place in range(len(rows) + 1):
            inside = bool(wanted) and place < len(rows) and rows[place].node in wanted
            if inside and start < 0:
                start = place
                first = place if first < 0 else first
            elif not inside and start >= 0:
                chosen.select(self.model.index(start, 0), self.model.index(place - 1, SHARE))
                start = -1
        self._choosing = True
        flags = QItemSelectionModel.SelectionFlag
        self.table.selectionModel().select(chosen, flags.ClearAndSelect | flags.Rows)
        if first >= 0:
            self.table.scrollTo(self.model.index(first, 0))
        self._choosing = False

    @Slot()
    def _chosen(self) -> None:
        """Rows were selected: so are their nodes, and the last of them comes into view."""
        if self._choosing:
            return
        nodes = self.model.nodes_at(self._places())
        self._choosing = True
        self._workspace.select(nodes)
        self._choosing = False
        current = self.table.currentIndex()
        if nodes and current.isValid():
            node = self.model.rows[current.row()].node
            self.node_wanted.emit(node if node in nodes else nodes[-1])

    def _places(self) -> list[int]:
        return sorted(index.row() for index in self.table.selectionModel().selectedRows())

    # What the user does -------------------------------------------------------------------------

    @Slot()
    def _set_by(self) -> None:
        by: By = "node" if self.by.currentData() == "node" else "layer"
        QSettings().setValue(_KEY, by)
        self._quietly(lambda: self._show_by(by))

    def _show_by(self, by: By) -> None:
        self.model.set_by(by, self._workspace.analysis)
        self.table.setColumnHidden(BLOCK, by == "node")  # each row is its own

    @Slot(str)
    def _filter(self, text: str) -> None:
        self._quietly(lambda: self.model.set_filter(text))

    @Slot(int, Qt.SortOrder)
    def _sort(self, column: int, order: Qt.SortOrder) -> None:
        self._quietly(lambda: self.model.sort(column, order))

    def _quietly(self, change: Callable[[], object]) -> None:
        """Other rows, or another order: the selection is the workspace's, and stays."""
        self._choosing = True
        change()
        self._choosing = False
        self._follow_selection()
        self._show_sums()

    @Slot()
    def _copy(self) -> None:
        places = self._places() or range(len(self.model.rows))
        QGuiApplication.clipboard().setText(self.model.as_text(places))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.search.clear()
            self.left.emit()
        else:
            super().keyPressEvent(event)


def _dress(table: CostTable) -> None:
    """Widths from what the widest usual texts need; the name takes what is left."""
    table.setFont(font(tabular=True))
    metrics = QFontMetrics(table.font())
    samples = ("", "Adaptive pooling", "features12", "2,048 × 112 × 112", "Parameters ▾",
               "Multiply-adds ▾", "1,024 × 1,024", "", "1,000 MiB ▾")  # fmt: skip
    header = table.horizontalHeader()
    for column, sample in enumerate(samples):
        if sample:
            table.setColumnWidth(column, metrics.horizontalAdvance(sample) + 2 * S3)
    wide = BAR + metrics.horizontalAdvance("100 %") + S4 + S3
    table.setColumnWidth(SHARE, max(wide, metrics.horizontalAdvance("Share of cost ▾") + S4))
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    header.setMinimumSectionSize(48)
