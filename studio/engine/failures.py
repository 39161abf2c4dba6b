"""What is said, and offered, when a run breaks."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from studio.engine import devices
from studio.engine.determinism import is_refusal
from studio.engine.recorder import Diverged
from studio.engine.team import Team
from studio.project.analysis import analyze
from studio.project.problems import Fix
from studio.project.values import Project, Recipe
from studio.runs import remedies
from studio.runs.api import Device, WorkFailed


@dataclass(frozen=True)
class Failure:
    """Sentences on what happened and what to do, and edits of the project with which it may go
    well. ``puzzling`` where a developer would want the traceback."""

    message: str
    advice: str = ""
    offers: tuple[Fix, ...] = ()
    puzzling: bool = False
    diverged: bool = False


def explain(
    error: Exception, project: Project, recipe: Recipe, device: Device, team: Team
) -> Failure:
    """What ``error`` means for the run of ``project`` on ``device``, which follows ``recipe``.

    A full memory is told by ``memory_is_full``, once what filled it is gone.
    """
    if isinstance(error, WorkFailed):
        return Failure(error.message, error.advice)
    if isinstance(error, Diverged):
        raw = project.data.normalization == "none"
        return Failure(
            f"At step {error.step + 1:,}, {error.what} is no longer a finite number: the training "
            f"diverged.{begun(error)}",
            f"Lower the learning rate (it is {recipe.learning_rate:g})"
            f"{', or normalize the input' if raw else ''}.",
            remedies.stay_finite(msgspec.structs.replace(project, recipe=recipe)),
            diverged=True,
        )
    if is_refusal(error):
        return Failure(
            "The network has a layer that is not deterministic on "
            f"{device.title}: {_first_line(error)[:120]}.",
            "Switch Deterministic off, or train on the processor.",
        )
    if team.is_lost(error):
        return Failure(
            "Another process of this training is gone.",
            "Resume the run, with as many processes as there are; torchrun does it by itself with "
            "--max-restarts.",
        )
    if devices.is_broken(error):
        return Failure(
            f"{device.title} has failed: {_first_line(error)[:160].rstrip('.')}. Nothing can be "
            "computed on it any more until Training Studio is started anew.",
            "Start it again and continue the run. If it fails again, look at the driver with "
            "studio doctor, or train on the processor; the run folder's error.txt has the details.",
            puzzling=True,
        )
    return Failure(
        f"Training stopped by an unexpected error: {type(error).__name__}: "
        f"{_first_line(error)[:200]}.",
        "The run folder's error.txt has the details; please report it.",
        puzzling=True,
    )


def memory_is_full(project: Project, device: Device, precision: str) -> Failure:
    """What to say where a step of ``project`` in ``precision`` did not fit into the memory of
    ``device``; its tensors are gone by now."""
    recipe, room = project.recipe, devices.free_memory(device.name)
    largest = remedies.smaller_batch(project, analyze(project.network), precision, device, room)
    lower = f"Lower the batch size to {largest:,}, or" if largest else "Try to"
    return Failure(
        f"The network and a batch of {recipe.batch_size:,} images do not fit into the memory of "
        f"{device.title}.",
        f"{lower} make the input or the network smaller.",
        remedies.need_less_memory(recipe, largest, precision),
    )


def begun(error: Diverged) -> str:
    """Where the divergence began, as a sentence behind another; empty where it is not known."""
    return f" It began {error.where}." if error.where else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
