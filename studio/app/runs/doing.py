"""Does with a run what the runs page asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from studio.app.files import ProjectFiles
from studio.app.message_bar import MessageBar
from studio.app.runs.page import RunsPage
from studio.app.runs.reading import Details, branched
from studio.app.train.beginnings import Parent
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.runs.checkpoints import Kept


class Window(Protocol):
    """What is asked of the window."""

    def show_page(self, key: str) -> None: ...

    def train(self) -> None: ...

    def export_run(self, folder: Path) -> None: ...


class RunDoing:
    """Joins the page with control, workspace and window; lives as long as they do."""

    def __init__(
        self,
        page: RunsPage,
        workspace: Workspace,
        controller: TrainingController,
        files: ProjectFiles,
        messages: MessageBar,
        window: Window,
    ) -> None:
        self._workspace = workspace
        self._controller = controller
        self._files = files
        self._messages = messages
        self._window = window
        detail = page.detail
        page.refused.connect(lambda text: messages.say("warning", text))
        detail.show_wanted.connect(self.show)
        detail.continue_wanted.connect(self.go_on)
        detail.extend_wanted.connect(self.go_on)
        detail.branch_wanted.connect(self.branch)
        detail.export_wanted.connect(window.export_run)

    def show(self, folder: Path) -> None:
        """Bring the run's curves to the train page."""
        if self._controller.follow(folder):
            self._window.show_page("train")

    def go_on(self, folder: Path, epochs: int | None = None) -> None:
        """Go on with the run from its last checkpoint, with ``epochs`` up to that many."""
        self._messages.clear()
        if self._controller.continue_run(folder, epochs):
            self._window.show_page("train")

    def branch(self, details: Details, checkpoint: Kept) -> None:
        """Let the next run begin from ``checkpoint``, with the run's project in the workspace.

        The project that is there stays where it has the same network and data: it may be the one
        whose other recipe the branch is for.
        """
        project = branched(details, checkpoint)
        now = self._workspace.project
        if (now.network, now.data) != (project.network, project.data):
            if not self._files.may_leave():
                return
            title = details.folder.name
            self._workspace.new(project, title, worth_saving=True)
        self._controller.branch_from(Parent(checkpoint.path, details.folder.name, checkpoint.step))
        self._window.show_page("train")
        epochs, done = self._workspace.project.recipe.epochs, checkpoint.epochs_done
        more = (
            f" It has {done:,} epochs behind it: set the epochs above that."
            if epochs <= done
            else f" {epochs - done:,} of the {epochs:,} epochs are left to train."
        )
        self._messages.say(
            "info",
            f"The next training begins from {details.folder.name}, step {checkpoint.step:,}.{more}",
            "Train",
            self._window.train,
        )
