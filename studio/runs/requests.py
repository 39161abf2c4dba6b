"""What is asked of a run by who does not train it: files in the run folder, taken in their order.

A window that follows the run, or ``studio ask``, writes one file a request. The process that trains
it looks for them on a thread of its own, whose step never waits for a disk, and takes each away as
it passes it on to the run's control. What was asked before the process began is not done.
"""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from pathlib import Path

import msgspec

from studio.project.live import take_over
from studio.project.recipes import recipe_problems
from studio.project.values import Project, Recipe
from studio.runs.api import Warned, WorkFailed
from studio.runs.control import RunControl
from studio.runs.files import explain_write_error, write_whole

FOLDER = "requests"
LOOK_SECONDS = 0.5
"""Between two looks of the process that trains the run."""
_SUFFIX = ".json"
_MOST_BYTES = 1 << 20


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Wait after the step under way."""


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Go on after a pause."""


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """End after the step under way, with a checkpoint."""


class StopAfterEpoch(msgspec.Struct, frozen=True, tag="stop_after_epoch"):
    """End after the epoch under way, or go on after all."""

    wanted: bool = True


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Keep a checkpoint after the step under way."""


class Change(msgspec.Struct, frozen=True, tag="change"):
    """Follow this recipe's learning rate, course and epochs from the next step on."""

    recipe: Recipe


Request = Pause | Resume | Stop | StopAfterEpoch | Keep | Change


def ask(folder: Path, request: Request) -> Path:
    """Put ``request`` into the run folder; its file, which is gone once the run has taken it.

    Raises WorkFailed.
    """
    # In the order of time, and no two the same.
    path = folder / FOLDER / f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
    try:
        path.parent.mkdir(exist_ok=True)
        write_whole(path, msgspec.json.encode(request))
    except OSError as error:
        raise WorkFailed(
            explain_write_error(error, f"what is asked of the run in {folder}"),
            "Ask where the run folder can be written to.",
        ) from None
    return path


def fault(project: Project, wanted: Recipe) -> str:
    """Why a run of ``project`` cannot follow ``wanted`` from some step on, as a sentence; empty
    where it can."""
    recipe = take_over(project.recipe, wanted)
    problems = recipe_problems(msgspec.structs.replace(project, recipe=recipe))
    return problems[0].message if problems else ""


class Listener:
    """Within it, what is asked of the run in ``folder`` is passed on to ``control``."""

    def __init__(self, folder: Path, project: Project, control: RunControl) -> None:
        self._folder = folder / FOLDER
        self._project = project
        self._control = control
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="listening", daemon=True)

    def __enter__(self) -> Listener:
        """Forget what was asked of an earlier process, and begin to listen."""
        self.clear()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no longer. What was asked and is not done is taken away."""
        self._end.set()
        self._thread.join()
        self.clear()

    def clear(self) -> None:
        """Take away all that was asked, and what half-written files there are."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.suffix in (_SUFFIX, ".part"):
                    path.unlink(missing_ok=True)

    def _work(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Do all that was asked since the last look."""
        try:
            asked = sorted(path for path in self._folder.iterdir() if path.suffix == _SUFFIX)
        except OSError:
            return  # nobody has asked yet, or the disk is away for a while
        for path in asked:
            try:
                with open(path, "rb") as file:
                    content = file.read(_MOST_BYTES)
                path.unlink()  # first: what cannot be taken away would be done again and again
            except OSError:
                continue
            self._do(content)

    def _do(self, content: bytes) -> None:
        try:
            request = msgspec.json.decode(content, type=Request)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
            self._control.post(Warned("Something was asked of this run that cannot be read."))
            return
        control = self._control
        match request:
            case Pause():
                control.pause()
            case Resume():
                control.resume()
            case Stop():
                control.stop()
            case StopAfterEpoch(wanted=wanted):
                control.stop_after_epoch(wanted)
            case Keep():
                control.keep()
            case Change(recipe=recipe):
                if wrong := fault(self._project, recipe):
                    control.post(Warned(f"A change was asked for and is not made: {wrong}."))
                else:
                    control.change(recipe)
