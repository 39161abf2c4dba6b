"""What a template is, and how one is written: a chain of nodes by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from studio.project import layout
from studio.project.values import DataSettings, Edge, Network, Node, Recipe

Size = tuple[int, int, int]
IMAGENET: Size = (3, 224, 224)
CIFAR: Size = (3, 32, 32)
DIGITS: Size = (1, 32, 32)
_USUAL = DataSettings()


@dataclass(frozen=True, slots=True)
class Template:
    """A network by name; ``input`` (C, H, W) and ``classes`` are those of its paper. ``data`` has
    the shares that its images want."""

    name: str
    title: str
    description: str
    source: str
    input: Size
    classes: int
    make: Callable[[Chain], None]
    recipe: Recipe
    data: DataSettings = _USUAL


class Chain:
    """Builds a network as a chain from its input."""

    def __init__(self, size: Size, classes: int) -> None:
        self.size = size
        settings = {"channels": size[0], "height": size[1], "width": size[2]}
        self._nodes = [Node("input", "input", settings)]
        self._edges: list[Edge] = []
        self._classes = classes
        self.last = "input"

    def add(self, name: str, kind: str, **settings: Any) -> None:
        """Append a node behind the last one."""
        self.branch(name, kind, **settings)
        self.last = name

    def branch(self, name: str, kind: str, **settings: Any) -> None:
        """Add a node behind the last one beside what follows."""
        self._nodes.append(Node(name, kind, settings))
        self._edges.append(Edge(self.last, name))

    def network(self) -> Network:
        """The finished network, with its output, laid out."""
        self.add("output", "output", classes=self._classes)
        return layout.tidy(Network(tuple(self._nodes), tuple(self._edges)))
