"""One run on its thread: prepare, train, and end in words whatever happens."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from studio.engine import devices
from studio.engine.checks import check_data, check_project
from studio.engine.data import DataReader, DataSet
from studio.engine.determinism import deterministic
from studio.engine.failures import Failure, begun, explain, memory_is_full
from studio.engine.keeper import Keeper
from studio.engine.logbook import Logbook
from studio.engine.origins import Origin, before, branch_of, last_of, with_recipe
from studio.engine.precision import single
from studio.engine.preparing import Preparation, Stopped
from studio.engine.recorder import Diverged
from studio.engine.team import ALONE, Team, Wishes
from studio.engine.trainer import Trainer
from studio.project import schedules
from studio.project.precision import resolve
from studio.project.values import Project, Recipe
from studio.runs.api import (
    Device,
    EpochDone,
    Failed,
    Finished,
    Message,
    RecipeChanged,
    Stage,
    WorkFailed,
)
from studio.runs.control import RunControl
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.requests import Listener
from studio.runs.telemetry import Telemetry

_ROLLBACKS = 3
"""How often a run that diverges is rolled back, each time with a tenth of the learning rate."""


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
        parent: Path | None = None,
        epochs: int | None = None,
        team: Team = ALONE,
    ) -> None:
        """``parent`` is a checkpoint of another run to begin from; ``epochs`` is how many there
        shall be in all, where a run that is resumed is extended."""
        self._folder = folder
        self._project = project
        self._device = device
        self._reader = reader
        self._spare_cores = spare_cores
        self._resumed = resumed
        self._parent = parent
        self._epochs = epochs
        self._team = team
        self._control = RunControl()
        self._telemetry = Telemetry(info.layers)
        self._log = Logbook(folder, info, self._control, writes=team.leads)
        self._keeper = Keeper(folder if team.leads else None, self._log.warn)
        self._listener = Listener(folder.path, project, self._control)
        self._rollbacks = 0
        self._thread = threading.Thread(target=self._work, name="training")

    # What the window and the command line hold ---------------------------------------------------

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self._folder.path

    @property
    def telemetry(self) -> Telemetry:
        """The per-step numbers; of a resumed run, those from before too. A run that is rolled
        back has another one from then on."""
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
        with self._listener if self._team.leads else contextlib.nullcontext():
            self._train_and_tell()

    def _train_and_tell(self) -> None:
        out_of_memory = False
        self._log.monitor.start()
        try:
            wanted = self._project.recipe.threads
            with devices.threads(self._spare_cores, wanted) as threads:
                self._log.update(threads=threads)
                self._finish(self._train())
        except Stopped:
            self._finish("stopped")
        except Exception as error:
            out_of_memory = devices.is_out_of_memory(error)
            if not out_of_memory:
                self._break(explain(error, self._project, self._recipe, self._device, self._team))
        # Outside the except block, whose traceback would keep the tensors alive.
        if out_of_memory:
            self._break(memory_is_full(self._project, self._device, self._log.info.precision))

    def _train(self) -> str:
        data = self._read_data()
        self._log.say(Stage("Building the network"))
        self._choose_precision()
        preparation = Preparation(
            project=self._project,
            analysis=check_project(self._project, self._resumed),
            data=data,
            device=self._device,
            team=self._team,
            log=self._log,
            control=self._control,
            keeper=self._keeper,
        )
        tools = preparation.assemble()
        steps = tools.feed.steps_per_epoch
        origin = self._origin(data, steps)
        trainer = preparation.trainer(tools, origin, self._telemetry)
        first = origin
        event = "resumed" if self._resumed else "branched" if self._parent else "started"
        self._begin(preparation, origin, steps, event)
        recipe = self._project.recipe
        with deterministic(recipe.deterministic), single(exact=recipe.precision == "float32"):
            while True:
                try:
                    with contextlib.closing(trainer.feed):
                        return trainer.train()
                except Diverged as error:
                    self._team.share(None)  # what the leader kept is on disk before others read it
                    last, *older = before(error.step, self._folder, first)
                    error.where = self._search(preparation, last, error)
                    if self._recipe.divergence != "roll_back" or self._rollbacks == _ROLLBACKS:
                        raise
                    # Where that was not far enough, it was spoiled already: further back.
                    again = origin.place.step == last.place.step and self._rollbacks > 0
                    origin = older[0] if again and older else last
                    trainer = self._roll_back(preparation, trainer, origin, error)
                finally:
                    trainer.commit()
                    self._log.place = trainer.place

    def _choose_precision(self) -> None:
        """What the run computes with: what it began with, else what its recipe comes to here."""
        project, device = self._project, self._device
        chosen = self._log.info.precision if self._resumed else ""
        if not chosen:
            analysis = check_project(project)
            chosen = resolve(project.recipe, analysis, device.fastest, device.name)
        self._log.update(precision=chosen)

    def _read_data(self) -> DataSet:
        self._log.say(Stage("Reading the images"))
        said = 0

        def progress(done: int, total: int) -> None:
            nonlocal said
            if self._control.stopping:
                raise Stopped
            if done - said >= total / 50:
                said = done
                self._log.say(Stage(f"Reading the images: {done:,} of {total:,}"))

        analysis = check_project(self._project, self._resumed)
        assert analysis.input_shape is not None  # a network without problems has an input
        # In a team one process decodes what is kept on disk, and the others wait for it there.
        data = self._reader.read(self._project.data, analysis.input_shape, progress)
        check_data(data, self._project, self._resumed)
        if self._team.agree(0, Wishes(stop=self._control.stopping)).stop:
            raise Stopped
        for warning in data.warnings:
            self._log.warn(warning)
        if self._resumed and self._log.info.fingerprint not in ("", data.fingerprint):
            self._log.warn("The images have changed since this run began, so its curve may jump.")
        return data

    # Where it begins, and begins again -----------------------------------------------------------

    @property
    def _recipe(self) -> Recipe:
        """What the run follows now."""
        return self._log.place.recipe or self._project.recipe

    def _origin(self, data: DataSet, steps_per_epoch: int) -> Origin:
        if self._parent is not None and not self._resumed:
            origin = branch_of(self._parent, self._project, data.fingerprint, steps_per_epoch)
            place = origin.place
            self._log.update(parent_step=place.step, parent_seconds=place.seconds)
            return origin
        if not self._resumed:
            return Origin()
        origin = last_of(self._folder, self._log.warn)
        if self._log.info.parent and origin.saved is None:  # it ended before its own first one
            parent = Path(self._log.info.parent)
            origin = branch_of(parent, self._project, data.fingerprint, steps_per_epoch)
        return self._extended(origin) if self._epochs is not None else origin

    def _extended(self, origin: Origin) -> Origin:
        """``origin`` with the epochs that were asked for, which becomes part of the run."""
        epochs, done = self._epochs, origin.place.epochs_done
        assert epochs is not None
        if epochs <= done:
            raise WorkFailed(
                f"The run has {done:,} epochs behind it, and {epochs:,} are asked for in all.",
                f"Ask for more than {done:,}.",
            )
        recipe = schedules.pinned(origin.place.recipe or self._project.recipe)
        recipe = msgspec.structs.replace(recipe, epochs=epochs)
        self._log.place = origin.place
        self._log.metrics.changed(origin.place.step, f"{epochs:,} epochs", recipe)
        return with_recipe(origin, recipe)

    def _begin(
        self, preparation: Preparation, origin: Origin, steps_per_epoch: int, event: str
    ) -> None:
        """Take up the curves that there are and say what is about to happen."""
        self._log.place = origin.place
        if origin.saved is not None and self._resumed:
            self._keeper.kept_step = origin.place.step
        if origin.curves is not None:
            with contextlib.suppress(WorkFailed):  # the run goes on without its parent's curves
                self._log.metrics.take_over(origin.curves, origin.place.step)
        self._take_up_curves(self._resumed or origin.curves is not None)
        self._log.event(event, f"from {self._parent}" if event == "branched" else "")
        self._log.begin(
            self._project, preparation.analysis, preparation.data, steps_per_epoch, self._device,
            self._epochs_so_far(),
        )  # fmt: skip

    def _epochs_so_far(self) -> tuple[EpochDone, ...]:
        """Those behind the step that the run goes on from, as far as their curves are there."""
        if self._log.place.step and self._team.leads and self._folder.metrics.exists():
            with contextlib.suppress(WorkFailed):  # the run goes on without them
                return self._folder.epochs()
        return ()

    def _take_up_curves(self, older: bool) -> None:
        """Bring curves on disk and telemetry to the step that the run goes on from; ``older``
        says whether there are any on disk."""
        step, columns = self._log.place.step, self._telemetry
        if older and self._team.leads and self._folder.metrics.exists():
            self._log.metrics.rewind(step)
        if step == 0:
            return
        columns.first_step = step
        with contextlib.suppress(WorkFailed):  # the run goes on without its older curves
            curves = self._folder.curves()
            names, norms = self._folder.gradients()
            # A branch with other batches than its parent's begins with a step above 0.
            first = int(curves.step[0]) if len(curves.step) else step
            whole = np.array_equal(curves.step, np.arange(first, step))
            if whole and len(norms) == step - first and names == self._log.info.layers:
                columns.first_step = first
                for column in ("loss", "accuracy", "learning_rate", "images_per_second", "seconds"):
                    getattr(columns, column).extend(getattr(curves, column).astype(np.float32))
                columns.gradients.extend(norms)

    def _search(self, preparation: Preparation, origin: Origin, error: Diverged) -> str:
        """Where it began. The leader of a team looks for all of it, on whole batches."""
        where = ""
        if self._team.leads:
            with contextlib.suppress(Exception):  # whatever it is, the divergence itself is told
                where = preparation.alone().find_divergence(origin, error.step)
        return self._team.share(where)

    def _roll_back(
        self, preparation: Preparation, trainer: Trainer, origin: Origin, error: Diverged
    ) -> Trainer:
        """A trainer that goes on from ``origin`` with a tenth of the learning rate."""
        self._rollbacks += 1
        recipe = origin.place.recipe or self._project.recipe
        if self._rollbacks > 1:  # the checkpoint may be older than the rate that failed last
            recipe = msgspec.structs.replace(recipe, learning_rate=trainer.recipe.learning_rate)
        lower = float(f"{recipe.learning_rate / 10:.3g}")
        recipe = msgspec.structs.replace(recipe, learning_rate=lower)
        origin = with_recipe(origin, recipe)
        step = origin.place.step
        self._log.metrics.commit()
        self._telemetry = Telemetry(self._log.info.layers)
        tools = preparation.assemble()
        lowered = preparation.trainer(tools, origin, self._telemetry)
        self._log.place = origin.place
        self._take_up_curves(older=True)
        self._log.begin(
            self._project, preparation.analysis, preparation.data,
            tools.feed.steps_per_epoch, self._device, self._epochs_so_far(),
        )  # fmt: skip
        text = f"learning rate {lower:g}"
        self._log.metrics.changed(step, text, recipe)
        total = recipe.epochs * tools.feed.steps_per_epoch
        self._log.say(RecipeChanged(step, recipe, total, text))
        self._log.warn(
            f"At step {error.step + 1:,}, {error.what} was no longer a finite number."
            f"{begun(error)} The run was rolled back to step {step:,} and goes on with a "
            f"learning rate of {lower:g}."
        )
        return lowered

    # How it ends ---------------------------------------------------------------------------------

    def _finish(self, reason: str) -> None:
        place = self._log.place
        if self._keeper.problem:
            # Not completed, so that it can be resumed: what was learnt since is only in memory.
            self._break(
                Failure(
                    f"{self._keeper.problem} Training is {reason}, and what it learned since its "
                    "last checkpoint is lost.",
                    "Make room, then resume the run: it takes those steps again.",
                )
            )
            return
        self._log.event(reason)
        self._log.note(place, reason)
        self._log.end(
            Finished(
                reason=reason,
                epochs=place.epochs_done,
                best_epoch=place.best_epoch,
                best_accuracy=place.best_accuracy,
                seconds=self._log.own_seconds(place),
            )
        )

    def _break(self, failure: Failure) -> None:
        if failure.puzzling:
            with contextlib.suppress(OSError):
                (self.folder / "error.txt").write_text(traceback.format_exc(), "utf-8")
        step = self._keeper.kept_step
        saved = "" if step is None else f"The checkpoint of step {step:,} is kept."
        text = f"{failure.message} {failure.advice}".strip()
        self._log.event("failed", text)
        self._log.update(diverged=failure.diverged)
        self._log.note(self._log.place, "failed", text)
        self._log.end(
            Failed(failure.message, failure.advice, saved, failure.offers, failure.diverged)
        )
