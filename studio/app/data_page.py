"""The data page: where the images come from, what was read, how they are prepared."""

from __future__ import annotations

from pathlib import Path

import msgspec
from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.app.data_pictures import SPLITS, ClassBars, SampleGrid
from studio.app.data_settings import DataSettingsPanel
from studio.app.elided import ElidedLabel
from studio.app.empty_state import EmptyState
from studio.app.inspection import Inspection
from studio.app.theme.icons import IconLabel
from studio.app.theme.style import hairline, set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S2, S3, S4, S5, color, theme
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.values import Network, Project
from studio.runs.api import DataReport


class DataPage(QWidget):
    """Settings at the left, and what was read filling the rest. A dropped folder is taken."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        inspection: Inspection,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setAcceptDrops(True)
        self.inspection = inspection
        self._controller = controller
        self.panel = DataSettingsPanel(workspace, self)
        self.panel.read_again.connect(self.inspection.retry)
        self.empty = EmptyState(self)
        self.report = _ReportView(self)
        self.report.fix.clicked.connect(self._set_classes)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.report)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.panel)
        layout.addWidget(hairline(vertical=True))
        layout.addWidget(self._stack, 1)
        self._shown: DataReport | None = None
        self.inspection.changed.connect(self._show)
        workspace.changed.connect(self._show_fix)
        self._show()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_folder(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        folder = _dropped_folder(event)
        if folder is not None:
            self.panel.set_source(str(folder))

    def _show(self) -> None:
        inspection = self.inspection
        report = inspection.report
        if report is not self._shown:
            self._shown = report
            self.panel.show_report(report)
            if report is not None:
                self.report.show_report(report)
        self.report.set_reading(inspection.status == "reading")
        if report is not None and inspection.status in ("ready", "reading"):
            self._stack.setCurrentWidget(self.report)
        else:
            self._explain()
            self._stack.setCurrentWidget(self.empty)
        self._show_fix()

    def _explain(self) -> None:
        inspection = self.inspection
        if inspection.status == "no input":
            self.empty.say(
                "input",
                "The network has no input, so the size of the images is not known.",
                "Add an input node on the Build page; the images are read then.",
            )
        elif inspection.status == "waiting":
            self.empty.say("clock", "The engine is loading.", "The images are read in a moment.")
        elif inspection.status == "no engine":
            why = self._controller.obstacles(self._workspace.project)
            self.empty.say(
                "warning", "The images cannot be read without the engine.", why[0], tone="warning"
            )
        elif inspection.status == "failed":
            self.empty.say(
                "warning",
                inspection.message,
                inspection.advice,
                "Choose a folder",
                self.panel.choose_folder,
                tone="warning",
            )
        else:
            self.empty.say("clock", "Reading the images.")

    def _show_fix(self) -> None:
        report = self._shown
        have = self._workspace.analysis.classes
        if report is None or have is None or have == len(report.classes):
            self.report.show_fix("", "")
            return
        found = len(report.classes)
        self.report.show_fix(
            f"The data has {found:,} classes, but the network's output is set to {have:,}.",
            f"Set classes to {found:,}",
        )

    def _set_classes(self) -> None:
        if self._shown is None:
            return
        classes = len(self._shown.classes)

        def edit(project: Project) -> Project:
            network = with_classes(project.network, classes)
            return msgspec.structs.replace(project, network=network)

        self._workspace.apply(f"Set classes to {classes:,}", edit)


def with_classes(network: Network, classes: int) -> Network:
    """``network`` with its output set to ``classes``; a head that follows the output follows."""
    for node in network.nodes:
        if node.kind == "output":
            network = edits.set_setting(network, node.name, "classes", classes)
    return network


class _ReportView(QScrollArea):
    """What was read: totals, warnings, classes and samples."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        self.setWidget(inner)
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(S5, S4, S5, S5)
        layout.setSpacing(S3)

        head = QHBoxLayout()
        self.title = QLabel()
        set_role(self.title, "headline")
        self._reading = QLabel("Reading …")
        set_role(self._reading, "muted")
        head.addWidget(self.title)
        head.addSpacing(S3)
        head.addWidget(self._reading, 0, Qt.AlignmentFlag.AlignBottom)
        head.addStretch(1)
        layout.addLayout(head)
        self.totals = QLabel()
        self.totals.setWordWrap(True)
        set_role(self.totals, "muted")
        layout.addWidget(self.totals)

        self._fix_row, self._fix_text = _notice()
        self.fix = QPushButton()
        set_role(self.fix, "primary")
        row = self._fix_row.layout()
        assert row is not None
        row.addWidget(self.fix)
        layout.addWidget(self._fix_row)
        self._warning_row, self._warnings = _notice()
        layout.addWidget(self._warning_row)

        card, body, self._class_count = _card("Classes")
        self._legend = _Legend()
        body.addWidget(self._legend)
        self.bars = ClassBars()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.bars)
        self._bars_scroll = scroll
        sized(scroll, _fit_bars)
        body.addWidget(scroll)
        layout.addWidget(card)

        card, body, self._sample_note = _card("Samples")
        self.grid = SampleGrid()
        body.addWidget(self.grid)
        layout.addWidget(card)
        layout.addStretch(1)
        self.bars.picked.connect(self._pick)
        self._report: DataReport | None = None

    def show_report(self, report: DataReport) -> None:
        """Show all of ``report``."""
        self._report = report
        self.title.setText(report.title)
        parts = [
            f"{sum(report.counts[key]):,} {word}" for key, word, _ in SPLITS if key in report.counts
        ]
        total = sum(sum(counts) for counts in report.counts.values())
        self.totals.setText(f"{total:,} images: {', '.join(parts)}")
        self._class_count.setText(f"{len(report.classes):,}")
        self._warnings.setText("\n".join(report.warnings))
        self._warning_row.setVisible(bool(report.warnings))
        self.bars.show_report(report)
        # Ten classes fit without scrolling; a thousand scroll inside their card.
        _fit_bars(self._bars_scroll)
        self.grid.show_report(report)
        self._pick(-1)

    def show_fix(self, sentence: str, button: str) -> None:
        """Offer to mend the class count; empty texts take the offer away."""
        self._fix_text.setText(sentence)
        self.fix.setText(button)
        self._fix_row.setVisible(bool(sentence))

    def set_reading(self, reading: bool) -> None:
        """Whether a newer report is under way."""
        self._reading.setVisible(reading)

    def _pick(self, index: int) -> None:
        self.grid.show_class(index)
        if self._report is None:
            return
        what = "all classes" if index < 0 else self._report.classes[index]
        shape = self._report.samples.shape
        size = f"{shape[3]}×{shape[1]}×{shape[2]}" if len(shape) == 4 else ""
        self._sample_note.setText(f"{self.grid.shown} of {what} · {size} as the network gets them")


