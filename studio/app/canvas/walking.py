"""Where an arrow key leads: from a node along the wires, then to what stands beside; from a wire to
the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from studio.project import graph
from studio.project.values import Edge, Flow, Network, Node

Direction = Literal["up", "down", "left", "right"]


def step(network: Network, name: str | None, direction: Direction) -> str | None:
    """The node that an arrow key leads to; from nowhere the first or last one; None for none."""
    nodes = {node.name: node for node in network.nodes}
    if not nodes:
        return None
    node = nodes.get(name) if name is not None else None
    if node is None:
        along: Callable[[Node], tuple[float, float]] = (
            (lambda n: (n.y, n.x)) if network.flow == "down" else (lambda n: (n.x, n.y))
        )
        pick = max if direction in ("up", "left") else min
        return pick(nodes.values(), key=along).name
    onward, back = ("down", "up") if network.flow == "down" else ("right", "left")
    if direction == onward:
        wired = [nodes[edge.target] for edge in graph.outgoing(network)[node.name]]
        return _nearest(node, wired, network.flow) or _beyond(node, nodes, direction)
    if direction == back:
        wired = [nodes[e.source] for e in graph.incoming(network)[node.name] if e.source in nodes]
        return _nearest(node, wired, network.flow) or _beyond(node, nodes, direction)
    return _beyond(node, nodes, direction)


def _nearest(node: Node, others: list[Node], flow: Flow) -> str | None:
    """Of the wired nodes the one most in line, then the closest."""

    def away(other: Node) -> tuple[float, float]:
        dx, dy = abs(other.x - node.x), abs(other.y - node.y)
        return (dx, dy) if flow == "down" else (dy, dx)

    best = min(others, key=away, default=None)
    return best.name if best is not None else None


def _beyond(node: Node, nodes: dict[str, Node], direction: Direction) -> str | None:
    """The closest node whose direction is mainly this one."""
    best: tuple[float, str] | None = None
    for other in nodes.values():
        dx, dy = other.x - node.x, other.y - node.y
        ahead, aside = (dx, dy) if direction in ("left", "right") else (dy, dx)
        if direction in ("left", "up"):
            ahead = -ahead
        if other.name == node.name or ahead < 20.0 or ahead < 0.4 * abs(aside):
            continue
        away = ahead + 2 * abs(aside)
        if best is None or away < best[0]:
            best = (away, other.name)
    return best[1] if best is not None else None


def first_and_last(network: Network) -> tuple[str, str] | None:
    """The nodes at which the flow begins and ends, as they stand; None for an empty canvas."""
    first, last = step(network, None, "down"), step(network, None, "up")
    return None if first is None or last is None else (first, last)


def wires_of(network: Network, name: str | None, *, onward: bool) -> list[Edge]:
    """The wires out of a node, or into it; those the other way where it has none of these; all
    for None. From left to right, or from top to bottom."""
    if name is None:
        return _ordered(network, network.edges)
    out, into = graph.outgoing(network).get(name, []), graph.incoming(network).get(name, [])
    return _ordered(network, (out or into) if onward else (into or out))


def around(network: Network, edge: Edge, by: int) -> Edge | None:
    """The next wire of those that share an end with this one; None where it is alone."""
    near = [e for e in network.edges if e.source == edge.source or e.target == edge.target]
    wires = _ordered(network, near)
    if len(wires) < 2 or edge not in wires:
        return None
    return wires[(wires.index(edge) + by) % len(wires)]


def _ordered(network: Network, wires: Iterable[Edge]) -> list[Edge]:
    """As they are met: by where they end across the flow, then by the input."""
    nodes = {node.name: node for node in network.nodes}
    down = network.flow == "down"

    def place(edge: Edge) -> tuple[float, float, int, float]:
        source, target = nodes[edge.source], nodes[edge.target]
        if down:
            return target.y, target.x, edge.port, source.x
        return target.x, target.y, edge.port, source.y

    known = (edge for edge in wires if edge.source in nodes and edge.target in nodes)
    return sorted(known, key=place)
