"""Where cards stand: their sizes, and a layered layout from top to bottom.

The canvas draws cards in exactly these sizes, so that a layout made here (for a template, from a
script) needs no window.
"""

from __future__ import annotations

import msgspec

from studio.project import graph, registry
from studio.project.values import Edge, Network, Node

GAP_X = 48.0
GAP_Y = 44.0

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


def card_size(node: Node) -> tuple[float, float]:
    """Width and height of a node's card in canvas pixels."""
    kind = registry.lookup(node.kind)
    if node.kind in _LARGE:
        return _BLOCK_SIZE
    if kind is None or (kind.family == "residual" and not kind.is_block):
        return _LAYER_SIZE
    return _SIZES.get(kind.family, _LAYER_SIZE)


def tidy(network: Network) -> Network:
    """The same network with every node placed in rows by its longest path from the input.

    The path that carries most nodes (the trunk) runs straight down at x = 0; what branches off
    stands beside it, nearest to what it is wired to.
    """
    sequence, behind = graph.order(network)
    nodes = {node.name: node for node in network.nodes}
    into = graph.incoming(network)
    row: dict[str, int] = {}
    for name in [*sequence, *behind]:
        row[name] = 1 + max((row.get(edge.source, -1) for edge in into[name]), default=-1)
    _pull_down(network, sequence, row)
    trunk = _trunk(sequence, into)
    rows: dict[int, list[str]] = {}
    for name in [*sequence, *behind]:
        rows.setdefault(row[name], []).append(name)
    x: dict[str, float] = {}
    y = 0.0
    placed: dict[str, tuple[float, float]] = {}
    for number in sorted(rows):
        names = rows[number]
        height = max(card_size(nodes[name])[1] for name in names)
        _place_row(names, trunk, nodes, into, x)
        for name in names:
            placed[name] = (x[name], y + height / 2)
        y += height + GAP_Y
    moved = tuple(
        msgspec.structs.replace(node, x=placed[node.name][0], y=placed[node.name][1])
        for node in network.nodes
    )
    return msgspec.structs.replace(network, nodes=moved)


def _pull_down(network: Network, sequence: list[str], row: dict[str, int]) -> None:
    """Moves what only feeds late nodes down to just above the first of them."""
    out = graph.outgoing(network)
    into = graph.incoming(network)
    for name in reversed(sequence):
        targets = [row[edge.target] for edge in out[name] if edge.target in row]
        if targets and (into[name] or len(network.edges) == 0):
            row[name] = max(row[name], min(targets) - 1)


def _trunk(sequence: list[str], into: dict[str, list[Edge]]) -> set[str]:
    """The longest path through the network; among equals, the one over first ports."""
    length: dict[str, int] = {}
    back: dict[str, str] = {}
    for name in sequence:
        length[name] = 1
        for edge in into[name]:
            if length.get(edge.source, 0) + 1 > length[name]:
                length[name] = length[edge.source] + 1
                back[name] = edge.source
    path: set[str] = set()
    name = max(length, key=lambda key: length[key], default="")
    while name:
        path.add(name)
        name = back.get(name, "")
    return path


def _place_row(
    names: list[str],
    trunk: set[str],
    nodes: dict[str, Node],
    into: dict[str, list[Edge]],
    x: dict[str, float],
) -> None:
    """Centers the trunk's node and sets the others to its right, in the order of their sources."""

    def wish(name: str) -> float:
        sources = [x[edge.source] for edge in into[name] if edge.source in x]
        return sum(sources) / len(sources) if sources else 0.0

    others = sorted((name for name in names if name not in trunk), key=wish)
    main = next((name for name in names if name in trunk), None)
    edge = 0.0
    if main is not None:
        x[main] = 0.0
        edge = card_size(nodes[main])[0] / 2 + GAP_X
    for name in others:
        width = card_size(nodes[name])[0]
        x[name] = max(edge + width / 2, wish(name))
        edge = x[name] + width / 2 + GAP_X
