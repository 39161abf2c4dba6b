"""Where an arrow key leads from a node: along the wires, then to what stands beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from studio.project import graph
from studio.project.values import Flow, Network, Node

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
