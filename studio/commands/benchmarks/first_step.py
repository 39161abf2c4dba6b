"""From Train pressed to the end of the first step, once the engine is warmed up."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from studio.commands.benchmarks.harness import BenchmarkFailed, Goal, Report, interleave
from studio.engine import TorchEngine
from studio.project import templates
from studio.project.values import Project
from studio.runs.api import Failed, Started

TITLE = "seconds from Train to the end of the first step of the quick start"
_GOAL = 0.3  # seconds
_PATIENCE = 60.0  # seconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Start runs in turns with an engine that is warmed up, and with its images read too."""
    project = templates.build("quickstart")
    engine = TorchEngine(spare_cores=1)
    engine.warm_up()
    report = interleave(
        "first_step",
        {
            "images to read": lambda: _seconds(_warm(), project),
            "images read": lambda: _seconds(engine, project),
        },
        baseline="images read",
        rounds=rounds,
        progress=progress,
    )
    # The window reads the images as soon as they are chosen, to show them.
    kept = report.case("images read").median <= _GOAL
    return msgspec.structs.replace(report, goals=(Goal(f"within {_GOAL} s", kept),))


def _warm() -> TorchEngine:
    engine = TorchEngine(spare_cores=1)
    engine.warm_up()
    return engine


def _seconds(engine: TorchEngine, project: Project) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        run = engine.start(project, Path(folder) / "run")
        started = 0.0
        while not started or not len(run.telemetry):
            for message in run.poll():
                if isinstance(message, Failed):
                    raise BenchmarkFailed(message.message)
                if isinstance(message, Started):
                    started = time.perf_counter() - begin
            if time.perf_counter() - begin > _PATIENCE:
                raise BenchmarkFailed("the first step did not come")
            time.sleep(0.001)
        # What the step took by its own clock: its numbers are published an interval later.
        seconds = started + float(run.telemetry.seconds.values[0])
        run.stop()
        run.join()
        return seconds
