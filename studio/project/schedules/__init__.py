"""The learning rate as a pure function of the step.

Drawing a schedule before the run is calling it for every step, resuming is calling it with
another one: what is drawn is exactly what is applied. The one that waits for what the run says
(``plateau``) adds the factor that holds at the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from studio.project.schedules import plateau
from studio.project.schedules.decays import (
    CONSTANT,
    EXPONENTIAL,
    MILESTONES,
    MULTI_STEP,
    STEP,
)
from studio.project.schedules.drawn import DRAWN
from studio.project.schedules.kind import Moment, ScheduleKind
from studio.project.schedules.plateau import PLATEAU, Plateau
from studio.project.schedules.whole_run import COSINE, ONE_CYCLE, POLYNOMIAL, RESTARTS
from studio.project.settings import complete
from studio.project.values import Recipe

__all__ = [
    "SCHEDULES",
    "ScheduleKind",
    "after_epoch",
    "curve",
    "drops",
    "formula",
    "pinned",
    "rate",
    "settings_of",
    "span",
    "warmup_steps",
]

SCHEDULES: dict[str, ScheduleKind] = {
    kind.kind: kind
    for kind in (
        CONSTANT, STEP, MULTI_STEP, EXPONENTIAL, POLYNOMIAL, COSINE, RESTARTS, ONE_CYCLE, PLATEAU,
        DRAWN,
    )
}  # fmt: skip


def span(recipe: Recipe) -> float:
    """How many epochs the schedule has: those of the run behind a warm-up that counts epochs."""
    epochs = recipe.epochs - (recipe.warmup if recipe.warmup_unit == "epochs" else 0.0)
    return epochs if 1 <= epochs <= recipe.epochs else 1.0


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """The settings of the schedule that hold: the user's, else what suits the run's length.

    Raises SettingError, and KeyError for a schedule that is not known.
    """
    kind = SCHEDULES[recipe.schedule.kind]
    given = {**kind.follows(span(recipe)), **recipe.schedule.settings}
    return complete(kind.settings, given, kind.title)


def pinned(recipe: Recipe) -> Recipe:
    """The recipe with what its schedule takes from the run's length written down, so that a run
    that is made longer keeps the steps that are behind it."""
    kind = SCHEDULES[recipe.schedule.kind]
    given = {**kind.follows(span(recipe)), **recipe.schedule.settings}
    return replace(recipe, schedule=replace(recipe.schedule, settings=given))


def formula(recipe: Recipe) -> tuple[str, ...]:
    """α as formulas, one a line, with its warm-up where there is one: i counts its w steps, and t
    from its end.

    Raises SettingError, and KeyError for a schedule that is not known.
    """
    lines = SCHEDULES[recipe.schedule.kind].formula(settings_of(recipe))
    if not recipe.warmup or recipe.warmup_start == 1:
        return lines
    start = recipe.warmup_start
    rising = f"({start:g} + {1 - start:g} i / w)" if start else "i / w"
    return (*lines, f"warm-up: α · {rising}")


def warmup_steps(recipe: Recipe, steps_per_epoch: int) -> int:
    """How many steps the warm-up takes, at most all but the last."""
    total = recipe.epochs * steps_per_epoch
    length = recipe.warmup * (steps_per_epoch if recipe.warmup_unit == "epochs" else 1)
    return max(0, min(round(length), total - 1))


def rate(recipe: Recipe, step: int, steps_per_epoch: int, lowered: float = 1.0) -> float:
    """The learning rate at ``step`` (from 0). Raises SettingError for settings out of bounds.

    ``lowered`` is the factor that a schedule which depends on the run has come to.
    """
    kind = SCHEDULES[recipe.schedule.kind]
    values = settings_of(recipe)
    warm = warmup_steps(recipe, steps_per_epoch)
    total = max(1, recipe.epochs * steps_per_epoch - warm)
    factor = kind.factor(values, Moment(max(0, step - warm), total, steps_per_epoch))
    if step < warm:
        factor *= recipe.warmup_start + (1 - recipe.warmup_start) * step / warm
    return recipe.learning_rate * factor * lowered


def after_epoch(recipe: Recipe, before: Plateau, loss: float, accuracy: float) -> Plateau:
    """What a schedule that depends on the run knows after one more epoch; others know nothing."""
    if recipe.schedule.kind != PLATEAU.kind:
        return before
    return plateau.after_epoch(settings_of(recipe), before, loss, accuracy)


def drops(recipe: Recipe, steps_per_epoch: int) -> list[tuple[int, float]]:
    """The steps of the run at which step decay lowers the learning rate, and its factor."""
    kind = SCHEDULES.get(recipe.schedule.kind)
    if kind not in (STEP, MULTI_STEP):
        return []
    values = settings_of(recipe)
    begin = warmup_steps(recipe, steps_per_epoch)
    if kind is STEP:
        epochs: Iterable[float] = range(values["every"], recipe.epochs, values["every"])
    else:
        epochs = MILESTONES.numbers(values["at"])
    steps = [begin + int(epoch) * steps_per_epoch for epoch in epochs]
    total = recipe.epochs * steps_per_epoch
    return [(step, values["factor"]) for step in steps if step < total]


def curve(recipe: Recipe, steps_per_epoch: int, points: int = 400) -> list[tuple[float, float]]:
    """(epoch, learning rate) over the whole run, at every step or at about ``points`` of them."""
    total = max(1, recipe.epochs * steps_per_epoch)
    stride = max(1, total // points)
    steps = [*range(0, total, stride), total - 1]
    return [(step / steps_per_epoch, rate(recipe, step, steps_per_epoch)) for step in steps]
