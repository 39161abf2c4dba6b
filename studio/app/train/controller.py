"""The control of a run: asks the engine, polls its messages, and tells the window in Qt signals.

The engine works on threads of its own and never emits a Qt signal; a timer here reads its queue,
a bounded part at a time. Everything in this class happens on the window's thread.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace
from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal

from studio.project.analysis import analyze
from studio.project.live import differences
from studio.project.problems import Problem
from studio.project.recipes import recipe_problems
from studio.project.values import Project, Recipe
from studio.runs.api import (
    Engine,
    EpochDone,
    Failed,
    Finished,
    Machine,
    Message,
    PausedChanged,
    Probed,
    RecipeChanged,
    RunHandle,
    Stage,
    Started,
    Warned,
    WorkFailed,
)

if TYPE_CHECKING:
    from studio.runs.telemetry import Telemetry  # brings numpy, which the first window does without

State = Literal["loading", "unavailable", "idle", "starting", "running", "paused", "stopping"]

POLL_MS = 100
MESSAGES_A_POLL = 100
SECONDS_A_POLL = 0.004
SHUTDOWN_SECONDS = 30.0
PROBES_KEPT = 8


def default_runs_root() -> Path:
    """Where run folders go when the user has said nothing: in the documents folder."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "TrainingStudio" / "runs"


@dataclass(frozen=True, slots=True)
class _Run:
    """A run and what is known of it."""

    handle: RunHandle | None
    project: Project | None
    started: Started | None
    epochs: list[EpochDone]
    result: Finished | Failed | None


