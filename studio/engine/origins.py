"""What a run begins from: nothing, its own last checkpoint, or a checkpoint of another run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from torch import Tensor

from studio.engine.checkpoint import Checkpoint, CheckpointError, Place, read_checkpoint
from studio.engine.module import build_empty
from studio.engine.optimizers import names_in_order
from studio.project.schedules.plateau import Plateau
from studio.project.values import Project, Recipe
from studio.runs.api import WorkFailed
from studio.runs.folder import RunFolder


@dataclass(frozen=True)
class Origin:
    """``saved`` is the state to begin with, None for the beginning; ``place`` how far that is.

    ``curves`` is the file of curves that come along from another run.
    """

    saved: Checkpoint | None = None
    place: Place = field(default_factory=Place)
    curves: Path | None = None


def last_of(folder: RunFolder, warn: Callable[[str], None]) -> Origin:
    """The last checkpoint of a run, else its best; the beginning where there is none.

    Raises WorkFailed where all are damaged.
    """
    paths = [folder.checkpoint(name) for name in ("last", "best")]
    problem: CheckpointError | None = None
    for path in (path for path in paths if path.exists()):
        try:
            saved = read_checkpoint(path)
        except CheckpointError as error:
            problem = problem or error
            continue
        if problem:
            warn(
                f"{problem.message} The run goes on from the {path.stem} one, of epoch "
                f"{saved.place.epochs_done}."
            )
        return Origin(saved, saved.place)
    if problem:
        raise WorkFailed(problem.message, problem.advice)
    return Origin()


def before(step: int, folder: RunFolder, first: Origin) -> list[Origin]:
    """The states of a run before ``step``, newest first: the last checkpoint, the best, and
    ``first``, with which it began. Damaged ones are left out."""
    found = {first.place.step: first}
    for name in ("last", "best"):
        with contextlib.suppress(CheckpointError):
            saved = read_checkpoint(folder.checkpoint(name))
            if saved.place.step <= step:
                found[saved.place.step] = Origin(saved, saved.place)
    return [found[at] for at in sorted(found, reverse=True)]


def with_recipe(origin: Origin, recipe: Recipe) -> Origin:
    """The same, to be followed by ``recipe`` from there on."""
    return replace(origin, place=msgspec.structs.replace(origin.place, recipe=recipe))


def branch_of(path: Path, project: Project, fingerprint: str, steps_per_epoch: int) -> Origin:
    """The checkpoint at ``path`` of another run, as the beginning of a run of ``project``.

    Where data, order and batches are those of the parent, it goes on in the middle of an epoch,
    and the parent's curves come along; else it takes that epoch from its start. Raises
    WorkFailed where it does not suit.
    """
    try:
        saved = read_checkpoint(path)
    except CheckpointError as error:
        raise WorkFailed(error.message, error.advice) from None
    parent = RunFolder.open(path.parent.parent)
    info, before = parent.info(), parent.project()
    place = saved.place
    recipe, old = project.recipe, place.recipe or before.recipe
    if recipe.epochs <= place.epochs_done:
        raise WorkFailed(
            f"The checkpoint has {place.epochs_done:,} epochs behind it, and the recipe asks for "
            f"{recipe.epochs:,} in all.",
            f"Set the epochs above {place.epochs_done:,}.",
        )
    same = (
        before.data == project.data
        and info.fingerprint == fingerprint
        and (old.seed, old.batch_size, old.accumulate)
        == (recipe.seed, recipe.batch_size, recipe.accumulate)
    )
    if not same:
        place = msgspec.structs.replace(
            place,
            step=place.epochs_done * steps_per_epoch,
            loss_sum=0.0, correct=0.0, images=0, epoch_seconds=0.0,
        )  # fmt: skip
    place = msgspec.structs.replace(
        place,
        recipe=None,
        best_epoch=0,
        best_accuracy=0.0,
        plateau=place.plateau if old.schedule == recipe.schedule else Plateau(),
    )
    saved = replace(
        saved,
        optimizer=_of_same_parameters(saved, project, old),
        average=saved.average if recipe.averaging else {},
    )
    return Origin(saved, place, parent.metrics if same and parent.metrics.exists() else None)


def _of_same_parameters(saved: Checkpoint, project: Project, old: Recipe) -> dict[str, Tensor]:
    """The state of the parent's optimizer by the numbers that the parameters have in ``project``;
    empty where it is of another kind."""
    recipe = project.recipe
    if old.optimizer.kind != recipe.optimizer.kind:
        return {}
    now = {name: at for at, name in enumerate(_order(project, recipe))}
    state: dict[str, Tensor] = {}
    names = _order(project, old)
    for key, value in saved.optimizer.items():
        index, _, slot = key.partition(".")
        name = names[int(index)] if int(index) < len(names) else ""
        if name in now:
            state[f"{now[name]}.{slot}"] = value
    return state


def _order(project: Project, recipe: Recipe) -> list[str]:
    return names_in_order(recipe, build_empty(project.network))
