"""A run of another process, of another machine or of the past, shown as if it were one's own.

A thread reads the run folder and fills a telemetry as a trainer does, so that a slow disk holds
nobody up. Reading changes nothing. What is asked of the run is written into its folder, where the
process that trains it looks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from studio.project.values import Recipe
from studio.runs import changes, requests
from studio.runs.api import (
    EpochDone,
    Failed,
    Message,
    PausedChanged,
    RecipeChanged,
    Stage,
    Started,
    Warned,
    WorkFailed,
)
from studio.runs.changes import Change
from studio.runs.ending import last_words, span
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.reader import RunReader
from studio.runs.requests import Request
from studio.runs.standing import (
    QUIET_SECONDS,
    Signs,
    Standing,
    goes_on,
    is_here,
    last_sign,
    signs,
    standing,
)
from studio.runs.system import SystemSample
from studio.runs.tail import Rows
from studio.runs.telemetry import Telemetry

LOOK_SECONDS = 0.5
"""Between two looks at a folder of this machine; a run commits once a second."""

FAR_SECONDS = 2.0
"""The same for a folder that another machine writes, whose log is copied at each look."""

PATIENCE_HERE, PATIENCE_FAR = 10.0, 90.0
"""Seconds in which a run of this machine, or of another one, takes what is asked of it. A network
disk may show a new file only after a minute."""

_BREATH = 0.002
"""Between two parts of a long history, so that the window has its turn."""

_log = logging.getLogger(__name__)


class FollowedRun:
    """A RunHandle that reads. ``alive`` until the run has ended and all is told, or until
    ``leave``. Pause, resume, stop, keep and change ask the run, which may take a while to answer:
    ``waiting`` until it has.

    ``info`` is what ``run.json`` last said, ``standing`` how the run stands. ``earlier`` are the
    epochs that had ended when Started was said, which no EpochDone tells of. After a run went back
    to a checkpoint there is another ``telemetry``, and Started is said again.
    """

    def __init__(
        self, folder: Path, gradients: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        """Raises WorkFailed where ``folder`` holds no run that can be read. Without ``gradients``
        only the numbers of the whole network are read."""
        self._run = RunFolder.open(folder)
        self.info: RunInfo = self._run.info()
        self.project = self._run.project()
        self._clock = clock
        self._gradients = gradients
        self._signs: Signs = signs(folder)
        self.standing: Standing = self._stands()
        self.earlier: tuple[EpochDone, ...] = ()
        self._telemetry = Telemetry(self._layers)
        self._messages: deque[Message] = deque()
        self._reader = RunReader(self._run, len(self._layers))
        self.sample: SystemSample | None = None
        """The last that was recorded of the machine which trains it."""
        self._started = False
        self._read: Signs = ()
        self._epochs: tuple[EpochDone, ...] = ()
        self._told: tuple[Change, ...] = ()
        self._paused = False
        self._said = self._complaint = ""
        self._silence = QUIET_SECONDS
        self._ended = False
        self._left = threading.Event()
        self._requests: deque[Request] = deque()
        self._unanswered: deque[tuple[float, Path]] = deque()
        self._late = False
        self._awake = threading.Event()
        """Something is to be done before the next look is due."""
        self._thread = threading.Thread(target=self._work, name="following a run", daemon=True)

    # What the window holds -----------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._run.path

    @property
    def telemetry(self) -> Telemetry:
        """The per-step numbers, as far as they were read."""
        return self._telemetry

    @property
    def alive(self) -> bool:
        """Whether there may be more to tell."""
        return self._thread.is_alive()

    @property
    def recipe(self) -> Recipe:
        """What the run follows now, after all changes on the way."""
        return changes.followed_last(self.project.recipe, self._told, self.info.epochs)

    def check(self) -> None:
        """Raise WorkFailed where the run ended before its first step: there is nothing to show."""
        if not (self.info.total_steps or goes_on(self.standing)):
            raise WorkFailed(
                f"{self.info.title} ended before its first step, so it has no curves.",
                self.info.message,
            )

    def start(self) -> FollowedRun:
        """Begin to read; gives the run itself."""
        self._thread.start()
        return self

    def leave(self) -> None:
        """End the reading; returns at once."""
        self._left.set()
        self._awake.set()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end of the reading at most ``timeout`` seconds; whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def poll(self, limit: int = 100) -> Sequence[Message]:
        """Up to ``limit`` messages in order, each of them once."""
        messages: list[Message] = []
        while len(messages) < limit and self._messages:
            messages.append(self._messages.popleft())
        return messages

    @property
    def listens(self) -> bool:
        """Whether the run is under way and does what is asked of it here."""
        return self.info.listens and goes_on(self.standing)

    @property
    def waiting(self) -> bool:
        """Whether something was asked that the run has not taken yet."""
        return bool(self._requests or self._unanswered)

    def pause(self) -> None:
        """Ask the run to wait after the step under way."""
        self._ask(requests.Pause())

    def resume(self) -> None:
        """Ask a paused run to go on."""
        self._ask(requests.Resume())

    def stop(self) -> None:
        """Ask for an end after the step under way, with a checkpoint."""
        self._ask(requests.Stop())

    def stop_after_epoch(self, wanted: bool = True) -> None:
        """Ask for an end after the epoch under way, or take that back."""
        self._ask(requests.StopAfterEpoch(wanted))

    def keep(self) -> None:
        """Ask for a checkpoint after the step under way."""
        self._ask(requests.Keep())

    def change(self, recipe: Recipe) -> None:
        """Ask the run to follow this recipe's learning rate, course and epochs."""
        self._ask(requests.Change(recipe))

    def _ask(self, request: Request) -> None:
        self._requests.append(request)
        self._awake.set()

    # What the thread does ------------------------------------------------------------------------

    @property
    def _layers(self) -> tuple[str, ...]:
        return self.info.layers if self._gradients else ()

    @property
    def _quiet(self) -> float:
        """Seconds since something was last written."""
        return max(0.0, self._clock() - last_sign(self._signs))

    def _stands(self) -> Standing:
        return standing(self.info, self._quiet)

    def _say(self, message: Message) -> None:
        self._messages.append(message)

    def _work(self) -> None:
        try:
            while not (self._ended or self._left.is_set()):
                more = self._look()
                pace = LOOK_SECONDS if is_here(self.info) else FAR_SECONDS
                self._awake.wait(_BREATH if more else pace)
                self._awake.clear()
        except Exception as error:  # a fault of the program: the log gets it, the user a sentence
            _log.exception("following a run failed")
            self._say(Failed(f"The run cannot be followed any longer: {error}.", "Open it again."))
        finally:
            self._reader.close()

    def _look(self) -> bool:
        """Ask what is to be asked, read and tell what is new; whether there is more."""
        self._send()
        now = signs(self.folder)
        more = False
        try:
            # In this order: a run that says that it has ended has written its curves before.
            self.info = self._run.info()
            written, self._signs = now != self._read, now
            self.standing = self._stands()
            if written or not goes_on(self.standing):
                more = self._read_on()
                self._read = () if more else now
            self._complaint = ""
        except WorkFailed as error:
            self._complain(f"{error.message} {error.advice}".strip())
        self._tell_standing()
        if not more and not goes_on(self.standing):
            self._end()
        return more

    def _send(self) -> None:
        """Bring to the run what was asked of it, and see what it has taken."""
        try:
            while self._requests:
                sent = requests.ask(self.folder, self._requests[0])
                self._unanswered.append((self._clock(), sent))
                self._requests.popleft()
        except WorkFailed as error:
            self._requests.clear()
            self._say(Warned(f"{error.message} {error.advice}".strip()))
        while self._unanswered and not self._unanswered[0][1].exists():
            self._unanswered.popleft()
            self._late = False
        if self._unanswered and not self._late:
            patience = PATIENCE_HERE if is_here(self.info) else PATIENCE_FAR
            if self._clock() - self._unanswered[0][0] > patience:
                self._late = True
                self._say(
                    Warned(
                        f"The run has not answered for {patience:.0f} seconds: its process may be "
                        "held up, or the disk is slow. It does what was asked as soon as it looks."
                    )
                )

    def _say_once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._say(Stage(text))

    def _complain(self, text: str) -> None:
        """Say what is wrong, once; the next look may be better."""
        if text != self._complaint:
            self._complaint = text
            self._say(Warned(text))

    def _read_on(self) -> bool:
        """Read a part of what was written since; whether there may be more."""
        if not self.info.total_steps or not self._run.metrics.exists():
            self._say_once(f"Waiting for the first step of {self.info.title}.")
            return False
        news = self._reader.read(is_here(self.info))
        rows, columns = news.rows, self._telemetry
        missing = rows is not None and rows.first != columns.first_step + len(columns)
        if news.anew or missing or not self._started:
            self._begin(news.epochs, rows.first if rows is not None else self.info.step)
        if rows is not None:
            self._publish(rows)
        for change in news.changes[len(self._told) :]:
            self._tell(change)
        for epoch in news.epochs[len(self._epochs) :]:
            self._say(epoch)
        for warning in news.warnings:
            self._say(Warned(warning))
        self._told, self._epochs, self.sample = news.changes, news.epochs, news.sample
        return rows is not None

    def _begin(self, epochs: tuple[EpochDone, ...], first_step: int) -> None:
        """Say, with a new telemetry, what the run is, and what is known of it already."""
        info = self.info
        self._started = True
        self._telemetry = Telemetry(self._layers, first_step)
        self.earlier = self._epochs = epochs
        self._told = ()
        self._say(
            Started(
                device=info.device,
                device_title=info.device_title,
                steps_per_epoch=info.steps_per_epoch,
                total_steps=info.total_steps,
                step=first_step,
                classes=info.classes,
                train_images=info.train_images,
                validation_images=info.validation_images,
                precision=info.precision or "float32",
                threads=info.threads,
                branched=info.parent_step if info.parent else 0,
            )
        )

    def _publish(self, rows: Rows) -> None:
        columns = self._telemetry
        into = (
            columns.loss, columns.accuracy, columns.learning_rate, columns.images_per_second,
            columns.seconds,
        )  # fmt: skip
        for column, values in zip(into, rows.numbers.T, strict=True):
            column.extend(values)
        columns.gradients.extend(rows.norms)  # last: its length says how many steps are published

    def _tell(self, change: Change) -> None:
        # Of a run that does not say its recipe, the newest number of epochs is known.
        recipe = change.recipe or msgspec.structs.replace(
            self.project.recipe, epochs=self.info.epochs or self.project.recipe.epochs
        )
        total = recipe.epochs * self.info.steps_per_epoch
        self._say(RecipeChanged(change.step, recipe, total, change.text))

    def _tell_standing(self) -> None:
        if self._started and self._paused != (self.info.state == "paused"):
            self._paused = not self._paused
            self._say(PausedChanged(self._paused))
        if self.standing != "silent":
            self._silence = QUIET_SECONDS
        elif self._quiet >= self._silence:
            self._silence = 2 * self._quiet  # told again when it has lasted twice as long
            self._say(
                Stage(
                    f"Nothing was written for {span(self._quiet)}: the run may be over, or "
                    f"{self.info.machine} or the disk is not connected. It is still looked for."
                )
            )

    def _end(self) -> None:
        info = self.info
        self._ended = True
        self._requests.clear()
        self._unanswered.clear()
        if not self._started and info.total_steps:
            self._begin((), info.step)  # its curves are gone, what run.json says is not
        kept = self._run.checkpoint("last").exists()
        self._say(last_words(info, self.standing, kept))
