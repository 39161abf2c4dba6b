"""What a block's card shows of its inside: parallel branches of steps, and how they meet.

The figure is read from the block's own expansion, so it cannot disagree with what is trained.
Normalization and activation are left out, as in the papers' own drawings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.project import registry
from studio.project.kinds import BlockKind, Kind, Mismatch
from studio.project.settings import SettingError
from studio.project.values import Network, Node, Shape

QUIET_FAMILIES = frozenset({"normalization", "activation", "dropout", "shape"})
MAX_NODES = 64
"""A larger inside is a stage; its card shows a repeat and not its steps."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Branches from left to right, each the texts of its steps from top to bottom.

    ``merge`` is "add", "concatenate" or "" where there is one branch. An empty branch is a
    shortcut that passes its input through.
    """

    branches: tuple[tuple[str, ...], ...]
    merge: str = ""


def read(kind: Kind, values: dict[str, Any], shape: Shape | None) -> Figure | None:
    """The figure of a block fed with ``shape``; None where it is not branches that meet once.

    Where the shape is not known yet a plausible one stands in: the steps do not depend on it.
    """
    if not isinstance(kind, BlockKind):
        return None
    if shape is None or len(shape) != 3:
        shape = (int(values.get("channels", 64)), 32, 32)
    try:
        inside = kind.expand(values, shape)
    except Mismatch:
        return None
    if len(inside.nodes) > MAX_NODES:
        return None
    return _Reader(inside, shape).figure()


class _Reader:
    """Walks an inside along its edges."""

    def __init__(self, inside: Network, shape: Shape) -> None:
        self._nodes = {node.name: node for node in inside.nodes}
        self._shape = shape
        self._following: dict[str, list[str]] = {}
        self._feeding: dict[str, int] = {}
        for edge in inside.edges:
            self._following.setdefault(edge.source, []).append(edge.target)
            self._feeding[edge.target] = self._feeding.get(edge.target, 0) + 1
        self._entry = next(node.name for node in inside.nodes if node.kind == "entry")

    def figure(self) -> Figure | None:
        before, fork = self._chain(self._entry)
        outward = self._following.get(fork, [])
        if not outward:
            return Figure((before,)) if before else None
        if before:
            return None
        branches: list[tuple[str, ...]] = []
        ends: set[str] = set()
        for target in outward:
            if self._feeding[target] > 1:
                branches.append(())
                ends.add(target)
                continue
            steps, last = self._chain(target)
            branches.append((*self._steps(self._nodes[target]), *steps))
            ends.update(self._following.get(last, []))
        if len(ends) != 1:
            return None
        return Figure(tuple(branches), self._nodes[ends.pop()].kind)

    def _chain(self, start: str) -> tuple[tuple[str, ...], str]:
        """The steps of the chain behind ``start``, and the chain's last node."""
        steps: list[str] = []
        at = start
        while len(beyond := self._following.get(at, [])) == 1 and self._feeding[beyond[0]] == 1:
            at = beyond[0]
            steps += self._steps(self._nodes[at])
        return tuple(steps), at

    def _steps(self, node: Node) -> tuple[str, ...]:
        """The texts that stand for a node; a block that is a mere chain gives its steps."""
        kind = registry.lookup(node.kind)
        if kind is None:
            return (node.kind,)
        if kind.family in QUIET_FAMILIES or node.kind in ("entry", "exit"):
            return ()
        try:
            values = registry.values(node)
        except SettingError:
            return (kind.title,)
        if node.kind == "convolution":
            return (_convolution(values),)
        if node.kind == "pooling":
            return (f"pool {values['kernel']}×{values['kernel']}",)
        inner = read(kind, values, self._shape)
        if inner is not None and len(inner.branches) == 1:
            return inner.branches[0]
        return (kind.title.lower(),)


def _convolution(values: dict[str, Any]) -> str:
    text = f"{values['kernel']}×{values['kernel']} · {values['channels']}"
    return f"{text} /{values['stride']}" if values["stride"] > 1 else text
