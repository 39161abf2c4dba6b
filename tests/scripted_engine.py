"""An engine without torch for the window's tests: it keeps the contract of ``studio.runs.api``.

A scripted run publishes plausible telemetry and messages, either from a thread of its own at a
chosen pace, or step by step from the test (``paced=None``), where nothing moves until the test
calls ``begin`` and ``advance``. It can be told to refuse, to fail, to be slow and to die.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from studio.project.schedules import rate
from studio.project.values import DataSettings, Project, Recipe
from studio.runs.api import (
    DataReport,
    Device,
    EpochDone,
    Evaluation,
    ExportReport,
    Failed,
    Finished,
    Machine,
    Message,
    PausedChanged,
    Prediction,
    RateSearch,
    RecipeChanged,
    Stage,
    Started,
    Warned,
    WeightsReport,
    WorkFailed,
)
from studio.runs.folder import RunFolder
from studio.runs.telemetry import Telemetry

LAYERS = (
    "features.conv1",
    "features.conv2",
    "mixed.branch1.conv",
    "mixed.branch2.reduce",
    "mixed.branch2.conv",
    "mixed.branch3.reduce",
    "mixed.branch3.conv",
    "mixed.branch4.conv",
    "residual.conv1",
    "residual.conv2",
    "residual.shortcut",
    "head",
)
CLASSES = tuple("0123456789")


@dataclass(frozen=True)
class Script:
    """What a run does. ``paced`` is seconds a step, or None for a run the test moves itself.

    ``fail_at`` and ``die_at`` are the step before which the run ends with Failed, or without a
    word. ``reading`` and ``ending`` are the seconds spent before the first and after the last
    step. ``warn_at`` is the step before which a warning is said.
    """

    steps_per_epoch: int = 17
    paced: float | None = 0.002
    reading: float = 0.0
    ending: float = 0.0
    fail_at: int | None = None
    die_at: int | None = None
    warn_at: int | None = None
    layers: tuple[str, ...] = LAYERS
    train_images: int = 1078
    validation_images: int = 359
    device: Device = field(default_factory=lambda: Device("cpu", "CPU, 2 cores", 8 << 30))


class ScriptedRun:
    """A RunHandle whose numbers are made up; the same seed gives the same numbers."""

    def __init__(self, project: Project, folder: Path, script: Script, step: int = 0) -> None:
        self.project = project
        self.folder = folder
        self.script = script
        self.step = self._first = step
        self.stop_asked = False
        self.last_epoch = False
        self.kept = 0
        self._epochs = project.recipe.epochs
        self._total = self._epochs * script.steps_per_epoch
        self._messages: deque[Message] = deque()
        self._telemetry: Telemetry | None = None
        self._random = np.random.default_rng(project.recipe.seed)
        self._resumed = threading.Event()
        self._resumed.set()
        self._stopped = threading.Event()
        self._seconds = 0.0
        self._ended = False
        self._best = (0, 0.0)
        self._thread: threading.Thread | None = None
        if script.paced is not None:
            self._thread = threading.Thread(target=self._work, name="scripted run")
            self._thread.start()

    @property
    def telemetry(self) -> Telemetry:
        if self._telemetry is None:
            raise RuntimeError("a run has telemetry from its Started message on")
        return self._telemetry

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() if self._thread else not self._ended

    def poll(self, limit: int = 100) -> Sequence[Message]:
        taken: list[Message] = []
        while self._messages and len(taken) < limit:
            taken.append(self._messages.popleft())
        return taken

    def say(self, message: Message) -> None:
        """Queue ``message`` as if the engine had said it."""
        self._messages.append(message)

    def pause(self) -> None:
        if self._resumed.is_set() and self.alive:
            self._resumed.clear()
            self.say(PausedChanged(True))

    def resume(self) -> None:
        if not self._resumed.is_set():
            self._resumed.set()
            self.say(PausedChanged(False))

    def stop(self) -> None:
        self.stop_asked = True
        self._stopped.set()
        self._resumed.set()
        if self._thread is None and not self._ended:
            self._finish("stopped")

    def stop_after_epoch(self, wanted: bool = True) -> None:
        self.last_epoch = wanted

    def keep(self) -> None:
        self.kept += 1

    def change(self, recipe: Recipe) -> None:
        total = recipe.epochs * self.script.steps_per_epoch
        self.say(RecipeChanged(self.step, recipe, total, "another course"))

    def join(self, timeout: float | None = None) -> bool:
        if self._thread:
            self._thread.join(timeout)
        return not self.alive

    def begin(self) -> None:
        """Read the images and come to the first step."""
        self.say(Stage("Reading images"))
        if self.script.reading:
            self._stopped.wait(self.script.reading)
        self._telemetry = Telemetry(self.script.layers, self._first)
        self.say(
            Started(
                device=self.script.device.name,
                device_title=self.script.device.title,
                steps_per_epoch=self.script.steps_per_epoch,
                total_steps=self._total,
                step=self._first,
                classes=CLASSES,
                train_images=self.script.train_images,
                validation_images=self.script.validation_images,
            )
        )

    def advance(self, steps: int = 1) -> None:
        """Take ``steps`` steps, with the messages that fall between them, up to the run's end."""
        for _ in range(steps):
            if self._ended:
                return
            if self.step == self.script.fail_at:
                self.say(Failed("The loss is not a number.", "Try a lower learning rate.", ""))
                self._ended = True
                return
            if self.step == self.script.die_at:
                self._ended = True
                return
            if self.step == self.script.warn_at:
                self.say(Warned("The disk is full: the last checkpoint was not written."))
            self._take_step()
            if self.step % self.script.steps_per_epoch == 0:
                self._end_epoch()
            if self.step == self._total:
                self._finish("completed")

    def _work(self) -> None:
        self.begin()
        pace = self.script.paced or 0.0
        while not self._ended:
            self._resumed.wait()
            if self._stopped.is_set():
                self._finish("stopped")
                return
            self.advance(1)
            if pace:
                time.sleep(pace)

    def _take_step(self) -> None:
        telemetry = self.telemetry
        done = self.step / max(1, self._total)
        loss = 2.3 * math.exp(-5 * done) + 0.05
        loss *= 1 + 0.15 * float(self._random.standard_normal())
        pace = self.script.paced or 0.01
        self._seconds += max(pace, 1e-4)
        telemetry.loss.append(max(loss, 1e-3))
        telemetry.accuracy.append(min(1.0, max(0.0, 1 - loss / 2.6)))
        per_epoch = self.script.steps_per_epoch
        telemetry.learning_rate.append(rate(self.project.recipe, self.step, per_epoch))
        speed = self.project.recipe.batch_size / max(pace, 1e-4)
        telemetry.images_per_second.append(speed * (1 + 0.03 * float(self._random.random())))
        telemetry.seconds.append(self._seconds)
        depth = np.linspace(-2.5, -0.5, len(self.script.layers)) - 1.2 * done
        noise = 0.12 * self._random.standard_normal(len(depth))
        telemetry.gradients.extend((10 ** (depth + noise)).astype(np.float32)[None])
        self.step += 1

    def _end_epoch(self) -> None:
        epoch = self.step // self.script.steps_per_epoch
        done = self.step / max(1, self._total)
        loss = 2.3 * math.exp(-5 * done) + 0.05
        accuracy = min(0.99, 1 - (loss + 0.05) / 2.6)
        best = accuracy > self._best[1]
        if best:
            self._best = (epoch, accuracy)
        self.say(
            EpochDone(
                epoch=epoch,
                step=self.step,
                train_loss=loss,
                train_accuracy=min(1.0, accuracy + 0.01),
                validation_loss=loss * 1.15,
                validation_accuracy=accuracy,
                learning_rate=float(self.telemetry.learning_rate.values[-1]),
                seconds=self._seconds,
                best=best,
            )
        )

    def fail(self, failure: Failed) -> None:
        """End as a run that broke."""
        self.say(failure)
        self._ended = True

    def _finish(self, reason: str) -> None:
        if self.script.ending:
            self.say(Stage("Writing the last checkpoint"))
            time.sleep(self.script.ending)
        epoch, accuracy = self._best
        done = self.step // self.script.steps_per_epoch
        self.say(Finished(reason, done, epoch, accuracy, self._seconds))
        self._ended = True


