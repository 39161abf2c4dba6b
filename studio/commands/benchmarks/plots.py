"""A plot of ten million points: a frame in which it grows, is panned, is zoomed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from studio.commands.benchmarks.harness import Goal, Report, interleave

TITLE = "milliseconds of a frame of a plot of 10 million points, data to painted pixels"
_GOAL = 1000 / 60  # milliseconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time the frames of a plot that is shown, in turns."""
    from studio.app import application as qt
    from studio.app.plots.bench import PlotFrames

    qt.create(sys.argv[:1])
    frames = PlotFrames()
    try:
        report = interleave(
            "plots",
            {"append": frames.append, "pan": frames.pan, "zoom": frames.zoom},
            baseline="append",
            rounds=rounds,
            unit="ms",
            progress=progress,
        )
    finally:
        frames.close()
    goals = tuple(
        Goal(f"{case.name} at 60 frames a second", case.median <= _GOAL) for case in report.cases
    )
    return msgspec.structs.replace(report, goals=goals)
