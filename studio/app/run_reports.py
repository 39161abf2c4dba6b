"""What the message bar says of runs: why one was not begun, what went wrong, how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Slot

from studio.app.canvas import texts
from studio.app.message_bar import MessageBar
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project.problems import Fix, Problem
from studio.project.values import DataSettings, Recipe
from studio.runs.api import Finished


@dataclass(frozen=True, slots=True)
class Ways:
    """What the window does for these messages. ``quiet`` says whether the train page is in front,
    which tells of its run itself; ``queued`` whether the run is one of the queue's."""

    quiet: Callable[[], bool]
    queued: Callable[[], bool]
    stage: Callable[[str], None]
    show_run: Callable[[], None]
    show_node: Callable[[str], None]
    mend: Callable[[Fix], None]
    export: Callable[[], None]


class RunReports(QObject):
    """Follows the controller; what a run of the queue comes to is the queue's to say."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        messages: MessageBar,
        ways: Ways,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._messages = messages
        self._ways = ways
        controller.refused.connect(self._refused)
        controller.failed.connect(self._failed)
        controller.message.connect(self._says)
        controller.warned.connect(self._warns)
        controller.finished.connect(self._finished)

    def say_refused(self, message: str) -> None:
        """Say why the window's project is not trained, with a button that mends it."""
        text, problem = self._sentence(message), self._problem(message)
        if problem is None:
            project = self._workspace.project
            asked = (project.data, project.recipe)
            self._messages.say("error", text, holds=lambda: self._asks_for(*asked))
            return
        action, do = "", self._messages.clear
        if (fix := problem.fix) is not None:
            action, do = fix.text, lambda: self._ways.mend(fix)
        elif node := problem.node:
            action, do = f"Show {node}", lambda: self._ways.show_node(node)
        self._messages.say(
            "error", text, action, do, holds=lambda: self._problem(message) is not None
        )

    def _sentence(self, text: str) -> str:
        return texts.sentence(text, self._workspace.analysis.nodes)

    def _problem(self, message: str) -> Problem | None:
        """The problem of which ``message`` tells, while there is one."""
        known = (*self._workspace.analysis.problems, *self._controller.findings)
        return next((each for each in known if each.message == message), None)

    def _asks_for(self, data: DataSettings, recipe: Recipe) -> bool:
        project = self._workspace.project
        return (project.data, project.recipe) == (data, recipe)

    @Slot(str)
    def _refused(self, message: str) -> None:
        if not self._ways.queued():  # that is none of the window's project
            self.say_refused(message)

    @Slot(str, str)
    def _failed(self, message: str, advice: str) -> None:
        if not self._ways.quiet() and not self._ways.queued():
            text = " ".join(self._sentence(part) for part in (message, advice) if part)
            self._messages.say("error", text, "Show the run", self._ways.show_run)

    @Slot(str)
    def _says(self, text: str) -> None:
        if self._controller.state == "unavailable":
            self._messages.say("error", text)
        elif self._controller.started is None:
            self._ways.stage(text)

    @Slot(str)
    def _warns(self, text: str) -> None:
        if not self._ways.quiet():
            self._messages.say("warning", text, "Show the run", self._ways.show_run)

    @Slot(object)
    def _finished(self, result: Finished) -> None:
        if self._ways.quiet():
            return
        done = "Training is complete" if result.reason == "completed" else "Training was stopped"
        if (follower := self._controller.follower) is not None:
            done = f"{follower.info.title} has ended, {result.reason}"
        best = ""
        if result.best_epoch > 0:
            share = f"{result.best_accuracy:.1%}".replace("%", " %")
            best = f": best validation accuracy {share} in epoch {result.best_epoch}"
        self._messages.say("good", f"{done}{best}.", "Export the model", self._ways.export)
