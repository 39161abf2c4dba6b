"""Gestures of the pointer, each an object with move, commit and cancel.

A gesture previews on the scene and changes the value only in ``commit``; ``cancel`` leaves no
trace. The view holds at most one.
"""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsLineItem, QGraphicsPathItem, QGraphicsRectItem

from studio.app.canvas.geometry import Box, Grid, Point
from studio.app.canvas.ink import ink
from studio.app.canvas.routing import Route, route
from studio.app.canvas.scene import PortHit
from studio.app.canvas.stage import Stage
from studio.app.canvas.wire import painter_path
from studio.project.values import Edge

SNAP = 7.0
"""Pixels on screen within which a moved card lines up with another one's center."""
PORT_REACH = 11.0
EDGE_REACH = 14.0


class Gesture(Protocol):
    """Something the pointer is in the middle of."""

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Follow the pointer to ``at``, in canvas pixels."""

    def commit(self) -> None:
        """The button was let go: make the edit."""

    def cancel(self) -> None:
        """Escape, or the window lost the pointer: leave all as it was."""


class MoveGesture:
    """Drags the selected cards; they line up with others, and a loose one goes into a wire."""

    def __init__(self, view: Stage, names: tuple[str, ...], grabbed: str, at: QPointF) -> None:
        self._view = view
        self._start = at
        self._grabbed = grabbed
        nodes = {node.name: node for node in view.editor.network.nodes}
        self._origins = {name: (nodes[name].x, nodes[name].y) for name in names if name in nodes}
        self._places = dict(self._origins)
        wired = {e.source for e in view.editor.network.edges}
        wired |= {e.target for e in view.editor.network.edges}
        self._loose = len(self._origins) == 1 and grabbed not in wired
        self._edge: Edge | None = None
        self._guides: list[QGraphicsLineItem] = []

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        dx, dy = at.x() - self._start.x(), at.y() - self._start.y()
        self._clear_guides()
        if not modifiers & Qt.KeyboardModifier.AltModifier:
            dx, dy = self._snapped(dx, dy)
        self._places = {name: (x + dx, y + dy) for name, (x, y) in self._origins.items()}
        self._view.canvas.preview_positions(self._places)
        if self._loose:
            reach = EDGE_REACH / self._view.zoom
            self._edge = self._view.canvas.edge_at(at.x(), at.y(), reach)
            self._view.canvas.set_hovered_edge(self._edge)

    def _snapped(self, dx: float, dy: float) -> tuple[float, float]:
        """The shift, changed a little where that lines the grabbed card up with another one."""
        scene = self._view.canvas
        x, y = self._origins[self._grabbed]
        x, y = x + dx, y + dy
        reach = SNAP / self._view.zoom
        near = Box(x - 700, y - 500, x + 700, y + 500)
        best_x: tuple[float, Box] | None = None
        best_y: tuple[float, Box] | None = None
        for name, box in scene.grid.near(near).items():
            if name in self._origins:
                continue
            away_x, away_y = abs(box.center.x - x), abs(box.center.y - y)
            if away_x <= reach and (best_x is None or away_x < abs(best_x[1].center.x - x)):
                best_x = (box.center.x - x, box)
            if away_y <= reach and (best_y is None or away_y < abs(best_y[1].center.y - y)):
                best_y = (box.center.y - y, box)
        if best_x is not None:
            dx += best_x[0]
            self._guide(best_x[1].center.x, best_x[1].center.y, best_x[1].center.x, y)
        if best_y is not None:
            dy += best_y[0]
            self._guide(best_y[1].center.x, best_y[1].center.y, x, best_y[1].center.y)
        return dx, dy

    def _guide(self, x1: float, y1: float, x2: float, y2: float) -> None:
        line = QGraphicsLineItem(x1, y1, x2, y2)
        line.setPen(ink().guide)
        line.setZValue(5.0)
        self._view.canvas.addItem(line)
        self._guides.append(line)

    def _clear_guides(self) -> None:
        for line in self._guides:
            self._view.canvas.removeItem(line)
        self._guides.clear()

    def _end(self) -> None:
        self._clear_guides()
        self._view.canvas.set_hovered_edge(None)

    def commit(self) -> None:
        self._end()
        if self._edge is not None:
            x, y = self._places[self._grabbed]
            if self._view.editor.move_into(self._edge, self._grabbed, x, y):
                return
        # Back first: the preview leaves other wires out where many cards move.
        self._view.canvas.end_preview()
        if self._places != self._origins:
            self._view.editor.move(self._places)

    def cancel(self) -> None:
        self._end()
        self._view.canvas.end_preview()


class WireGesture:
    """Pulls a wire out of a port; an input's own wire is taken along by its end.

    Over a card that would refuse it the reason stands at the pointer. Let go over nothing, it
    asks what to add there.
    """

    def __init__(self, view: Stage, hit: PortHit, *, take: bool = True) -> None:
        """``take`` says whether a wire that ends at ``hit`` is taken along."""
        self._view = view
        self._pressed = hit.node
        self._held: Edge | None = None
        if hit.side == "input" and take:
            self._held = next(
                (
                    edge
                    for edge in view.editor.network.edges
                    if edge.target == hit.node and edge.port == hit.port
                ),
                None,
            )
        # Without a wire to take along, an input is a start too: the wire is pulled up from it.
        self._upward = hit.side == "input" and self._held is None
        self._from = PortHit(self._held.source, "output", 0) if self._held is not None else hit
        self._item = QGraphicsPathItem()
        self._item.setPen(ink().wire_preview)
        self._item.setZValue(4.0)
        view.canvas.addItem(self._item)
        if self._held is not None:
            view.canvas.wires[self._held].setVisible(False)
        self._target: PortHit | None = None
        self._refusal = ""
        self._moved = False
        self._at = QPointF()

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self.aim(self._find(at), at)

    def aim(self, target: PortHit | None, at: QPointF) -> None:
        """Lead the wire to ``target``, or to nothing at ``at``."""
        scene = self._view.canvas
        self._moved = True
        self._at = at
        self._target = target
        end = Point(at.x(), at.y())
        self._refusal = ""
        if self._target is not None:
            if self._target.port >= 0:
                end = scene.port_place(self._target)
            if not self._at_home(self._target):
                self._refusal = self._view.editor.refusal(*self._ends(self._target))
        node = self._target.node if self._target is not None else None
        scene.set_targeted(None if self._refusal else node)
        scene.set_refused(node if self._refusal else None)
        self._item.setPen(ink().wire_refused if self._refusal else ink().wire_preview)
        self._view.tip.say(self._refusal, self._view.mapFromScene(at), self._spared(node))
        start = scene.port_place(self._from)
        first, last = (end, start) if self._upward else (start, end)
        self._item.setPath(painter_path(self._way(first, last).points))

    def _way(self, first: Point, last: Point) -> Route:
        """Straight over all cards: under the pointer it should not jump."""
        return route(first, last, Grid(), ("", ""), self._view.canvas.flow)

    def _spared(self, node: str | None) -> QRect:
        """The card on screen that the sentence must not cover."""
        box = self._view.canvas.grid.get(node) if node is not None else None
        if box is None:
            return QRect()
        area = QRectF(box.left, box.top, box.width, box.height)
        return self._view.mapFromScene(area).boundingRect()

    def _find(self, at: QPointF) -> PortHit | None:
        """The port or card that would take the wire's loose end; port -1 leaves the choice."""
        scene = self._view.canvas
        wanted = "output" if self._upward else "input"
        hit = scene.port_at(at.x(), at.y(), PORT_REACH / self._view.zoom)
        if hit is not None and hit.side == wanted and hit.node != self._from.node:
            return hit
        name = scene.card_at(at.x(), at.y())
        if name is None or name == self._from.node:
            return None
        if self._upward:
            return PortHit(name, "output", -1)
        return PortHit(name, "input", -1)

    def _at_home(self, target: PortHit) -> bool:
        """Whether this is where the wire that is held came from."""
        return (
            self._held is not None
            and target.node == self._held.target
            and target.port in (-1, self._held.port)
        )

    def _ends(self, target: PortHit) -> tuple[str, str, int | None]:
        if self._upward:
            return target.node, self._from.node, self._from.port
        return self._from.node, target.node, target.port if target.port >= 0 else None

    def _end(self) -> None:
        self._view.canvas.removeItem(self._item)
        self._view.canvas.set_targeted(None)
        self._view.canvas.set_refused(None)
        if self._held is not None and self._held in self._view.canvas.wires:
            self._view.canvas.wires[self._held].setVisible(True)

    def commit(self) -> None:
        self._end()
        if self._refusal:
            # Said where the user looks; a bar above the page would push the canvas down.
            self._view.tip.linger()
            return
        if not self._moved:
            # A mere click near a port means the card.
            self._view.workspace.select((self._pressed,))
            return
        if self._target is None:
            if self._held is not None:
                self._view.editor.disconnect(self._held)
            elif not self._upward:
                self._view.feed_wanted.emit(self._from.node, self._at)
            return
        source, target, port = self._ends(self._target)
        if self._held is None:
            self._view.editor.connect(source, target, port)
        elif not self._at_home(self._target):
            self._view.editor.reconnect(self._held, target, port)

    def cancel(self) -> None:
        self._end()
        self._view.tip.say("", QPoint())


