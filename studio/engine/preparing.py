"""From a project, its data and an origin to a trainer that stands before its next step."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, replace

import torch
from torch import nn

from studio.engine.assembly import Assembly, assemble
from studio.engine.autopsy import Autopsy, Found
from studio.engine.averaging import Averaging
from studio.engine.checkpoint import CheckpointError, restore, restore_random
from studio.engine.compiling import compile_forward
from studio.engine.data import DataSet
from studio.engine.keeper import Keeper
from studio.engine.logbook import Logbook
from studio.engine.module import parameterized_layers
from studio.engine.origins import Origin
from studio.engine.pretrained import load_weights
from studio.engine.probe import Probe
from studio.engine.recorder import Recorder, Stopwatch
from studio.engine.team import ALONE, Team
from studio.engine.trainer import Trainer
from studio.project import heads
from studio.project.analysis import Analysis
from studio.project.pretrained import title
from studio.project.values import Project
from studio.runs.api import Device, Stage, WorkFailed
from studio.runs.control import RunControl
from studio.runs.metrics import MetricsWriter
from studio.runs.telemetry import Telemetry

_APART = 1_000_003  # between the seeds of two processes


class Stopped(Exception):
    """The run was asked to stop before its first step."""


@dataclass(frozen=True)
class Preparation:
    """All that trainers of one run have in common."""

    project: Project
    analysis: Analysis
    data: DataSet
    device: Device
    team: Team
    log: Logbook
    control: RunControl
    keeper: Keeper

    def assemble(self) -> Assembly:
        """The network and its tools as they are before the first step."""
        device = torch.device(self.device.name)
        precision = self.log.info.precision
        return assemble(self.project, self.data, precision, device, self.team)

    def trainer(self, tools: Assembly, origin: Origin, telemetry: Telemetry) -> Trainer:
        """The trainer that goes on from ``origin`` and writes what it learns; raises WorkFailed."""
        self._bring_to(tools, origin)
        recipe, log = self.project.recipe, self.log
        compiled = self._compile(tools) if recipe.compile else None
        averaging = None
        if recipe.averaging:
            first = recipe.averaging_start * tools.feed.steps_per_epoch
            averaging = Averaging(tools.module, recipe.averaging, first)
            averaging.restore(origin.saved.average if origin.saved else {})
        watch = Stopwatch(origin.place.seconds)
        recorder = Recorder(
            telemetry,
            log.metrics,
            parameterized_layers(tools.module),
            watch,
            overflows=tools.precision.overflows,
            # A compiled forward cannot be looked into without being broken up.
            probe=None if compiled is not None else Probe(tools.module),
            tell=log.say,
            waited=lambda: tools.feed.seconds,
            team=self.team,
        )
        plain = self._plain_trainer(tools, origin, recorder, watch)
        return replace(plain, averaging=averaging, compiled=compiled)

    def alone(self) -> Preparation:
        """The same for this process without its team, which sees whole batches."""
        return replace(self, team=ALONE)

    def find_divergence(self, origin: Origin, step: int) -> str:
        """Where the divergence at ``step`` began, in words; empty where that is not found.

        The steps from ``origin`` on are taken again.
        """
        self.log.say(Stage("Looking for the layer where it began"))
        tools = self.assemble()
        self._bring_to(tools, origin)
        autopsy = Autopsy(tools.module, origin.place.step, step, lambda: self.control.stopping)
        trainer = replace(
            self._plain_trainer(tools, origin, autopsy, Stopwatch()),
            # Nothing new is learnt: nothing is asked, told or kept.
            control=RunControl(),
            metrics=MetricsWriter(None),
            keeper=Keeper(None, lambda message: None, interval=math.inf),
            warn=lambda message: None,
            note=lambda place, state: None,
        )
        try:
            with contextlib.closing(trainer.feed):
                trainer.train()
        except Found as found:
            return found.where
        return ""

    def _plain_trainer(
        self, tools: Assembly, origin: Origin, recorder: Recorder, watch: Stopwatch
    ) -> Trainer:
        """A trainer of ``tools``, neither averaged nor compiled, that ``recorder`` listens to."""
        log = self.log
        return Trainer(
            recipe=origin.place.recipe or self.project.recipe,
            module=tools.module,
            optimizer=tools.optimizer,
            precision=tools.precision,
            feed=tools.feed,
            loss=tools.loss,
            mixing=tools.mixing,
            device=torch.device(self.device.name),
            control=self.control,
            recorder=recorder,
            metrics=log.metrics,
            keeper=self.keeper,
            monitor=log.monitor,
            watch=watch,
            warn=log.warn,
            note=log.note,
            auxiliary=tuple(heads.weights(self.analysis).values()),
            fixed=tools.fixed,
            team=self.team,
            place=origin.place,
        )

    def _bring_to(self, tools: Assembly, origin: Origin) -> None:
        """Put the network and its tools into the state of ``origin``."""
        recipe, rank = self.project.recipe, self.team.rank
        # For dropout, which draws other numbers in each process of a team.
        torch.manual_seed(recipe.seed + _APART * rank + (origin.place.step if rank else 0))
        saved = origin.saved
        if saved is None:
            if recipe.weights:
                self._start_from_weights(tools.module)
            return
        try:
            restore(saved, tools.module, tools.optimizer, tools.precision)
            restore_random(saved, torch.device(self.device.name), rank)
        except CheckpointError as error:
            raise WorkFailed(error.message, error.advice) from None

    def _start_from_weights(self, module: nn.Module) -> None:
        """Load the weights that the recipe names, and note what they were."""
        said = ""

        def watch(text: str) -> None:
            nonlocal said
            if self.control.stopping:
                raise Stopped
            if text != said:
                said = text
                self.log.say(Stage(text))

        watch(f"Loading {title(self.project.recipe.weights)}")
        report = load_weights(module, self.project, watch)
        if self.log.info.weights_sha256 == report.sha256:
            return  # told before: the run begins again
        self.log.update(weights=report.source, weights_sha256=report.sha256)
        self.log.event("weights", report.text)
        if report.fresh:
            self.log.warn(report.text)
        else:
            self.log.say(Stage(report.text))

    def _compile(self, tools: Assembly) -> nn.Module | None:
        """The network with its forward compiled; None, and a warning, where that cannot work."""
        if self.device.uncompiled:
            # Nothing is tried: a compiler that is not there fails only after seconds, in its words.
            self.log.warn(f"{self.device.uncompiled} The network is trained without.")
            return None
        self.log.say(Stage("Compiling the network, which takes half a minute"))
        with contextlib.closing(tools.feed):
            images, _ = next(tools.feed.batches(0))
        with tools.precision.autocast():
            return compile_forward(tools.module, images, self.log.warn)
