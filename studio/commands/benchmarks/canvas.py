"""The canvas with a thousand nodes: opening them, frames of a drag and a pan, an edit."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from studio.commands.benchmarks.harness import BenchmarkFailed, Goal, Report, interleave
from studio.project import edits
from studio.project.values import Edge, Network, Node, Project

if TYPE_CHECKING:
    from studio.app.canvas.view import CanvasView
    from studio.app.workspace import Workspace

TITLE = "seconds for 1,000 nodes on a canvas of 1280×800"
_COLUMNS, _ROWS = 25, 40
_KINDS = ("convolution", "batch_norm", "activation", "residual")
_FRAMES = 20
_GOALS = {"open": 0.5, "a drag frame": 0.016, "a pan frame": 0.016, "an edit": 0.016}  # seconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time each on a canvas that is shown, to the painted pixels."""
    from PySide6.QtTest import QTest

    from studio.app import application as qt
    from studio.app.canvas.view import CanvasView
    from studio.app.workspace import Workspace

    qt.create(sys.argv[:1])
    workspace = Workspace()
    view = CanvasView(workspace)
    view.resize(1280, 800)
    view.show()
    # What is not on the screen yet is not painted, and would be measured as quick.
    if not QTest.qWaitForWindowExposed(view):
        raise BenchmarkFailed("the window did not come onto the screen")
    network = _large()
    shifted = 0

    def opening() -> float:
        workspace.new(Project())
        view.viewport().repaint()
        start = time.perf_counter()
        workspace.new(Project(network=network))
        view.viewport().repaint()
        seconds = time.perf_counter() - start
        view.zoom_to_fit()
        view.set_zoom(0.6)
        return seconds

    def dragging() -> float:
        node = network.node("n12_20")
        seconds = _frames(view, lambda n: view.canvas.preview_positions(
            {node.name: (node.x + n, node.y)}))  # fmt: skip
        view.canvas.end_preview()
        return seconds

    def panning() -> float:
        bar = view.horizontalScrollBar()
        start = bar.value()
        return _frames(view, lambda n: bar.setValue(start + 7 * n))

    def editing() -> float:
        nonlocal shifted
        shifted += 1
        return _edit(workspace, view, 8 + shifted)

    report = interleave(
        "canvas",
        {"open": opening, "a drag frame": dragging, "a pan frame": panning, "an edit": editing},
        baseline="open",
        rounds=rounds,
        progress=progress,
    )
    view.close()
    goals = tuple(
        Goal(f"{name} within {1000 * most:g} ms", report.case(name).median <= most)
        for name, most in _GOALS.items()
    )
    return msgspec.structs.replace(report, goals=goals)


def _frames(view: CanvasView, move: Callable[[int], None]) -> float:
    """The mean seconds of a frame."""
    start = time.perf_counter()
    for number in range(_FRAMES):
        move(number)
        view.viewport().repaint()
    return (time.perf_counter() - start) / _FRAMES


def _edit(workspace: Workspace, view: CanvasView, channels: int) -> float:
    start = time.perf_counter()
    workspace.edit_network(
        "Set channels", lambda network: edits.set_setting(network, "n0_0", "channels", channels)
    )
    view.viewport().repaint()
    return time.perf_counter() - start


def _large() -> Network:
    """1,000 nodes in columns that all start at one input."""
    nodes, wires = [Node("input", "input")], []
    for column in range(_COLUMNS):
        before = "input"
        for row in range(_ROWS):
            kind = _KINDS[(row + column) % len(_KINDS)]
            settings = {"channels": 8} if kind in ("convolution", "residual") else {}
            name = f"n{column}_{row}"
            nodes.append(Node(name, kind, settings, column * 420.0, 150 + row * 140.0))
            wires.append(Edge(before, name))
            before = name
    return Network(tuple(nodes), tuple(wires))
