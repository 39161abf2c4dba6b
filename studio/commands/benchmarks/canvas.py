"""The canvas with a thousand nodes: opening them, frames of a drag, a pan and a zoom, and edits.

Everything is timed to the painted pixels. Where NodeGraphQt is installed, it opens and moves the
same graph in the same run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from studio.commands.benchmarks.frames import frames, painted, show
from studio.commands.benchmarks.harness import Goal, Report, interleave
from studio.project import edits
from studio.project.values import Edge, Network, Node, Project

TITLE = "seconds for 1,000 nodes on a canvas of 1280×800"
_COLUMNS, _ROWS = 25, 40
_KINDS = ("convolution", "batch_norm", "activation", "residual")
_GOALS = {  # seconds
    "open": 0.5,
    "a drag frame": 0.016,
    "a pan frame": 0.016,
    "a zoom frame": 0.016,
    "an edit": 0.016,
    "an edit of all shapes": 0.016,
    "select all and delete": 0.1,
    "undo of that": 0.1,
}


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time each on a canvas that is shown."""
    from studio.app import application as qt
    from studio.commands.benchmarks import node_graph

    qt.create(sys.argv[:1])
    network = _large()
    canvas = _Canvas(network)
    rival = node_graph.load(network)
    cases = {
        "open": canvas.open,
        "a drag frame": canvas.drag,
        "a pan frame": canvas.pan,
        "a zoom frame": canvas.zoom,
        "an edit": canvas.edit,
        "an edit of all shapes": canvas.reshape,
        "select all and delete": canvas.delete,
        "undo of that": canvas.undo,
    }
    if rival is not None:
        cases |= {
            "NodeGraphQt: open": rival.open,
            "NodeGraphQt: a drag frame": rival.drag,
            "NodeGraphQt: a pan frame": rival.pan,
            "NodeGraphQt: a zoom frame": rival.zoom,
            "NodeGraphQt: select all and delete": rival.delete,
            "NodeGraphQt: undo of that": rival.undo,
        }
    report = interleave("canvas", cases, baseline="open", rounds=rounds, progress=progress)
    canvas.close()
    if rival is not None:
        rival.close()
    else:
        sys.stderr.write("NodeGraphQt is not installed, and so not measured.\n")
    goals = tuple(
        Goal(f"{name} within {1000 * most:g} ms", report.case(name).median <= most)
        for name, most in _GOALS.items()
    )
    return msgspec.structs.replace(report, goals=goals)


class _Canvas:
    """Our own canvas, one method a case; each gives seconds and leaves the network as it was."""

    def __init__(self, network: Network) -> None:
        from studio.app.canvas.view import CanvasView
        from studio.app.workspace import Workspace

        self._network = network
        self._workspace = Workspace()
        self._view = CanvasView(self._workspace)
        self._number = 0
        show(self._view)
        self.open()

    def open(self) -> float:
        self._workspace.new(Project())
        self._view.viewport().repaint()
        seconds = self._timed(lambda: self._workspace.new(Project(network=self._network)))
        self._view.zoom_to_fit()
        self._view.set_zoom(0.6)
        return seconds

    def drag(self) -> float:
        node = self._network.node("n12_20")
        scene = self._view.canvas
        seconds = self._frames(lambda n: scene.preview_positions({node.name: (node.x + n, node.y)}))
        scene.end_preview()
        return seconds

    def pan(self) -> float:
        bar = self._view.horizontalScrollBar()
        start = bar.value()
        return self._frames(lambda n: bar.setValue(start + 7 * n))

    def zoom(self) -> float:
        seconds = self._frames(lambda n: self._view.set_zoom(0.6 + 0.01 * n))
        self._view.set_zoom(0.6)
        return seconds

    def edit(self) -> float:
        return self._set("n0_0", "channels", 8)

    def reshape(self) -> float:
        return self._set("input", "height", 32)

    def _set(self, node: str, setting: str, start: int) -> float:
        """A value that was not there before, so that nothing is remembered of it."""
        self._number += 1
        value = start + self._number
        return self._timed(
            lambda: self._workspace.edit_network(
                "Set", lambda network: edits.set_setting(network, node, setting, value)
            )
        )

    def delete(self) -> float:
        names = [node.name for node in self._network.nodes]

        def everything() -> None:
            self._workspace.select(names)
            self._view.editor.remove(self._workspace.selection)

        seconds = self._timed(everything)
        self._workspace.undo()
        self._workspace.select(())
        self._view.viewport().repaint()
        return seconds

    def undo(self) -> float:
        self._workspace.select(node.name for node in self._network.nodes)
        self._view.editor.remove(self._workspace.selection)
        self._view.viewport().repaint()
        seconds = self._timed(self._workspace.undo)
        self._workspace.select(())
        self._view.viewport().repaint()
        return seconds

    def close(self) -> None:
        self._view.close()

    def _timed(self, do: Callable[[], object]) -> float:
        return painted(self._view, do)

    def _frames(self, move: Callable[[int], object]) -> float:
        return frames(self._view, move)


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
