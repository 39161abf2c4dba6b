"""How often a training step makes the host wait for a CUDA device, as torch itself counts it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import torch

from studio.commands.benchmarks.harness import BenchmarkFailed
from studio.commands.benchmarks.random_images import Given, random_images
from studio.engine import TorchEngine
from studio.project.values import Project
from studio.runs.api import Failed

_FEW, _MANY = 20, 120
"""Steps of two runs: what begins and ends a run waits in both alike."""
_SAID = "called a synchronizing CUDA operation"


def waits_per_step(project: Project, size: tuple[int, int, int]) -> float:
    """Synchronizations of the host in a step of a run with all its telemetry, on CUDA."""
    _count(project, size, _FEW)  # the first steps load kernels
    return (_count(project, size, _MANY) - _count(project, size, _FEW)) / (_MANY - _FEW)


def _count(project: Project, size: tuple[int, int, int], steps: int) -> int:
    """The waits of one epoch of that many steps."""
    recipe = msgspec.structs.replace(project.recipe, epochs=1)
    project = msgspec.structs.replace(project, recipe=recipe)
    engine = TorchEngine(reader=Given(random_images(size, steps * recipe.batch_size)))
    with tempfile.TemporaryDirectory(prefix="training-studio-") as folder:
        return counted(lambda: _train(engine, project, Path(folder) / "run"))


def counted(work: Callable[[], None]) -> int:
    """How often ``work`` waited, on whatever thread."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum(_SAID in str(warning.message) for warning in said)


def _train(engine: TorchEngine, project: Project, folder: Path) -> None:
    run = engine.start(project, folder)
    run.join()
    for message in run.poll(10_000):
        if isinstance(message, Failed):
            raise BenchmarkFailed(message.message)
