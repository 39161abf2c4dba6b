"""studio train: trains a project without a window."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from studio.commands.loading import load_engine
from studio.commands.source import open_project
from studio.project.assign import set_value
from studio.project.codec import ProjectError
from studio.project.edits import EditRefused
from studio.project.presets import PRESETS
from studio.project.settings import SettingError
from studio.project.values import Project

if TYPE_CHECKING:
    from studio.engine import TorchEngine
    from studio.runs.api import RunHandle

HELP = "train a project without a window"

_OPTIONS = {
    "data": "data",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "device": "device",
    "seed": "seed",
}
_POLL = 0.1
"""Seconds between two looks at the run."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.set_defaults(parser=parser)
    parser.add_argument("source", metavar="FILE", nargs="?",
                        help="a project file, or a template's name")  # fmt: skip
    parser.add_argument("--resume", metavar="RUN", type=Path,
                        help="go on with the run in this folder")  # fmt: skip
    parser.add_argument("--branch", metavar="CHECKPOINT", type=Path,
                        help="begin from a checkpoint of another run (its file, or the run's "
                             "folder for the last one), with this project's recipe")  # fmt: skip
    parser.add_argument("--out", metavar="RUN", type=Path,
                        help="the run folder to make (default: runs/NAME-DATE)")  # fmt: skip
    parser.add_argument("--data", metavar="FOLDER", help="digits, or a folder of images")
    parser.add_argument("--epochs", metavar="N",
                        help="how often every image is seen; with --resume, how often "
                             "in all")  # fmt: skip
    parser.add_argument("--batch-size", metavar="N", help="images a step")
    parser.add_argument("--device", metavar="DEVICE", help="auto, cpu, cuda or mps")
    parser.add_argument("--seed", metavar="N", help="starts the random numbers")
    parser.add_argument("--preset", metavar="NAME", choices=[each.name for each in PRESETS],
                        help="a whole recipe to start from: "
                             + ", ".join(each.name for each in PRESETS))  # fmt: skip
    parser.add_argument("--set", metavar="KEY=VALUE", nargs="+", action="extend", default=[],
                        help="others, as learning_rate=0.1, mixup=0.2, rate.NODE=0.1, "
                             "NODE.channels=32, or weights=DEFAULT for torchvision's "
                             "pretrained ones")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Train to the end, or until Ctrl-C or SIGTERM; the status is then 130 or 143."""
    parser: argparse.ArgumentParser = arguments.parser
    changes = _changes(arguments)
    if arguments.resume is not None:
        _check_resume(arguments, changes)
    elif not arguments.source:
        parser.error("give a project file or a template, or --resume with a run folder")
    elif arguments.out is None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        parser.error("under torchrun give --out: all processes work on one run folder")
    project = None
    if arguments.resume is None:
        project = _changed(parser, open_project(arguments.source), changes)
    # Signals first: importing torch takes seconds, and an interrupt in there would be lost or leave
    # a library half imported.
    with _Signals() as signals:
        engine = load_engine()
        with signals.standing_back():  # what waits for other processes must not outlive them
            engine.join_team()
        if signals.status:
            print("stopped before the run began")
            return signals.status
        failure = _follow(_launch(engine, project, arguments), signals, engine.team.leads)
        if not failure:
            engine.team.leave()
    if failure:
        from studio.runs.api import WorkFailed

        raise WorkFailed(*failure)
    return signals.status


def _check_resume(arguments: argparse.Namespace, changes: list[tuple[str, str]]) -> None:
    parser: argparse.ArgumentParser = arguments.parser
    others = [key for key, _ in changes if key != "epochs"]
    if arguments.source or arguments.out or arguments.branch or others:
        parser.error(
            "--resume takes the project and its settings from the run: give nothing else but "
            "--epochs"
        )
    if arguments.epochs is not None and not arguments.epochs.isdigit():
        parser.error(f"--epochs takes a whole number, not {arguments.epochs!r}")


def _launch(
    engine: TorchEngine, project: Project | None, arguments: argparse.Namespace
) -> RunHandle:
    """Begin the run, or go on with it; where torchrun started the processes again, because one
    was lost or others came, the run that they had begun."""
    if project is None:
        epochs = None if arguments.epochs is None else int(arguments.epochs)
        return engine.resume(arguments.resume, epochs)
    folder: Path = arguments.out or _new_folder(Path("runs"), arguments.source)
    if engine.team.share(_begun_before(folder)):
        return engine.resume(folder)
    parent: Path | None = arguments.branch
    if parent is not None and parent.is_dir():
        parent = parent / "checkpoints" / "last.safetensors"
    return engine.start(project, folder, parent)


def _begun_before(folder: Path) -> bool:
    """Whether the run in ``folder`` was begun by processes of the same torchrun."""
    from studio.engine.team import job
    from studio.runs.folder import RunFolder

    return bool(job()) and (folder / "run.json").is_file() and RunFolder(folder).info().job == job()


def _changes(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Settings given on the command line as (key, text)."""
    changes = [("preset", arguments.preset)] if arguments.preset else []
    for text in arguments.set:
        key, separator, value = text.partition("=")
        if not separator or not key:
            arguments.parser.error(f"--set takes KEY=VALUE, not {text!r}")
        changes.append((key.strip(), value.strip()))
    for option, key in _OPTIONS.items():
        if (given := getattr(arguments, option)) is not None:
            changes.append((key, given))
    return changes


