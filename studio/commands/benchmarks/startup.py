"""From the start of the process to the first painted window, against a bare Qt window."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from studio.commands import system_libraries
from studio.commands.benchmarks.harness import BenchmarkFailed, Goal, Report, interleave

TITLE = "process start to first painted window, warm"
_GOAL = 0.5  # seconds
_TIMEOUT = 60  # seconds

_BARE_WINDOW = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QGraphicsScene, QGraphicsView
application = QApplication([])
view = QGraphicsView(QGraphicsScene())
view.resize(1280, 800)
view.show()
def painted():
    view.repaint()
    print("painted", flush=True)
    view.close()
QTimer.singleShot(0, painted)
application.exec()
"""


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time both processes until each says that its window is painted.

    The window opens on the display where there is one, else offscreen.
    """
    environment = dict(os.environ)
    if system_libraries.display_problem():
        environment["QT_QPA_PLATFORM"] = "offscreen"
    app = [sys.executable, "-m", "studio", "app", "--quickstart", "--measure-start"]
    report = interleave(
        "startup",
        {
            "bare Qt window": lambda: _seconds([sys.executable, "-c", _BARE_WINDOW], environment),
            "the app on quickstart": lambda: _seconds(app, environment),
        },
        baseline="bare Qt window",
        rounds=rounds,
        progress=progress,
    )
    kept = report.case("the app on quickstart").median <= _GOAL
    return msgspec.structs.replace(report, goals=(Goal(f"the app within {_GOAL} s", kept),))


def _seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Seconds until ``command`` prints its first line; waits for its end."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        try:
            _, errors = process.communicate(timeout=_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            raise BenchmarkFailed(f"the window did not close within {_TIMEOUT} s") from None
    if process.returncode or not line:
        last = (errors.strip().splitlines() or ["no word why"])[-1]
        raise BenchmarkFailed(f"the process ended with {process.returncode}: {last}")
    return seconds
