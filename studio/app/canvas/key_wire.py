"""A wire that the keys lead from card to card, to what the pointer could lead it to."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF

from studio.app.canvas.geometry import Point
from studio.app.canvas.gestures import WireGesture
from studio.app.canvas.routing import Route, route
from studio.app.canvas.scene import PortHit
from studio.app.canvas.stage import Stage
from studio.project import edits, registry
from studio.project.edits import EditRefused
from studio.project.values import Edge, Node


class KeyWire(WireGesture):
    """The pointer's gesture, aimed by ``step`` and ``choose``.

    A new wire leaves ``node``, or with ``into`` leads to it; a wire that is ``held`` is taken by
    its end. What would be refused is passed over.
    """

    def __init__(
        self, view: Stage, node: str, *, into: bool = False, held: Edge | None = None
    ) -> None:
        if held is not None:
            start = PortHit(held.target, "input", held.port)
        elif into:
            start = PortHit(node, "input", _free_port(view, node))
        else:
            start = PortHit(node, "output", 0)
        super().__init__(view, start, take=held is not None)
        self._order = [n.name for n in sorted(view.editor.network.nodes, key=self._along)]
        self._at_node = held.target if held is not None else node
        self._port = held.port if held is not None else None

    def _along(self, node: Node) -> tuple[float, float]:
        down = self._view.editor.network.flow == "down"
        return (node.y, node.x) if down else (node.x, node.y)

    def start(self) -> bool:
        """Lead it to where it most likely shall go; whether it can go anywhere."""
        if self._port is not None:
            self._show()
            return True
        origin = self._at_node
        if not self.step(-1 if self._upward else 1):
            return False
        first = self._at_node
        # What nothing feeds yet waits for a wire; it is taken before what has one.
        while not self._upward and self._is_fed(self._at_node):
            self.step(1)
            if self._at_node == first:
                break
            if self._order.index(self._at_node) < self._order.index(origin):
                self._at_node = first
                self._show()
                break
        return True

    def _is_fed(self, name: str) -> bool:
        return any(edge.target == name for edge in self._view.editor.network.edges)

    def step(self, by: int) -> bool:
        """Go on to the next card, in the order of the flow, that it may lead to."""
        at = self._order.index(self._at_node)
        for away in range(1, len(self._order) + 1):
            name = self._order[(at + by * away) % len(self._order)]
            if self._takes(name):
                self._at_node, self._port = name, None
                self._show()
                return True
        return False

    def _takes(self, name: str) -> bool:
        if name == self._from.node:
            return False
        if self._held is not None and name == self._held.target:
            return True
        return not self._view.editor.refusal(*self._ends(self._hit(name, -1)))

    def choose(self, port: int) -> None:
        """Take this input (from 0) of the card it leads to; one that is taken loses its wire."""
        if not self._upward and port < _most(self._view, self._at_node):
            self._port = port
            self._show()

    def _way(self, first: Point, last: Point) -> Route:
        """As it will be drawn."""
        scene = self._view.canvas
        ends = (self._from.node, self._at_node)
        return route(first, last, scene.grid, ends[::-1] if self._upward else ends, scene.flow)

    @property
    def refused(self) -> bool:
        """Whether what it leads to refuses it."""
        return bool(self._refusal)

    def commit(self) -> None:
        self._view.tip.say("", QPoint())
        super().commit()

    def _hit(self, name: str, port: int) -> PortHit:
        return PortHit(name, "output" if self._upward else "input", port)

    @property
    def source(self) -> str | None:
        """The node that a new wire comes out of; None for any other wire."""
        return None if self._upward or self._held is not None else self._from.node

    @property
    def words(self) -> str:
        """Where it leads, to be read or heard."""
        source, target, port = self._ends(self._hit(self._at_node, self._port_now()))
        text = f"{source} to {target}"
        if port is not None and _most(self._view, target) > 1:
            text += f", input {port + 1}"
        edges = self._view.editor.network.edges
        old = next((e for e in edges if e.target == target and e.port == port), None)
        return text if old in (None, self._held) else f"{text}, in place of {old.source}"

    def _port_now(self) -> int:
        if self._upward:
            return -1
        if self._port is not None:
            return self._port
        try:
            return edits.check_connect(
                self._view.editor.network, self._from.node, self._at_node, None
            )
        except EditRefused:
            return self._held.port if self._held is not None else -1

    def _show(self) -> None:
        scene = self._view.canvas
        hit = self._hit(self._at_node, self._port_now())
        port = hit._replace(port=max(0, hit.port))
        place = scene.port_place(port)
        self.aim(hit, QPointF(*place))
        self._view.reveal(self._at_node)
        if not self._refusal:
            box = scene.grid.get(self._at_node)
            assert box is not None
            area = QRectF(box.left, box.top, box.width, box.height)
            self._view.tip.say(
                f"{self.words}\nEnter connects, arrows lead on, Esc leaves it",
                self._view.mapFromScene(QPointF(*place)),
                self._view.mapFromScene(area).boundingRect(),
                calm=True,
            )


def _most(view: Stage, name: str) -> int:
    """How many inputs a node can have."""
    kind = registry.lookup(view.editor.network.node(name).kind)
    return kind.max_inputs if kind is not None else 1


def _free_port(view: Stage, name: str) -> int:
    """The first input that nothing feeds; of a node with a single one that."""
    taken = {edge.port for edge in view.editor.network.edges if edge.target == name}
    if _most(view, name) == 1:
        return 0
    return next(port for port in range(len(taken) + 1) if port not in taken)
