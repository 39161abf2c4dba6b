"""The rows of the cost view: what each layer, or each node of the canvas, gives and costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from studio.app.canvas import texts
from studio.app.theme.tokens import color
from studio.project import registry
from studio.project.analysis import Analysis
from studio.project.layer_rows import LayerRow

By = Literal["layer", "node"]
Index = QModelIndex | QPersistentModelIndex

BLOCK, SHARE = 2, 7
"""The columns of a layer's block, and of the bar."""
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Column:
    """``key`` orders the rows, ``text`` is shown, ``exact`` said on hover and copied."""

    title: str
    help: str
    key: Callable[[LayerRow], Any]
    text: Callable[[LayerRow], str]
    exact: Callable[[LayerRow], str]
    number: bool = True


def _title(row: LayerRow) -> str:
    kind = registry.lookup(row.kind)
    return kind.title if kind is not None else row.kind


def _plain(title: str, help: str, text: Callable[[LayerRow], str]) -> Column:
    return Column(title, help, lambda row: text(row).lower(), text, text, number=False)


def _count(title: str, help: str, of: Callable[[LayerRow], int]) -> Column:
    return Column(title, help, of, lambda row: texts.count(of(row)), lambda row: f"{of(row):,}")


COLUMNS = (
    _plain("Name", "The first part of its parameters' names", lambda row: row.name),
    _plain("Kind", "What it is", _title),
    _plain("Block", "The node of the canvas that it lies in", lambda row: row.block or ""),
    Column(
        "Output",
        "Channels × height × width, or the length of a vector; ordered by the number of values",
        lambda row: _size(row.output),
        lambda row: texts.shape(row.output),
        lambda row: f"{texts.shape(row.output)}: {_size(row.output):,} values",
    ),
    _count("Parameters", "Trainable values", lambda row: row.parameters),
    _count("Multiply-adds", "Multiplications with addition for one image", lambda row: row.macs),
    Column(
        "Sees",
        "Receptive field: the part of the input image that one output position sees, in pixels",
        lambda row: row.receptive_field[0] * row.receptive_field[1],
        lambda row: "{} × {}".format(*row.receptive_field),
        lambda row: "{:,} × {:,} px of the input".format(*row.receptive_field),
    ),
    # Of the share only the order is known to a row; the model, which has the sum, does the rest.
    _count("Share of cost", "Its part of the network's multiply-adds", lambda row: row.macs),
    Column(
        "Keeps",
        "Activations that are kept for the backward pass, for one image in float32",
        lambda row: row.kept,
        lambda row: texts.size(row.kept) if row.kept else "–",
        lambda row: f"{row.kept:,} bytes for one image",
    ),
)


def _size(shape: Sequence[int]) -> int:
    values = 1
    for length in shape:
        values *= length
    return values


class CostModel(QAbstractTableModel):
    """Rows of an analysis, filtered and in some order; the forward order at first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: Sequence[LayerRow] = ()
        self.rows: list[LayerRow] = []
        """Those that are shown, in their order."""
        self._macs = 0
        self._by: By = "layer"
        self._words: tuple[str, ...] = ()
        self._order: tuple[int, bool] = (-1, False)
        self._largest = 0

    # What is shown ------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many rows there are without the filter."""
        return len(self._all)

    def show_analysis(self, analysis: Analysis) -> bool:
        """Follow a network; whether the same rows stand in the same places."""
        self._all = analysis.layers if self._by == "layer" else analysis.node_rows
        self._macs = analysis.macs
        self._largest = max((row.macs for row in self._all), default=0)
        return self._arrange()

    def set_by(self, by: By, analysis: Analysis) -> None:
        """One row a layer, or one a node of the canvas."""
        self._by = by
        self.show_analysis(analysis)

    def set_filter(self, text: str) -> None:
        """Show the rows in whose name, kind or block every word of ``text`` occurs."""
        self._words = tuple(text.lower().split())
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order by a column; by none (-1) the rows stand as the images pass through them."""
        self._order = column, order == Qt.SortOrder.DescendingOrder
        self._arrange()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def _arrange(self) -> bool:
        rows = list(self._all)
        if self._words:
            rows = [row for row in rows if self._matches(row)]
        column, falling = self._order
        if column >= 0:
            rows.sort(key=COLUMNS[column].key, reverse=falling)
        same = len(rows) == len(self.rows) and all(
            new.name == old.name for new, old in zip(rows, self.rows, strict=True)
        )
        if same:
            # Selection and place in the list stay, and only what is in view is asked for.
            self.rows = rows
            if rows:
                last = self.index(len(rows) - 1, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
        else:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
        return same

    def _matches(self, row: LayerRow) -> bool:
        text = f"{row.name} {_title(row)} {row.block or ''}".lower()
        return all(word in text for word in self._words)

    def share(self, row: LayerRow) -> float:
        """The row's part of the network's multiply-adds, 0..1."""
        return row.macs / self._macs if self._macs else 0.0

    def part_of_largest(self, row: LayerRow) -> float:
        """The row's multiply-adds beside the most that a row has, 0..1."""
        return row.macs / self._largest if self._largest else 0.0

    def nodes_at(self, places: Iterable[int]) -> list[str]:
        """The nodes of the canvas that the rows in these places are, or lie in."""
        return list(dict.fromkeys(self.rows[place].node for place in places))

    def as_text(self, places: Iterable[int]) -> str:
        """Rows with a head, cells parted by tabs, numbers without separators."""
        lines = ["\t".join(column.title for column in COLUMNS)]
        for row in (self.rows[place] for place in places):
            height, width = row.receptive_field
            cells = (row.name, _title(row), row.block or "", "x".join(map(str, row.output)),
                     str(row.parameters), str(row.macs), f"{height}x{width}",
                     f"{self.share(row):.6f}", str(row.kept))  # fmt: skip
            lines.append("\t".join(cells))
        return "\n".join(lines) + "\n"

    # Qt's part ----------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._share(row, 0) if index.column() == SHARE else column.text(row)
            case Qt.ItemDataRole.ToolTipRole:
                return self._share(row, 3) if index.column() == SHARE else column.exact(row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if column.number else _LEFT
            case Qt.ItemDataRole.ForegroundRole:
                return color("text" if index.column() not in (1, 2) else "muted")
        return None

    def _share(self, row: LayerRow, digits: int) -> str:
        share = self.share(row)
        if digits == 0 and 0 < share < 0.005:
            return "<1 %"
        return f"{share:.{digits}%}".replace("%", " %") if share or digits else "–"

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                column, falling = self._order
                arrow = "" if section != column else " ▾" if falling else " ▴"
                return COLUMNS[section].title + arrow
            case Qt.ItemDataRole.ToolTipRole:
                return f"{COLUMNS[section].help}. Press to order by it."
            case Qt.ItemDataRole.TextAlignmentRole:
                return _RIGHT if COLUMNS[section].number else _LEFT
        return None
