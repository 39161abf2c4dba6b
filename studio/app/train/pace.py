"""How far a run is, and how long the rest will take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studio.runs.api import Started

if TYPE_CHECKING:
    from studio.runs.telemetry import Telemetry  # brings numpy, which the first window does without


def progress(telemetry: Telemetry | None, started: Started | None) -> tuple[float, float, float]:
    """The share done in 0..1, the seconds left (not a number where unknown), images a second.

    The pace is that of the last epoch's steps, validation included.
    """
    if telemetry is None or started is None:
        return 0.0, float("nan"), 0.0
    steps = len(telemetry)
    done = telemetry.first_step + steps
    total = max(1, started.total_steps)
    fraction = min(1.0, done / total)
    if steps < 2:
        return fraction, float("nan"), 0.0
    seconds = telemetry.seconds.values
    back = min(steps - 1, max(20, started.steps_per_epoch))
    pace = float(seconds[steps - 1] - seconds[steps - 1 - back]) / back
    recent = telemetry.images_per_second.values[max(0, steps - back) : steps]
    return fraction, max(0.0, (total - done) * pace), float(recent.mean())


def progress_words(
    state: str, epoch: int, epochs: int, seconds_left: float, images_per_second: float
) -> tuple[str, str]:
    """What stands on the progress bar: where the run is, and its pace.

    Seconds that are not a number are left out.
    """
    if state == "starting" or epochs == 0:
        return "Starting", ""
    where = f"Epoch {epoch} / {epochs}"
    pace = f"{images_per_second:,.0f} images/s" if images_per_second >= 1 else ""
    if state == "stopping":
        return f"Stopping · epoch {epoch} / {epochs}", ""
    if state == "paused":
        return f"Paused · epoch {epoch} / {epochs}", ""
    if math.isfinite(seconds_left):
        where += f" · {clock(seconds_left)} left"
    return where, pace


def clock(seconds: float) -> str:
    """A time as ``0:41``, ``12:05`` or ``3:12:05``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    if hours:
        return f"{hours}:{minutes:02}:{second:02}"
    return f"{minutes}:{second:02}"
