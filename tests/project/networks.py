"""Small networks for the tests of the project package."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from studio.project.values import Edge, Network, Node


def chain(*layers: tuple[str, str, dict[str, Any]], size: tuple[int, int, int] = (3, 32, 32),
          classes: int = 10) -> Network:  # fmt: skip
    """A network whose nodes (name, kind, settings) stand in a row between input and output."""
    channels, height, width = size
    nodes = [Node("input", "input", {"channels": channels, "height": height, "width": width})]
    nodes += [Node(name, kind, settings) for name, kind, settings in layers]
    nodes.append(Node("output", "output", {"classes": classes}))
    names = [node.name for node in nodes]
    edges = tuple(Edge(a, b) for a, b in pairwise(names))
    return Network(tuple(nodes), edges)
