"""A recipe in a sentence."""

from __future__ import annotations

from studio.project import augmentation, regularization
from studio.project.optimizers import OPTIMIZERS
from studio.project.pretrained import title
from studio.project.schedules import SCHEDULES
from studio.project.values import Recipe


def sentence(recipe: Recipe) -> str:
    """How a run was trained: the optimizer, the rate and its course, batches, and what else is
    on."""
    optimizer = OPTIMIZERS.get(recipe.optimizer.kind)
    schedule = SCHEDULES.get(recipe.schedule.kind)
    course = schedule.title if schedule is not None else recipe.schedule.kind
    parts = [
        f"{optimizer.title if optimizer is not None else recipe.optimizer.kind} at a learning "
        f"rate of {recipe.learning_rate:g}, {course}",
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
