"""The train page: the recipe at the left, the run and its plots filling the rest.

Importable without pyqtgraph, which takes 0.4 s: ``load_plots`` imports it on a thread after the
first window is shown, so that the window answers meanwhile.
"""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from studio.app.background import Background
from studio.app.canvas import texts
from studio.app.empty_state import EmptyState
from studio.app.theme.style import hairline, set_role
from studio.app.theme.tokens import S2
from studio.app.train import beginnings, remedy
from studio.app.train.controller import TrainingController
from studio.app.train.followed_bar import FollowedBar
from studio.app.train.health_panel import HealthPanel
from studio.app.train.recipe_column import RecipeColumn
from studio.app.train.status import RunStatus
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.problems import Fix
from studio.runs.api import Failed

if TYPE_CHECKING:
    from studio.app.train.dashboard import Dashboard

LOOK_MS = 20


class TrainPage(QWidget):
    """Recipe, status and dashboard. ``export_requested`` asks for the export of the last run."""

    export_requested = Signal()
    plots_loaded = Signal()
    node_wanted = Signal(str)
    """This node shall be shown on the canvas."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        parent: QWidget | None = None,
        background: Background | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self.dashboard: Dashboard | None = None
        self._loading: threading.Thread | None = None
        self._load_error = ""
        self.recipe = RecipeColumn(workspace, controller, self, background)
        self.status = RunStatus(controller, self)
        self.health = HealthPanel(workspace, controller, self)
        self.health.node_wanted.connect(self.node_wanted)
        self.status.export_requested.connect(self.export_requested)
        self.status.remedy_wanted.connect(self._mend_and_train)
        self.status.rescue_wanted.connect(self._rescue)
        self.empty = EmptyState(self)
        set_role(self.empty.button, "primary")
        self._run_side = QWidget(self)
        self._run_column = QVBoxLayout(self._run_side)
        self._run_column.setContentsMargins(S2 + 2, S2 + 2, S2 + 2, S2 + 2)
        self._run_column.setSpacing(S2 + 2)
        self.followed = FollowedBar(controller, workspace, self)
        self._run_column.addWidget(self.followed)
        self._run_column.addWidget(self.status)
        self._run_column.addWidget(self.health)
        self._waiting = QWidget(self._run_side)
        self._run_column.addWidget(self._waiting, 1)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._run_side)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.recipe)
        layout.addWidget(hairline(vertical=True))
        layout.addWidget(self._stack, 1)
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._build_when_loaded)
        workspace.changed.connect(self._show_side)
        controller.state_changed.connect(self._show_side)
        controller.started_changed.connect(self._show_side)
        self._show_side()

    def _broken_start(self) -> Failed | None:
        """Why the last run broke before its first step, of which there is nothing to plot."""
        result = self._controller.result
        if self._controller.started is None and isinstance(result, Failed):
            return result
        return None

    def load_plots(self) -> None:
        """Load pyqtgraph on a thread and build the plots when it is there; returns at once."""
        if self.dashboard is None and self._loading is None:
            self._loading = threading.Thread(target=self._load, name="plots loader")
            self._loading.start()
            self._look.start()

    def train(self) -> None:
        """Start a run of the project as it is."""
        self._controller.start(self._workspace.project, self._workspace.title)

    def _mend_and_train(self, fix: Fix) -> None:
        """Change the project as a failed run asks for, and try again. Where another network is
        open by now, that stays as it is, and the run's own project is tried."""
        run, workspace = self._controller.project, self._workspace
        if run is not None and remedy.standing(fix, run, workspace.project) == "foreign":
            folder = beginnings.new_folder(self._controller.runs_root, workspace.title)
            self._controller.start_in(folder, edits.mend(run, fix))
        elif workspace.apply(fix.text, lambda project: edits.mend(project, fix)):
            self.train()

    def _rescue(self, fix: Fix, checkpoint: Path) -> None:
        """Go on from ``checkpoint`` of a run that failed, mended, as a new run."""
        run, workspace = self._controller.project, self._workspace
        if run is None:
            return
        mended = edits.mend(run, fix)
        if not self._controller.start_from(checkpoint, mended, workspace.title):
            return
        if remedy.standing(fix, run, workspace.project) == "offered":
            workspace.apply(fix.text, lambda project: edits.mend(project, fix))

    def _load(self) -> None:
        try:
            importlib.import_module("studio.app.train.dashboard")
        except Exception as error:  # a broken installation, told in the window
            self._load_error = str(error)

    def _build_when_loaded(self) -> None:
        if self._loading is None or self._loading.is_alive():
            return
        self._loading.join()
        self._look.stop()
        if self._load_error:
            self.status.say(
                f"The plots cannot be shown: {self._load_error}. Training works without them. "
                "Install Training Studio again to have them.",
                "warning",
            )
            return
        from studio.app.train.dashboard import Dashboard

        self.dashboard = Dashboard(self._controller, self._run_side)
        self.dashboard.block_clicked.connect(lambda name: self._workspace.select([name]))
        self._run_column.replaceWidget(self._waiting, self.dashboard)
        self._run_column.setStretchFactor(self.dashboard, 1)
        self._waiting.deleteLater()
        self.plots_loaded.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._loading is not None and self.window().isHidden():
            self._loading.join()  # the window closes: no thread may outlive it

    def _show_side(self, _: str = "") -> None:
        broken = self._broken_start()
        if self._controller.busy or (self._controller.run is not None and broken is None):
            self._stack.setCurrentWidget(self._run_side)
            return
        self._stack.setCurrentWidget(self.empty)
        if broken is not None and self._workspace.project == self._controller.project:
            advice = " ".join(part for part in (broken.advice, broken.saved) if part)
            sentence = texts.sentence(broken.message, ())
            action, do = "Train again", self.train
            if broken.remedies:
                fix = broken.remedies[0]
                action, do = f"{fix.text} and train", lambda: self._mend_and_train(fix)
            self.empty.say("error", sentence, advice, action, do, tone="error")
            return
        obstacles = self._controller.obstacles(self._workspace.project)
        if not obstacles:
            self.empty.say(
                "train",
                "Loss, accuracy and every layer's gradient will appear here.",
                "The recipe at the left says how the network is trained.",
                "Train",
                self.train,
            )
        elif self._controller.state == "loading":
            self.empty.say("clock", "The engine is loading.", "Training can start in a moment.")
        else:
            more = len(obstacles) - 1
            rest = f" {more} more problem{'' if more == 1 else 's'} to mend." if more else ""
            self.empty.say(
                "warning",
                "Training cannot start yet.",
                texts.sentence(obstacles[0], self._workspace.analysis.nodes) + rest,
                tone="warning",
            )
