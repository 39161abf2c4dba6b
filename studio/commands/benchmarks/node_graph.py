"""The same graph in NodeGraphQt, where that is installed; nothing here depends on it."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from PySide6.QtCore import QRectF

from studio.commands.benchmarks.frames import FRAMES, frames, painted, show
from studio.project.values import Network


def load(network: Network) -> NodeGraph | None:
    """``network`` in NodeGraphQt; None where it is not installed."""
    if importlib.util.find_spec("NodeGraphQt") is None:
        return None
    return NodeGraph(network)


class NodeGraph:
    """Methods and units as of the canvas's own cases. Undo is left out where it can be."""

    def __init__(self, network: Network) -> None:
        library: Any = importlib.import_module("NodeGraphQt")
        plain = type("Plain", (library.BaseNode,), {"__identifier__": "studio"})
        self._network = network
        self._graph = library.NodeGraph()
        self._graph.register_node(plain)
        self._view = self._graph.viewer()
        show(self._view)
        self.open()

    def open(self) -> float:
        """Create and connect; reading a saved session takes it longer."""
        self._graph.clear_session()
        self._view.viewport().repaint()
        seconds = painted(self._view, self._build)
        # A zoom of 60 % onto the middle, as on our own canvas.
        node = self._network.node("n12_20")
        width, height = 1280 / 0.6, 800 / 0.6
        self._view._scene_range = QRectF(node.x - width / 2, node.y - height / 2, width, height)
        self._view._update_scene()
        self._view.viewport().repaint()
        return seconds

    def _build(self) -> None:
        made: dict[str, Any] = {}
        for node in self._network.nodes:
            one = self._graph.create_node(
                "studio.Plain", node.name, selected=False, pos=[node.x, node.y], push_undo=False
            )
            one.add_input("in")
            one.add_output("out")
            made[node.name] = one
        for edge in self._network.edges:
            out = made[edge.source].output(0)
            out.connect_to(made[edge.target].input(0), push_undo=False)

    def drag(self) -> float:
        item = self._graph.get_node_by_name("n12_20").view
        x, y = item.xy_pos
        seconds = frames(self._view, lambda n: setattr(item, "xy_pos", [x + n, y]))
        item.xy_pos = [x, y]
        return seconds

    def pan(self) -> float:
        seconds = frames(self._view, lambda n: self._view._set_viewer_pan(7, 0))
        self._view._set_viewer_pan(-7 * FRAMES, 0)
        return seconds

    def zoom(self) -> float:
        seconds = frames(self._view, lambda n: self._view.scale(1.017, 1.017))
        self._view.scale(1.017**-FRAMES, 1.017**-FRAMES)
        return seconds

    def delete(self) -> float:
        def everything() -> None:
            self._graph.select_all()
            self._graph.delete_nodes(self._graph.selected_nodes())

        seconds = painted(self._view, everything)
        self._graph.undo_stack().undo()
        self._view.viewport().repaint()
        return seconds

    def undo(self) -> float:
        self._graph.select_all()
        self._graph.delete_nodes(self._graph.selected_nodes())
        self._view.viewport().repaint()
        return painted(self._view, self._graph.undo_stack().undo)

    def close(self) -> None:
        self._view.close()
