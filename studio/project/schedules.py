"""Learning-rate decay as pure functions of the step.

Drawing a schedule before the run is calling it for every step, resuming is calling it with
another one: what is drawn is exactly what is applied.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from studio.project.settings import Choice, Integer, Real, Setting, Values, complete
from studio.project.values import Recipe

Rule = Callable[[Values, float], float]


@dataclass(frozen=True, kw_only=True)
class ScheduleKind:
    """A decay. ``factor`` gives what the learning rate is multiplied by at a time in epochs;
    ``smooth`` says, by its settings, whether the time runs within an epoch too."""

    kind: str
    title: str
    help: str
    formula: str
    settings: tuple[Setting, ...]
    factor: Rule
    smooth: Callable[[Values], bool] = lambda values: False


CONSTANT = ScheduleKind(
    kind="constant",
    title="constant",
    help="The same learning rate from the first step to the last.",
    formula="α = α₀",
    settings=(),
    factor=lambda values, time: 1.0,
)

STEP = ScheduleKind(
    kind="step",
    title="step decay",
    help="Multiplies the learning rate by a factor k < 1 every few epochs.",
    formula="α = α₀ · k^⌊t / T⌋",
    settings=(
        Real(name="factor", title="Factor k", default=0.2, minimum=0.0, maximum=1.0, above=True,
             help="What the learning rate is multiplied by, below 1."),
        Integer(name="every", title="Every T", default=5, minimum=1, maximum=100_000, unit="epochs",
                help="How many epochs pass between two steps."),
    ),
    factor=lambda values, time: float(values["factor"] ** (int(time) // values["every"])),
)  # fmt: skip

EXPONENTIAL = ScheduleKind(
    kind="exponential",
    title="exponential decay",
    help="Falls by the same share in every epoch. a₀ is the learning rate at the start.",
    formula="α = α₀ · e^(−k t)",
    settings=(
        Real(name="k", title="Decay k", default=0.1, minimum=0.0, maximum=10.0, unit="per epoch",
             help="How fast it falls: after 1/k epochs, 37 % is left."),
        Choice(name="per", title="Changes", default="epoch",
               choices=(("epoch", "once an epoch"), ("step", "at every step")),
               help="Whether t is the epoch number, or runs on within the epoch."),
    ),
    factor=lambda values, time: math.exp(-values["k"] * time),
    smooth=lambda values: values["per"] == "step",
)  # fmt: skip

SCHEDULES: dict[str, ScheduleKind] = {kind.kind: kind for kind in (CONSTANT, STEP, EXPONENTIAL)}


def rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate at ``step`` (from 0). Raises SettingError for settings out of bounds."""
    kind = SCHEDULES[recipe.schedule.kind]
    values = complete(kind.settings, recipe.schedule.settings, kind.title)
    smooth = kind.smooth(values)
    time = step / steps_per_epoch if smooth else float(step // steps_per_epoch)
    return recipe.learning_rate * kind.factor(values, time)


def curve(recipe: Recipe, steps_per_epoch: int, points: int = 400) -> list[tuple[float, float]]:
    """(epoch, learning rate) over the whole run, at every step or at about ``points`` of them."""
    total = max(1, recipe.epochs * steps_per_epoch)
    stride = max(1, total // points)
    steps = [*range(0, total, stride), total - 1]
    return [(step / steps_per_epoch, rate(recipe, step, steps_per_epoch)) for step in steps]
