"""One run on its thread: prepare, train, and end in words whatever happens."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from studio.engine import devices
from studio.engine.assembly import Assembly, assemble
from studio.engine.averaging import Averaging
from studio.engine.checkpoint import Checkpoint, CheckpointError, Place, read_checkpoint, restore
from studio.engine.checks import check_data, check_project
from studio.engine.compiling import compile_forward
from studio.engine.data import DataReader, DataSet, normalization
from studio.engine.determinism import deterministic, is_refusal
from studio.engine.feed import Feed
from studio.engine.keeper import Keeper
from studio.engine.module import parameterized_layers
from studio.engine.pretrained import load_weights
from studio.engine.probe import Probe
from studio.engine.provenance import now
from studio.engine.recorder import Diverged, Recorder, Stopwatch
from studio.engine.trainer import Trainer
from studio.project import heads
from studio.project.precision import resolve
from studio.project.pretrained import title
from studio.project.problems import Fix
from studio.project.values import Project, Recipe
from studio.runs import remedies
from studio.runs.api import (
    Device,
    Failed,
    Finished,
    Message,
    Stage,
    Started,
    Warned,
    WorkFailed,
)
from studio.runs.control import RunControl
from studio.runs.files import explain_write_error
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.metrics import MetricsWriter
from studio.runs.system import SystemMonitor
from studio.runs.telemetry import Telemetry


class _Stopped(Exception):
    """The run was asked to stop before its first step."""


class TrainingRun:
    """A run under way (a RunHandle). All work is done on its thread, which ends by ``join``."""

    def __init__(
        self,
        folder: RunFolder,
        project: Project,
        info: RunInfo,
        device: Device,
        reader: DataReader,
        *,
        spare_cores: int,
        resumed: bool,
    ) -> None:
        self._folder = folder
        self._project = project
        self._info = info
        self._device = device
        self._reader = reader
        self._spare_cores = spare_cores
        self._resumed = resumed
        self._control = RunControl()
        self._telemetry = Telemetry(info.layers)
        self._metrics = MetricsWriter(folder.metrics)
        self._monitor = SystemMonitor()
        self._keeper = Keeper(folder, self._warn)
        # What run.json says of a resumed run, which may end before its checkpoint is read.
        self._place = Place(
            step=info.step,
            epochs_done=info.epochs_done,
            seconds=info.seconds,
            best_epoch=info.best_epoch,
            best_accuracy=info.best_accuracy,
        )
        self._thread = threading.Thread(target=self._work, name="training")

    # What the window and the command line hold ---------------------------------------------------

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._folder.path

    @property
    def telemetry(self) -> Telemetry:
        """The per-step numbers; of a resumed run, those from before too."""
        return self._telemetry

    @property
    def alive(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def poll(self, limit: int = 100) -> Sequence[Message]:
        """Up to ``limit`` messages that arrived since the last call, in order."""
        return self._control.poll(limit)

    def pause(self) -> None:
        """Wait after the step under way."""
        self._control.pause()

    def resume(self) -> None:
        """Go on."""
        self._control.resume()

    def stop(self) -> None:
        """End after the step under way, with a checkpoint."""
        self._control.stop()

    def stop_after_epoch(self, wanted: bool = True) -> None:
        """End after the epoch under way, or go on after all."""
        self._control.stop_after_epoch(wanted)

    def keep(self) -> None:
        """Keep a checkpoint after the step under way."""
        self._control.keep()

    def change(self, recipe: Recipe) -> None:
        """Follow this recipe's learning rate, course and epochs from the next step on."""
        self._control.change(recipe)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end at most ``timeout`` seconds; whether it has come."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # What the thread does ------------------------------------------------------------------------

    def _work(self) -> None:
        out_of_memory = False
        self._monitor.start()
        try:
            self._finish(self._train())
        except _Stopped:
            self._finish("stopped")
        except WorkFailed as error:
            self._fail(error.message, error.advice)
        except Diverged as error:
            self._fail(
                f"At step {error.step + 1:,}, {error.what} is no longer a finite number: the "
                "training diverged.",
                f"Lower the learning rate (it is {self._project.recipe.learning_rate:g}), or "
                "normalize the input.",
                remedies.stay_finite(self._project),
            )
        except Exception as error:
            out_of_memory = devices.is_out_of_memory(error)
            if is_refusal(error):
                self._fail(
                    "The network has a layer that is not deterministic on "
                    f"{self._device.title}: {str(error).splitlines()[0][:120]}.",
                    "Switch Deterministic off, or train on the processor.",
                )
            elif not out_of_memory:
                self._fail_unexpectedly(error)
        # Outside the except block, whose traceback would keep the tensors alive.
        if out_of_memory:
            self._fail_for_memory()

    def _train(self) -> str:
        devices.use_threads(self._spare_cores)
        data = self._read_data()
        self._control.post(Stage("Building the network"))
        project, recipe = self._project, self._project.recipe
        device = torch.device(self._device.name)
        tools = assemble(project, data, self._precision(), device)
        module, feed, precision = tools.module, tools.feed, tools.precision
        torch.manual_seed(recipe.seed)  # for dropout
        saved = self._find_checkpoint()
        if saved:
            try:
                restore(saved, module, tools.optimizer, precision, device)
            except CheckpointError as error:
                raise WorkFailed(error.message, error.advice) from None
            self._keeper.kept_step = saved.place.step
        elif recipe.weights:
            self._start_from(module)
        self._place = saved.place if saved else Place()
        self._take_up_curves()
        self._describe(data, feed)
        layers = parameterized_layers(module)
        averaging = None
        if recipe.averaging:
            first = recipe.averaging_start * feed.steps_per_epoch
            averaging = Averaging(module, recipe.averaging, first)
            averaging.restore(saved.average if saved else {})
        compiled = self._compile(tools) if recipe.compile else None
        watch = Stopwatch(self._place.seconds)
        trainer = Trainer(
            recipe=self._place.recipe or recipe,
            module=module,
            optimizer=tools.optimizer,
            precision=precision,
            feed=feed,
            loss=tools.loss,
            mixing=tools.mixing,
            device=device,
            control=self._control,
            recorder=Recorder(
                self._telemetry,
                self._metrics,
                layers,
                watch,
                overflows=precision.overflows,
                # A compiled forward cannot be looked into without being broken up.
                probe=None if compiled is not None else Probe(module),
                tell=self._control.post,
                waited=lambda: feed.seconds,
            ),
            metrics=self._metrics,
            keeper=self._keeper,
            monitor=self._monitor,
            watch=watch,
            warn=self._warn,
            note=self._note,
            auxiliary=tuple(heads.weights(check_project(project)).values()),
            averaging=averaging,
            compiled=compiled,
            fixed=tools.fixed,
            place=self._place,
        )
        try:
            with deterministic(recipe.deterministic):
                return trainer.train()
        finally:
            trainer.commit()
            self._place = trainer.place

    def _compile(self, tools: Assembly) -> nn.Module | None:
        self._control.post(Stage("Compiling the network, which takes half a minute"))
        images, _ = next(tools.feed.batches(0))
        with tools.precision.autocast():
            return compile_forward(tools.module, images, self._warn)

    def _precision(self) -> str:
        """What the run computes with: what it began with, else what its recipe comes to here."""
        project, device = self._project, self._device
        chosen = self._info.precision if self._resumed else ""
        if not chosen:
            analysis = check_project(project)
            chosen = resolve(project.recipe, analysis, device.fastest, device.name)
        self._info = msgspec.structs.replace(self._info, precision=chosen)
        return chosen

    def _read_data(self) -> DataSet:
        self._control.post(Stage("Reading the images"))
        said = 0

        def progress(done: int, total: int) -> None:
            nonlocal said
            if self._control.stopping:
                raise _Stopped
            if done - said >= total / 50:
                said = done
                self._control.post(Stage(f"Reading the images: {done:,} of {total:,}"))

        analysis = check_project(self._project)
        assert analysis.input_shape is not None  # a network without problems has an input
        data = self._reader.read(self._project.data, analysis.input_shape, progress)
        check_data(data, self._project)
        if self._control.stopping:
            raise _Stopped
        for warning in data.warnings:
            self._warn(warning)
        if self._resumed and self._info.fingerprint not in ("", data.fingerprint):
            self._warn("The images have changed since this run began, so its curve may jump.")
        return data

    def _start_from(self, module: nn.Module) -> None:
        """Load the weights that the recipe names, and note what they were."""
        said = ""

        def watch(text: str) -> None:
            nonlocal said
            if self._control.stopping:
                raise _Stopped
            if text != said:
                said = text
                self._control.post(Stage(text))

        watch(f"Loading {title(self._project.recipe.weights)}")
        report = load_weights(module, self._project, watch)
        self._info = msgspec.structs.replace(
            self._info, weights=report.source, weights_sha256=report.sha256
        )
        self._metrics.event(0, "weights", report.text)
        if report.fresh:
            self._warn(report.text)
        else:
            self._control.post(Stage(report.text))

    def _find_checkpoint(self) -> Checkpoint | None:
        """The checkpoint to go on from: the last one, else the best; None to begin anew."""
        if not self._resumed:
            return None
        paths = [self._folder.checkpoint(name) for name in ("last", "best")]
        paths = [path for path in paths if path.exists()]
        problem: CheckpointError | None = None
        for path in paths:
            try:
                saved = read_checkpoint(path)
            except CheckpointError as error:
                problem = problem or error
                continue
            if problem:
                self._warn(
                    f"{problem.message} The run goes on from the {path.stem} one, of epoch "
                    f"{saved.place.epochs_done}."
                )
            return saved
        if problem:
            raise WorkFailed(problem.message, problem.advice)
        return None

    def _take_up_curves(self) -> None:
        """Bring curves on disk and telemetry to the step that the run goes on from."""
        step = self._place.step
        if self._resumed and self._folder.metrics.exists():
            self._metrics.rewind(step)
        if step == 0:
            return
        self._telemetry.first_step = step
        with contextlib.suppress(WorkFailed):  # the run goes on without its older curves
            curves = self._folder.curves()
            names, norms = self._folder.gradients()
            whole = np.array_equal(curves.step, np.arange(step)) and len(norms) == step
            if whole and names == self._info.layers:
                columns = self._telemetry
                columns.first_step = 0
                for column in ("loss", "accuracy", "learning_rate", "images_per_second", "seconds"):
                    getattr(columns, column).extend(getattr(curves, column).astype(np.float32))
                columns.gradients.extend(norms)

    def _describe(self, data: DataSet, feed: Feed) -> None:
        """Say what is about to happen: in ``run.json``, in the curves and to whoever listens."""
        place = self._place
        recipe = place.recipe or self._project.recipe
        counts = {name: len(positions) for name, positions in data.splits.items()}
        self._info = msgspec.structs.replace(
            self._info,
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
            steps_per_epoch=feed.steps_per_epoch,
            total_steps=feed.steps_per_epoch * recipe.epochs,
        )
        rows = {row.name: row for row in check_project(self._project).layers}
        self._metrics.layers(
            (name, rows[name].kind, rows[name].parameters) for name in self._info.layers
        )
        received = data.received(
            *normalization(self._project.data.normalization, data.mean, data.deviation)
        )
        self._metrics.event(place.step, "resumed" if self._resumed else "started")
        self._note(place, "running")
        self._control.post(
            Started(
                device=self._device.name,
                device_title=self._device.title,
                steps_per_epoch=feed.steps_per_epoch,
                total_steps=self._info.total_steps,
                step=place.step,
                classes=data.classes,
                train_images=counts["train"],
                validation_images=counts["validation"],
                precision=self._info.precision,
                mean=received[0],
                deviation=received[1],
                class_counts=data.class_counts("train"),
            )
        )

    # How it ends ---------------------------------------------------------------------------------

    def _finish(self, reason: str) -> None:
        place = self._place
        if self._keeper.problem:
            # Not completed, so that it can be resumed: what was learnt since is only in memory.
            self._fail(
                f"{self._keeper.problem} Training is {reason}, and what it learned since its last "
                "checkpoint is lost.",
                "Make room, then resume the run: it takes those steps again.",
            )
            return
        self._metrics.event(place.step, reason)
        self._note(place, reason)
        self._end(
            Finished(
                reason=reason,
                epochs=place.epochs_done,
                best_epoch=place.best_epoch,
                best_accuracy=place.best_accuracy,
                seconds=place.seconds,
            )
        )

    def _fail(self, message: str, advice: str = "", offers: tuple[Fix, ...] = ()) -> None:
        step = self._keeper.kept_step
        saved = "" if step is None else f"The checkpoint of step {step:,} is kept."
        self._metrics.event(self._place.step, "failed", f"{message} {advice}".strip())
        self._note(self._place, "failed", f"{message} {advice}".strip())
        self._end(Failed(message, advice, saved, offers))

    def _end(self, last: Finished | Failed) -> None:
        """Let go of everything, say what could not be saved, and post the last message."""
        self._monitor.stop()
        self._metrics.system(self._monitor.take())
        if problem := self._metrics.close():
            self._warn(f"{problem} The curves since then are lost.")
        self._control.post(last)

    def _fail_for_memory(self) -> None:
        if self._device.name.startswith("cuda"):
            torch.cuda.empty_cache()
        batch = self._project.recipe.batch_size
        lower = f"Lower the batch size to {batch // 2}, or" if batch > 1 else "Try to"
        self._fail(
            f"The network and a batch of {batch:,} images do not fit into the memory of "
            f"{self._device.title}.",
            f"{lower} make the input or the network smaller.",
            remedies.need_less_memory(self._project.recipe, self._info.precision),
        )

    def _fail_unexpectedly(self, error: Exception) -> None:
        with contextlib.suppress(OSError):
            (self.folder / "error.txt").write_text(traceback.format_exc(), "utf-8")
        first = (str(error).splitlines() or [""])[0][:200]
        self._fail(
            f"Training stopped by an unexpected error: {type(error).__name__}: {first}.",
            "The run folder's error.txt has the details; please report it.",
        )

    def _note(self, place: Place, state: str, message: str = "") -> None:
        """Bring ``run.json`` up to date; a disk that does not take it stops nothing."""
        latest = self._monitor.latest
        ended = "" if state in ("running", "paused") else now()
        self._info = msgspec.structs.replace(
            self._info,
            state=state,
            ended=ended,
            message=message,
            seconds=place.seconds,
            driver=latest.driver if latest else self._info.driver,
            step=place.step,
            epochs_done=place.epochs_done,
            best_epoch=place.best_epoch,
            best_accuracy=place.best_accuracy,
        )
        if place.recipe is not None:
            epochs = place.recipe.epochs
            total = self._info.steps_per_epoch * epochs
            self._info = msgspec.structs.replace(self._info, epochs=epochs, total_steps=total)
        try:
            self._folder.save(self._info)
        except OSError as error:
            self._warn(explain_write_error(error, "run.json"))

    def _warn(self, message: str) -> None:
        self._metrics.event(self._place.step, "warning", message)
        self._control.post(Warned(message))
