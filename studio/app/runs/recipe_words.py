"""A recipe in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from studio.project import augmentation, regularization
from studio.project.optimizers import OPTIMIZERS
from studio.project.pretrained import title
from studio.project.schedules import SCHEDULES
from studio.project.values import Recipe
from studio.runs.changes import Change

_MOST_RATES = 4


def sentence(recipe: Recipe, began: Recipe | None = None, changes: Sequence[Change] = ()) -> str:
    """How a run was trained: the optimizer, the rate and its course, batches, and what else is
    on. It follows ``recipe`` after ``changes`` of the one that it ``began`` with."""
    optimizer = OPTIMIZERS.get(recipe.optimizer.kind)
    schedule = SCHEDULES.get(recipe.schedule.kind)
    course = schedule.title if schedule is not None else recipe.schedule.kind
    parts = [
        f"{optimizer.title if optimizer is not None else recipe.optimizer.kind} at a learning "
        f"rate {_rates(began or recipe, changes)}, {course}",
        f"batches of {recipe.batch_size:,}"
        + (f" × {recipe.accumulate:,}" if recipe.accumulate > 1 else ""),
        f"{recipe.epochs:,} epoch{'' if recipe.epochs == 1 else 's'}",
    ]
    if decay := recipe.optimizer.settings.get("weight_decay"):
        parts.append(f"weight decay {decay:g}")
    if recipe.warmup:
        parts.append(f"{recipe.warmup:g} {recipe.warmup_unit} of warm-up")
    for words in (regularization.summary(recipe), augmentation.summary(recipe)):
        if words != "none":
            parts.append(words)
    if recipe.weights:
        parts.append(f"starting from {title(recipe.weights)}")
    return f"{', '.join(parts)}."


def _rates(began: Recipe, changes: Sequence[Change]) -> str:
    """The learning rates that the courses began at: "of 0.02", or "of 0.02, from step 40 on
    0.1"."""
    rates = [(0, began.learning_rate)]
    for change in changes:
        if change.recipe is not None and change.recipe.learning_rate != rates[-1][1]:
            rates.append((change.step, change.recipe.learning_rate))
    first, *later = rates
    if len(later) > _MOST_RATES:
        step, rate = later[-1]
        return f"of {first[1]:g}, changed {len(later)} times, from step {step:,} on {rate:g}"
    return ", ".join([f"of {first[1]:g}", *(f"from step {at:,} on {rate:g}" for at, rate in later)])