def _fit_bars(scroll: QScrollArea) -> None:
    bars = scroll.widget()
    assert bars is not None
    scroll.setFixedHeight(min(bars.height(), px(264)))


class _Legend(QLabel):
    """Which color is which split."""

    def __init__(self) -> None:
        super().__init__()
        theme().scheme_changed.connect(self._write)
        self._write()

    def _write(self) -> None:
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setText(
            "&nbsp;&nbsp;&nbsp;".join(
                f'<span style="color:{color(tone).name()}">■</span> {word}'
                for _, word, tone in SPLITS
            )
        )


def _card(title: str) -> tuple[QFrame, QVBoxLayout, QLabel]:
    """A card with its title and a quiet note at the right of it."""
    frame = QFrame()
    set_role(frame, "card")
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(S4, S3, S4, S4)
    layout.setSpacing(S2)
    head = QHBoxLayout()
    name = QLabel(title)
    set_role(name, "title")
    note = ElidedLabel()
    note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    set_role(note, "muted")
    head.addWidget(name)
    head.addWidget(note, 1)
    layout.addLayout(head)
    return frame, layout, note


def _notice() -> tuple[QFrame, QLabel]:
    """A card that says what to look at."""
    frame = QFrame()
    set_role(frame, "card")
    layout = QHBoxLayout(frame)
    layout.setContentsMargins(S4, S2, S3, S2)
    layout.setSpacing(S3)
    icon = IconLabel("warning", 18, "warning")
    text = QLabel()
    text.setWordWrap(True)
    layout.addWidget(icon, 0, Qt.AlignmentFlag.AlignVCenter)
    layout.addWidget(text, 1)
    frame.hide()
    return frame, text


def _dropped_folder(event: QDropEvent) -> Path | None:
    for url in event.mimeData().urls():
        folder = Path(url.toLocalFile())
        # A run folder is for the window, which shows the run.
        if url.isLocalFile() and folder.is_dir() and not (folder / "run.json").is_file():
            return folder
    return None
