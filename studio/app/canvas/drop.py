"""A drag from the palette over the canvas: a ghost of the card, and what a drop would do."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QGraphicsPathItem

from studio.app.canvas import catalog, faces
from studio.app.canvas.card import CardItem
from studio.app.canvas.geometry import Box, Grid, input_port, output_port
from studio.app.canvas.ink import ink
from studio.app.canvas.routing import route
from studio.app.canvas.stage import Stage
from studio.app.canvas.wire import painter_path
from studio.project import registry
from studio.project.registry import PaletteEntry
from studio.project.values import Edge

EDGE_REACH = 26.0
PORT_BELOW = 110.0
"""Pixels under a free output within which a drop connects at once."""
PORT_BESIDE = 110.0


class DropGesture:
    """Lives from the drag's entering the canvas to its leaving or dropping."""

    def __init__(self, view: Stage, entry: PaletteEntry) -> None:
        self._view = view
        self._entry = entry
        kind = registry.lookup(entry.kind)
        self._insertable = kind is not None and kind.max_inputs > 0
        self._leaves = kind is not None and not kind.ends
        node, flow = catalog.sample_node(entry), view.canvas.flow
        face = faces.make(node, None, 0, view.data_name, flow)
        self._ghost = CardItem(faces.form(node, None, 0, flow), lambda: face)
        self._ghost.setOpacity(0.72)
        self._ghost.setZValue(6.0)
        self._ghost.set_state(selected=True)
        self._wire = QGraphicsPathItem()
        self._wire.setPen(ink().wire_preview)
        self._wire.setZValue(7.0)
        view.canvas.addItem(self._ghost)
        view.canvas.addItem(self._wire)
        self._at = QPointF()
        self._edge: Edge | None = None
        self._feed: str | None = None

    def move(self, at: QPointF) -> None:
        """Show what a drop at ``at`` would do."""
        self._at = at
        self._ghost.setPos(at)
        scene = self._view.canvas
        reach = EDGE_REACH / self._view.zoom
        self._edge = None
        if self._insertable and self._leaves:
            self._edge = scene.edge_at(at.x(), at.y(), reach)
        scene.set_hovered_edge(self._edge)
        self._feed = None if self._edge is not None else self._free_output_above(at)
        if self._insertable and not self._leaves:
            # An end fits into no wire, but can listen to what feeds it.
            near = scene.edge_at(at.x(), at.y(), reach)
            self._feed = near.source if near is not None else self._feed
        face = self._ghost.face
        box = Box.around(at.x(), at.y(), face.width, face.height)
        if self._feed is not None:
            source = scene.grid.get(self._feed)
            assert source is not None
            flow = scene.flow
            start, end = output_port(source, flow), input_port(box, 0, face.ports, flow)
            way = route(start, end, Grid(), ("", ""), flow)
            self._wire.setPath(painter_path(way.points))
            self._wire.setPen(ink().wire_preview)
        elif self._edge is not None:
            # The wire that takes it in shines through the ghost that lies over it.
            self._wire.setPath(painter_path(scene.wires[self._edge].route.points))
            self._wire.setPen(ink().wire_target)
        self._ghost.setOpacity(0.45 if self._edge is not None else 0.8)
        self._wire.setVisible(self._feed is not None or self._edge is not None)

    def _free_output_above(self, at: QPointF) -> str | None:
        """The nearest node before it whose output nothing takes yet, if it is close."""
        if not self._insertable:
            return None
        scene, face = self._view.canvas, self._ghost.face
        body = Box.around(at.x(), at.y(), face.width, face.height)
        end = input_port(body, 0, 1, scene.flow)
        down = scene.flow == "down"
        x, y = end if down else end.turned
        area = Box(x - PORT_BESIDE, y - PORT_BELOW, x + PORT_BESIDE, y + 12.0)
        area = area if down else area.turned
        best: tuple[float, str] | None = None
        for name, box in scene.grid.near(area).items():
            port = output_port(box, scene.flow)
            if not area.holds(port.x, port.y) or not scene.is_free(name):
                continue
            away = abs(port.x - end.x) + abs(port.y - end.y)
            if best is None or away < best[0]:
                best = (away, name)
        return best[1] if best is not None else None

    def _end(self) -> None:
        self._view.canvas.removeItem(self._ghost)
        self._view.canvas.removeItem(self._wire)
        self._view.canvas.set_hovered_edge(None)

    def commit(self) -> None:
        """The entry was dropped."""
        self._end()
        editor, x, y = self._view.editor, self._at.x(), self._at.y()
        before = editor.workspace.selection
        if self._edge is not None:
            name = editor.insert(self._entry, self._edge, x, y)
        else:
            name = editor.add(self._entry, x, y, feed=self._feed)
        if name is None:
            return
        self._view.reveal(name)
        if self._edge is None and self._feed is None and len(before) == 1:
            self._view.offer_wanted.emit(before[0], name)

    def cancel(self) -> None:
        """The drag left the canvas."""
        self._end()
