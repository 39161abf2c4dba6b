"""Works the queue of runs off, one after the other, as long as the user wants it to.

An entry stays in the queue until its run has ended, with the run's folder in it: whatever ends
this process, the next start finds what was under way and can go on with it.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from studio.app.run_queue import RunQueue
from studio.app.train.beginnings import new_folder
from studio.app.train.controller import TrainingController
from studio.project.values import Project
from studio.runs.api import Finished
from studio.runs.queue import Queued


class QueueRunner(QObject):
    """Begins the next run when the control becomes idle, if the queue is ``on``."""

    changed = Signal()
    """It was started or held, or another entry is under way."""
    told = Signal(str, str)
    """Something that the user should know: a tone of the message bar, and the words."""

    def __init__(
        self, controller: TrainingController, queue: RunQueue, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self.queue = queue
        self.on = False
        """Whether the next run begins when this one ends."""
        self.current = ""
        """The id of the entry whose run is under way; empty for none, or for one of Train's."""
        self.held = False
        """Whether the user has stopped it, by hold or by stopping a run."""
        self._closed = False
        self._trouble = ""
        self._result: Finished | None = None
        self._done = self._failed = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._settle)
        controller.state_changed.connect(self._follow)
        controller.finished.connect(self._note_result)
        controller.failed.connect(self._note_failure)
        controller.refused.connect(self._note_failure)
        queue.changed.connect(self.changed)

    # What waits ----------------------------------------------------------------------------------

    @property
    def entry(self) -> Queued | None:
        """The entry whose run is under way here."""
        return self.queue.queue.find(self.current) if self.current else None

    @property
    def floor(self) -> int:
        """How many entries at the head keep their places: the one under way, if any."""
        entries = self.queue.queue.entries
        return int(bool(entries) and self.is_under_way(entries[0]))

    @property
    def waiting(self) -> tuple[Queued, ...]:
        """The entries whose turn comes yet."""
        return tuple(e for e in self.queue.queue.waiting if not self.is_under_way(e))

    def is_under_way(self, entry: Queued) -> bool:
        """Whether the entry is trained now, in this window or in another one."""
        if entry.id == self.current:
            return True
        return bool(entry.folder and not entry.trouble) and self.queue.worked_elsewhere

    # What the user does --------------------------------------------------------------------------

    def add(self, project: Project, title: str, parent: str = "") -> bool:
        """Let ``project`` be trained after all that waits; whether it is queued.

        Behind a run under way the queue goes on by itself, unless it was held.
        """
        before = self._controller.project if self._controller.busy else None
        if not self.queue.add(project, title, before, parent):
            return False
        if self._controller.busy and not self.on and not self.held:
            self.on = self.queue.take_work()
        self.changed.emit()
        return True

    @Slot()
    def start(self) -> None:
        """Work the queue off from now on; the run under way is ended first."""
        if not self.queue.take_work():
            self.told.emit("info", "Another window is working the queue off already.")
            return
        self.on, self.held = True, False
        if not self.current:
            self._done = self._failed = 0
        self.changed.emit()
        self._soon.start()

    @Slot()
    def hold(self) -> None:
        """Begin no other run; the one under way goes on."""
        self.on, self.held = False, True
        self._let_go()
        self.changed.emit()

    def try_again(self, id: str) -> None:
        """Let an entry that failed wait for its turn."""
        self.queue.change(id, trouble="")
        if self.on:
            self._soon.start()

    def close(self) -> None:
        """Begin nothing more. What is under way stays in the queue, to be gone on with."""
        self._soon.stop()
        self.on, self._closed = False, True

    # What the control does -----------------------------------------------------------------------

    @Slot(str)
    def _follow(self, state: str) -> None:
        if state == "starting":
            self._result, self._trouble = None, ""
        if not self._controller.busy and not self._closed:
            # What came of the run is told after its state; only then is it known what comes next.
            self._soon.start()

    @Slot(object)
    def _note_result(self, result: Finished) -> None:
        self._result = result

    @Slot(str)
    @Slot(str, str)
    def _note_failure(self, message: str, advice: str = "") -> None:
        self._trouble = f"{message} {advice}".strip()

    @Slot()
    def _settle(self) -> None:
        if self._controller.busy or self._controller.engine is None:
            return
        result, self._result = self._result, None
        self._end(result)
        if result is not None and result.reason == "stopped" and self.on:
            self.hold()
            if self.waiting:
                self.told.emit("info", f"You stopped the run, so the queue is held: {self.words}.")
        if self.on:
            self._next()
        else:
            self._let_go()
        self.changed.emit()

    def _end(self, result: Finished | None) -> None:
        """Take the entry whose run has ended off, or note why it failed."""
        entry, self.current = self.entry, ""
        trouble, self._trouble = self._trouble, ""
        if entry is None:
            return
        if result is not None:
            self._done += 1
            self.queue.drop(entry.id)
        elif trouble:
            self._failed += 1
            self.told.emit("warning", f"“{entry.name}” of the queue failed: {trouble}")
            if not self.queue.change(entry.id, trouble=trouble):
                self.hold()  # what cannot be noted would be tried again and again

    def _next(self) -> None:
        """Begin the first that waits; what has ended meanwhile without a word is passed over."""
        self.queue.look()
        while entry := next(iter(self.queue.queue.waiting), None):
            if not _is_complete(entry.folder):
                self._begin(entry)
                return
            if not self.queue.drop(entry.id):
                break
        self.on = False
        self._let_go()
        if self._done or self._failed:
            self.told.emit(*_summary(self._done, self._failed))
        self._done = self._failed = 0

    def _begin(self, entry: Queued) -> None:
        folder = Path(entry.folder) if _is_run(entry.folder) else None
        again = folder is not None
        if folder is None:
            folder = new_folder(self._controller.runs_root, entry.name)
            # Before the run begins: were it the other way round, a crash between the two would
            # leave a run that nobody goes on with, and train it a second time.
            if not self.queue.change(entry.id, folder=str(folder)):
                self.hold()
                return
        self.current = entry.id
        self.queue.arrange((entry.id,))
        parent = Path(entry.parent) if entry.parent else None
        begun = (
            self._controller.continue_run(folder)
            if again
            else self._controller.start_in(folder, entry.project, parent)
        )
        if not begun:
            self._trouble = self._trouble or "It could not be begun."
            self._soon.start()

    def _let_go(self) -> None:
        if not self.on and not self.current:
            self.queue.leave_work()

    # In words ------------------------------------------------------------------------------------

    @property
    def words(self) -> str:
        """How many wait: "2 runs wait"."""
        return count(len(self.waiting))


def count(waiting: int) -> str:
    """So many runs wait, in words."""
    return f"{waiting:,} run{' waits' if waiting == 1 else 's wait'}"


def _summary(done: int, failed: int) -> tuple[str, str]:
    runs = f"{done:,} run{'' if done == 1 else 's'} trained"
    if not failed:
        return "good", f"The queue is done: {runs}."
    return "warning", f"The queue is done: {runs}, {failed:,} failed. The queue says why."


def _is_run(folder: str) -> bool:
    return bool(folder) and (Path(folder) / "run.json").is_file()


def _is_complete(folder: str) -> bool:
    if not _is_run(folder):
        return False
    from studio.runs.api import WorkFailed
    from studio.runs.folder import RunFolder  # brings numpy

    try:
        return RunFolder(Path(folder)).info().state == "completed"
    except WorkFailed:
        return False
