"""Builds the inside of a block, and the settings that several blocks have."""

from __future__ import annotations

from typing import Any

from studio.project.layers.common import DIRAC, INITIALIZATIONS, MAX_CHANNELS
from studio.project.settings import Choice, Flag, Integer
from studio.project.values import Edge, Network, Node


class Body:
    """Builds a block's inside: a chain by default, with side branches by ``after``."""

    def __init__(self) -> None:
        self._nodes = [Node("in", "entry")]
        self._edges: list[Edge] = []
        self.last = "in"

    def add(self, name: str, kind: str, after: str | tuple[str, ...] = "", **settings: Any) -> str:
        """Append a node fed by ``after`` (the last one when empty) and return its name."""
        sources = (after or self.last,) if isinstance(after, str) else after
        self._nodes.append(Node(name, kind, settings))
        self._edges.extend(Edge(source, name, port) for port, source in enumerate(sources))
        self.last = name
        return name

    def activation(self, name: str, function: str) -> str:
        """Append an activation layer."""
        return self.add(name, "activation", function=function)

    def network(self) -> Network:
        """The finished inside; what was added last goes out."""
        nodes = (*self._nodes, Node("out", "exit"))
        return Network(nodes, (*self._edges, Edge(self.last, "out")))


def channels_setting(name: str, title: str, default: int, text: str, minimum: int = 1) -> Integer:
    return Integer(
        name=name, title=title, default=default, minimum=minimum, maximum=MAX_CHANNELS, help=text
    )


BATCH_NORM_FLAG = Flag(
    name="batch_norm",
    title="Batch norm",
    default=True,
    help="Normalizes after every convolution, over the mini-batch.",
)

INITIALIZATION = Choice(
    name="initialization",
    title="Starts as",
    default="he",
    choices=(*(choice for choice in INITIALIZATIONS if choice[0] != "constant"), DIRAC),
    help="How the convolutions' weights start: He et al. 2015 for ReLU, Xavier (Glorot & Bengio "
    "2010) for tanh and sigmoid, orthogonal (Saxe et al. 2014), torch's uniform, zero, or with "
    "filters that first pass their channel on (Zagoruyko & Komodakis 2017).",
)
