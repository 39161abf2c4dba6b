"""What a block's card shows of its inside: parallel branches of steps, and how they meet.

The figure is read from the block's own expansion, so it cannot disagree with what is trained.
Normalization and activation are left out, as in the papers' own drawings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.project import registry
from studio.project.blocks import group
from studio.project.kinds import BlockKind, Kind, Mismatch
from studio.project.settings import SettingError
from studio.project.values import Network, Node, Shape

QUIET_FAMILIES = frozenset({"normalization", "activation", "dropout", "shape"})
MAX_NODES = 64
"""A larger inside is a stage; its card shows a repeat and not its steps."""


ROWS = 4
"""As many rows, and as many steps of a branch, fit on the card of a user's own block."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Branches from left to right, each the texts of its steps from top to bottom.

    ``merge`` is "add", "concatenate" or "" where there is one branch. An empty branch is a
    shortcut that passes its input through.
    """

    branches: tuple[tuple[str, ...], ...]
    merge: str = ""


def of_group(values: dict[str, Any], shape: Shape | None) -> Figure:
    """The figure of a user's own block: its branches where it has some, else a row for each node.

    Where there is no room for all, norms and the like are left out, and the last row counts what
    is still too much.
    """
    inside = group.read(values["inside"])
    small = len(inside.nodes) <= MAX_NODES
    drawn = _Reader(inside, shape or (64, 32, 32)).figure() if small else None
    if drawn is not None and 1 < len(drawn.branches) <= ROWS:
        longest = max(len(steps) for steps in drawn.branches)
        if longest < ROWS:
            return drawn
    nodes = [node for node in inside.nodes if node.kind not in ("entry", "exit")]
    loud = [node for node in nodes if not _is_quiet(node)]
    rows = [_row(node) for node in (nodes if len(nodes) <= ROWS else loud or nodes)]
    if len(rows) > ROWS:
        rows[ROWS - 1 :] = [f"and {len(rows) - ROWS + 1} more"]
    return Figure((tuple(rows),))


def _is_quiet(node: Node) -> bool:
    kind = registry.lookup(node.kind)
    return kind is not None and kind.family in QUIET_FAMILIES


def _row(node: Node) -> str:
    """A node in a few words: "convolution 3×3 · 64", "VGG block · 64"."""
    kind = registry.lookup(node.kind)
    if kind is None:
        return node.kind[:40]
    title = kind.title_of(node.settings)
    title = title if kind.is_block else title.lower()
    try:
        values = registry.values(node)
    except SettingError:
        return title
    if node.kind == "convolution":
        return f"{title} {_convolution(values)}"
    chips = kind.chips(values)
    return f"{title} · {chips[0]}" if chips else title


def read(kind: Kind, values: dict[str, Any], shape: Shape | None) -> Figure | None:
    """The figure of a block fed with ``shape``; None where it is not branches that meet once.

    Where the shape is not known yet a plausible one stands in: the steps do not depend on it.
    """
    if not isinstance(kind, BlockKind):
        return None
    if kind is group.GROUP:
        return of_group(values, shape)
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
        end = ends.pop()
        behind, last = self._chain(end)
        if behind or self._nodes[last].kind != "exit":
            return None
        return Figure(tuple(branches), self._nodes[end].kind)

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
            return (kind.title_of(node.settings),)
        if node.kind == "convolution":
            return (_convolution(values),)
        if node.kind == "pooling":
            return (f"pool {values['kernel']}×{values['kernel']}",)
        if kind.own_title is not None:
            return (kind.title_of(values),)
        inner = read(kind, values, self._shape)
        if inner is not None and len(inner.branches) == 1:
            return inner.branches[0]
        return (kind.title.lower(),)


def _convolution(values: dict[str, Any]) -> str:
    text = f"{values['kernel']}×{values['kernel']} · {values['channels']}"
    return f"{text} /{values['stride']}" if values["stride"] > 1 else text
