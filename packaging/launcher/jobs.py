"""The main job: the app on the quick-start project, or where no window can be, a training run."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from launcher import child, system
from launcher.console import say
from launcher.environment import Environment
from studio.commands import system_libraries


def run_app(environment: Environment, arguments: list[str]) -> int:
    """Open the app with ``arguments`` (on the quick-start project if there are none).

    Without a display the quick-start network is trained instead. Returns the exit status.
    """
    environment.ensure()
    problem = system_libraries.display_problem()
    if problem:
        say(f"{problem} Training the quick-start network without a window.")
        return _train(environment, arguments)
    system.ensure_libraries(environment.site_packages)
    command = _studio(environment, "app", *(arguments or ["--quickstart"]))
    if os.name == "posix":
        os.execv(command[0], command)
    return child.run(command)


def _train(environment: Environment, arguments: list[str]) -> int:
    run = environment.root / "runs" / time.strftime("quickstart-%Y%m%d-%H%M%S")
    model = run / "exports" / "quickstart.py"
    curves = run / "curves.png"
    for command in (
        ["train", "quickstart", "--out", str(run), *arguments],
        ["export", str(run), "--format", "python", "-o", str(model)],
        ["report", str(run), "-o", str(curves)],
    ):
        status = child.run(_studio(environment, *command))
        if status:
            return status
    say("\nThis is left behind:")
    for title, path in (("run folder", run), ("exported model", model), ("curves", curves)):
        say(f"  {title:<15} {_shown(path)}")
    say("With a display, the same command opens the app.")
    return 0


def _studio(environment: Environment, *arguments: str) -> list[str]:
    return [str(environment.python), "-m", "studio", *arguments]


def _shown(path: Path) -> str:
    """The path as short as it can be typed from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def again() -> str:
    """This very command, as a person types it."""
    return system_libraries.in_words([Path(sys.executable).name, *sys.argv])
