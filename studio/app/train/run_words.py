"""How a run is spoken of: its state with a mark that needs no color, when, where and from what."""

from __future__ import annotations

import math
import socket
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from studio.app.lost_list import when
from studio.project import schedules
from studio.project.values import Recipe

if TYPE_CHECKING:
    from studio.runs.folder import RunInfo  # brings numpy, which the first window does without

STANDINGS: dict[str, tuple[str, str, str]] = {
    "running": ("training", "play", "accent"),
    "paused": ("paused", "pause", "accent"),
    "silent": ("not heard of", "unknown", "warning"),
    "completed": ("complete", "check", "good"),
    "stopped": ("stopped", "stop", "muted"),
    "failed": ("failed", "error", "error"),
    "interrupted": ("interrupted", "unlink", "warning"),
}
"""Word, icon and color of how a run stands."""


def percent(share: float) -> str:
    """A share of one in percent, to a tenth."""
    return f"{share:.1%}".replace("%", " %")


def round_percent(share: float) -> str:
    """The same without a tenth that is none, as an axis writes it."""
    return percent(share).replace(".0 ", " ")


def begun(info: RunInfo) -> str:
    """When the run began, as people say it."""
    try:
        return when(datetime.fromisoformat(info.created))
    except ValueError:
        return "at an unknown time"


def process(info: RunInfo) -> str:
    """Which process trains the run, the first where there are several, and where."""
    here = info.machine == socket.gethostname()
    where = "this machine" if here else info.machine or "an unknown machine"
    together = f"{info.processes:,} processes, the first " if info.processes > 1 else "process "
    return f"{together}{info.process} on {where}"


def device(info: RunInfo) -> str:
    """What the run is trained on, by how many processes where these are several."""
    several = f"{info.processes:,} processes" if info.processes > 1 else ""
    return ", ".join(part for part in (info.device_title, several) if part)


def parent(info: RunInfo) -> str:
    """What a branch began from; empty for other runs."""
    if not info.parent:
        return ""
    return f"from {Path(info.parent).parent.parent.name}, step {info.parent_step:,}"


def course(text: str, recipe: Recipe, step: int, steps_per_epoch: int) -> str:
    """``text``, which says what of ``recipe`` is new from ``step`` on, with the learning rate that
    holds there where that is not the one at the start of its course."""
    start = f"learning rate {recipe.learning_rate:g}"
    kind = schedules.SCHEDULES.get(recipe.schedule.kind)
    if start not in text or kind is None or kind.depends:
        return text
    rate = schedules.rate(recipe, step, steps_per_epoch)
    if math.isclose(rate, recipe.learning_rate, rel_tol=0.005):
        return text
    return text.replace(start, f"learning rate {rate:.3g} (start α₀ {recipe.learning_rate:g})")


def of_all(done: int, epochs: int) -> str:
    """Epochs done of all: "3 of 10 epochs", "10 epochs"."""
    if done >= epochs:
        return f"{done:,} epoch{'' if done == 1 else 's'}"
    return f"{done:,} of {epochs:,} epoch{'' if epochs == 1 else 's'}"
