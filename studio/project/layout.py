"""Where cards stand: their sizes, and a layered layout from top to bottom.

The canvas draws cards in exactly these sizes, so that a layout made here (for a template, from a
script) needs no window.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from studio.project import graph, registry
from studio.project.values import Edge, Flow, Network, Node

GAP_X = 48.0
GAP_Y = 44.0
GAP_ALONG = {"down": GAP_Y, "right": 116.0}
"""Between a card and the one it feeds; to the right there is room for the shape on the wire."""
LANE = 24.0
"""Width of the way that a wire past other rows takes, and the gap beside it."""

_LAYER_SIZE = (220.0, 40.0)
_BLOCK_SIZE = (280.0, 84.0)
_LARGE = frozenset({"separable", "dense_block"})
"""Blocks that hold more than a layer or two, in families whose layers are small."""
_SIZES = {
    "input": (200.0, 36.0),
    "output": (200.0, 36.0),
    "vgg": _BLOCK_SIZE,
    "inception": (380.0, 188.0),
    "residual": _BLOCK_SIZE,
    "group": (320.0, 176.0),
}
_SWEEPS = 8
_MOST_LANES = 4_000
"""Rows passed by wires beyond this many are not kept free: a tangle is not made clear by them."""
_ROUNDS = 12


def card_size(node: Node) -> tuple[float, float]:
    """Width and height of a node's card in canvas pixels."""
    kind = registry.lookup(node.kind)
    if node.kind in _LARGE:
        return _BLOCK_SIZE
    if kind is None or (kind.family == "residual" and not kind.is_block):
        return _LAYER_SIZE
    return _SIZES.get(kind.family, _LAYER_SIZE)


def turned_size(node: Node, flow: Flow) -> tuple[float, float]:
    """The size of a node's card across and along the flow."""
    width, height = card_size(node)
    return (width, height) if flow == "down" else (height, width)


def tidy(network: Network) -> Network:
    """The same network with every node placed in rows by its longest path from the input.

    A network that flows to the right has columns in their place; it is laid out with its axes
    exchanged. Where the nodes have places already, those side by side keep their order if that
    makes no more wires cross.

    Branches that begin together stand side by side, in the order of the ports that they lead to.
    The path that carries most nodes (the trunk) runs straight down at x = 0; what branches off
    stands left or right of it, each chain in a column of its own.
    """
    layers = _layers(network)
    _order(layers)
    _keep_order(layers, network)
    x = _columns(layers)
    placed: dict[str, tuple[float, float]] = {}
    y = 0.0
    for row in layers.rows:
        height = max(layers.height(name) for name in row)
        for name in row:
            at = y + height / 2
            placed[name] = (x[name], at) if network.flow == "down" else (at, x[name])
        y += height + GAP_ALONG[network.flow]
    moved = tuple(
        msgspec.structs.replace(node, x=placed[node.name][0], y=placed[node.name][1])
        for node in network.nodes
    )
    return msgspec.structs.replace(network, nodes=moved)


@dataclass
class _Layers:
    """Rows of names. A wire past other rows has a lane in each, called ``source>target:port:row``,
    so that ``up`` and ``down`` join neighbors in adjacent rows; ``port`` of a wire is 0..1."""

    nodes: dict[str, Node]
    trunk: set[str]
    flow: Flow
    rows: list[list[str]] = field(default_factory=list)
    up: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    down: dict[str, list[tuple[str, float]]] = field(default_factory=dict)

    def width(self, name: str) -> float:
        """Across the flow, in canvas pixels."""
        return turned_size(self.nodes[name], self.flow)[0] if name in self.nodes else LANE

    def height(self, name: str) -> float:
        """Along the flow, in canvas pixels."""
        return turned_size(self.nodes[name], self.flow)[1] if name in self.nodes else 0.0

    def gap(self, one: str, other: str) -> float:
        return GAP_X if one in self.nodes and other in self.nodes else LANE

    def join(self, source: str, target: str, port: float) -> None:
        self.down[source].append((target, port))
        self.up[target].append((source, port))


def _layers(network: Network) -> _Layers:
    sequence, behind = graph.order(network)
    into = graph.incoming(network)
    number: dict[str, int] = {}
    for name in [*sequence, *behind]:
        number[name] = 1 + max((number.get(edge.source, -1) for edge in into[name]), default=-1)
    nodes = {node.name: node for node in network.nodes}
    layers = _Layers(nodes, _trunk(sequence, into), network.flow)
    layers.rows = [[] for _ in range(1 + max(number.values(), default=-1))]
    # The trunk first: what neither port nor source puts left of it goes to its right.
    for name in sorted(number, key=lambda name: name not in layers.trunk):
        layers.rows[number[name]].append(name)
        layers.up[name], layers.down[name] = [], []
    lanes = 0
    for name in number:
        wires = into[name]
        for edge in wires:
            first, last = number[edge.source], number[name]
            port = edge.port / (1 + max(0, wires[-1].port, edge.port))
            lanes += max(0, last - first - 1)
            if last <= first or (last > first + 1 and lanes > _MOST_LANES):
                continue
            above = edge.source
            for row in range(first + 1, last):
                lane = f"{edge.source}>{name}:{edge.port}:{row}"
                layers.rows[row].append(lane)
                layers.up[lane], layers.down[lane] = [], []
                layers.join(above, lane, 0.0)
                above = lane
            layers.join(above, name, port)
    return layers


