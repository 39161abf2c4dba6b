"""Marks that a user puts on nodes, each with a color and a shape: neither is needed alone."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from studio.project.edits import EditRefused
from studio.project.values import Network

TAGS = {
    "circle": "blue",
    "triangle": "orange",
    "square": "green",
    "diamond": "pink",
    "star": "gold",
    "cross": "gray",
}
"""Shape and color, which is one of ``colors.COLORS``."""


def title(tag: str) -> str:
    """The tag in words: "blue circle"."""
    return f"{TAGS[tag]} {tag}" if tag in TAGS else tag


def set_tag(network: Network, names: Iterable[str], tag: str) -> Network:
    """Mark the nodes ``names``; an empty tag takes their marks away."""
    if tag and tag not in TAGS:
        raise EditRefused(f"there is no tag {tag!r}; known are {', '.join(TAGS)}")
    chosen = set(names)
    nodes = tuple(replace(n, tag=tag) if n.name in chosen else n for n in network.nodes)
    return replace(network, nodes=nodes)
