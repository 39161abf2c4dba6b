"""Bringing selected cards into line, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from studio.project import layout
from studio.project.edits import EditRefused, move_nodes
from studio.project.values import Network, Node

Line = Literal["left", "center", "right", "top", "middle", "bottom"]
Axis = Literal["across", "down"]

_Half = Callable[[Node], float]


def align(network: Network, names: Iterable[str], line: Line) -> Network:
    """Move the cards sideways (left, center, right) or up and down so that they share a line.

    Edges go to the outermost one, centers to the middle of all.
    """
    nodes = _chosen(network, names, 2, "align")
    sideways = line in ("left", "center", "right")
    half = _half_width if sideways else _half_height
    start = min(_at(node, sideways) - half(node) for node in nodes)
    end = max(_at(node, sideways) + half(node) for node in nodes)
    places = {}
    for node in nodes:
        if line in ("left", "top"):
            at = start + half(node)
        elif line in ("right", "bottom"):
            at = end - half(node)
        else:
            at = (start + end) / 2
        places[node.name] = (at, node.y) if sideways else (node.x, at)
    return move_nodes(network, places)


def distribute(network: Network, names: Iterable[str], axis: Axis) -> Network:
    """Leave the two outermost cards and give those between them equal gaps."""
    nodes = _chosen(network, names, 3, "distribute")
    sideways = axis == "across"
    half = _half_width if sideways else _half_height
    nodes.sort(key=lambda node: _at(node, sideways))
    first, last = nodes[0], nodes[-1]
    room = _at(last, sideways) - half(last) - _at(first, sideways) - half(first)
    gap = (room - sum(2 * half(node) for node in nodes[1:-1])) / (len(nodes) - 1)
    end = _at(first, sideways) + half(first)
    places = {}
    for node in nodes[1:-1]:
        at = end + gap + half(node)
        places[node.name] = (at, node.y) if sideways else (node.x, at)
        end = at + half(node)
    return move_nodes(network, places)


def _chosen(network: Network, names: Iterable[str], least: int, verb: str) -> list[Node]:
    wanted = set(names)
    nodes = [node for node in network.nodes if node.name in wanted]
    if len(nodes) < least:
        raise EditRefused(f"select at least {least} nodes to {verb}")
    return nodes


def _at(node: Node, sideways: bool) -> float:
    return node.x if sideways else node.y


def _half_width(node: Node) -> float:
    return layout.card_size(node)[0] / 2


def _half_height(node: Node) -> float:
    return layout.card_size(node)[1] / 2
