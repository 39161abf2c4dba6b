"""The sheet of keyboard shortcuts (F1 or "?"): everything the keyboard can do, in one place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2, S4, S5, S6

Section = tuple[str, Sequence[tuple[str, str]]]

SECTIONS: tuple[Section, ...] = (
    (
        "Everywhere",
        (
            ("Ctrl+1, Ctrl+2, Ctrl+3, Ctrl+4", "Build, Data, Train, Runs"),
            ("Ctrl+R", "Train, pause or go on"),
            ("Ctrl+Shift+R", "Queue: train it after what waits"),
            ("Ctrl+N", "New: quick start, template, my images"),
            ("Ctrl+O", "Open a project"),
            ("Ctrl+S", "Save"),
            ("Ctrl+Shift+S", "Save under another name"),
            ("Ctrl+Z", "Undo"),
            ("Ctrl+Shift+Z", "Redo"),
            ("Ctrl+E", "Export the model"),
            ("Ctrl+Shift+PgUp, Ctrl+Shift+PgDown", "Larger, smaller text"),
            ("F10", "Menu"),
            ("F1, ?", "This sheet"),
            ("Ctrl+Q", "Quit"),
        ),
    ),
    (
        "Fields",
        (
            ("↑  ↓", "One step up or down"),
            ("Page Up  Page Down", "Ten steps up or down"),
            ("Drag the label", "Step the number"),
            ("Wheel", "Step the field that has the focus"),
            ("64*2, *2, +=8", "Calculate; change what is there"),
            ("Esc", "Take the edit back"),
            ("Tab", "Next field"),
        ),
    ),
)


class ShortcutSheet(QDialog):
    """Not modal: it may stay open beside the work. Pages add sections of their own."""

    def __init__(self, sections: Sequence[Section], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        set_role(self, "panel")
        screen = self.screen().availableGeometry().size() - QSize(S6, 2 * S6)
        body = _columns(sections, 2)
        if body.sizeHint().width() > screen.width():
            body = _columns(sections, 1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setWidget(body)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        bar = scroll.verticalScrollBar().sizeHint().width()
        self.resize((body.sizeHint() + QSize(bar, 2)).boundedTo(screen))


def _columns(sections: Sequence[Section], count: int) -> QWidget:
    """The sections in ``count`` columns; each goes where there is more room."""
    body = QWidget()
    set_role(body, "panel")
    whole = QHBoxLayout(body)
    whole.setContentsMargins(S5, S5, S5, S5)
    whole.setSpacing(S6 + S4)
    columns = [QVBoxLayout() for _ in range(count)]
    for column in columns:
        column.setSpacing(S2)  # else it is that between the columns
    filled = [0] * count
    for title, keys in sections:
        shorter = filled.index(min(filled))
        column = columns[shorter]
        if filled[shorter]:
            column.addSpacing(S5)
        filled[shorter] += len(keys) + 2
        heading = QLabel(title)
        heading.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        set_role(heading, "title")
        column.addWidget(heading)
        grid = QGridLayout()
        grid.setHorizontalSpacing(S4)
        grid.setVerticalSpacing(S2)
        for row, (combination, does) in enumerate(keys):
            what = QLabel(does)
            set_role(what, "muted")
            grid.addWidget(QLabel(_native(combination)), row, 0)
            grid.addWidget(what, row, 1)
        column.addLayout(grid)
    for column in columns:
        column.addStretch(1)
        whole.addLayout(column)
    return body


def _native(combination: str) -> str:
    """The combination with the platform's own names for the keys (⌘ on a Mac)."""
    sequence = QKeySequence(combination)
    known = sequence.toString(QKeySequence.SequenceFormat.PortableText) == combination
    return sequence.toString(QKeySequence.SequenceFormat.NativeText) if known else combination
