"""The training loop with all its telemetry, against the bare loop of the same settings."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import torch

from studio.commands.benchmarks.bare import EPOCHS, bare, speed, step_seconds
from studio.commands.benchmarks.harness import BenchmarkFailed, Goal, Report, interleave
from studio.engine import TorchEngine
from studio.engine.data import DataReader
from studio.engine.devices import choose_device
from studio.project import templates
from studio.project.values import Project
from studio.runs.api import EpochDone, Failed, Started

TITLE = "images per second of quick-start epochs"
_GOAL_ON_A_PROCESSOR, _GOAL_ON_A_GPU = 0.95, 0.97  # of the bare loop's speed
_POLL = 0.02  # seconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Train the quick-start network both ways, in turns, on the device that ``auto`` picks."""
    project = templates.build("quickstart")
    recipe = msgspec.structs.replace(project.recipe, epochs=EPOCHS)
    project = msgspec.structs.replace(project, recipe=recipe)
    device = choose_device(recipe.device).name
    data = DataReader().read(project.data, (1, 32, 32))
    engine = TorchEngine()
    engine.warm_up()
    report = interleave(
        "loop",
        {
            "bare loop": lambda: bare(project, data, torch.device(device), spare_cores=0),
            "with telemetry": lambda: with_telemetry(engine, project),
        },
        baseline="bare loop",
        rounds=rounds,
        unit="images/s",
        progress=progress,
    )
    wanted = _GOAL_ON_A_PROCESSOR if device == "cpu" else _GOAL_ON_A_GPU
    kept = report.ratio("with telemetry").median >= wanted
    goal = Goal(f"at least {wanted} of the bare loop on {device}", kept)
    return msgspec.structs.replace(report, goals=(goal,))


def with_telemetry(engine: TorchEngine, project: Project) -> float:
    """Images per second of the engine as the app and ``studio train`` use it: recording, run
    folder, checkpoints."""
    images, seconds, _ = _train(engine, project)
    return speed(images, seconds)


def step_with_telemetry(engine: TorchEngine, project: Project) -> float:
    """Seconds of a step of the same, without what is done between two epochs."""
    _, seconds, ends = _train(engine, project)
    return step_seconds([part.tolist() for part in np.split(ends, len(seconds))])


def _train(engine: TorchEngine, project: Project) -> tuple[int, list[float], np.ndarray]:
    """How many images an epoch has, the seconds that each took, and when each step was over."""
    with tempfile.TemporaryDirectory(prefix="training-studio-") as folder:
        run = engine.start(project, Path(folder) / "run")
        seconds: list[float] = []
        images = 0
        finished = False
        while not finished:
            finished = run.join(_POLL)
            for message in run.poll():
                if isinstance(message, Failed):
                    raise BenchmarkFailed(message.message)
                if isinstance(message, Started):
                    images = message.train_images
                if isinstance(message, EpochDone):
                    seconds.append(message.seconds)
        ends = run.telemetry.seconds.values.copy()
    return images, seconds, ends
