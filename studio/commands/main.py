"""Finds the command that was asked for, and turns whatever goes wrong into a sentence.

Each command is a module of this package with ``HELP``, ``configure(parser)`` and
``run(arguments)``; only the one that is asked for is imported, so that light ones stay quick.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from studio import __version__
from studio.project.codec import SUFFIX, ProjectError
from studio.project.edits import EditRefused
from studio.project.settings import SettingError

COMMANDS = (
    "app", "new", "templates", "describe", "train", "ask", "evaluate", "predict", "export", "runs",
    "report", "bench", "screenshots", "doctor",
)  # fmt: skip

FAILED = 1
WRONG_CALL = 2


class _Parser(argparse.ArgumentParser):
    """argparse, with the mistake before the usage line and a hint how to see more."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(WRONG_CALL)


def _overview() -> str:
    lines = [
        "usage: studio [PROJECT]",
        "       studio COMMAND ...",
        "",
        "Build, train, look into and export image-classification networks.",
        "Without a command the app opens, on PROJECT where one is given.",
        "",
        "commands:",
    ]
    for name in COMMANDS:
        help_line = importlib.import_module(f"studio.commands.{name}").HELP
        lines.append(f"  {name:<12} {help_line}")
    lines += ["", "studio COMMAND --help says more of each."]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv``; the exit status (0 done, 1 failed, 2 wrong call)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["-h"], ["--help"], ["help"]):
        print(_overview())
        return 0
    if arguments[:1] == ["--version"]:
        print(f"Training Studio {__version__}")
        return 0
    name = arguments.pop(0) if arguments and arguments[0] in COMMANDS else "app"
    if name == "app" and arguments and _is_no_project(arguments[0]):
        return _say(
            f"{arguments[0]!r} is neither a command nor a project file; studio --help lists the "
            "commands",
            WRONG_CALL,
        )
    module = importlib.import_module(f"studio.commands.{name}")
    parser = _Parser(prog=f"studio {name}", description=module.HELP)
    module.configure(parser)
    try:
        status: int = module.run(parser.parse_args(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("studio: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) is gone; say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ProjectError, EditRefused, SettingError) as error:
        return _say(str(error))
    except Exception as error:
        if _is_work_failed(error):
            return _say(str(error))
        if isinstance(error, OSError | MemoryError):
            return _say(_machine_words(error))
        raise
    return status


def _is_no_project(word: str) -> bool:
    """Whether a word without a command before it is a slip rather than a project to open."""
    return not word.startswith("-") and not word.endswith(SUFFIX) and not os.path.exists(word)


def _is_work_failed(error: Exception) -> bool:
    """Whether the engine says so in words. ``runs.api`` brings numpy, so it is not imported for
    commands that did not need it."""
    api = sys.modules.get("studio.runs.api")
    return api is not None and isinstance(error, api.WorkFailed)


def _machine_words(error: OSError | MemoryError) -> str:
    if isinstance(error, MemoryError):
        return "the machine's memory is full; close something, or lower the batch size"
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def _say(message: str, status: int = FAILED) -> int:
    sentence = message.rstrip()
    print(f"studio: {sentence}{'' if sentence.endswith(('.', '!', '?')) else '.'}", file=sys.stderr)
    return status
