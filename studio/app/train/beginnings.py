"""Where a run is kept, and what it begins from: nothing, another's checkpoint, its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace
from PySide6.QtCore import QStandardPaths

from studio.app.train.run_words import course
from studio.project.values import Project
from studio.runs.api import EpochDone, WorkFailed

if TYPE_CHECKING:
    from studio.runs.checkpoints import Kept  # these bring numpy
    from studio.runs.folder import RunFolder

_MEAN = 10
"""Steps whose mean stands for the loss at a checkpoint."""
_RISEN = 2.0
"""Times the lowest before: from a checkpoint with such a loss a run does not recover."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A checkpoint of the run called ``title`` that another one shall begin from, at ``step``."""

    checkpoint: Path
    title: str
    step: int


def default_runs_root() -> Path:
    """Where run folders go when the user has said nothing: in the documents folder."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "TrainingStudio" / "runs"


def new_folder(root: Path, title: str) -> Path:
    """A folder under ``root`` that is not there yet, named by title and time."""
    name = re.sub(r"[^\w.-]+", "-", title).strip("-.")[:60] or "untitled"
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    folder = root / stem
    number = 2
    while folder.exists():
        folder = root / f"{stem}-{number}"
        number += 1
    return folder


def so_far(folder: Path) -> tuple[Project, tuple[EpochDone, ...], tuple[tuple[int, str], ...]]:
    """The project of the run in ``folder``, with the recipe that it followed last, the epochs that
    it has done, and the steps at which its recipe was changed, with words. Raises WorkFailed where
    it cannot be continued here."""
    from studio.runs.changes import changes_of, followed_last  # these bring numpy
    from studio.runs.folder import RunFolder
    from studio.runs.standing import obstacle, quiet_for

    run = RunFolder.open(folder)
    info, project = run.info(), run.project()
    if reason := obstacle(info, quiet_for(folder)):
        raise WorkFailed(reason)
    epochs = run.epochs() if run.metrics.exists() else ()
    changes = changes_of(run)
    marks = tuple(
        (each.step, course(each.text, each.recipe, each.step, info.steps_per_epoch))
        for each in changes
        if each.recipe is not None
    )
    recipe = followed_last(project.recipe, changes, info.epochs)
    return replace(project, recipe=recipe), epochs, marks


def last_good(folder: Path) -> Kept | None:
    """The newest checkpoint of the run in ``folder``, which diverged, at which its loss had not
    risen yet; that from which it branched where it has none of its own, and None without one."""
    from studio.runs.checkpoints import kept, read
    from studio.runs.folder import RunFolder

    try:
        run = RunFolder.open(folder)
        info = run.info()
    except WorkFailed:
        return None
    for each in sorted(kept(run), key=lambda each: -each.step):
        if each.step and not _risen(run, each.step):
            return each
    return read(Path(info.parent)) if info.parent else None


def _risen(run: RunFolder, step: int) -> bool:
    """Whether the loss before ``step`` lies far above what it had reached."""
    import numpy as np

    try:
        curves = run.curves()
    except WorkFailed:
        return False  # nobody knows
    loss = curves.loss[curves.step < step]
    if len(loss) < _MEAN:
        return not bool(np.isfinite(loss).all())
    means = np.convolve(loss, np.full(_MEAN, 1 / _MEAN), "valid")
    return not means[-1] <= _RISEN * np.nanmin(means)
