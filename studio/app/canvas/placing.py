"""Finding room: for a node put into a wire, below another one, or pasted. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from msgspec.structs import replace

from studio.app.canvas.geometry import Box, union
from studio.project import edits, layout
from studio.project.registry import PaletteEntry
from studio.project.values import Edge, Flow, Network, Node

Edit = Callable[[Network], Network]
PASTE_STEP = 32.0

# What follows is written for networks that flow down. One that flows to the right is turned (its
# axes exchanged) before, and turned back behind; ``_box`` and ``_gap`` know that it is turned.


def box_of(node: Node) -> Box:
    """The node's card."""
    return Box.around(node.x, node.y, *layout.card_size(node))


def _turned(network: Network) -> Network:
    """The network with the axes of its places exchanged."""
    return replace(network, nodes=tuple(replace(n, x=n.y, y=n.x) for n in network.nodes))


def _box(node: Node, flow: Flow) -> Box:
    """The card of a node of a network that was turned where it flows to the right."""
    return Box.around(node.x, node.y, *layout.turned_size(node, flow))


def tidy(network: Network) -> Network:
    """The network laid out anew, its first row (or column) where it was."""
    before = union(box_of(node) for node in network.nodes)
    after = layout.tidy(network)
    box = union(box_of(node) for node in after.nodes)
    if before is None or box is None:
        return network
    dx, dy = before.center.x - box.center.x, before.top - box.top
    if network.flow == "right":
        dx, dy = before.left - box.left, before.center.y - box.center.y
    return edits.move_nodes(after, {node.name: (node.x + dx, node.y + dy) for node in after.nodes})


def make_room(network: Network, edge: Edge, name: str) -> Network:
    """Center the node ``name`` in the wire that it was put into.

    Everything below moves down where the gap is too short for its card.
    """
    if network.flow == "right":
        return _turned(_make_room(_turned(network), edge, name))
    return _make_room(network, edge, name)


def _make_room(network: Network, edge: Edge, name: str) -> Network:
    flow, gap = network.flow, layout.GAP_ALONG[network.flow]
    source, target, node = (network.node(n) for n in (edge.source, edge.target, name))
    start, end = _box(source, flow).bottom, _box(target, flow).top
    width, height = layout.turned_size(node, flow)
    if end < start:
        return network  # A wire that turns back up has no gap to stand in.
    needed = height + 2 * gap
    x = target.x if abs(target.x - node.x) <= abs(source.x - node.x) else source.x
    if abs(node.x - x) > width / 2:
        x = node.x
    if end - start >= needed:
        y = min(max(node.y, start + gap + height / 2), end - gap - height / 2)
        return edits.move_nodes(network, {name: (x, y)})
    shift = needed - (end - start)
    places = {
        other.name: (other.x, other.y + shift)
        for other in network.nodes
        if _box(other, flow).top >= end - 1.0 and other.name != name
    }
    places[name] = (x, start + gap + height / 2)
    return edits.move_nodes(network, places)


def area(network: Network, names: Collection[str]) -> Box:
    """The rectangle around the cards of ``names``, of which there is at least one."""
    around = union(box_of(node) for node in network.nodes if node.name in names)
    assert around is not None
    return around


def spread(network: Network, names: Collection[str], stood: Box) -> Network:
    """Make room for the nodes ``names``, which took the place of others that filled ``stood``.

    Where they cover nothing, nothing moves. Else they begin where the others began, what is below
    moves down, and what is beside them to the side.
    """
    if network.flow == "right":
        return _turned(_spread(_turned(network), names, stood.turned))
    return _spread(network, names, stood)


def _spread(network: Network, names: Collection[str], stood: Box) -> Network:
    boxes = {node.name: _box(node, network.flow) for node in network.nodes}
    rest = {name: box for name, box in boxes.items() if name not in names}
    around = union(boxes[name] for name in names)
    gap = layout.GAP_ALONG[network.flow]
    if around is None or not any(box.meets(around.grown(8.0)) for box in rest.values()):
        return network
    down = max(0.0, stood.top - around.top)
    around = around.moved(0.0, down)
    places = {n.name: (n.x, n.y + down) for n in network.nodes if n.name in names}
    below = {name: box for name, box in rest.items() if box.top >= stood.bottom - 1.0}
    in_the_way = (
        box for box in below.values() if box.left < around.right and box.right > around.left
    )
    shift = max((around.bottom + gap - box.top for box in in_the_way), default=0.0)
    if shift > 0.0:
        places |= {name: (box.center.x, box.center.y + shift) for name, box in below.items()}
    for name, box in rest.items():
        if name not in below and box.top >= stood.top and box.meets(around.grown(8.0)):
            right = around.right + layout.GAP_X - box.left
            left = around.left - layout.GAP_X - box.right
            aside = right if box.center.x >= stood.center.x else left
            places[name] = (box.center.x + aside, box.center.y)
    return edits.move_nodes(network, places)


