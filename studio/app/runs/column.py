"""The left column of the runs page: what is sought, the list, and a way to other folders."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.app.runs.run_list import RunList
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px
from studio.app.theme.tokens import S2, S3
from studio.runs.catalog import Entry

WIDTH = 340
SHARE = 0.4
"""Of the page, at most."""


class RunColumn(QFrame):
    """``list`` shows the runs with the words in ``search``; ``other`` asks for a folder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all = 0
        set_role(self, "panel")
        self.setAccessibleName("Runs")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        title = QLabel("Runs")
        set_role(title, "title")
        self.count = QLabel()
        set_role(self.count, "small")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find by name, state or device")
        self.search.setAccessibleName("Find a run")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._seek)
        self.list = RunList(self)
        self.other = QPushButton("Open another run folder…")
        set_role(self.other, "link")
        self.other.setToolTip(
            "Show a run that lies elsewhere, on a shared disk for one: it is followed live while "
            "another process or machine trains it. A folder of runs adds all of them"
        )
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, S3, 0, S3)
        self._column.setSpacing(S2)
        head = _row()
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self.count)
        middle, below = _row(), _row()
        middle.addWidget(self.search)
        below.addWidget(self.other)
        below.addStretch(1)
        self._column.addLayout(head)
        self._column.addLayout(middle)
        self._column.addWidget(self.list, 1)
        self._column.addLayout(below)

    def take_share(self, width: int) -> None:
        """Take a part of so many pixels: with large texts the run beside needs its room."""
        self.setFixedWidth(min(px(WIDTH), round(SHARE * width)))

    def add_on_top(self, widget: QWidget) -> None:
        """Give ``widget`` the place above all that is here."""
        self._column.insertWidget(0, widget)

    def show_entries(self, entries: tuple[Entry, ...]) -> None:
        """List these, as far as they are sought."""
        self._all = len(entries)
        self.list.runs.set_entries(entries)
        self._show_count()

    def _seek(self, text: str) -> None:
        self.list.runs.seek(text)
        self._show_count()

    def _show_count(self) -> None:
        shown = len(self.list.runs.shown)
        self.count.setText(f"{shown:,} of {self._all:,}" if shown != self._all else f"{shown:,}")


def _row() -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(S3, 0, S3, 0)
    return row
