"""`studio describe` as a process, against an interpreter that starts and does nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from studio.commands.benchmarks.harness import Goal, Report, interleave, process_seconds

TITLE = "process time of `studio describe` for a small and a large network"
_GOAL = 0.5  # seconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time the process for the quick-start network and for ResNet-152."""

    def describe(template: str) -> Callable[[], float]:
        command = [sys.executable, "-m", "studio", "describe", template, "--json"]
        return lambda: process_seconds(command)

    report = interleave(
        "describe",
        {
            "bare interpreter": lambda: process_seconds([sys.executable, "-c", "pass"]),
            "quickstart": describe("quickstart"),
            "resnet152": describe("resnet152"),
        },
        baseline="bare interpreter",
        rounds=rounds,
        progress=progress,
    )
    goals = tuple(
        Goal(f"{name} under {_GOAL} s", report.case(name).median < _GOAL)
        for name in ("quickstart", "resnet152")
    )
    return msgspec.structs.replace(report, goals=goals)