def settle(network: Network, names: Sequence[str]) -> Network:
    """Give ``names``, which stand in a wire one after the other, places below what feeds them.

    Everything below makes room; where another wire's cards bar the column, they stand beside them.
    """
    if network.flow == "right":
        return _turned(_settle(_turned(network), names))
    return _settle(network, names)


def _settle(network: Network, names: Sequence[str]) -> Network:
    flow = network.flow
    last = next((edge for edge in network.edges if edge.source == names[-1]), None)
    for name in names:
        source = next((edge.source for edge in network.edges if edge.target == name), None)
        if source is None or last is None:
            return network
        start, end, node = network.node(source), network.node(last.target), network.node(name)
        size = layout.turned_size(node, flow)
        y = _box(end, flow).top - layout.GAP_ALONG[flow] - size[1] / 2
        network = edits.move_nodes(network, {name: (start.x, y)})
        network = _make_room(network, Edge(source, last.target, last.port), name)
        node = network.node(name)
        others = [_box(other, flow) for other in network.nodes if other.name not in names]
        network = edits.move_nodes(network, {name: _sideways(node.x, node.y, size, others)})
    return network


def below(network: Network, node: Node, entry: PaletteEntry) -> tuple[float, float]:
    """The first free place behind ``node`` for a card of ``entry``, or beside that."""
    if network.flow == "right":
        turned = _turned(network)
        return _below(turned, turned.node(node.name), entry)[::-1]
    return _below(network, node, entry)


def _below(network: Network, node: Node, entry: PaletteEntry) -> tuple[float, float]:
    flow = network.flow
    width, height = layout.turned_size(Node(entry.key, entry.kind), flow)
    y = _box(node, flow).bottom + layout.GAP_ALONG[flow] + height / 2
    others = [_box(other, flow) for other in network.nodes]
    for step in range(50):
        for side in (1, -1) if step else (1,):
            x = node.x + side * step * (width + layout.GAP_X) / 2
            box = Box.around(x, y, width, height).grown(8.0)
            if not any(box.meets(other) for other in others):
                return x, y
    return node.x, y


def offset(
    network: Network, part: Network, center: tuple[float, float] | None
) -> tuple[float, float]:
    """How far a pasted part moves so that it lies around ``center`` or beside its originals.

    It moves on sideways while one of its cards would cover another.
    """
    sheets = (Box(c.x, c.y, c.x + c.width, c.y + c.height) for c in part.comments)
    around = union((*(box_of(node) for node in part.nodes), *sheets))
    if around is None:
        return 0.0, 0.0
    dx, dy = around.right - around.left + layout.GAP_X, 0.0
    if center is not None:
        dx, dy = center[0] - around.center.x, center[1] - around.center.y
    others = [box_of(node).grown(8.0) for node in network.nodes]
    own = [(node.x, node.y, layout.card_size(node)) for node in part.nodes]
    for step in range(200):
        for side in (1, -1) if step else (1,):
            right = dx + side * step * PASTE_STEP
            boxes = (Box.around(x + right, y + dy, *size) for x, y, size in own)
            if not any(box.meets(other) for box in boxes for other in others):
                return right, dy
    return dx + PASTE_STEP, dy + PASTE_STEP


def free_place(network: Network, x: float, y: float, entry: PaletteEntry) -> tuple[float, float]:
    """The place for a card of ``entry`` nearest to (x, y) where it covers no other card.

    It moves sideways only, and not far; where all is full it stays.
    """
    flow = network.flow
    size = layout.turned_size(Node(entry.key, entry.kind), flow)
    if flow == "right":
        boxes = [box_of(node).turned for node in network.nodes]
        return _sideways(y, x, size, boxes)[::-1]
    return _sideways(x, y, size, [box_of(node) for node in network.nodes])


def _sideways(
    x: float, y: float, size: tuple[float, float], boxes: list[Box]
) -> tuple[float, float]:
    width, height = size
    wanted = Box.around(x, y, width, height)
    # Beside a card there is a gap for wires; above and below less will do.
    others = [Box(b.left - 48.0, b.top - 32.0, b.right + 48.0, b.bottom + 32.0) for b in boxes]
    inward = [box for box in others if box.top < wanted.bottom and box.bottom > wanted.top]
    places = [x]
    for box in inward:
        places += [box.left - width / 2 - 1.0, box.right + width / 2 + 1.0]
    for place in sorted(places, key=lambda at: (abs(at - x), at)):
        if abs(place - x) > 600.0:
            break
        if not any(Box.around(place, y, width, height).meets(box) for box in inward):
            return place, y
    return x, y