def _trunk(sequence: list[str], into: dict[str, list[Edge]]) -> set[str]:
    """The longest path through the network; among equals, the one over the middle ports."""
    length: dict[str, int] = {}
    back: dict[str, str] = {}
    for name in sequence:
        longest = max((length.get(edge.source, 0) for edge in into[name]), default=0)
        length[name] = longest + 1
        equals = [e.source for e in into[name] if length.get(e.source, 0) == longest]
        if longest and equals:
            back[name] = equals[(len(equals) - 1) // 2]
    path: set[str] = set()
    name = max(length, key=lambda key: length[key], default="")
    while name:
        path.add(name)
        name = back.get(name, "")
    return path


def _order(layers: _Layers) -> None:
    """Sort each row so that few wires cross: by turns, names go to the middle of what they are
    wired to below and above (the barycenter heuristic of Sugiyama et al. 1981)."""
    best = [list(row) for row in layers.rows]
    fewest = _crossings(layers)
    for sweep in range(_SWEEPS):
        upward = sweep % 2 == 0
        rows = layers.rows if upward else layers.rows[::-1]
        for row, fixed in reversed(list(pairwise(rows))):
            _sort(row, fixed, layers.down if upward else layers.up, 1.0 if upward else 0.0)
        crossings = _crossings(layers)
        # Of two orders as good, the first sweep's has branches in the order of their ports.
        if crossings < fewest or (sweep == 0 and crossings == fewest):
            best, fewest = [list(row) for row in layers.rows], crossings
        if not fewest:
            break
    layers.rows = best


def _keep_order(layers: _Layers, network: Network) -> None:
    """Order the rows as the nodes stand now, where these have places and no more wires cross."""
    places = {(node.x, node.y) for node in network.nodes}
    if len(places) < len(network.nodes):
        return
    across = {n.name: n.x if network.flow == "down" else n.y for n in network.nodes}

    def at(name: str) -> float:
        if name in across:
            return across[name]
        source, _, rest = name.partition(">")  # a lane runs from one node to another
        return (across[source] + across[rest.partition(":")[0]]) / 2

    found, crossings = layers.rows, _crossings(layers)
    layers.rows = [sorted(row, key=at) for row in found]
    same = all(
        [name for name in one if name in across] == [name for name in other if name in across]
        for one, other in zip(found, layers.rows, strict=True)
    )
    if same or _crossings(layers) > crossings:
        layers.rows = found


def _sort(
    row: list[str], fixed: list[str], beside: dict[str, list[tuple[str, float]]], ports: float
) -> None:
    """Order ``row`` by the mean place of each name's neighbors in ``fixed``."""
    places, here = _places(fixed), _places(row)

    def middle(name: str) -> float:
        wires = beside[name]
        if not wires:
            return float(here[name])
        return sum(places[other] + port * ports for other, port in wires) / len(wires)

    row.sort(key=middle)


def _places(row: list[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(row)}


def _crossings(layers: _Layers) -> int:
    """How many wires between neighboring rows cross each other."""
    total = 0
    for above, below in pairwise(layers.rows):
        places = _places(below)
        seen: list[float] = []
        for name in above:
            ends = [places[other] + port for other, port in layers.down[name]]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _columns(layers: _Layers) -> dict[str, float]:
    """The centers: the trunk at 0, the others outward from it without covering each other.

    A chain takes the outermost place that any of its members needs, so that its wires are straight.
    """
    head = _chains(layers)
    x: dict[str, float] = {}
    column: dict[tuple[str, int], float] = {}
    for _ in range(_ROUNDS):
        before = dict(column)
        for row in layers.rows:
            main = next((place for place, name in enumerate(row) if name in layers.trunk), None)
            middle = main if main is not None else (len(row) - 1) // 2
            if main is not None:
                x[row[main]] = 0.0
            else:
                x[row[middle]] = _wish(row[middle], layers, x)
            for side, members in ((1, row[middle + 1 :]), (-1, row[:middle][::-1])):
                last = row[middle]
                for name in members:
                    reach = (layers.width(last) + layers.width(name)) / 2 + layers.gap(last, name)
                    wishes = [side * x[last] + reach, side * _wish(name, layers, x)]
                    key = (head.get(name, name), side)
                    column[key] = max(*wishes, column.get(key, 0.0))
                    x[name] = side * column[key]
                    last = name
        if column == before:
            break
    return x


def _wish(name: str, layers: _Layers, x: dict[str, float]) -> float:
    sources = [x[source] for source, _ in layers.up[name] if source in x]
    return sum(sources) / len(sources) if sources else 0.0


def _chains(layers: _Layers) -> dict[str, str]:
    """The first member of the chain that each name off the trunk lies in."""
    head: dict[str, str] = {}
    for row in layers.rows:
        for name in row:
            above = layers.up[name]
            alone = len(above) == 1 and len(layers.down[above[0][0]]) == 1
            if name in layers.trunk or not alone or above[0][0] in layers.trunk:
                head[name] = name
            else:
                head[name] = head[above[0][0]]
    return head
