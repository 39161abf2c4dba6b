"""studio runs: the runs in a folder."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.runs.folder import RunFolder, RunInfo

HELP = "list the runs in a folder"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path("runs"),
                        help="the folder that holds the runs (default: runs)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the runs, newest first."""
    from studio.runs.api import WorkFailed
    from studio.runs.folder import list_runs

    if not arguments.folder.is_dir():
        raise WorkFailed(
            f"There is no folder {arguments.folder}.",
            "Give the folder that holds the runs: studio train makes them in runs, and the window "
            "in TrainingStudio/runs of your documents.",
        )
    found = list_runs(arguments.folder)
    if arguments.json:
        runs = [
            {
                "folder": str(folder.path),
                "state": state(folder, info),
                "title": info.title,
                "created": info.created,
                "epochs": info.epochs,
                "epochs_done": info.epochs_done,
                "best_epoch": info.best_epoch,
                "best_accuracy": info.best_accuracy,
                "seconds": info.seconds,
                "device": info.device_title,
                "parameters": info.parameters,
            }
            for folder, info in found
        ]
        print(json.dumps({"runs": runs}, ensure_ascii=False))
        return 0
    if not found:
        print(f"There are no runs in {arguments.folder}; studio train makes one.")
        return 0
    width = max(len(str(folder.path)) for folder, _ in found)
    print(f"{'run':<{width}}  {'state':<11} {'epochs':>9} {'accuracy':>9}  started")
    for folder, info in found:
        accuracy = f"{info.best_accuracy:.1%}" if info.best_epoch else ""
        print(
            f"{folder.path!s:<{width}}  {state(folder, info):<11} "
            f"{f'{info.epochs_done}/{info.epochs}':>9} {accuracy:>9}  {info.created}"
        )
    return 0


def state(folder: RunFolder, info: RunInfo) -> str:
    """The run's state in a word; "interrupted" for one that was killed, "silent" for one of
    another machine of which nothing has been heard for a while."""
    from studio.runs.standing import quiet_for, standing

    return standing(info, quiet_for(folder.path))
