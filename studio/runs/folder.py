"""The folder a run leaves behind. A second process may read it while the run goes on.

``project.studio``, ``run.json``, ``metrics.sqlite``, ``checkpoints/``, ``exports/``.
"""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import psutil

from studio.project import codec
from studio.project.values import Project
from studio.runs import metrics
from studio.runs.api import EpochDone, WorkFailed
from studio.runs.files import explain_write_error, remove_leftovers, write_whole
from studio.runs.metrics import Curves

State = Literal["running", "paused", "completed", "stopped", "failed"]


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What ``run.json`` holds. Times are ISO 8601 in UTC; ``seconds`` is training time without
    pauses; ``mean`` and ``deviation`` are those of the training images per channel in 0..255;
    ``fingerprint`` changes when the images do; ``weights`` is what the run started from
    (torchvision's name, or a file), empty for random weights, and ``weights_sha256`` that file's
    checksum. ``parent`` is the checkpoint that the run branched from, at ``parent_step``
    and after ``parent_seconds`` of training, which are none of its own. ``threads`` are those that
    compute on the processor. ``processes`` train together, as torchrun starts them, and ``job`` is
    its name of the job that they belong to. ``diverged`` says that it failed because the loss was
    no longer a number. ``listens`` says that it does what is asked of it in its folder; those of
    older versions do not."""

    state: State
    title: str
    created: str
    ended: str = ""
    seconds: float = 0.0
    message: str = ""
    diverged: bool = False
    process: int = 0
    process_started: float = 0.0
    machine: str = ""
    platform: str = ""
    python: str = ""
    torch: str = ""
    cuda: str = ""
    driver: str = ""
    device: str = ""
    device_title: str = ""
    device_uuid: str = ""
    precision: str = ""
    threads: int = 0
    seed: int = 0
    weights: str = ""
    weights_sha256: str = ""
    input_shape: tuple[int, int, int] = (0, 0, 0)
    parameters: int = 0
    layers: tuple[str, ...] = ()
    data: str = ""
    fingerprint: str = ""
    classes: tuple[str, ...] = ()
    train_images: int = 0
    validation_images: int = 0
    test_images: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    batch_size: int = 0
    epochs: int = 0
    steps_per_epoch: int = 0
    total_steps: int = 0
    step: int = 0
    epochs_done: int = 0
    best_epoch: int = 0
    best_accuracy: float = 0.0
    parent: str = ""
    parent_step: int = 0
    parent_seconds: float = 0.0
    job: str = ""
    processes: int = 1
    listens: bool = False

    @property
    def alive(self) -> bool:
        """Whether its process is still there; only known for runs of this machine."""
        if self.machine != socket.gethostname():
            return False
        try:
            # The number alone may have gone to another process since.
            started = float(psutil.Process(self.process).create_time())
        except psutil.Error:
            return False
        return abs(started - self.process_started) < 2.0

    @property
    def interrupted(self) -> bool:
        """Whether it was killed: it says that it goes on, but its process is gone."""
        return self.state in ("running", "paused") and not self.alive


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run folder, and reading and writing what is in them."""

    path: Path

    @classmethod
    def create(cls, path: Path, project: Project, info: RunInfo) -> RunFolder:
        """A new run folder for ``project``; raises WorkFailed where it cannot be made.

        A run that failed before its first step, for want of its data say, gives its place up.
        """
        remove_unstarted(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise WorkFailed(
                f"{path} already exists.", "Choose another folder, or resume the run in it."
            )
        folder = cls(path)
        try:
            folder.checkpoints.mkdir(parents=True)
            folder.exports.mkdir()
            write_whole(path / "project.studio", codec.dumps(project))
            folder.save(info)
        except OSError as error:
            raise WorkFailed(
                explain_write_error(error, f"the run folder {path}"), "Choose another folder."
            ) from None
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The run folder at ``path``; raises WorkFailed where it is none."""
        if not (path / "run.json").is_file():
            what = "is not a run folder" if path.exists() else "does not exist"
            raise WorkFailed(f"{path} {what}.", "Give the folder that a training run made.")
        return cls(path)

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints lie."""
        return self.path / "checkpoints"

    @property
    def exports(self) -> Path:
        """Where exported models go by default."""
        return self.path / "exports"

    @property
    def metrics(self) -> Path:
        """The file of the curves."""
        return self.path / "metrics.sqlite"

    def checkpoint(self, name: str) -> Path:
        """The file of the checkpoint ``name`` ("last", "best", or one that was kept)."""
        return self.checkpoints / f"{name}.safetensors"

    def project(self) -> Project:
        """The project as it was trained; raises WorkFailed."""
        try:
            return codec.load(self.path / "project.studio")
        except codec.ProjectError as error:
            raise WorkFailed(str(error)) from None

    def info(self) -> RunInfo:
        """What ``run.json`` says; raises WorkFailed."""
        try:
            return msgspec.json.decode((self.path / "run.json").read_bytes(), type=RunInfo)
        except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise WorkFailed(
                f"{self.path / 'run.json'} cannot be read: {error}.", "The file may be damaged."
            ) from None

    def save(self, info: RunInfo) -> None:
        """Write ``run.json`` in one piece; raises OSError."""
        content = msgspec.json.format(msgspec.json.encode(info), indent=2)
        write_whole(self.path / "run.json", content + b"\n")

    def clean(self) -> None:
        """Remove what a killed run left half written."""
        remove_leftovers(self.path)
        remove_leftovers(self.checkpoints)

    def curves(self, first_step: int = 0) -> Curves:
        """The per-step columns; raises WorkFailed."""
        return metrics.read_curves(self.metrics, first_step)

    def epochs(self) -> tuple[EpochDone, ...]:
        """The epochs that ended; raises WorkFailed."""
        return metrics.read_epochs(self.metrics)

    def gradients(self, first_step: int = 0) -> tuple[tuple[str, ...], np.ndarray]:
        """The layers' names and gradient norms ``(steps, layers)``; raises WorkFailed."""
        return metrics.read_gradients(self.metrics, first_step)


def remove_unstarted(path: Path) -> None:
    """Remove the run in ``path`` if it failed before training began; what is not its own stays."""
    try:
        run = RunFolder.open(path)
        info = run.info()
        if info.state != "failed" or info.total_steps or any(run.checkpoints.iterdir()):
            return
        run.exports.rmdir()  # first: it refuses where something was exported to it
        run.checkpoints.rmdir()
        for name in ("metrics.sqlite", "metrics.sqlite-wal", "metrics.sqlite-shm", "error.txt",
                     "project.studio", "run.json"):  # fmt: skip
            (path / name).unlink(missing_ok=True)
    except (WorkFailed, OSError):
        return


def list_runs(root: Path) -> tuple[tuple[RunFolder, RunInfo], ...]:
    """The readable runs right under ``root``, newest first; others are passed over."""
    found: list[tuple[RunFolder, RunInfo]] = []
    with contextlib.suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            with contextlib.suppress(WorkFailed):
                folder = RunFolder.open(Path(entry.path))
                found.append((folder, folder.info()))
    return tuple(sorted(found, key=lambda run: run[1].created, reverse=True))
