"""The run that is shown: what is known of it by its messages, told on in Qt signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal

from studio.app.train import pace
from studio.app.train.run_words import course
from studio.project.values import Project
from studio.runs.api import (
    EpochDone,
    Failed,
    Finished,
    Message,
    PausedChanged,
    Probed,
    RecipeChanged,
    RunHandle,
    Stage,
    Started,
    Warned,
)

if TYPE_CHECKING:
    from studio.runs.following import FollowedRun  # these bring numpy, which the first window
    from studio.runs.telemetry import Telemetry  # does without

State = Literal[
    "loading", "unavailable", "idle", "following", "starting", "running", "paused", "stopping"
]

PROBES_KEPT = 8
WARNINGS_KEPT = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """A run and what is known of it, put aside while another is shown."""

    handle: RunHandle | None = None
    project: Project | None = None
    started: Started | None = None
    epochs: tuple[EpochDone, ...] = ()
    result: Finished | Failed | None = None
    changed_at: tuple[tuple[int, str], ...] = ()
    probes: tuple[Probed, ...] = ()
    warnings: tuple[str, ...] = ()


class RunOnShow(QObject):
    """What dashboard, status and findings draw, whoever trains the run."""

    state_changed = Signal(str)
    started_changed = Signal()
    recipe_changed = Signal()
    """The run under way follows another learning rate, course or number of epochs."""
    epoch_done = Signal(object)
    telemetry_advanced = Signal()
    message = Signal(str)
    warned = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.run: RunHandle | None = None
        self.project: Project | None = None
        self.started: Started | None = None
        self.epochs: list[EpochDone] = []
        self.result: Finished | Failed | None = None
        self.changed_at: tuple[tuple[int, str], ...] = ()
        """The steps at which the recipe was changed on the way, and what was new."""
        self.last_epoch = False
        """Whether the run was asked to end after the epoch under way."""
        self.probes: tuple[Probed, ...] = ()
        """The last looks at the activations."""
        self.warnings: tuple[str, ...] = ()
        """What the run has warned of, oldest first."""
        self.follower: FollowedRun | None = None
        """The run that is shown, where it is not one's own."""
        self._state: State = "loading"
        self._steps_told = 0

    @property
    def state(self) -> State:
        """Where the control stands; every change is told by ``state_changed``."""
        return self._state

    @property
    def telemetry(self) -> Telemetry | None:
        """The numbers of the present or last run; None before its first step."""
        if self.run is None or self.started is None:
            return None
        return self.run.telemetry

    @property
    def marks(self) -> tuple[tuple[int, str], ...]:
        """The steps at which the run branched and its recipe was changed, with words."""
        step = self.started.branched if self.started is not None else 0
        return ((step, f"branched at step {step:,}"), *self.changed_at) if step else self.changed_at

    def progress(self) -> tuple[float, float, float]:
        """The share done in 0..1, the seconds left (not a number where unknown), images a
        second."""
        return pace.progress(self.telemetry, self.started)

    def _shown(self) -> Shown:
        return Shown(
            self.run,
            self.project,
            self.started,
            tuple(self.epochs),
            self.result,
            self.changed_at,
            self.probes,
            self.warnings,
        )

    def _take_up(self, run: Shown) -> None:
        self.run, self.project, self.started = run.handle, run.project, run.started
        self.epochs, self.result = list(run.epochs), run.result
        self._steps_told = 0
        self.probes, self.warnings = run.probes, run.warnings
        self.changed_at, self.last_epoch = run.changed_at, False
        self.started_changed.emit()

    def _enter(self, state: State) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

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
                # A run that goes on, or is rolled back, does what is behind its checkpoint again.
                known = message.earlier or self.epochs
                self.epochs = [epoch for epoch in known if epoch.step <= message.step]
                self.changed_at = tuple(at for at in self.changed_at if at[0] < message.step)
                if self.follower is not None:
                    self._know_again(self.follower)
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
                elif self.follower is not None:
                    self.message.emit("The run is paused." if paused else "The run goes on.")
            case Warned(message=text):
                self.warnings = (*self.warnings[1 - WARNINGS_KEPT :], text)
                self.warned.emit(text)
            case Finished() | Failed():
                self.result = message
                if self.follower is None:
                    self._enter("stopping")

    def _know_again(self, follower: FollowedRun) -> None:
        """A run that is followed has said again, from its beginning, what it is."""
        self.epochs, self.changed_at = list(follower.earlier), ()
        self.project = follower.project

    def _follow_recipe(self, changed: RecipeChanged) -> None:
        """The run goes on with another course: what is drawn of it ahead changes."""
        assert self.project is not None
        assert self.started is not None
        self.project = replace(self.project, recipe=changed.recipe)
        self.started = replace(self.started, total_steps=changed.total_steps)
        text = course(changed.text, changed.recipe, changed.step, self.started.steps_per_epoch)
        self.changed_at = (*self.changed_at, (changed.step, text))
        self.recipe_changed.emit()
        self.message.emit(f"From step {changed.step:,} on: {text}.")
