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
from studio.project import edits
from studio.project.problems import Fix, SetRecipe
from studio.runs.checkpoints import Kept, read


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
        page.taken_off.connect(
            lambda name: messages.say(
                "info",
                f"Taken off the list: {name}. It is on the disk as before.",
                "Put back",
                page.put_back,
            )
        )
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
        checkpoint = read(checkpoint.path) or checkpoint  # the run may have gone on since
        project = branched(details, checkpoint)
        now = self._workspace.project
        if (now.network, now.data) != (project.network, project.data):
            if not self._files.may_leave():
                return
            title = details.folder.name
            self._workspace.new(project, title, worth_saving=True)
        self._controller.branch_from(Parent(checkpoint.path, details.folder.name, checkpoint.step))
        self._window.show_page("train")
        self._tell(details.folder.name, checkpoint)

    def _tell(self, title: str, checkpoint: Kept) -> None:
        """Say what the next training does, and offer it, or the epochs that it lacks."""
        epochs, done = self._workspace.project.recipe.epochs, checkpoint.epochs_done
        text = f"The next training begins from {title}, step {checkpoint.step:,}."
        if epochs > done:
            left = f"{epochs - done:,} of the {epochs:,} epochs are left to train."
            self._messages.say("info", f"{text} {left}", "Train", self._window.train)
            return
        fix = Fix(f"Set {done + epochs:,} epochs", SetRecipe("epochs", done + epochs))
        self._messages.say(
            "warning",
            f"{text} It has {done:,} epochs behind it, and the recipe asks for {epochs:,} in all.",
            fix.text,
            lambda: self._workspace.apply(fix.text, lambda project: edits.mend(project, fix)),
        )
