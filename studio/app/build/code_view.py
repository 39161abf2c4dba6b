"""The network as the Python source that an export would write, following canvas and selection."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import (
    QGuiApplication,
    QShowEvent,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.build.python_colors import PythonColors
from studio.app.canvas import texts
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import sized
from studio.app.theme.tokens import FONT_BASE, ROW, S2, S3, S4, color, fixed_font, theme
from studio.app.workspace import Workspace
from studio.project.source import Source, SourceError

WIDTH = 460
IMPORTS = """\
import torch
from torch import Tensor, nn
from torch.nn import functional as F
"""
_ORDERED = "from collections import OrderedDict\n\n"
_REST_MILLISECONDS = 120
"""How long an edit must rest: the source of a large network takes a tenth of a second."""


class CodeView(QWidget):
    """Read-only. Where the network has a problem, the last good source stays, greyed."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        self.setMinimumWidth(320)
        self._workspace = workspace
        self._source: Source | None = None
        self._head = 0
        self._written_for: object = None
        title = QLabel("Code", self)
        set_role(title, "title")
        self.note = QLabel(self)
        set_role(self.note, "muted")
        self.copy = QToolButton(self)
        set_icon(self.copy, "copy", "muted")
        self.copy.setFixedSize(ROW, ROW)
        self.copy.setAccessibleName("Copy the code")
        self.copy.setToolTip(
            "Copy the classes. Export as a Python file adds the weights, the preparation of "
            "images and a command line"
        )
        self.copy.clicked.connect(self._copy)
        self.problem = QLabel(self)
        self.problem.setWordWrap(True)
        set_role(self.problem, "warning")
        self.problem.hide()
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        sized(self.text, lambda w: w.setFont(fixed_font(FONT_BASE - 1)))
        self.text.setStyleSheet("QPlainTextEdit { border: none; border-radius: 0; }")
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName("The network as Python source")
        self._colors = PythonColors(self.text.document())
        head = QHBoxLayout()
        head.setContentsMargins(S4, S2, S2, 0)
        head.addWidget(title)
        head.addSpacing(S2)
        head.addWidget(self.note, 1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(S2)
        column.addLayout(head)
        notice = QHBoxLayout()
        notice.setContentsMargins(S4, 0, S3, 0)
        notice.addWidget(self.problem)
        column.addLayout(notice)
        column.addWidget(self.text, 1)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MILLISECONDS)
        self._rest.timeout.connect(self.write)
        workspace.changed.connect(self._changed)
        workspace.selection_changed.connect(self._mark)
        theme().scheme_changed.connect(self._repaint)

    @Slot()
    def _changed(self) -> None:
        if self.isVisible() and self._workspace.project.network is not self._written_for:
            self._rest.start()

    @Slot()
    def write(self) -> None:
        """Bring the text up to date with the network."""
        network = self._workspace.project.network
        self._written_for = network
        try:
            source = Source(network, self._workspace.title)
        except SourceError as error:
            sentence = texts.sentence(str(error), self._workspace.analysis.nodes)
            self.problem.setText(f"{sentence} The code is the last that was without one.")
            self.problem.show()
            self._repaint()
            return
        self.problem.hide()
        before, self._source = self._source, source
        imports = (_ORDERED if source.needs_ordered_dict else "") + IMPORTS + "\n\n"
        self._head = imports.count("\n")
        count = self._head + source.classes.count("\n")
        self.note.setText(f"{count:,} lines")
        if before is None or before.classes != source.classes:
            bar = self.text.verticalScrollBar()
            place = bar.value()
            self.text.setPlainText(imports + source.classes.rstrip("\n"))
            bar.setValue(place)
        self._repaint()

    @Slot()
    def _repaint(self) -> None:
        self._colors.set_faded(self.problem.isVisibleTo(self))
        self._mark()

    @Slot()
    def _mark(self) -> None:
        """Mark the lines of the selected nodes and, paler, the classes they are made of."""
        if self._source is None or not self.isVisible():
            return
        marks: list[QTextEdit.ExtraSelection] = []
        first: int | None = None
        for node in self._workspace.selection:
            for place in self._source.lines(node):
                marks += self._marks(place, 0.22)
                first = place.start if first is None else first
            if (used := definition(self._source, node)) is not None:
                marks = self._marks(used, 0.09) + marks
        self.text.setExtraSelections(marks)
        if first is not None:
            self._reveal(self._head + first)

    def _marks(self, place: range, strength: float) -> list[QTextEdit.ExtraSelection]:
        tint = color("accent")
        tint.setAlphaF(strength)
        found = []
        for line in place:
            block = self.text.document().findBlockByNumber(self._head + line)
            if block.isValid():
                mark = QTextEdit.ExtraSelection()
                mark.cursor = QTextCursor(block)
                mark.format.setBackground(tint)
                mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
                found.append(mark)
        return found

    def _reveal(self, line: int) -> None:
        """Scroll to a line, unless it is in view already."""
        bar = self.text.verticalScrollBar()
        shown = self.text.viewport().height() // max(1, self.text.fontMetrics().height())
        if not bar.value() <= line < bar.value() + shown - 1:
            bar.setValue(max(0, line - shown // 3))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText() + "\n")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._workspace.project.network is not self._written_for:
            self.write()
        else:
            self._mark()


def definition(source: Source, node: str) -> range | None:
    """The lines of the class that ``node`` is made of; None for a layer of torch's."""
    lines = source.classes.split("\n")
    for place in source.lines(node):
        for name in re.findall(r"\b([A-Z]\w*)\(", "\n".join(lines[line] for line in place)):
            starts = [n for n, line in enumerate(lines) if line.startswith(f"class {name}(")]
            if starts:
                later = (n for n in range(starts[0] + 1, len(lines)) if lines[n][:6] == "class ")
                return range(starts[0], next(later, len(lines)) - 2)
    return None
