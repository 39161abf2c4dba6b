"""A training step in float32 against the precision that ``auto`` takes here."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import torch
from torch import Tensor
from torch.nn import functional

from studio.commands.benchmarks.harness import Goal, Report, interleave
from studio.engine.devices import choose_device, synchronize
from studio.engine.module import build_module, training_logits
from studio.engine.optimizers import build_optimizer
from studio.engine.precision import Precision
from studio.project.analysis import analyze
from studio.project.precision import resolve
from studio.project.templates import build

TITLE = "seconds a training step, float32 and automatic"
_NETWORKS = ("lenet5", "quickstart", "small_resnet", "cifar_resnet20", "mobilenet_v2")
_SIZE = {"mobilenet_v2": (3, 64, 64)}
_BATCH, _CLASSES, _STEPS = 64, 10, 2
_NEVER_BELOW = 0.97
"""Of float32's speed: automatic must not choose what is slower."""


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time steps of several networks, each in float32 and in what automatic comes to."""
    device = choose_device("auto")
    cases: dict[str, Callable[[], float]] = {}
    for name in _NETWORKS:
        project = build(name, _SIZE.get(name), _CLASSES)
        recipe = msgspec.structs.replace(project.recipe, batch_size=_BATCH)
        analysis = analyze(project.network)
        chosen = resolve(recipe, analysis, device.fastest, device.name)
        images = torch.rand(_BATCH, *(analysis.input_shape or ()), device=device.name)
        labels = torch.arange(_BATCH, device=device.name) % _CLASSES
        for precision, title in (("float32", "float32"), (chosen, f"automatic ({chosen})")):
            steps = _Steps(name, precision, images, labels)
            cases[f"{name} {title}"] = steps.take
    report = interleave(
        "precision", cases, baseline=next(iter(cases)), rounds=rounds, progress=progress
    )
    medians = [case.median for case in report.cases]
    goals = tuple(
        Goal(f"{name}: automatic is {plain / auto:.2f} times as fast", plain / auto >= _NEVER_BELOW)
        for name, plain, auto in zip(_NETWORKS, medians[::2], medians[1::2], strict=True)
    )
    return msgspec.structs.replace(report, goals=goals)


class _Steps:
    """Some training steps of one network in one precision."""

    def __init__(self, name: str, precision: str, images: Tensor, labels: Tensor) -> None:
        project = build(name, _SIZE.get(name), _CLASSES)
        self._module = build_module(project.network, 0, str(images.device)).train()
        self._optimizer = build_optimizer(project.recipe, self._module)
        self._precision = Precision(precision, images.device)
        self._images, self._labels = images, labels

    def take(self) -> float:
        """Seconds a step."""
        start = time.perf_counter()
        for _ in range(_STEPS):
            with self._precision.autocast():
                outputs = training_logits(self._module, self._images)[0]
                loss = functional.cross_entropy(outputs, self._labels)
            self._optimizer.zero_grad()
            self._precision.backward(loss)
            self._precision.unscale(self._optimizer)
            self._precision.step(self._optimizer)
        synchronize(self._images.device)
        return (time.perf_counter() - start) / _STEPS
