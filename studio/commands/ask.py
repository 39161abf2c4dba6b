"""studio ask: pauses, stops or changes a run that another process trains."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from studio.project.assign import set_value
from studio.project.edits import EditRefused
from studio.project.settings import SettingError

if TYPE_CHECKING:
    from studio.runs.folder import RunFolder, RunInfo
    from studio.runs.requests import Request

HELP = "pause, stop or change a run that is under way"

_WHAT = {
    "pause": "wait after the step under way",
    "resume": "go on after a pause",
    "stop": "end after the step under way, with a checkpoint",
    "stop-after-epoch": "end after the epoch under way",
    "go-on": "do not end after the epoch under way after all",
    "checkpoint": "keep a checkpoint now",
}
_POLL = 0.1
"""Seconds between two looks whether the run has taken what was asked."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"{word:<18} {text}" for word, text in _WHAT.items())
    parser.set_defaults(parser=parser)
    parser.add_argument("folder", metavar="RUN", type=Path, help="the run's folder")
    parser.add_argument("what", metavar="WHAT", nargs="?", choices=list(_WHAT),
                        help=", ".join(_WHAT))  # fmt: skip
    parser.add_argument("--set", metavar="KEY=VALUE", nargs="+", action="extend", default=[],
                        help="from the next step on: learning_rate=0.01, epochs=40, "
                             "schedule=cosine, schedule.factor=0.5, warmup=2")  # fmt: skip
    parser.add_argument("--wait", metavar="SECONDS", type=float, default=30.0,
                        help="how long to wait until the run has heard it "
                             "(default: 30)")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Ask, and wait until the run has taken it."""
    from studio.runs import requests
    from studio.runs.api import WorkFailed
    from studio.runs.folder import RunFolder

    if bool(arguments.what) == bool(arguments.set):
        arguments.parser.error(f"give one of {', '.join(_WHAT)}, or --set with what shall change")
    folder = RunFolder.open(arguments.folder)
    info = folder.info()
    _check_listening(folder, info)
    if arguments.set:
        request, text = _change(folder, info, arguments)
    else:
        request, text = _plain(arguments.what), _WHAT[arguments.what]
    sent = requests.ask(folder.path, request)
    end = time.monotonic() + arguments.wait
    while sent.exists():
        if time.monotonic() > end:
            raise WorkFailed(
                f"The run has not answered for {arguments.wait:g} seconds.",
                f"It will {text} as soon as it looks; delete {sent} to take that back.",
            )
        time.sleep(_POLL)
    print(f"{info.title} was asked to {text}, and has heard it")
    return 0


def _check_listening(folder: RunFolder, info: RunInfo) -> None:
    """Raise WorkFailed where nobody would hear what is asked."""
    from studio.runs.api import WorkFailed
    from studio.runs.standing import goes_on, quiet_for, standing

    stands = standing(info, quiet_for(folder.path))
    if not goes_on(stands):
        raise WorkFailed(
            f"The run in {folder.path} is not under way: it is {stands}.",
            "studio train --resume goes on with it.",
        )
    if not info.listens:
        raise WorkFailed(
            "The version of Training Studio that trains this run takes no requests.",
            "Stop it where it is trained.",
        )


def _plain(what: str) -> Request:
    from studio.runs import requests

    asked: dict[str, Request] = {
        "pause": requests.Pause(),
        "resume": requests.Resume(),
        "stop": requests.Stop(),
        "stop-after-epoch": requests.StopAfterEpoch(),
        "go-on": requests.StopAfterEpoch(wanted=False),
        "checkpoint": requests.Keep(),
    }
    return asked[what]


def _change(folder: RunFolder, info: RunInfo, arguments: argparse.Namespace) -> tuple[Request, str]:
    """The request for what ``--set`` says, and its words."""
    from msgspec.structs import replace

    from studio.project import live
    from studio.runs import requests
    from studio.runs.changes import recipe_now

    project = folder.project()
    now = recipe_now(folder, project.recipe, info.epochs)
    changed = replace(project, recipe=now)
    for each in arguments.set:
        key, separator, value = each.partition("=")
        if not separator:
            arguments.parser.error(f"--set takes KEY=VALUE, not {each!r}")
        if key.partition(".")[0] not in live.FIELDS:
            arguments.parser.error(
                f"{key!r} cannot change while a run is under way; {', '.join(live.FIELDS)} can"
            )
        try:
            changed = set_value(changed, key.strip(), value.strip())
        except (EditRefused, SettingError) as error:
            arguments.parser.error(str(error).rstrip("."))
    if wrong := requests.fault(project, changed.recipe):
        arguments.parser.error(wrong)
    news = live.differences(now, changed.recipe)
    if not news:
        arguments.parser.error("the run follows that already")
    return requests.Change(changed.recipe), f"follow {', '.join(news)}"
