"""Everything CI checks, in one go: style, types, import contracts and all tests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

from launcher import child, system
from launcher.console import Failure, say
from launcher.environment import Environment

_EXTRAS = ("test", "onnx")
_CHECKS = (
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy", ["-m", "mypy"]),
    (
        "import contracts",
        ["-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
    ),
)


class _Outcome(NamedTuple):
    title: str
    passed: bool
    seconds: float
    note: str = ""


def run_checks(environment: Environment, arguments: list[str]) -> int:
    """Run all checks, the slow tests too unless ``arguments`` starts with ``quick``.

    The other ``arguments`` go to pytest. Returns 0 if every check passed, else 1.
    """
    environment.ensure(_EXTRAS)
    quick = arguments[:1] == ["quick"]
    outcomes = [_check(environment, title, command) for title, command in _CHECKS]
    outcomes += _tests(environment, quick, arguments[1:] if quick else arguments)
    say("")
    for title, passed, seconds, note in outcomes:
        say(f"{'ok    ' if passed else 'FAILED'} {title:<17}{seconds:7.1f} s  {note}".rstrip())
    failed = [outcome.title for outcome in outcomes if not outcome.passed]
    say(f"Not in order: {', '.join(failed)}" if failed else "Everything is in order.")
    return 1 if failed else 0


def _check(environment: Environment, title: str, command: list[str]) -> _Outcome:
    start = time.monotonic()
    done = subprocess.run(
        [environment.python, *command],
        cwd=environment.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    passed = done.returncode == 0
    if not passed:
        say(f"\n== {title}\n{done.stdout.strip()}")
    return _Outcome(title, passed, time.monotonic() - start)


def _tests(environment: Environment, quick: bool, arguments: list[str]) -> list[_Outcome]:
    if not sys.platform.startswith("linux"):
        # Real mouse events on a display of their own are to be had with X only.
        return [_pytest(environment, _marks(quick, display=False), arguments, None)]
    try:
        system.ensure_libraries(environment.site_packages)
        system.ensure_display_programs()
        with system.virtual_display() as variables:
            return [_pytest(environment, _marks(quick, display=True), arguments, variables)]
    except Failure as failure:
        say(f"\n{failure}")
        rest = _pytest(environment, _marks(quick, display=False), arguments, None)
        return [rest, _Outcome("display tests", False, 0.0, "not run: see above")]


def _marks(quick: bool, display: bool) -> str:
    left_out = [*(["slow"] if quick else []), *([] if display else ["display"])]
    return " and ".join(f"not {mark}" for mark in left_out)


def _pytest(
    environment: Environment,
    marks: str,
    arguments: list[str],
    variables: Mapping[str, str] | None,
) -> _Outcome:
    start = time.monotonic()
    say("\n== pytest")
    command = [str(environment.python), "-m", "pytest", "-m", marks, *arguments]
    status = child.run(command, environment.root, variables)
    return _Outcome(
        "pytest", status == 0, time.monotonic() - start, f"(-m '{marks}')" if marks else ""
    )
