"""What of a recipe can change while a run is under way: the rate, its course, the epochs."""

from __future__ import annotations

from msgspec.structs import replace

from studio.project.recipes import WARMUP_SETTINGS
from studio.project.values import Recipe

FIELDS = ("learning_rate", "schedule", "epochs", *(s.name for s in WARMUP_SETTINGS))


def take_over(recipe: Recipe, wanted: Recipe) -> Recipe:
    """``recipe`` with the learning rate, its course and the epochs of ``wanted``."""
    return replace(recipe, **{name: getattr(wanted, name) for name in FIELDS})


def differences(recipe: Recipe, wanted: Recipe) -> tuple[str, ...]:
    """In words what ``take_over`` would change; empty where it is nothing."""
    words = []
    if wanted.learning_rate != recipe.learning_rate:
        words.append(f"learning rate {wanted.learning_rate:g}")
    course = [name for name in FIELDS if name not in ("learning_rate", "epochs")]
    if any(getattr(wanted, name) != getattr(recipe, name) for name in course):
        words.append(f"{wanted.schedule.kind.replace('_', ' ')} decay")
    if wanted.epochs != recipe.epochs:
        words.append(f"{wanted.epochs:,} epochs")
    return tuple(words)
