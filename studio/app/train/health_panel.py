"""What is wrong with the run, by its own numbers: the finding, the evidence, what would mend it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.app.canvas import texts
from studio.app.theme.icons import IconLabel
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3
from studio.app.train import remedy
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.analysis import analyze
from studio.project.problems import Fix
from studio.project.values import Project
from studio.runs.makeup import Makeup, makeup

if TYPE_CHECKING:
    from studio.runs.health import Finding, Vitals  # brings numpy

EVERY_SECONDS = 1.0
MOST_POINTS = 4_000
"""Of the loss: a longer curve is thinned, for a look must take a millisecond."""
ROWS = 500
"""Of the gradients."""


class HealthPanel(QFrame):
    """Hidden while nothing is found. The first finding is shown, the others behind a button.

    What was mended from here stays as a line that is ticked off, until another run is shown.
    """

    node_wanted = Signal(str)

    def __init__(
        self, workspace: Workspace, controller: TrainingController, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._found: tuple[Finding, ...] = ()
        self._findings: tuple[Finding, ...] = ()
        self._mended: dict[str, Finding] = {}
        self._folder: Path | None = None
        self._drawn: tuple[object, ...] = ()
        self._looked = 0.0
        self._kinds: dict[str, tuple[int, bool]] = {}
        self._batch_norm = False
        self._makeup: Makeup | None = None
        self._rows: list[QWidget] = []
        self._ticks: list[QWidget] = []
        set_role(self, "card")
        self.setAccessibleName("Health of the run")
        self.more = QPushButton(self)
        self.more.setCheckable(True)
        self.more.setAccessibleName("More findings")
        set_role(self.more, "link")
        self.more.toggled.connect(self._show)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(S3, S2, S3, S2)
        self._column.setSpacing(S2)
        self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignRight)
        self.hide()
        controller.telemetry_advanced.connect(self._look_now_and_then)
        controller.epoch_done.connect(self.look)
        controller.started_changed.connect(self._begin)
        controller.state_changed.connect(self._arrange)
        workspace.changed.connect(self._arrange)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is found and not mended from here."""
        return self._findings

    @Slot()
    def _begin(self) -> None:
        """Another run: what was found of the one before is of no interest. One that comes back
        is examined again."""
        project, run = self._controller.project, self._controller.run
        folder = run.folder if run is not None else None
        if folder != self._folder:
            self._folder = folder
            self._mended.clear()
        known = analyze(project.network) if project is not None else None
        self._makeup = makeup(known) if known is not None else None
        rows = known.layers if known is not None else ()
        self._kinds = {
            row.name: (row.parameters, row.kind in ("convolution", "linear")) for row in rows
        }
        self._batch_norm = any(row.kind == "batch_norm" for row in rows)
        self._found = ()
        self._arrange()
        if self._controller.telemetry is not None:
            self.look()

    @Slot()
    def _look_now_and_then(self) -> None:
        if time.monotonic() - self._looked >= EVERY_SECONDS:
            self.look()

    @Slot()
    def look(self, _: object = None) -> None:
        """Examine the run as it is now."""
        from studio.runs.health import examine

        self._looked = time.monotonic()
        vitals = self._vitals()
        if vitals is not None:
            self._found = examine(vitals)
            self._arrange()

    def _standing(self, fix: Fix) -> remedy.Standing:
        run = self._controller.project
        return remedy.standing(fix, run or Project(), self._workspace.project)

    def _ticked(self) -> list[Finding]:
        """What was mended from here, and was not taken back."""
        return [f for f in self._mended.values() if f.remedy and self._standing(f.remedy) == "held"]

    @Slot()
    def _arrange(self, _: object = None) -> None:
        """Show what is found, and what of it the project, which may have changed, has by now."""
        if not (self._found or self._mended or self._drawn):
            return
        ticked = self._ticked()
        done = [finding.remedy for finding in ticked]
        self._findings = tuple(f for f in self._found if f.remedy is None or f.remedy not in done)
        drawn = (
            *(self._look_of(finding) for finding in self._findings),
            *(self._done(finding) for finding in ticked),
        )
        if drawn == self._drawn and len(self._rows) == self._wanted(self._findings):
            self._refresh_evidence()
            return
        self._drawn = drawn
        self._show()

    def _vitals(self) -> Vitals | None:
        from studio.runs.health import Vitals

        controller = self._controller
        telemetry, started, project = controller.telemetry, controller.started, controller.project
        if telemetry is None or started is None or project is None:
            return None
        loss = telemetry.loss.values
        stride = -(-len(loss) // MOST_POINTS) or 1
        learning = [
            (at, name) for at, name in enumerate(telemetry.layers)
            if self._kinds.get(name, (0, False))[1]
        ]  # fmt: skip
        return Vitals(
            project,
            loss[::stride],
            telemetry.gradients.rows[-ROWS:, [at for at, _ in learning]],
            tuple(name for _, name in learning),
            tuple(self._kinds[name][0] for _, name in learning),
            tuple(controller.epochs),
            controller.probes,
            max(1, started.steps_per_epoch // stride),
            started.mean,
            started.deviation,
            started.class_counts,
            waiting=_usual([probe.waiting for probe in controller.probes]),
            batch_norm=self._batch_norm,
            makeup=self._makeup,
        )

    def _look_of(self, finding: Finding) -> tuple[object, ...]:
        """What a row shows, but for its evidence, whose numbers move."""
        fix = finding.remedy
        offer = (fix.text, self._standing(fix)) if fix is not None else None
        node = bool(finding.layers) and self._shows(finding)
        return finding.code, finding.title, finding.why, finding.layers, offer, node

    def _wanted(self, findings: Sequence[Finding]) -> int:
        return len(findings) if self.more.isChecked() else min(1, len(findings))

    def _refresh_evidence(self) -> None:
        """The numbers move while the findings stay."""
        for row, finding in zip(self._rows, self._findings, strict=False):
            label = row.findChild(QLabel, "evidence")
            if label is not None:
                label.setText(texts.sentence(finding.evidence, self._kinds))

    @Slot()
    def _show(self, _: bool = False) -> None:
        for row in (*self._rows, *self._ticks):
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        wanted = self._wanted(self._findings)
        self._rows = [self._row(finding) for finding in self._findings[:wanted]]
        self._ticks = [self._tick(self._done(finding)) for finding in self._ticked()]
        for at, row in enumerate((*self._rows, *self._ticks)):
            self._column.insertWidget(at, row)
            row.show()
        rest = len(self._findings) - 1
        self.more.setVisible(rest > 0)
        self.more.setText("Show fewer" if self.more.isChecked() else f"{rest} more")
        self.setVisible(bool(self._rows or self._ticks))

    def _done(self, finding: Finding) -> str:
        """What was mended, in a line."""
        assert finding.remedy is not None
        holds = "It holds for the next run" if self._controller.busy else "Train to try it"
        return f"{finding.title}. {finding.remedy.text}: done. {holds}."

    def _tick(self, text: str) -> QWidget:
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(S3)
        line.addWidget(IconLabel("check", 16, "good", row), 0, Qt.AlignmentFlag.AlignTop)
        label = QLabel(text, row)
        label.setWordWrap(True)
        label.setToolTip("The project was changed. Undo takes it back")
        set_role(label, "muted")
        line.addWidget(label, 1)
        row.setAccessibleName(text)
        return row

    def _row(self, finding: Finding) -> QWidget:
        row = QWidget(self)
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(S3)
        mark = IconLabel("warning", 16, "warning", row)
        line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(S1)
        title = QLabel(finding.title, row)
        set_role(title, "title")
        evidence = QLabel(texts.sentence(finding.evidence, self._kinds), row)
        evidence.setObjectName("evidence")
        evidence.setWordWrap(True)
        why = QLabel(finding.why, row)
        why.setWordWrap(True)
        set_role(why, "muted")
        for label in (title, evidence, why):
            words.addWidget(label)
        line.addLayout(words, 1)
        if finding.layers and self._shows(finding):
            self._add_button(line, f"Show {finding.layers[0].partition('.')[0]}",
                             "Select it on the canvas", lambda: self._go_to(finding))  # fmt: skip
        if (fix := finding.remedy) is not None:
            stands = self._standing(fix)
            if stands == "offered":
                self._add_button(line, fix.text, "Changes the project, for the next run. Undo "
                                 "takes it back", lambda: self._mend(finding))  # fmt: skip
            else:
                why_not = QLabel(remedy.WORDS[stands], row)
                why_not.setToolTip(f"What would mend it: {fix.text}")
                set_role(why_not, "muted")
                line.addWidget(why_not, 0, Qt.AlignmentFlag.AlignTop)
        row.setAccessibleName(f"{finding.title}. {finding.evidence}")
        return row

    @staticmethod
    def _add_button(line: QHBoxLayout, text: str, tip: str, do: object) -> None:
        button = QPushButton(text)
        set_role(button, "link")
        button.setToolTip(tip)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(do)
        line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)

    def _shows(self, finding: Finding) -> bool:
        """Whether the open project has the node in which the fault lies."""
        node = finding.layers[0].partition(".")[0]
        return any(each.name == node for each in self._workspace.project.network.nodes)

    def _go_to(self, finding: Finding) -> None:
        self.node_wanted.emit(finding.layers[0].partition(".")[0])

    def _mend(self, finding: Finding) -> None:
        """Change the project; the run under way keeps what it began with."""
        fix = finding.remedy
        assert fix is not None
        if self._standing(fix) != "offered":
            return
        if (around := self.parentWidget()) is not None:
            around.setFocus()  # the button that had it goes
        self._mended[finding.code] = finding
        self._workspace.apply(fix.text, lambda project: edits.mend(project, fix))


def _usual(shares: Sequence[float]) -> float:
    """The middle of the last looks, so that one slow moment is no finding."""
    return sorted(shares)[len(shares) // 2] if len(shares) >= 3 else 0.0
