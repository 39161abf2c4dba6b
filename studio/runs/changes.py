"""What was changed of the recipe on the way, read from the events of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from studio.project.values import Recipe
from studio.runs.api import WorkFailed
from studio.runs.folder import RunFolder
from studio.runs.metrics import read_events

Event = tuple[int, str, str]
"""Step, kind and message, in the order in which they were written."""


@dataclass(frozen=True)
class Change:
    """From ``step`` on the run follows ``recipe``, None where the run does not say; ``text`` is
    what was new."""

    step: int
    text: str
    recipe: Recipe | None


def add(changes: Sequence[Change], events: Iterable[Event]) -> tuple[Change, ...]:
    """``changes`` and those among the ``events`` that follow them, as far as they still hold.

    A run that goes back to a checkpoint does what is behind it again: an event of an earlier step
    says so, and the changes behind it are void.
    """
    held = list(changes)
    recipe: Recipe | None = None
    for step, kind, message in events:
        held = [change for change in held if change.step <= step]
        if kind == "recipe":
            recipe = _recipe(message)
        elif kind == "changed":
            held.append(Change(step, message, recipe))
            recipe = None
    return tuple(held)


def followed_last(recipe: Recipe, changes: Sequence[Change], epochs: int) -> Recipe:
    """What a run that began with ``recipe`` follows after ``changes``, with ``epochs`` in all."""
    known = [change.recipe for change in changes if change.recipe is not None]
    return msgspec.structs.replace(known[-1] if known else recipe, epochs=epochs or recipe.epochs)


def changes_of(run: RunFolder) -> tuple[Change, ...]:
    """What was changed of a run by its events, as far as it still holds."""
    try:
        return add((), [event[1:] for event in read_events(run.metrics)])
    except WorkFailed:
        return ()  # it has no curves yet, or lost them: what it began with is known all the same


def recipe_now(run: RunFolder, recipe: Recipe, epochs: int) -> Recipe:
    """What a run that began with ``recipe`` follows by its events, with ``epochs`` in all."""
    return followed_last(recipe, changes_of(run), epochs)


def _recipe(message: str) -> Recipe | None:
    try:
        return msgspec.json.decode(message, type=Recipe)
    except (msgspec.MsgspecError, RecursionError):
        return None  # of a newer version; what it changed is told in words all the same
