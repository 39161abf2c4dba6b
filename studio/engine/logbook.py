"""What a run says and leaves behind while it goes on: run.json, its events, its messages."""

from __future__ import annotations

import msgspec

from studio.engine.checkpoint import Place
from studio.engine.data import DataSet, normalization
from studio.engine.provenance import now
from studio.project.analysis import Analysis
from studio.project.values import Project
from studio.runs.api import Device, EpochDone, Failed, Finished, Message, Started, Warned
from studio.runs.control import RunControl
from studio.runs.files import explain_write_error
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.metrics import MetricsWriter
from studio.runs.system import SystemMonitor


class Logbook:
    """The writer of one run. In a team every process has one, and the leader's alone ``writes``.

    ``info`` is what ``run.json`` says, ``place`` how far the run is.
    """

    def __init__(
        self, folder: RunFolder, info: RunInfo, control: RunControl, *, writes: bool = True
    ) -> None:
        self.folder = folder
        self.info = info
        self.metrics = MetricsWriter(folder.metrics if writes else None)
        self.monitor = SystemMonitor()
        # What run.json says of a resumed run, which may end before its checkpoint is read.
        self.place = Place(
            step=info.step,
            epochs_done=info.epochs_done,
            seconds=info.seconds + info.parent_seconds,
            best_epoch=info.best_epoch,
            best_accuracy=info.best_accuracy,
        )
        self._control = control
        self._writes = writes

    def update(self, **known: object) -> None:
        """Take into ``info`` what has become known."""
        self.info = msgspec.structs.replace(self.info, **known)

    def say(self, message: Message) -> None:
        """Tell whoever listens."""
        self._control.post(message)

    def warn(self, message: str) -> None:
        """Tell what should be known while the run goes on, and keep it among the events."""
        self.event("warning", message)
        self.say(Warned(message))

    def event(self, kind: str, message: str = "") -> None:
        """Keep what happened at this place."""
        self.metrics.event(self.place.step, kind, message)

    def note(self, place: Place, state: str, message: str = "") -> None:
        """Bring ``run.json`` up to date; a disk that does not take it stops nothing."""
        self.place = place
        latest = self.monitor.latest
        self.update(
            state=state,
            ended="" if state in ("running", "paused") else now(),
            message=message,
            seconds=self.own_seconds(place),
            driver=latest.driver if latest else self.info.driver,
            step=place.step,
            epochs_done=place.epochs_done,
            best_epoch=place.best_epoch,
            best_accuracy=place.best_accuracy,
        )
        if place.recipe is not None:
            epochs = place.recipe.epochs
            self.update(epochs=epochs, total_steps=self.info.steps_per_epoch * epochs)
        if not self._writes:
            return
        try:
            self.folder.save(self.info)
        except OSError as error:
            self.warn(explain_write_error(error, "run.json"))

    def own_seconds(self, place: Place) -> float:
        """The training time up to ``place`` without that of the run it branched from."""
        return max(0.0, place.seconds - self.info.parent_seconds)

    def begin(
        self,
        project: Project,
        analysis: Analysis,
        data: DataSet,
        steps: int,
        device: Device,
        earlier: tuple[EpochDone, ...] = (),
    ) -> None:
        """Say what is about to happen, with ``steps`` an epoch, after the epochs ``earlier``."""
        recipe = self.place.recipe or project.recipe
        counts = {name: len(positions) for name, positions in data.splits.items()}
        self.update(
            data=data.title,
            fingerprint=data.fingerprint,
            classes=data.classes,
            train_images=counts["train"],
            validation_images=counts["validation"],
            test_images=counts["test"],
            mean=data.mean,
            deviation=data.deviation,
            batch_size=recipe.batch_size,
            epochs=recipe.epochs,
            steps_per_epoch=steps,
            total_steps=steps * recipe.epochs,
        )
        rows = {row.name: row for row in analysis.layers}
        self.metrics.layers(
            (name, rows[name].kind, rows[name].parameters) for name in self.info.layers
        )
        mean, deviation = data.received(
            *normalization(project.data.normalization, data.mean, data.deviation)
        )
        self.note(self.place, "running")
        self.say(
            Started(
                device=device.name,
                device_title=device.title,
                steps_per_epoch=steps,
                total_steps=self.info.total_steps,
                step=self.place.step,
                classes=data.classes,
                train_images=counts["train"],
                validation_images=counts["validation"],
                precision=self.info.precision,
                threads=self.info.threads,
                mean=mean,
                deviation=deviation,
                class_counts=data.class_counts("train"),
                branched=self.info.parent_step if self.info.parent else 0,
                earlier=earlier,
            )
        )

    def end(self, last: Finished | Failed) -> None:
        """Let go of everything, say what could not be saved, and post the last message."""
        self.monitor.stop()
        self.metrics.system(self.monitor.take())
        if problem := self.metrics.close():
            self.warn(f"{problem} The curves since then are lost.")
        self.say(last)