class ScriptedEngine:
    """An Engine that remembers what it was asked; ``refuse`` makes ``start`` raise WorkFailed."""

    def __init__(
        self,
        script: Script | None = None,
        refuse: str = "",
        devices: tuple[Device, ...] = (Device("cpu", "CPU, 2 cores", 8 << 30),),
    ) -> None:
        self.script = script or Script()
        self.refuse = refuse
        self.devices = devices
        self.runs: list[ScriptedRun] = []
        self.parent: Path | None = None
        self.epochs_asked: int | None = None
        self.seconds_a_rate = 0.0
        self.warm = False

    def machine(self) -> Machine:
        return Machine(self.devices, "none (scripted)")

    def warm_up(self) -> None:
        self.warm = True

    def inspect(self, data: DataSettings, input_shape: tuple[int, int, int]) -> DataReport:
        if self.refuse:
            raise WorkFailed(self.refuse, "Choose another folder.")
        channels, height, width = input_shape
        random = np.random.default_rng(data.split_seed)
        samples = random.integers(0, 256, (20, height, width, channels), np.uint8)
        return DataReport(
            title="Scripted digits",
            classes=CLASSES,
            counts={"train": (108,) * 10, "validation": (36,) * 10, "test": (36,) * 10},
            samples=samples,
            labels=tuple(i % 10 for i in range(20)),
            mean=(128.0,) * channels,
            deviation=(64.0,) * channels,
        )

    def check_weights(self, project: Project) -> WeightsReport:
        if self.refuse:
            raise WorkFailed(self.refuse, "Choose another file.")
        return WeightsReport(
            source=project.recipe.weights,
            sha256="0" * 64,
            taken=12,
            tensors=12,
            fresh=(),
            normalization="unit",
            classes=(),
            text="All 12 tensors of the network are those of the file.",
        )

    def find_rate(
        self,
        project: Project,
        stopped: Callable[[], bool] = lambda: False,
        tell: Callable[[RateSearch], None] = lambda so_far: None,
    ) -> RateSearch:
        if self.refuse:
            raise WorkFailed(self.refuse, "Mend it and try again.")
        rates = tuple(float(rate) for rate in np.geomspace(1e-6, 1.0, 60))
        losses = tuple(float(2.3 - 2 / (1 + np.exp(-2 * (np.log(rate) + 5)))) for rate in rates)
        for done in range(1, 61):
            if stopped():
                raise WorkFailed("The search for a learning rate was stopped.")
            tell(RateSearch(rates[:done], losses[:done], 0.0, 60))
            time.sleep(self.seconds_a_rate)
        return RateSearch(rates, losses, 0.0067, 60)

    def start(self, project: Project, folder: Path, parent: Path | None = None) -> ScriptedRun:
        self.parent = parent
        if self.refuse:
            raise WorkFailed(self.refuse, "Mend it and press Train again.")
        run = ScriptedRun(project, folder, self.script)
        self.runs.append(run)
        return run

    def resume(self, folder: Path, epochs: int | None = None) -> ScriptedRun:
        self.epochs_asked = epochs
        before = next((run for run in self.runs if run.folder == folder), None)
        if self.refuse:
            raise WorkFailed(self.refuse, "Mend it and try again.")
        if before is not None:
            project, step = before.project, before.step
        else:
            project, step = RunFolder.open(folder).project(), RunFolder(folder).info().step
        if epochs is not None:
            project = replace(project, recipe=replace(project.recipe, epochs=epochs))
        run = ScriptedRun(project, folder, self.script, step)
        self.runs.append(run)
        return run

    def evaluate(
        self, folder: Path, split: str = "test", checkpoint: str = "best", views: str = "one"
    ) -> Evaluation:
        share = (0.97,) * len(CLASSES)
        counts = np.diag([35] * len(CLASSES)).tolist()
        return Evaluation(
            split=split,
            checkpoint=checkpoint,
            images=350,
            loss=0.1,
            accuracy=0.97,
            top5=1.0,
            classes=CLASSES,
            precision=share,
            recall=share,
            f1=share,
            confusion=tuple(tuple(row) for row in counts),
            views=views,
        )

    def predict(
        self, folder: Path, images: Sequence[Path], checkpoint: str = "best"
    ) -> Sequence[Prediction]:
        return [Prediction(str(image), (("3", 0.9), ("8", 0.1))) for image in images]

    def export(
        self,
        source: Path,
        format: str,
        path: Path,
        checkpoint: str = "best",
        weights: bool = True,
    ) -> ExportReport:
        if self.refuse:
            raise WorkFailed(self.refuse, "Choose another place.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"scripted")
        return ExportReport(
            format=format,
            files=(str(path),),
            bytes=8,
            difference=0.0,
            checked="Nothing was reloaded: this engine is scripted.",
        )