class TrainingController(QObject):
    """One run at a time, from Train to its last message."""

    state_changed = Signal(str)
    started_changed = Signal()
    recipe_changed = Signal()
    """The run under way follows another learning rate, course or number of epochs."""
    epoch_done = Signal(object)
    telemetry_advanced = Signal()
    message = Signal(str)
    refused = Signal(str)
    """A run was not begun, or gave up before its first step: the run before it still stands."""
    warned = Signal(str)
    failed = Signal(str, str)
    finished = Signal(object)

    def __init__(self, runs_root: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.runs_root = runs_root or default_runs_root()
        self.engine: Engine | None = None
        self.machine: Machine | None = None
        self.run: RunHandle | None = None
        self.project: Project | None = None
        self.started: Started | None = None
        self.epochs: list[EpochDone] = []
        self.result: Finished | Failed | None = None
        self.changed_at: tuple[tuple[int, str], ...] = ()
        """The steps at which the recipe was changed on the way, and what was new."""
        self.last_epoch = False
        """Whether the run was asked to end after the epoch under way."""
        self._changes: tuple[str, ...] = ()
        self.probes: tuple[Probed, ...] = ()
        """The last looks at the activations."""
        self.findings: tuple[Problem, ...] = ()
        """What is known to be wrong with the data, or with the project for this data."""
        self._before: _Run | None = None
        self._state: State = "loading"
        self._unavailable = ""
        self._steps_told = 0
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def state(self) -> State:
        """Where the control stands; every change is told by ``state_changed``."""
        return self._state

    @property
    def busy(self) -> bool:
        """Whether a run is under way, from Train until its thread has ended."""
        return self._state in ("starting", "running", "paused", "stopping")

    @property
    def telemetry(self) -> Telemetry | None:
        """The numbers of the present or last run; None before its first step."""
        if self.run is None or self.started is None:
            return None
        return self.run.telemetry

    def set_engine(self, engine: Engine) -> None:
        """Take the engine once it is loaded; from now on Train answers."""
        try:
            self.machine = engine.machine()
        except WorkFailed as error:
            self.engine_failed(str(error))
            return
        self.engine = engine
        self._enter("idle")

    def engine_failed(self, message: str) -> None:
        """Take note that the engine cannot be loaded; ``message`` says why, for the user."""
        self._unavailable = message
        self._enter("unavailable")
        self.message.emit(message)

    def obstacles(self, project: Project) -> tuple[str, ...]:
        """The sentences that say why ``project`` cannot be trained now; empty when it can."""
        if self._state == "loading":
            return ("The engine is still loading. Try again in a moment.",)
        if self._state == "unavailable":
            return (self._unavailable,)
        if self.busy:
            return ("A run is under way. Stop it before another is started.",)
        return self.faults(project)

    def faults(self, project: Project) -> tuple[str, ...]:
        """What is wrong with ``project``, the window's, whether or not a run is under way."""
        analysis = analyze(project.network)
        problems = (*analysis.problems, *recipe_problems(project), *self.findings)
        return tuple(problem.message for problem in problems)

    def start(self, project: Project, title: str = "") -> bool:
        """Train ``project`` in a new run folder; whether it was begun. If not, ``refused``."""
        obstacles = self.obstacles(project)
        if obstacles or self.engine is None:
            self.refused.emit(obstacles[0] if obstacles else "There is no engine.")
            return False
        return self.start_in(self.new_folder(title), project)

    def start_in(self, folder: Path, project: Project, parent: Path | None = None) -> bool:
        """Train ``project``, which need not be the window's, in ``folder``; whether it was begun.
        The engine says what is wrong with it."""
        if self.engine is None or self.busy:
            return False
        engine = self.engine
        return self._begin(lambda: engine.start(project, folder, parent), project)

    def continue_run(self, folder: Path) -> bool:
        """Go on with the run in ``folder`` from its last checkpoint; whether it was begun."""
        from studio.runs.folder import RunFolder  # brings numpy

        if self.engine is None or self.busy:
            return False
        engine, run = self.engine, RunFolder(folder)
        epochs: tuple[EpochDone, ...] = ()
        try:
            project = run.project()
            if run.metrics.exists():  # one that was killed early has no curves yet
                epochs = run.epochs()
        except WorkFailed as error:
            self.refused.emit(f"{error.message} {error.advice}".strip())
            return False
        return self._begin(lambda: engine.resume(folder), project, epochs)

    @property
    def can_continue(self) -> bool:
        """Whether the last run stopped before its end and has a checkpoint to go on from."""
        result = self.result
        if self._state != "idle" or self.run is None or self.started is None:
            return False
        return isinstance(result, Failed) or (
            isinstance(result, Finished) and result.reason == "stopped"
        )

    def go_on(self) -> bool:
        """Go on with the last run from its last checkpoint; whether it was begun."""
        if not self.can_continue or self.engine is None or self.run is None:
            return False
        assert self.project is not None
        engine, folder, epochs = self.engine, self.run.folder, self.epochs
        return self._begin(lambda: engine.resume(folder), self.project, epochs)

    def _begin(
        self, launch: Callable[[], RunHandle], project: Project, epochs: Sequence[EpochDone] = ()
    ) -> bool:
        """Launch a run, which follows on ``epochs``, in place of the one before."""
        self._enter("starting")
        try:
            run = launch()
        except WorkFailed as error:
            self._enter("idle")
            self.refused.emit(f"{error.message} {error.advice}".strip())
            return False
        self._before = _Run(self.run, self.project, self.started, self.epochs, self.result)
        self._take_up(_Run(run, project, None, list(epochs), None))
        self._timer.start()
        return True

    def _take_up(self, run: _Run) -> None:
        self.run, self.project, self.started = run.handle, run.project, run.started
        self.epochs, self.result = run.epochs, run.result
        self._steps_told = 0
        self.probes = ()
        self.changed_at, self.last_epoch = (), False
        self.started_changed.emit()

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
        if self.run is None or not self.busy:
            return True
        self._enter("stopping")
        self.run.stop()
        ended = self.run.join(timeout)
        while ended and self.busy:
            self._poll()
        self._timer.stop()
        return ended

    def progress(self) -> tuple[float, float, float]:
        """The share done in 0..1, the seconds left (not a number where unknown), images a second.

        The pace is that of the last epoch's steps, validation included.
        """
        telemetry = self.telemetry
        if telemetry is None or self.started is None:
            return 0.0, float("nan"), 0.0
        steps = len(telemetry)
        done = telemetry.first_step + steps
        total = max(1, self.started.total_steps)
        fraction = min(1.0, done / total)
        if steps < 2:
            return fraction, float("nan"), 0.0
        seconds = telemetry.seconds.values
        back = min(steps - 1, max(20, self.started.steps_per_epoch))
        pace = float(seconds[steps - 1] - seconds[steps - 1 - back]) / back
        recent = telemetry.images_per_second.values[max(0, steps - back) : steps]
        return fraction, max(0.0, (total - done) * pace), float(recent.mean())

    def new_folder(self, title: str) -> Path:
        """A run folder that is not there yet, named after ``title`` and the time."""
        name = re.sub(r"[^\w.-]+", "-", title).strip("-.")[:60] or "untitled"
        stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
        folder = self.runs_root / stem
        number = 2
        while folder.exists():
            folder = self.runs_root / f"{stem}-{number}"
            number += 1
        return folder

    def _enter(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

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
                self._take(message)
            drained = len(messages) < MESSAGES_A_POLL
        self._tell_telemetry()
        if drained and not alive:
            self._end(run)

    def _tell_telemetry(self) -> None:
        telemetry = self.telemetry
        if telemetry is not None and len(telemetry) != self._steps_told:
            self._steps_told = len(telemetry)
            self.telemetry_advanced.emit()

    def _take(self, message: Message) -> None:
        match message:
            case Stage(text=text):
                self.message.emit(text)
            case Started():
                self.started = message
                self._before = None  # it cannot come back any more, so its curves can go
                # A run that goes on, or is rolled back, does what is behind its checkpoint again.
                self.epochs = [epoch for epoch in self.epochs if epoch.step <= message.step]
                self.changed_at = tuple(at for at in self.changed_at if at[0] < message.step)
                if self._state == "starting":
                    self._enter("running")
                self.started_changed.emit()
            case Probed():
                self.probes = (*self.probes[1 - PROBES_KEPT :], message)
            case RecipeChanged():
                self._follow_recipe(message)
            case EpochDone():
                self.epochs.append(message)
                self.epoch_done.emit(message)
            case PausedChanged(paused=paused):
                if self._state in ("running", "paused"):
                    self._enter("paused" if paused else "running")
            case Warned(message=text):
                self.warned.emit(text)
            case Finished() | Failed():
                self.result = message
                self._enter("stopping")

    def _follow_recipe(self, changed: RecipeChanged) -> None:
        """The run goes on with another course: what is drawn of it ahead changes."""
        assert self.project is not None
        assert self.started is not None
        self.project = replace(self.project, recipe=changed.recipe)
        self.started = replace(self.started, total_steps=changed.total_steps)
        self.changed_at = (*self.changed_at, (changed.step, changed.text))
        self.recipe_changed.emit()
        self.message.emit(f"From step {changed.step:,} on: {changed.text}.")

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
            if before.handle is not None:
                # It learned nothing, so it takes nothing away: what was there comes back.
                self._take_up(before)
                self._enter("idle")
                self.refused.emit(f"{result.message} {result.advice}".strip())
                return
        self._enter("idle")
        if isinstance(result, Failed):
            advice = " ".join(part for part in (result.advice, result.saved) if part)
            self.failed.emit(result.message, advice)
        else:
            self.finished.emit(result)
