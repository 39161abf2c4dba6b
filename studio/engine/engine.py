"""The engine behind studio.runs.api.Engine, made of torch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import torch

from studio.engine import devices, warm
from studio.engine.checks import check_project
from studio.engine.data import DataReader, describe
from studio.engine.download import Watch, watch_nothing
from studio.engine.evaluation import evaluate, predict
from studio.engine.module import build_empty
from studio.engine.pretrained import check_weights
from studio.engine.provenance import describe_process, describe_run
from studio.engine.rate_finder import find_rate
from studio.engine.session import TrainingRun
from studio.engine.team import ALONE, Team
from studio.project.values import DataSettings, Project
from studio.runs.api import (
    DataReport,
    Device,
    Evaluation,
    ExportReport,
    Machine,
    Prediction,
    RateSearch,
    WeightsReport,
    WorkFailed,
)
from studio.runs.folder import RunFolder, RunInfo


class TorchEngine:
    """Trains, evaluates and exports with torch; one run at a time.

    ``spare_cores`` processor cores are left to others while it computes: a window that shares
    the machine asks for one. ``watch`` is told of downloads outside of a run, whose own messages
    tell of its. ``reader`` is where the data sets come from.
    """

    def __init__(
        self,
        spare_cores: int = 0,
        watch: Watch = watch_nothing,
        reader: DataReader | None = None,
    ) -> None:
        self.team: Team = ALONE
        self._spare_cores = spare_cores
        self._watch = watch
        self._reader = reader or DataReader()
        self._run: TrainingRun | None = None

    def join_team(self) -> None:
        """Train together with the other processes where torchrun started several; raises
        WorkFailed where they are not found."""
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            # Imported here: not every torch is built with torch.distributed.
            from studio.engine.processes import join

            self.team = join()

    def machine(self) -> Machine:
        """What there is to compute on."""
        return devices.find_machine()

    def warm_up(self) -> None:
        """Take a first step on a small network, which loads what the first real one needs."""
        with devices.threads(self._spare_cores):
            warm.warm_up(devices.choose_device("auto"))

    def inspect(self, data: DataSettings, input_shape: tuple[int, int, int]) -> DataReport:
        """The data set as a network with that ``(C, H, W)`` input receives it."""
        return describe(self._reader.read(data, input_shape))

    def check_weights(self, project: Project) -> WeightsReport:
        """See whether the weights that ``project`` starts from fit its network."""
        with _memory_in_words():
            return check_weights(build_empty(project.network), project, self._watch)

    def find_rate(
        self,
        project: Project,
        stopped: Callable[[], bool] = lambda: False,
        tell: Callable[[RateSearch], None] = lambda so_far: None,
    ) -> RateSearch:
        """Suggest a learning rate by a range test on a copy of the network."""
        self._check_free()
        with self._computing(project.recipe.threads):
            device = devices.choose_device(project.recipe.device)
            return find_rate(project, self._reader, device, stopped, tell)

    def start(self, project: Project, folder: Path, parent: Path | None = None) -> TrainingRun:
        """Train ``project`` into the new run folder ``folder``: from the beginning, or from the
        checkpoint ``parent`` of another run."""
        self._check_free()
        analysis = check_project(project)
        device = devices.choose_device(self.team.device(project.recipe.device))
        title = folder.resolve().name
        info = describe_run(project, analysis, title, device, self.team.size)
        if parent is not None:
            info = msgspec.structs.replace(info, parent=str(parent.resolve()))
        run = RunFolder(folder)
        if self.team.leads:
            run = RunFolder.create(folder, project, info)
        return self._launch(run, project, info, device, resumed=False, parent=parent)

    def resume(self, folder: Path, epochs: int | None = None) -> TrainingRun:
        """Go on with the run in ``folder`` from its last checkpoint, exactly where it was; with
        ``epochs`` up to that many."""
        self._check_free()
        run = RunFolder.open(folder)
        info, project = run.info(), run.project()
        if info.state == "completed" and epochs is None:
            raise WorkFailed(
                f"The run in {folder} is complete: it has all its {info.epochs} epochs.",
                "Give it more: studio train --resume RUN --epochs N, with N epochs in all.",
            )
        if epochs is not None and epochs <= info.epochs_done:
            raise WorkFailed(
                f"The run in {folder} has {info.epochs_done:,} epochs behind it, and {epochs:,} "
                "are asked for in all.",
                f"Ask for more than {info.epochs_done:,}.",
            )
        if info.state in ("running", "paused") and info.alive:
            raise WorkFailed(
                f"The run in {folder} is still going on in process {info.process}.",
                "Stop it there first.",
            )
        check_project(project, begun=True)
        device = devices.choose_device(self.team.device(project.recipe.device))
        if self.team.leads:
            run.clean()
        info = describe_process(info, device, self.team.size)
        return self._launch(run, project, info, device, resumed=True, epochs=epochs)

    def evaluate(
        self, folder: Path, split: str = "test", checkpoint: str = "best", views: str = "one"
    ) -> Evaluation:
        """The metrics of a run's network on one split, on the best device there is."""
        device = torch.device(devices.choose_device("auto").name)
        with self._computing():
            return evaluate(self._reader, folder, split, checkpoint, device, views)

    def predict(
        self, folder: Path, images: Sequence[Path], checkpoint: str = "best"
    ) -> Sequence[Prediction]:
        """The most probable classes of each image."""
        with self._computing():
            return predict(folder, images, checkpoint)

    def export(
        self,
        source: Path,
        format: str,
        path: Path,
        checkpoint: str = "best",
        weights: bool = True,
    ) -> ExportReport:
        """Write the model of a run folder or project file, reload it and compare."""
        # Imported here: its formats bring libraries of their own.
        from studio.engine.export import export_model

        with self._computing():
            return export_model(source, format, path, checkpoint, weights, self._watch)

    @contextlib.contextmanager
    def _computing(self, threads: int = 0) -> Iterator[None]:
        """Compute with that many threads on the caller's, or with all but the spare cores where
        that is 0; a full memory is told in words."""
        with devices.threads(self._spare_cores, threads), _memory_in_words():
            yield

    def _check_free(self) -> None:
        # Two runs would draw from the one generator that torch's dropout uses, and neither could
        # be repeated.
        if self._run is not None and self._run.alive:
            raise WorkFailed(
                f"A run is already going on in {self._run.folder}.", "Stop it, or wait for its end."
            )

    def _launch(
        self,
        folder: RunFolder,
        project: Project,
        info: RunInfo,
        device: Device,
        *,
        resumed: bool,
        parent: Path | None = None,
        epochs: int | None = None,
    ) -> TrainingRun:
        self._run = TrainingRun(
            folder,
            project,
            info,
            device,
            self._reader,
            spare_cores=self._spare_cores,
            resumed=resumed,
            parent=parent,
            epochs=epochs,
            team=self.team,
        )
        self._run.start()
        return self._run


@contextlib.contextmanager
def _memory_in_words() -> Iterator[None]:
    """Turn a full memory into a WorkFailed."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not devices.is_out_of_memory(error):
            raise
        raise WorkFailed(
            "The network does not fit into the memory that is free.",
            "Close something, or make the input or the network smaller.",
        ) from None
