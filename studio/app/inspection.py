"""Keeps the report on the project's data up to date, reading on a background thread."""

from __future__ import annotations

from typing import Literal

import msgspec
from PySide6.QtCore import QObject, QTimer, Signal

from studio.app.background import Background, Job
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project.fit import fit_problems
from studio.project.problems import Problem
from studio.project.values import DataSettings
from studio.runs.api import DataReport

Status = Literal["no input", "waiting", "no engine", "reading", "ready", "failed"]

_DELAY_MILLISECONDS = 250
"""How long the settings must rest before a folder is read: nobody reads at each keystroke."""


class Inspection(QObject):
    """What is known of the data. ``changed`` is sent whenever ``status`` or ``report`` changes.

    The last good report stays while another is read, so that the page does not blink.
    """

    changed = Signal()

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._background = background
        self._job: Job[DataReport] | None = None
        self._known: tuple[DataSettings, tuple[int, int, int]] | None = None
        self.status: Status = "waiting"
        self.report: DataReport | None = None
        self.message = ""
        self.advice = ""
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_DELAY_MILLISECONDS)
        self._rest.timeout.connect(self._look)
        self._last_source = workspace.project.data.source
        workspace.changed.connect(self._project_changed)
        controller.state_changed.connect(self._engine_changed)
        self._look()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the data, or with the project for this data; empty if not known."""
        if self._wanted() != self._known:
            return ()
        if self.status == "failed":
            return (Problem("", "data", f"{self.message} {self.advice}".strip()),)
        if self.status != "ready" or self.report is None:
            return ()
        images = sum(self.report.counts["train"])
        return fit_problems(self._workspace.project, len(self.report.classes), images)

    def retry(self) -> None:
        """Read again, though nothing in the project has changed: the folder may have."""
        self._known = None
        self._look()

    def _project_changed(self) -> None:
        source = self._workspace.project.data.source
        if source != self._last_source:
            # Another source is a deliberate choice, not typing: read it at once.
            self._last_source = source
            self.report = None
            self._look()
        elif self._wanted() != self._known:
            self._rest.start()

    def _engine_changed(self, state: str) -> None:
        known = self._controller.engine is not None or state == "unavailable"
        if known and self.status in ("waiting", "no engine"):
            self._look()

    def _wanted(self) -> tuple[DataSettings, tuple[int, int, int]] | None:
        shape = self._workspace.analysis.input_shape
        if shape is None:
            return None
        # Normalization is worked out from the report, so it asks for no new reading.
        data = msgspec.structs.replace(self._workspace.project.data, normalization="none")
        return data, shape

    def _look(self) -> None:
        self._rest.stop()
        wanted = self._wanted()
        engine = self._controller.engine
        if wanted is None:
            self._forget_job()
            self._known = None
            self._enter("no input")
        elif engine is None:
            self._enter("no engine" if self._controller.state == "unavailable" else "waiting")
        elif wanted != self._known:
            self._forget_job()
            self._known = wanted
            data, shape = wanted
            self._job = self._background.run(
                lambda: engine.inspect(data, shape), self._done, self._failed
            )
            self._enter("reading")

    def _forget_job(self) -> None:
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _done(self, report: DataReport) -> None:
        self._job = None
        self.report = report
        self._enter("ready")

    def _failed(self, message: str, advice: str) -> None:
        self._job = None
        self.report = None
        self.message, self.advice = message, advice
        self._enter("failed")

    def _enter(self, status: Status) -> None:
        self.status = status
        self.changed.emit()
