"""Pause, stop and change a run that another process trains, by asking it through its folder."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from studio.app.theme.tokens import S2
from studio.app.tool_button import show_pausing, tool_button
from studio.app.train.controller import TrainingController
from studio.app.train.far_change import FarChange
from studio.app.workspace import Workspace
from studio.project.values import Recipe

OLD = "The version that trains this run does not take requests: stop it where it is trained"


class FarControl(QWidget):
    """Shown while the run that is followed is under way."""

    def __init__(
        self, controller: TrainingController, workspace: Workspace, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._workspace = workspace
        self._last_epoch = False
        self.pause = tool_button("pause", "Pause", self)
        self.pause.clicked.connect(self._pause_or_resume)
        self.stop = tool_button("stop", "Stop", self)
        self.stop.clicked.connect(self._stop)
        self.more = tool_button("chevron-down", "Ask the run for more", self)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        self.change = menu.addAction("Change its rate, decay or epochs…")
        self.change.triggered.connect(self._open_change)
        self.after_epoch = menu.addAction("Stop after this epoch")
        self.after_epoch.setCheckable(True)
        self.after_epoch.triggered.connect(self._stop_after_epoch)
        self.keep = menu.addAction("Keep a checkpoint now")
        self.keep.triggered.connect(self._keep)
        self.more.setMenu(menu)
        self._popup: FarChange | None = None
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S2)
        for button in (self.pause, self.stop, self.more):
            layout.addWidget(button)
        self.refresh()

    @property
    def popup(self) -> FarChange:
        """What asks for another course; made when it is first wanted."""
        if self._popup is None:
            self._popup = FarChange(self)
            self._popup.wanted.connect(self._ask_for)
        return self._popup

    @Slot()
    def refresh(self) -> None:
        """Bring the buttons up to date with the run."""
        run = self._controller.follower
        under_way = (
            run is not None
            and self._controller.state == "following"
            and run.standing in ("running", "paused", "silent")
        )
        self.setVisible(under_way)
        if run is None or not under_way:
            if self._popup is not None:
                self._popup.hide()
            self._last_epoch = False
            return
        show_pausing(self.pause, run.standing == "paused")
        self.stop.setToolTip("Ask the run to stop after the step under way, with a checkpoint")
        self.more.setToolTip(
            "Change its learning rate, stop it after this epoch, or keep a checkpoint now"
        )
        self.after_epoch.setChecked(self._last_epoch)
        for button in (self.pause, self.stop, self.more):
            button.setEnabled(run.listens and not run.waiting)
            if not run.listens:
                button.setToolTip(OLD)

    def _pause_or_resume(self) -> None:
        run = self._controller.follower
        if run is not None:
            paused = run.standing == "paused"
            (run.resume if paused else run.pause)()
            self._asked("go on" if paused else "wait after the step under way")

    def _stop(self) -> None:
        run = self._controller.follower
        if run is not None:
            run.stop()
            self._asked("stop after the step under way")

    def _stop_after_epoch(self, wanted: bool) -> None:
        run = self._controller.follower
        if run is not None:
            self._last_epoch = wanted
            run.stop_after_epoch(wanted)
            self._asked("stop after this epoch" if wanted else "go on after this epoch")

    def _keep(self) -> None:
        run = self._controller.follower
        if run is not None:
            run.keep()
            self._asked("keep a checkpoint")

    def _open_change(self) -> None:
        run = self._controller.follower
        if run is not None:
            self.popup.open_at(self.more, run.project, run.recipe, self._workspace.project.recipe)

    @Slot(object)
    def _ask_for(self, recipe: object) -> None:
        run = self._controller.follower
        if run is not None and isinstance(recipe, Recipe):
            run.change(recipe)
            self._asked("change its course")

    def _asked(self, what: str) -> None:
        self._controller.message.emit(f"The run was asked to {what}.")
        self.refresh()
