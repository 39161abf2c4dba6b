"""Whether the course of the learning rate fits into the run: no step lies behind its end."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from studio.project import schedules
from studio.project.problems import Fix, Problem, SetRecipe
from studio.project.schedules.decays import MILESTONES
from studio.project.settings import SettingError
from studio.project.values import Chosen, Recipe

LENGTH = "length"
"""The code of these problems. A run that has begun with one goes on: it was not asked then."""


def too_long(recipe: Recipe, steps_per_epoch: int | None = None) -> tuple[Problem, ...]:
    """What of the learning rate's course lies at or behind the end of the run.

    What counts steps is known only where the ``steps_per_epoch`` are. Settings that the user has
    not set follow the run's length and are never at fault.
    """
    if recipe.epochs < 1:
        return ()  # said of the epochs
    if warmup := _warmup(recipe, steps_per_epoch):
        return (warmup,)
    found = _schedule(recipe, steps_per_epoch)
    return (found,) if found else ()


def _warmup(recipe: Recipe, steps_per_epoch: int | None) -> Problem | None:
    unit = recipe.warmup_unit
    if unit == "epochs":
        end = recipe.epochs
        better: float = 1 if end > 1 else 0.1
    elif steps_per_epoch is not None:
        end = recipe.epochs * steps_per_epoch
        better = end // 10
    else:
        return None
    if recipe.warmup < end or not recipe.warmup:
        return None
    fix = Fix(f"Set the warm-up to {_count(better, unit)}", SetRecipe("warmup", float(better)))
    return _problem(
        "warmup", f"the warm-up takes {_count(recipe.warmup, unit)} and the run {end:,}", fix
    )


def _schedule(recipe: Recipe, steps_per_epoch: int | None) -> Problem | None:
    given = recipe.schedule.settings
    try:
        values = schedules.settings_of(recipe)
    except (SettingError, KeyError):
        return None  # said of the schedule
    end = schedules.span(recipe)
    if recipe.warmup_unit == "steps" and steps_per_epoch:
        end -= schedules.warmup_steps(recipe, steps_per_epoch) / steps_per_epoch
    behind = " behind the warm-up" if end < recipe.epochs else ""
    run = f"the run has {_count(end, 'epochs')}{behind}"
    match recipe.schedule.kind:
        case "step" if "every" in given and values["every"] >= end:
            message = f"the decay steps every {_count(values['every'], 'epochs')}, but {run}"
            return _problem("every", message, _follow(recipe, "every", end))
        case "multi_step" if "at" in given:
            late = [at for at in MILESTONES.numbers(values["at"]) if at >= end]
            if late:
                message = f"the decay has a step at epoch {late[0]:,g}, but {run}"
                return _problem("at", message, _follow(recipe, "at", end))
        case "restarts" if "first" in given and values["first"] >= end:
            first = _count(values["first"], "epochs")
            message = f"the first restart comes after {first}, but {run}"
            return _problem("first", message, _follow(recipe, "first", end))
        case "plateau" if "patience" in given and values["patience"] + 2 >= recipe.epochs:
            # The first epoch sets the best, patience + 1 wait, and the next one is the first with
            # a lower rate.
            message = (
                f"a patience of {_count(values['patience'], 'epochs')} cannot end in a run of "
                f"{_count(recipe.epochs, 'epochs')}"
            )
            least = recipe.epochs - 3
            fix = _set(recipe, "patience", min(3, least)) if least >= 0 else None
            text = f"Set the patience to {min(3, least)}"
            return _problem("patience", message, Fix(text, fix) if fix else _constant())
    return None


def _follow(recipe: Recipe, name: str, end: float) -> Fix:
    """Let the setting follow the run's length again, and say what that comes to."""
    if end <= 1:
        return _constant()
    value = schedules.SCHEDULES[recipe.schedule.kind].follows(end)[name]
    texts = {
        "every": f"Step every {_count(value, 'epochs')}",
        "at": f"Set the steps to {value}",
        "first": f"Set the first period to {_count(value, 'epochs')}",
    }
    # With a warm-up in steps the run's own share of epochs is not what the schedule follows.
    kept = value if end != schedules.span(recipe) else None
    return Fix(texts[name], _set(recipe, name, kept))


def _constant() -> Fix:
    return Fix("Keep the learning rate constant", SetRecipe("schedule", Chosen("constant")))


def _set(recipe: Recipe, name: str, value: Any) -> SetRecipe:
    settings = {key: old for key, old in recipe.schedule.settings.items() if key != name}
    if value is not None:
        settings[name] = value
    return SetRecipe("schedule", replace(recipe.schedule, settings=settings))


def _problem(setting: str, message: str, fix: Fix) -> Problem:
    advice = f"{fix.text[:1].lower()}{fix.text[1:]}"
    return Problem("recipe", LENGTH, f"recipe: {message}: {advice}", fix, setting)


def _count(number: Any, unit: str) -> str:
    shown = number if isinstance(number, str) else f"{number:,g}"
    return f"{shown} {unit[:-1] if number == 1 else unit}"
