"""The drawing of one network, kept up by difference. It holds no truth, only what is drawn.

Items are kept by name in Python (Qt deletes what Python does not hold) and taken out one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from PySide6.QtCore import QObject, QRectF
from PySide6.QtWidgets import QGraphicsScene

from studio.app.canvas import faces
from studio.app.canvas.card import CardItem
from studio.app.canvas.comments import CommentItem
from studio.app.canvas.geometry import Box, Grid, Point, input_port, output_port, union
from studio.app.canvas.routing import Route, route
from studio.app.canvas.wire import WireItem
from studio.project.analysis import Analysis, NodeReport
from studio.project.values import Comment, Edge, Flow, Network, Node

EXTENT = 1e6
"""Half the side of the canvas; it never has to grow, so the view never jumps."""
WIRE_FAULTS = frozenset({"shape", "arity", "edge", "cycle"})
"""Codes of problems that lie in what arrives, so that the wires are marked too."""
LEANS = 30.0
"""Pixels sideways from which a wire would run over the label right of its port."""
REROUTE_ALL = 64
"""Changed boxes from which asking every wire whether it is touched costs more than routing it."""


class PortHit(NamedTuple):
    """A port under the pointer."""

    node: str
    side: Literal["input", "output"]
    port: int


class CanvasScene(QGraphicsScene):
    """Cards and wires of the network that was last given to ``sync``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Finding items is done on the grid; Qt's own index would only be kept up for nothing.
        self.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setSceneRect(-EXTENT, -EXTENT, 2 * EXTENT, 2 * EXTENT)
        self.cards: dict[str, CardItem] = {}
        self.wires: dict[Edge, WireItem] = {}
        self.comments: dict[str, CommentItem] = {}
        self.grid = Grid()
        self._nodes: dict[str, Node] = {}
        self._reports: Mapping[str, NodeReport] = {}
        self._faulty: frozenset[str] = frozenset()
        self._edges: tuple[Edge, ...] = ()
        self._wired: dict[str, int] = {}
        self._leaving: set[str] = set()
        self._labels_due = False
        self._recolored = 0
        self._data = ""
        self._flow: Flow = "down"
        self._selection: tuple[str, ...] = ()
        self._marked: set[str] = set()
        self._targeted: str | None = None
        self._refused: str | None = None
        self._hovered: str | None = None
        self._selected_edge: Edge | None = None
        self._hovered_edge: Edge | None = None
        self._selected_comment: str | None = None
        self._offered: tuple[str, Route] | None = None

    # Following the value ------------------------------------------------------------------------

    def sync(self, network: Network, analysis: Analysis, data: str) -> None:
        """Draw this network: items come, go and change where it differs from the last one."""
        nodes = {node.name: node for node in network.nodes}
        rewired = network.edges != self._edges or nodes.keys() != self._nodes.keys()
        afresh = (network.flow, data) != (self._flow, self._data)
        self._flow, self._data = network.flow, data
        changed: list[Box] = []
        for name in [name for name in self.cards if name not in nodes]:
            changed.append(self._drop_card(name))
        wired = _wired(network.edges, nodes) if rewired else self._wired
        before, self._reports = self._reports, analysis.nodes
        for name, node in nodes.items():
            count, report = wired.get(name, 0), analysis.nodes.get(name)
            if afresh or self._nodes.get(name) != node or self._wired.get(name, 0) != count:
                changed += self._sync_card(node, report, count)
            elif not _same(before.get(name), report):
                self._show_report(node, report, count)
        self._nodes = nodes
        self._edges = network.edges
        self._wired = wired
        if rewired or changed:
            self._sync_wires(changed)
        self._sync_faults(everything=rewired)
        if self._labels_due:
            self._sync_labels()
        self._sync_comments(network.comments)
        self.set_selection(self._selection)

    def _sync_comments(self, comments: Iterable[Comment]) -> None:
        known = {comment.name: comment for comment in comments}
        if known != {name: item.comment for name, item in self.comments.items()}:
            self._recolored += 1
        for name in [name for name in self.comments if name not in known]:
            self.removeItem(self.comments.pop(name))
            if self._selected_comment == name:
                self._selected_comment = None
        for name, comment in known.items():
            if name in self.comments:
                self.comments[name].set_comment(comment)
            else:
                self.comments[name] = CommentItem(comment)
                self.addItem(self.comments[name])

    def _sync_card(self, node: Node, report: NodeReport | None, wired: int) -> list[Box]:
        """Bring one card up to date; the boxes that it left and takes, where it moved."""
        name = node.name
        card = self.cards.get(name)
        form = faces.form(node, report, wired, self._flow)
        make = partial(faces.make, node, report, wired, self._data, self._flow)
        moved_ports = card is not None and (card.form.ports, card.form.flow) != (
            form.ports,
            form.flow,
        )
        if card is None:
            card = self.cards[name] = CardItem(form, make)
            self.addItem(card)
        else:
            self._recolored += card.form.family != form.family
            card.show_face(form, make)
        card.setPos(node.x, node.y)
        box = Box.around(node.x, node.y, form.width, form.height)
        before = self.grid.get(name)
        if before == box:
            # Wires end at the ports on its edge, so they are touched by the box itself.
            return [box] if moved_ports else []
        self.grid.put(name, box)
        return [box] if before is None else [before, box]

    def _show_report(self, node: Node, report: NodeReport | None, wired: int) -> None:
        """Bring the card of a node that is as it was up to date; it keeps its place and size."""
        card = self.cards[node.name]
        faulty = report is not None and bool(report.problems)
        form = card.form if card.form.faulty == faulty else card.form._replace(faulty=faulty)
        make = partial(faces.make, node, report, wired, self._data, self._flow)
        card.show_face(form, make)

    def _sync_wires(self, changed: list[Box]) -> None:
        # A file from elsewhere may hold edges that lead nowhere; they are told as problems.
        edges = {
            e: None for e in self._edges if e.source in self._nodes and e.target in self._nodes
        }
        for edge in [edge for edge in self.wires if edge not in edges]:
            self._drop_wire(edge)
        everything = len(changed) > REROUTE_ALL
        for edge in edges:
            wire = self.wires.get(edge)
            if wire is None:
                wire = WireItem(edge, self._route(edge))
                self.wires[edge] = wire
                self.addItem(wire)
            elif everything or any(wire.route.examined.meets(box) for box in changed):
                wire.set_route(self._route(edge))
        self._leaving = {edge.source for edge in edges}
        for name, card in self.cards.items():
            if card.wired_out != (name in self._leaving):
                card.set_state(wired_out=name in self._leaving)
        self._labels_due = True

    def _sync_faults(self, *, everything: bool) -> None:
        """Mark the wires by which something wrong arrives."""
        before = self._faulty
        self._faulty = frozenset(
            name
            for name, report in self._reports.items()
            if report.problems and any(p.code in WIRE_FAULTS for p in report.problems)
        )
        if everything or before != self._faulty:
            for edge, wire in self.wires.items():
                if wire.faulty != (edge.target in self._faulty):
                    wire.set_state(faulty=edge.target in self._faulty)

    def _sync_labels(self) -> None:
        """Put each shape beside its port on the side where no wire sweeps over it: left where it
        would stand on the right, below where it would stand above."""
        self._labels_due = False
        leaving = [(edge.source, wire.route) for edge, wire in self.wires.items()]
        if self._offered is not None:
            leaving.append(self._offered)
        if self._flow == "down":
            swept = {s for s, way in leaving if way.points[3].x > way.points[0].x + LEANS}
        else:
            swept = {s for s, way in leaving if way.points[3].y < way.points[0].y - LEANS}
        for name, card in self.cards.items():
            if card.label_aside != (name in swept):
                card.set_state(label_aside=name in swept)

    def show_leaving(self, source: str | None, way: Route | None = None) -> None:
        """Let the shape at ``source`` make room for a wire that is only offered; None: no wire."""
        offered = (source, way) if source is not None and way is not None else None
        if offered != self._offered:
            self._offered = offered
            self._sync_labels()

    def _drop_card(self, name: str) -> Box:
        card = self.cards.pop(name)
        self.removeItem(card)
        box = self.grid.get(name)
        assert box is not None
        self.grid.remove(name)
        self._marked.discard(name)
        if self._hovered == name:
            self._hovered = None
        return box

    def _drop_wire(self, edge: Edge) -> None:
        self.removeItem(self.wires.pop(edge))
        if self._selected_edge == edge:
            self._selected_edge = None
        if self._hovered_edge == edge:
            self._hovered_edge = None

    def _route(self, edge: Edge) -> Route:
        source = self.grid.get(edge.source)
        target = self.grid.get(edge.target)
        assert source is not None
        assert target is not None
        ports = self.cards[edge.target].form.ports
        return route(
            output_port(source, self._flow),
            input_port(target, edge.port, ports, self._flow),
            self.grid,
            (edge.source, edge.target),
            self._flow,
        )

    @property
    def outlines(self) -> tuple[object, ...]:
        """A value that differs where places, sizes or colors of cards and notes may."""
        return self._flow, self.grid.changes, self._recolored

    @property
    def flow(self) -> Flow:
        """The way the network runs."""
        return self._flow

    def snapshot(self) -> dict[str, Any]:
        """All that is drawn of the network, as a value two scenes can be compared by."""
        return {
            "cards": {
                name: (
                    card.face,
                    card.pos().toTuple(),
                    card.selected,
                    card.wired_out,
                    card.label_aside,
                )
                for name, card in self.cards.items()
            },
            "wires": {edge: (wire.route.points, wire.faulty) for edge, wire in self.wires.items()},
            "comments": {name: item.comment for name, item in self.comments.items()},
            "items": len(self.items()),
        }

    def refresh_ink(self) -> None:
        """Follow a change of the color scheme."""
        for card in self.cards.values():
            card.refresh_ink()
        for wire in self.wires.values():
            wire.refresh_ink()
        for item in self.comments.values():
            item.update()
        self.update()

    # Marks --------------------------------------------------------------------------------------

    def set_selection(self, names: tuple[str, ...]) -> None:
        """Mark exactly these cards as selected."""
        chosen = {name for name in names if name in self.cards}
        self._selection = names
        for name in chosen ^ self._marked:
            self.cards[name].set_state(selected=name in chosen)
        self._marked = chosen

    def set_hovered(self, name: str | None) -> None:
        """Mark the card under the pointer."""
        if name == self._hovered:
            return
        if self._hovered in self.cards:
            self.cards[self._hovered].set_state(hovered=False)
        self._hovered = name
        if name in self.cards:
            self.cards[name].set_state(hovered=True)

    def set_hovered_edge(self, edge: Edge | None) -> None:
        """Mark the wire under the pointer, or the one that a drop would split."""
        if edge == self._hovered_edge:
            return
        if self._hovered_edge in self.wires:
            self.wires[self._hovered_edge].set_state(hovered=False)
        self._hovered_edge = edge
        if edge in self.wires:
            self.wires[edge].set_state(hovered=True)

    @property
    def selected_edge(self) -> Edge | None:
        """The wire that was clicked; a selection of nodes takes its place."""
        return self._selected_edge

    def select_edge(self, edge: Edge | None) -> None:
        """Mark one wire as selected."""
        if self._selected_edge in self.wires:
            self.wires[self._selected_edge].set_state(selected=False)
        self._selected_edge = edge if edge in self.wires else None
        if self._selected_edge is not None:
            self.wires[self._selected_edge].set_state(selected=True)

    @property
    def selected_comment(self) -> str | None:
        """The note that is selected; a selection of nodes or of a wire takes its place."""
        return self._selected_comment

    def select_comment(self, name: str | None) -> None:
        """Mark one note as selected."""
        if self._selected_comment in self.comments:
            self.comments[self._selected_comment].set_selected(False)
        self._selected_comment = name if name in self.comments else None
        if self._selected_comment is not None:
            self.comments[self._selected_comment].set_selected(True)

    def set_targeted(self, name: str | None) -> None:
        """Mark the one card that a wire in hand would reach."""
        if self._targeted in self.cards:
            self.cards[self._targeted].set_state(targeted=False)
        self._targeted = name
        if name in self.cards:
            self.cards[name].set_state(targeted=True)

    def set_refused(self, name: str | None) -> None:
        """Mark the one card that would refuse a wire in hand."""
        if self._refused in self.cards:
            self.cards[self._refused].set_state(refused=False)
        self._refused = name
        if name in self.cards:
            self.cards[name].set_state(refused=True)

    @property
    def faulty(self) -> list[str]:
        """The cards that something is wrong with."""
        return [name for name, card in self.cards.items() if card.form.faulty]

    # A move in progress -------------------------------------------------------------------------

    def preview_positions(self, places: Mapping[str, tuple[float, float]]) -> None:
        """Draw these cards elsewhere until the next ``sync`` or ``end_preview``."""
        changed: list[Box] = []
        for name, (x, y) in places.items():
            card = self.cards[name]
            before = self.grid.get(name)
            box = Box.around(x, y, card.form.width, card.form.height)
            if before == box:
                continue
            card.setPos(x, y)
            self.grid.put(name, box)
            changed += [box] if before is None else [before, box]
        for edge, wire in self.wires.items():
            if (edge.source in places or edge.target in places) or (
                len(changed) <= REROUTE_ALL
                and any(wire.route.examined.meets(box) for box in changed)
            ):
                wire.set_route(self._route(edge))
        self._labels_due = True

    def end_preview(self) -> None:
        """Put every card back where the value has it."""
        self.preview_positions({name: (node.x, node.y) for name, node in self._nodes.items()})

    # Finding ------------------------------------------------------------------------------------

    def card_at(self, x: float, y: float) -> str | None:
        """The card at this place; where two overlap, the selected one or the later one."""
        found = list(self.grid.near(Box(x, y, x, y)))
        found.sort(key=lambda name: self.cards[name].zValue())
        return found[-1] if found else None

    def port_at(self, x: float, y: float, reach: float) -> PortHit | None:
        """The nearest port within ``reach`` canvas pixels."""
        best: tuple[float, PortHit] | None = None
        for name, box in self.grid.near(Box(x, y, x, y).grown(reach)).items():
            form = self.cards[name].form
            places = [
                (input_port(box, port, form.ports, self._flow), PortHit(name, "input", port))
                for port in range(form.ports)
            ]
            if form.leaves:
                places.append((output_port(box, self._flow), PortHit(name, "output", 0)))
            for place, hit in places:
                away = max(abs(place.x - x), abs(place.y - y))
                if box.holds(x, y):
                    away *= 2.0  # Inside, the card itself is what is mostly meant.
                if away <= reach and (best is None or away < best[0]):
                    best = (away, hit)
        return best[1] if best is not None else None

    def edge_at(self, x: float, y: float, reach: float) -> Edge | None:
        """A wire within ``reach`` canvas pixels."""
        for edge, wire in self.wires.items():
            if wire.near(x, y, reach):
                return edge
        return None

    def comment_at(self, x: float, y: float) -> str | None:
        """The note at this place; the later one where two overlap."""
        found = (name for name, item in self.comments.items() if item.box.holds(x, y))
        return next(reversed(list(found)), None)

    def cards_in(self, area: Box) -> list[str]:
        """The cards that meet ``area``."""
        return list(self.grid.near(area))

    def port_place(self, hit: PortHit) -> Point:
        """Where the port is."""
        box = self.grid.get(hit.node)
        assert box is not None
        if hit.side == "output":
            return output_port(box, self._flow)
        return input_port(box, hit.port, self.cards[hit.node].form.ports, self._flow)

    def is_free(self, name: str) -> bool:
        """Whether nothing takes the node's output yet."""
        return self.cards[name].form.leaves and name not in self._leaving

    def content(self) -> QRectF | None:
        """The rectangle around all cards and notes; None for an empty canvas."""
        box = union((*self.grid.boxes(), *(item.box for item in self.comments.values())))
        return None if box is None else QRectF(box.left, box.top, box.width, box.height)


def _wired(edges: Iterable[Edge], nodes: Mapping[str, Node]) -> dict[str, int]:
    """One more than the highest wired input port of each node that is fed."""
    result: dict[str, int] = {}
    for edge in edges:
        if edge.source in nodes and edge.target in nodes:
            result[edge.target] = max(result.get(edge.target, 0), edge.port + 1)
    return result


def _same(one: NodeReport | None, other: NodeReport | None) -> bool:
    """Whether two reports of one node are drawn alike."""
    if one is None or other is None:
        return one is other
    return one == other or faces.same(one, other)