class BandGesture:
    """Selects the cards that a rectangle meets; Shift adds to the selection."""

    def __init__(self, view: Stage, at: QPointF, add: bool) -> None:
        self._view = view
        self._start = at
        self._before = view.editor.workspace.selection
        self._base = self._before if add else ()
        self._names = self._base
        self._item = QGraphicsRectItem()
        self._item.setPen(ink().guide)
        fill = QColor(ink().accent_soft)
        fill.setAlpha(70)
        self._item.setBrush(fill)
        self._item.setZValue(5.0)
        view.canvas.addItem(self._item)

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        area = QRectF(self._start, at).normalized()
        self._item.setRect(area)
        found = self._view.canvas.cards_in(
            Box(area.left(), area.top(), area.right(), area.bottom())
        )
        self._names = (*self._base, *(name for name in found if name not in self._base))
        self._view.canvas.set_selection(self._names)

    def commit(self) -> None:
        self._view.canvas.removeItem(self._item)
        self._view.editor.workspace.select(self._names)

    def cancel(self) -> None:
        self._view.canvas.removeItem(self._item)
        self._view.canvas.set_selection(self._before)


class PanGesture:
    """Moves the view over the canvas."""

    def __init__(self, view: Stage, place: QPoint) -> None:
        self._view = view
        self._last = place
        self._view.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def move_on_screen(self, place: QPoint) -> None:
        """Follow the pointer, here in pixels of the viewport."""
        self._view.scroll_by(self._last - place)
        self._last = place

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The canvas moves under the pointer, so only its place on screen counts."""

    def commit(self) -> None:
        self._view.viewport().unsetCursor()

    def cancel(self) -> None:
        self._view.viewport().unsetCursor()
