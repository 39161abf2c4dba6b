"""Joins the queue of runs with the window: what is added to it, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from studio.app.message_bar import MessageBar, Tone
from studio.app.queue_runner import QueueRunner
from studio.app.run_queue import RunQueue
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace


class QueueDesk(QObject):
    """Has the queue and its runner, and lets both speak in the message bar."""

    show_asked = Signal()
    """The user wants to see the queue."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        messages: MessageBar,
        parent: QObject | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._messages = messages
        self._offered = ""
        self._owed = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._offer_now)
        self.queue = RunQueue(folder, self)
        self.runner = QueueRunner(controller, self.queue, self)
        self.queue.failed.connect(lambda text: messages.say("error", text))
        self.queue.removed.connect(self._say_removed)
        messages.closed.connect(self._soon.start)
        self.runner.told.connect(self._say)
        self.runner.changed.connect(self._take_offer_back)

    def add(self, refused: Callable[[str], None]) -> None:
        """Let the window's project wait; ``refused`` is told what it lacks to be trained."""
        controller, workspace = self._controller, self._workspace
        if controller.state == "unavailable":
            refused(controller.obstacles(workspace.project)[0])
            return
        if faults := controller.faults(workspace.project):
            refused(faults[0])
            return
        parent = controller.parent_run
        begins = str(parent.checkpoint) if parent is not None else ""
        if not self.runner.add(workspace.project, workspace.title, begins):
            return
        entry = self.queue.queue.entries[-1]
        text = f"Added “{entry.name}”: {self.runner.words}."
        if self.runner.on:
            self._messages.say("info", text)
        elif self.queue.worked_elsewhere:
            self._messages.say("info", f"{text} Another window is working the queue off.")
        elif controller.busy:
            self._messages.say("info", f"{text} The queue is held.", "Go on", self.runner.start)
        else:
            self._offer(text)

    def offer(self) -> None:
        """Read what waits from before, and offer to train it, once there is room to say so."""
        self.queue.open()
        if self.queue.complaint:
            self._messages.say(
                "warning", self.queue.complaint, "Show the queue", self.show_asked.emit
            )
        self._owed = True
        self._offer_now()

    @Slot()
    def _offer_now(self) -> None:
        """Make the offer that is owed, when nothing else is said: one message at a time."""
        if not self._owed or self._messages.text:
            return
        self._owed = False
        if self.runner.waiting and not self.runner.on and not self.queue.worked_elsewhere:
            self._offer(f"{self.runner.words} in the queue.")

    def _offer(self, text: str) -> None:
        self._offered = text
        start = "Start it" if len(self.runner.waiting) == 1 else "Start them"
        self._messages.say(
            "info", text, start, self.runner.start, other=("Show the queue", self.show_asked.emit)
        )

    @Slot()
    def _take_offer_back(self) -> None:
        """A message that offers what is done by now has done its work."""
        gone = self.runner.on or not self.runner.waiting
        if gone and self._offered and self._messages.text == self._offered:
            self._messages.clear()

    @Slot()
    def look(self) -> None:
        """See what other windows have done; this one has become active."""
        self.queue.look()

    def at_close(self) -> str:
        """What becomes of the queue when the window closes, as a sentence; empty for nothing."""
        waiting = len(self.runner.waiting)
        if not self.runner.current:
            return f"{_sentence(self.runner.words)} for the next start." if waiting else ""
        if not waiting:
            return "It stays in the queue, and goes on when you start that again."
        return f"It stays in the queue, where {self.runner.words} behind it for the next start."

    def close(self) -> None:
        """Let go of the queue, after the run has ended."""
        self._soon.stop()
        self.queue.close()

    @Slot(str, str)
    def _say(self, tone: Tone, text: str) -> None:
        show = ("Show the queue", self.show_asked.emit)
        if self.runner.held and self.runner.waiting and tone == "info":
            self._messages.say(tone, text, "Go on", self.runner.start)
        elif self.runner.held and self.runner.waiting:
            self._messages.say(tone, text, "Go on", self.runner.start, other=show)
        else:
            self._messages.say(tone, text, *show)

    @Slot(str)
    def _say_removed(self, what: str) -> None:
        self._messages.say("info", f"Taken off the queue: {what}.", "Put back", self.queue.put_back)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
