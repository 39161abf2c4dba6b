"""Training steps with and without gradient norms, and the loop around them with its telemetry."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import torch
from torch.nn import functional

from studio.commands.benchmarks.bare import bare_step
from studio.commands.benchmarks.loop import step_with_telemetry
from studio.commands.benchmarks.random_images import Given, random_images
from studio.engine import TorchEngine
from studio.engine.assembly import assemble
from studio.engine.devices import synchronize, use_threads
from studio.engine.module import parameterized_layers
from studio.engine.norms import GradientNorms
from studio.project.analysis import analyze
from studio.project.precision import resolve
from studio.project.templates import build
from studio.runs.api import Device

_BATCH_ON_A_GPU = 128
_TOGETHER = 10
"""Steps on a GPU between two looks at the clock, which wait for it."""
_EPOCHS, _MOST = 5, 200
"""Epochs of the whole loop, and their steps at most."""


@dataclass(frozen=True)
class _Times:
    """Seconds of a step, and of what is behind its backward pass: norms and optimizer."""

    step: float
    end: float


class Steps:
    """Steps of a template's network on one batch of random images."""

    def __init__(
        self, template: str, size: tuple[int, int, int], batch: int, device: Device, short: bool
    ) -> None:
        """``short`` steps are computed by one thread."""
        on_processor = device.name == "cpu"
        project = build(template, size, 10)
        recipe = msgspec.structs.replace(
            project.recipe,
            batch_size=batch if on_processor else _BATCH_ON_A_GPU,
            epochs=_EPOCHS,
            device=device.name.partition(":")[0],
        )
        self.project = msgspec.structs.replace(project, recipe=recipe)
        self.size, self.device = size, torch.device(device.name)
        self.spare_cores = os.cpu_count() or 1 if short and on_processor else 0
        self.seconds = 0.0
        """Of a bare step, once it has been measured."""
        precision = resolve(recipe, analyze(project.network), device.fastest, device.name)
        data = random_images(size, recipe.batch_size)
        self._tools = assemble(self.project, data, precision, self.device)
        self._batch = next(self._tools.feed.batches(0))
        self._norms = GradientNorms(parameterized_layers(self._tools.module))
        self._together = 1 if on_processor else _TOGETHER

    def take(self, seconds: float) -> tuple[float, float, float]:
        """Milliseconds of a bare step, of one with norms, and of the norms, medians of what is
        taken in turns for ``seconds`` each."""
        use_threads(self.spare_cores)
        plain: list[_Times] = []
        normed: list[_Times] = []
        end = time.perf_counter() + 2 * seconds
        while not normed or time.perf_counter() < end:
            if len(normed) % 2:
                normed.append(self._some(True))
                plain.append(self._some(False))
            else:
                plain.append(self._some(False))
                normed.append(self._some(True))
        bare, whole = (_median(each.step for each in times) for times in (plain, normed))
        self.seconds = bare / 1000
        if self.device.type == "cpu":
            return bare, whole, _median(n.end for n in normed) - _median(p.end for p in plain)
        return bare, whole, whole - bare

    def _some(self, normed: bool) -> _Times:
        """A step, or the mean of some on a GPU."""
        tools, (images, labels) = self._tools, self._batch
        start = time.perf_counter()
        for _ in range(self._together):
            with tools.precision.autocast():
                loss = functional.cross_entropy(tools.module(images), labels)
            tools.precision.backward(loss)
            backward = time.perf_counter()
            if normed:
                loss = loss.detach()
                self._norms.take(loss, loss)
            tools.precision.step(tools.optimizer)
            done = time.perf_counter()
            tools.optimizer.zero_grad()
        synchronize(self.device)
        return _Times((time.perf_counter() - start) / self._together, done - backward)


def _median(seconds: Iterable[float]) -> float:
    """In milliseconds."""
    return 1000 * statistics.median(seconds)


class Whole:
    """Runs of the network of ``steps``, bare and with all telemetry, about ``seconds`` an epoch."""

    def __init__(self, steps: Steps, seconds: float) -> None:
        self._steps = steps
        self._seconds = seconds
        self._runs: tuple[TorchEngine, Given] | None = None

    def take(self, turn: int) -> tuple[float, float]:
        """Milliseconds a step of the bare loop and of ours; ``turn`` says which goes first."""
        steps = self._steps
        project, recipe = steps.project, steps.project.recipe
        if self._runs is None:
            # Among the few a second, the one step that validates would count for much.
            count = max(2, min(_MOST, round(self._seconds / steps.seconds)))
            given = Given(random_images(steps.size, count * recipe.batch_size))
            self._runs = TorchEngine(steps.spare_cores, reader=given), given
        engine, given = self._runs
        taken = [0.0, 0.0]
        for kind in (turn % 2, 1 - turn % 2):
            if kind:
                taken[kind] = step_with_telemetry(engine, project)
            else:
                taken[kind] = bare_step(project, given.data, steps.device, steps.spare_cores)
        return 1000 * taken[0], 1000 * taken[1]