def _changed(
    parser: argparse.ArgumentParser, project: Project, changes: list[tuple[str, str]]
) -> Project:
    for key, text in changes:
        try:
            project = set_value(project, key, text)
        except (EditRefused, SettingError) as error:
            parser.error(str(error).rstrip("."))
    return project


def _new_folder(root: Path, source: str) -> Path:
    """A folder in ``root`` that is not there yet, named after the project and the time."""
    name = f"{Path(source).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, number = root / name, 1
    while folder.exists():
        number += 1
        folder = root / f"{name}-{number}"
    try:
        root.mkdir(exist_ok=True)
    except OSError as error:
        raise ProjectError(
            f"{root.resolve()} cannot be made ({error.strerror}): choose a run folder with --out"
        ) from None
    return folder


_Handler = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class _Signals:
    """Takes Ctrl-C and SIGTERM as the wish to stop in order; ``status`` is then 130 or 143."""

    def __init__(self) -> None:
        self.status = 0
        self._before: dict[int, _Handler] = {}

    def __enter__(self) -> _Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._take)
        return self

    @contextlib.contextmanager
    def standing_back(self) -> Iterator[None]:
        """Within it SIGTERM ends the process at once, as it did before."""
        signal.signal(signal.SIGTERM, self._before[signal.SIGTERM])
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, self._take)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.status = 128 + number


@contextlib.contextmanager
def _joined(handle: RunHandle) -> Iterator[None]:
    """Whatever happens here, the run is stopped and its thread has ended afterwards."""
    try:
        yield
    finally:
        handle.stop()
        handle.join()


def _follow(handle: RunHandle, signals: _Signals, speaks: bool) -> tuple[str, str] | None:
    """Show the run until its end, if this process ``speaks``; message and advice where it
    failed."""
    from studio.commands.progress import Progress, clock

    progress = Progress(handle, sys.stdout if speaks else io.StringIO())
    stopping = False
    with _joined(handle):
        while handle.alive:
            progress.update()
            if signals.status and not stopping:
                stopping = True
                progress.say("stopping: the step under way ends, then a checkpoint is written")
                handle.stop()
            handle.join(_POLL)
    progress.update()
    progress.close()
    if failed := progress.failed:
        return failed.message, " ".join(part for part in (failed.advice, failed.saved) if part)
    if (done := progress.finished) and speaks:
        best = (
            f"best validation accuracy {done.best_accuracy:.1%} in epoch {done.best_epoch}, "
            if done.best_epoch
            else ""
        )
        epochs = f"{done.epochs:,} epoch{'s' if done.epochs != 1 else ''}"
        print(f"{done.reason}: {epochs}, {best}{clock(done.seconds)}")
        print(f"run folder: {handle.folder}")
        if done.reason == "stopped":
            print(f"to go on: studio train --resume {shlex.quote(str(handle.folder))}")
    return None
