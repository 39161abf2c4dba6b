"""Everything CI checks, in one go: style, types, import contracts and all tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple

from launcher import child, system
from launcher.console import Failure, say
from launcher.environment import Environment

_EXTRAS = ("test", "onnx")
_ENGINE = ("tests/engine", "tests/export")
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
        marks = _marks(quick, display=False)
        return _pytest(environment, {"pytest": ["-m", marks, *arguments]}, None)
    marks = _marks(quick, display=True)
    # What the caller chose may be little, and is printed as it runs. All of it takes two cores.
    parts = {"pytest": ["-m", marks, *arguments]} if arguments else _parts(marks)
    try:
        system.ensure_libraries(environment.site_packages)
        system.ensure_display_programs()
        with ExitStack() as stack:
            # One display for each part: the windows on it compete for the keyboard.
            displays = [stack.enter_context(system.virtual_display()) for _ in parts]
            return _pytest(environment, parts, displays)
    except Failure as failure:
        say(f"\n{failure}")
        marks = _marks(quick, display=False)
        rest = _pytest(environment, {"pytest": ["-m", marks, *arguments]}, None)
        return [*rest, _Outcome("display tests", False, 0.0, "not run: see above")]


def _marks(quick: bool, display: bool) -> str:
    left_out = [*(["slow"] if quick else []), *([] if display else ["display"])]
    return " and ".join(f"not {mark}" for mark in left_out)


def _parts(marks: str) -> dict[str, list[str]]:
    """pytest's arguments for the tests of the engine and for all others; each take about half the
    time."""
    return {
        "pytest, others": ["-m", marks, *(f"--ignore={folder}" for folder in _ENGINE)],
        "pytest, engine": ["-m", marks, *_ENGINE],
    }


def _threads(parts: int) -> dict[str, str]:
    """A share of the cores for each part: threads of torch that wait for a core which another
    process uses burn the time of the others."""
    if parts == 1:
        return {}
    return {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // parts))}


def _pytest(
    environment: Environment,
    parts: Mapping[str, Sequence[str]],
    displays: Sequence[Mapping[str, str]] | None,
) -> list[_Outcome]:
    """Run the ``parts`` side by side; what the second and later ones print comes at their end."""
    start = time.monotonic()
    say(f"\n== {next(iter(parts))}")
    with ExitStack() as stack:
        jobs = []
        for number, arguments in enumerate(parts.values()):
            variables = {
                **(os.environ if displays is None else displays[number]),
                "PYTHONUNBUFFERED": "1",
                **_threads(len(parts)),
            }
            output = stack.enter_context(tempfile.TemporaryFile()) if number else None
            # Two processes must not write one cache of what failed last.
            cache = ["-p", "no:cacheprovider"] if len(parts) > 1 else []
            command = [str(environment.python), "-m", "pytest", *cache, *arguments]
            jobs.append(child.Job(command, variables, output))
        statuses = child.run_together(jobs, environment.root)
        for title, job in zip(parts, jobs, strict=True):
            if job.output is not None:
                job.output.seek(0)
                say(f"\n== {title}\n{job.output.read().decode('utf-8', 'replace').rstrip()}")
    seconds = time.monotonic() - start
    return [
        _Outcome(title, status == 0, seconds) for title, status in zip(parts, statuses, strict=True)
    ]
