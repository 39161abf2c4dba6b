"""What the page reads of the run that is chosen, off the window's thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from studio.project.values import Project
from studio.runs.catalog import Entry
from studio.runs.changes import Change, changes_of, followed_last
from studio.runs.checkpoints import Kept, kept
from studio.runs.folder import RunFolder
from studio.runs.following import FollowedRun


@dataclass(frozen=True)
class Details:
    """``project`` with the recipe that the run followed last; ``began`` is the one it began
    with, and ``changes`` lie between them. ``curves`` follows the run once it is started."""

    folder: Path
    began: Project
    project: Project
    checkpoints: tuple[Kept, ...]
    curves: FollowedRun | None
    changes: tuple[Change, ...] = ()


def read(entry: Entry, curves: bool = True) -> Details:
    """Read what is not in the list; raises WorkFailed where the run cannot be read."""
    run = RunFolder.open(entry.folder)
    began = run.project()
    changes = changes_of(run)
    now = replace(began, recipe=followed_last(began.recipe, changes, entry.info.epochs))
    follower = FollowedRun(entry.folder, gradients=False) if curves else None
    return Details(entry.folder, began, now, kept(run), follower, changes)


def branched(details: Details, checkpoint: Kept) -> Project:
    """The project of a branch from ``checkpoint``: with the recipe that the run followed there,
    and with epochs to do beyond those that the checkpoint has behind it."""
    recipe = checkpoint.recipe or details.began.recipe
    if recipe.epochs <= checkpoint.epochs_done:
        recipe = replace(recipe, epochs=checkpoint.epochs_done + details.began.recipe.epochs)
    return replace(details.began, recipe=recipe)
