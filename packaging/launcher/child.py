"""Runs programs that end in their own time when they are asked to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple


class Job(NamedTuple):
    """A program to run. What it prints goes to ``output``, or where this process prints."""

    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    output: IO[bytes] | None = None


def run(
    command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """The exit status of ``command``; one that a signal ended gets 128 and its number."""
    return run_together([Job(command, environment)], folder)[0]


def run_together(jobs: Sequence[Job], folder: Path | None = None) -> list[int]:
    """The exit statuses of ``jobs``, which run side by side.

    Ctrl-C and SIGTERM are the children's to answer (a training run writes a checkpoint first), so
    this process only waits, where `subprocess.run` would kill them after a quarter of a second.
    """
    processes = [
        subprocess.Popen(
            job.command,
            cwd=folder,
            env=job.environment,
            stdout=job.output,
            stderr=None if job.output is None else subprocess.STDOUT,
        )
        for job in jobs
    ]

    def pass_on(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to all processes itself.
        if number != signal.SIGINT or not _terminal():
            for process in processes:
                process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        statuses = [process.wait() for process in processes]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return [128 - status if status < 0 else status for status in statuses]


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
