"""Runs a program that ends in its own time when it is asked to."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType


def run(
    command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """The exit status of ``command``; one that a signal ended gets 128 and its number.

    Ctrl-C and SIGTERM are the child's to answer (a training run writes a checkpoint first), so
    this process only waits, where `subprocess.run` would kill it after a quarter of a second.
    """
    process = subprocess.Popen(command, cwd=folder, env=environment)

    def pass_on(number: int, frame: FrameType | None) -> None:
        # A terminal sends Ctrl-C to both processes itself.
        if number != signal.SIGINT or not _terminal():
            process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 - status if status < 0 else status


def _terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
