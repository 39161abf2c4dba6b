"""The control of a run: asks the engine, polls its messages, and tells the window in Qt signals.

The engine works on threads of its own and never emits a Qt signal; a timer here reads its queue,
a bounded part at a time. Everything in this class happens on the window's thread.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, QTimer, Signal

from studio.app.train import beginnings
from studio.app.train.beginnings import Parent, default_runs_root
from studio.app.train.run_on_show import RunOnShow, Shown
from studio.project.analysis import analyze
from studio.project.live import differences
from studio.project.problems import Problem
from studio.project.recipes import recipe_problems
from studio.project.values import Project, Recipe
from studio.runs.api import (
    Engine,
    Failed,
    Finished,
    Machine,
    RunHandle,
    Started,
    WorkFailed,
)

POLL_MS = 100
MESSAGES_A_POLL = 100
SECONDS_A_POLL = 0.004
SHUTDOWN_SECONDS = 30.0
FOLLOW_SECONDS = 3.0
"""How long the end waits for a disk that may no longer answer; nothing is lost with the reading."""


class TrainingController(RunOnShow):
    """One run at a time, from Train to its last message; or one that is followed.

    A run that is followed is trained by another process, or was in the past. It is shown in the
    place of one's own, which comes back with ``leave``, and hinders no training.
    """

    refused = Signal(str)
    """A run was not begun, or gave up before its first step: the run before it still stands."""
    failed = Signal(str, str)
    finished = Signal(object)
    parent_changed = Signal()

    def __init__(self, runs_root: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs_root = runs_root or default_runs_root()
        self.engine: Engine | None = None
        self.machine: Machine | None = None
        self._changes: tuple[str, ...] = ()
        self.findings: tuple[Problem, ...] = ()
        """What is known to be wrong with the data, or with the project for this data."""
        self.parent_run: Parent | None = None
        """The checkpoint that the next run begins from."""
        self._own = Shown()
        """One's own run while another is followed."""
        self._before: Shown | None = None
        self._continued = False
        self._branching: Parent | None = None
        self._unavailable = ""
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether a run is under way, from Train until its thread has ended."""
        return self._state in ("starting", "running", "paused", "stopping")

    @property
    def free(self) -> bool:
        """Whether the engine is there and has nothing to do."""
        return self.engine is not None and not self.busy

    def set_engine(self, engine: Engine) -> None:
        """Take the engine once it is loaded; from now on Train answers."""
        try:
            self.machine = engine.machine()
        except WorkFailed as error:
            self.engine_failed(str(error))
            return
        self.engine = engine
        self._rest()

    def engine_failed(self, message: str) -> None:
        """Take note that the engine cannot be loaded; ``message`` says why, for the user."""
        self._unavailable = message
        self._rest()
        self.message.emit(message)

    @property
    def hindrance(self) -> str:
        """Why nothing at all can be trained now, as a sentence; empty where it can."""
        if self._unavailable:
            return self._unavailable
        if self.engine is None:
            return "The engine is still loading. Try again in a moment."
        return "A run is under way. Stop it before another is started." if self.busy else ""

    def obstacles(self, project: Project) -> tuple[str, ...]:
        """The sentences that say why ``project`` cannot be trained now; empty when it can."""
        if reason := self.hindrance:
            return (reason,)
        return self.faults(project)

    def faults(self, project: Project) -> tuple[str, ...]:
        """What is wrong with ``project``, the window's, whether or not a run is under way."""
        analysis = analyze(project.network)
        problems = (*analysis.problems, *recipe_problems(project), *self.findings)
        return tuple(problem.message for problem in problems)

    def start(self, project: Project, title: str = "") -> bool:
        """Train ``project`` in a new run folder, from ``parent_run`` where there is one; whether
        it was begun. If not, ``refused``."""
        obstacles = self.obstacles(project)
        if obstacles:
            self.refused.emit(obstacles[0])
            return False
        parent = self.parent_run.checkpoint if self.parent_run is not None else None
        begun = self.start_in(beginnings.new_folder(self.runs_root, title), project, parent)
        self._branching = self.parent_run if begun else None
        return begun

    def start_from(self, checkpoint: Path, project: Project, title: str = "") -> bool:
        """Train ``project`` in a new run folder from ``checkpoint`` on; whether it was begun."""
        return self.start_in(beginnings.new_folder(self.runs_root, title), project, checkpoint)

    def start_in(self, folder: Path, project: Project, parent: Path | None = None) -> bool:
        """Train ``project``, which need not be the window's, in ``folder``; whether it was begun.
        The engine says what is wrong with it. If not begun, ``refused``."""
        engine, reason = self.engine, self.hindrance
        if engine is None or reason:
            self.refused.emit(reason)
            return False
        return self._begin(lambda: engine.start(project, folder, parent), Shown(project=project))

    def branch_from(self, parent: Parent | None) -> None:
        """Let the next run begin from ``parent``; from nothing with None."""
        if parent != self.parent_run:
            self.parent_run = parent
            self.parent_changed.emit()

    @property
    def can_continue(self) -> bool:
        """Whether the last run stopped before its end and has a checkpoint to go on from."""
        result = self.result
        if self._state != "idle" or self.run is None or self.started is None:
            return False
        return isinstance(result, Failed) or (
            isinstance(result, Finished) and result.reason == "stopped"
        )

    @property
    def can_extend(self) -> bool:
        """Whether the run that is shown has ended with a checkpoint, to which epochs can be
        added."""
        ended = self._state == "idle" and isinstance(self.result, Finished)
        return ended and self.run is not None and bool(self.epochs)

    def go_on(self) -> bool:
        """Go on with the run that is shown from its last checkpoint; whether it was begun."""
        if not self.can_continue or self.run is None:
            return False
        return self.continue_run(self.run.folder)

    def continue_run(self, folder: Path, epochs: int | None = None) -> bool:
        """Go on with the run in ``folder`` from its last checkpoint, with ``epochs`` up to that
        many in all; whether it was begun. If not, ``refused``."""
        engine, reason = self.engine, self.hindrance
        if engine is None or reason:
            self.refused.emit(reason)
            return False
        shown = self.run is not None and self.run.folder == folder and self.follower is None
        try:
            if shown and self.project is not None:
                project, earlier, marks = self.project, tuple(self.epochs), self.changed_at
            else:
                project, earlier, marks = beginnings.so_far(folder)
        except WorkFailed as error:
            self.refused.emit(f"{error.message} {error.advice}".strip())
            return False
        if epochs is not None:
            project = replace(project, recipe=replace(project.recipe, epochs=epochs))
        so_far = Shown(project=project, epochs=earlier, changed_at=marks)
        return self._begin(lambda: engine.resume(folder, epochs), so_far, continued=True)

    def _begin(
        self, launch: Callable[[], RunHandle], so_far: Shown, *, continued: bool = False
    ) -> bool:
        """Launch a run, of which ``so_far`` is known, in place of the one before."""
        state = self._state
        self._enter("starting")
        try:
            run = launch()
        except WorkFailed as error:
            self._enter(state)
            self.refused.emit(f"{error.message} {error.advice}".strip())
            return False
        self._before = self._own if self._let_go() else self._shown()
        self._continued, self._branching = continued, None
        self._take_up(dataclasses.replace(so_far, handle=run))
        self._timer.start()
        return True

    def follow(self, folder: Path) -> bool:
        """Show the run in ``folder``, which another process trains or which is over; whether it
        can be shown. If not, ``refused``."""
        if self.run is not None and self.run.folder == folder and self.follower is None:
            return True
        if self.busy:
            self.refused.emit("A run is under way, and its curves have their place here. Stop it, "
                              "or wait for its end, to look at another one.")  # fmt: skip
            return False
        from studio.runs.following import FollowedRun  # brings numpy

        try:
            run = FollowedRun(folder)
            run.check()
        except WorkFailed as error:
            self.refused.emit(f"{error.message} {error.advice}".strip())
            return False
        if not self._let_go():
            self._own = self._shown()
        self.follower = run.start()
        self._take_up(Shown(run, run.project))
        self._enter("following")
        self._timer.start()
        return True

    @property
    def has_own(self) -> bool:
        """Whether there is a run of one's own behind the one that is followed."""
        return self._own.handle is not None

    def leave(self) -> None:
        """Bring one's own run back in place of the one that is followed."""
        if self._let_go():
            state = self._state
            self._take_up(self._own)
            self._rest()
            if self._state == state:  # that of the other one, which was over
                self.state_changed.emit(state)

    def _let_go(self) -> bool:
        """Follow no run any longer; whether one was."""
        follower, self.follower = self.follower, None
        if follower is None:
            return False
        self._timer.stop()
        follower.leave()
        return True

    def pause(self) -> None:
        """Ask the run to wait after the step under way."""
        if self.run and self._state == "running":
            self.run.pause()

    def resume(self) -> None:
        """Let a paused run go on."""
        if self.run and self._state == "paused":
            self.run.resume()

    @property
    def changes(self) -> tuple[str, ...]:
        """What of the recipe ``change`` would take into the run under way; see ``differences``."""
        return self._changes

    def compare(self, recipe: Recipe) -> None:
        """Find out what ``change`` with this recipe would change."""
        live_run = self._state in ("running", "paused") and self.project is not None
        now = self.project.recipe if self.project is not None else recipe
        self._changes = differences(now, recipe) if live_run else ()

    def change(self, recipe: Recipe) -> None:
        """Let the run under way follow this recipe's learning rate, its course and epochs."""
        if self.run and self._state in ("running", "paused"):
            self.run.change(recipe)

    def keep(self) -> None:
        """Ask the run for a checkpoint now."""
        if self.run and self._state in ("running", "paused"):
            self.run.keep()

    def stop_after_epoch(self, wanted: bool) -> None:
        """Ask the run to end after the epoch under way, or take that back."""
        if self.run and self._state in ("running", "paused"):
            self.last_epoch = wanted
            self.run.stop_after_epoch(wanted)
            self.state_changed.emit(self._state)

    def stop(self) -> None:
        """Ask the run to end after the step under way; it writes its checkpoint first."""
        if self.run and self.busy:
            self._enter("stopping")
            self.run.stop()

    def shutdown(self, timeout: float = SHUTDOWN_SECONDS) -> bool:
        """End the run, wait for its thread and stop polling; whether the thread has ended.

        The one way the window closes. What the run said last is still told. Calling it again
        does nothing.
        """
        self._timer.stop()
        if self.follower is not None:
            self.follower.leave()
            return self.follower.join(min(timeout, FOLLOW_SECONDS))
        if self.run is None or not self.busy:
            return True
        self._enter("stopping")
        self.run.stop()
        ended = self.run.join(timeout)
        while ended and self.busy:
            self._poll()
        self._timer.stop()
        return ended

    def _rest(self) -> None:
        """Come to where nothing is under way."""
        if self.follower is not None and self.follower.alive:
            self.state_changed.emit(self._state)  # for the engine, which may have come
        elif self._unavailable:
            self._enter("unavailable")
        else:
            self._enter("loading" if self.engine is None else "idle")

    def _poll(self) -> None:
        """Read what the run has said since, within a time budget, and see whether it has ended."""
        run = self.run
        if run is None:
            return
        # Asked before the queue is read: a message that comes later keeps the run for a next poll.
        alive = run.alive
        deadline = time.perf_counter() + SECONDS_A_POLL
        drained = False
        while not drained and time.perf_counter() < deadline:
            messages = run.poll(MESSAGES_A_POLL)
            for message in messages:
                if isinstance(message, Started):
                    self._before = None  # it cannot come back any more, so its curves can go
                    self._forget_parent()
                self._take(message)
            drained = len(messages) < MESSAGES_A_POLL
        self._tell_telemetry()
        if drained and not alive:
            self._end(run)

    def _forget_parent(self) -> None:
        """The branch has begun, and the run after it begins from nothing again."""
        branching, self._branching = self._branching, None
        if branching is not None and branching == self.parent_run:
            self.branch_from(None)

    def _end(self, run: RunHandle) -> None:
        self._timer.stop()
        run.join(0)
        result = self.result or Failed(
            "The training ended without a word of why.",
            "Press Train to start again; the run folder holds the last checkpoint.",
        )
        self.result = result
        before, self._before = self._before, None
        if isinstance(result, Failed) and self.started is None and before is not None:
            if before.handle is None or before.handle.folder != run.folder:
                from studio.runs.folder import remove_unstarted  # brings numpy

                remove_unstarted(run.folder)
            if before.handle is not None or self._continued:
                # It learned nothing, so it takes nothing away: what was there comes back.
                self._take_up(before)
                self._rest()
                self.refused.emit(f"{result.message} {result.advice}".strip())
                return
        self._rest()
        if isinstance(result, Failed):
            advice = " ".join(part for part in (result.advice, result.saved) if part)
            self.failed.emit(result.message, advice)
        else:
            self.finished.emit(result)
