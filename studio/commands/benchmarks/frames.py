"""What the benchmarks of a drawing share: a view on the screen, and the time of its frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.commands.benchmarks.harness import BenchmarkFailed

if TYPE_CHECKING:
    from PySide6.QtWidgets import QGraphicsView

FRAMES = 20


def show(view: QGraphicsView) -> None:
    """Bring it onto the screen: what is not there yet is not painted, and would seem quick."""
    from PySide6.QtTest import QTest

    view.resize(1280, 800)
    view.show()
    if not QTest.qWaitForWindowExposed(view):
        raise BenchmarkFailed("the window did not come onto the screen")


def painted(view: QGraphicsView, do: Callable[[], object]) -> float:
    """The seconds that it takes to do something, to the painted pixels."""
    start = time.perf_counter()
    do()
    view.viewport().repaint()
    return time.perf_counter() - start


def frames(view: QGraphicsView, move: Callable[[int], object]) -> float:
    """The mean seconds of a frame, painted."""
    start = time.perf_counter()
    for number in range(FRAMES):
        move(number)
        view.viewport().repaint()
    return (time.perf_counter() - start) / FRAMES
