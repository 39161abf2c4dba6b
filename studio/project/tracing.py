"""Follows shapes through a network: the one traversal that analysis, engine and source share.

A node's trace depends only on its kind, settings, input shapes and the class count, so traces are
remembered, and a change to one node of a large network recomputes that node and what its shape
changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Any

import msgspec

from studio.project import graph, registry
from studio.project.kinds import (
    MAX_LAYERS,
    BlockKind,
    Inputs,
    Kind,
    LayerKind,
    Mismatch,
    Window,
    show_shape,
)
from studio.project.settings import SettingError, complete
from studio.project.values import Edge, Node, Shape

MAX_DIFFERENT = 10_000
"""So many of a block's layers may differ from all before them: working them out takes a second."""
MAX_VALUES = 2**40
"""More in one output is a mistake; repeated without end it would not even fit into a number."""
_FARTHEST = 10**12
"""Pixels at which the counting of what is seen ends: no image is larger."""

Length = int | Fraction


class Span(msgspec.Struct, frozen=True):
    """How far one output position sees: pixels along (height, width), and pixels a step.

    Behind an upsampling a step is less than the ``grain`` in which positions were laid out
    before it (0 where there is none), and what is seen beyond ``fixed`` comes in whole grains.
    """

    reach: tuple[Length, Length] = (1, 1)
    jump: tuple[Length, Length] = (1, 1)
    grain: tuple[Length, Length] = (0, 0)
    fixed: tuple[Length, Length] = (1, 1)

    def through(self, inner: Span) -> Span:
        """This span followed by ``inner``, which was measured on this one's output."""
        if inner is _POINT:  # most layers see a single position
            return self
        reach = (
            min(self.reach[0] + (inner.reach[0] - 1) * self.jump[0], _FARTHEST),
            min(self.reach[1] + (inner.reach[1] - 1) * self.jump[1], _FARTHEST),
        )
        jump = (
            min(self.jump[0] * inner.jump[0], _FARTHEST),
            min(self.jump[1] * inner.jump[1], _FARTHEST),
        )
        if self.grain[0]:
            return Span(reach, jump, self.grain, self.fixed)
        if not inner.grain[0]:
            return Span(reach, jump)
        grain = inner.grain[0] * self.jump[0], inner.grain[1] * self.jump[1]
        fixed = (
            self.reach[0] + (inner.fixed[0] - 1) * self.jump[0],
            self.reach[1] + (inner.fixed[1] - 1) * self.jump[1],
        )
        return Span(reach, jump, grain, fixed)

    @property
    def pixels(self) -> tuple[int, int]:
        """The reach in whole pixels: the most that any output position sees."""
        if self.grain == (0, 0):
            return int(self.reach[0]), int(self.reach[1])
        return self._whole(0), self._whole(1)

    def sees_through(self, inner: Span) -> tuple[int, int]:
        """``through(inner).pixels``, without a span that nobody keeps: for tables of thousands."""
        if self.grain[0] or inner.grain[0]:
            return self.through(inner).pixels
        (high, wide), (down, across) = self.reach, self.jump
        return (
            int(min(high + (inner.reach[0] - 1) * down, _FARTHEST)),
            int(min(wide + (inner.reach[1] - 1) * across, _FARTHEST)),
        )

    def _whole(self, axis: int) -> int:
        reach, grain, fixed = self.reach[axis], self.grain[axis], self.fixed[axis]
        if not grain:
            return int(reach)
        return int(fixed + ceil((reach - fixed) / Fraction(grain)) * grain)


_POINT = Span()
_POINT_WINDOW = Window()


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What a node does to its inputs: the sums over its inside for a block.

    ``layers`` counts all layers inside, ``different`` those that are not equal to one before.
    ``steps`` is a block's inside, empty for a layer. ``error`` says why there is no ``output``.
    Two traces are equal only where they are one, so that what is worked out of a trace can be
    remembered by it.
    """

    kind: Kind
    values: dict[str, Any]
    output: Shape | None
    span: Span = _POINT
    parameters: int = 0
    buffers: int = 0
    macs: int = 0
    depth: int = 0
    layers: int = 1
    different: int = 1
    steps: tuple[Step, ...] = ()
    error: Mismatch | SettingError | None = None


class Step(msgspec.Struct, frozen=True):
    """One node in its place: ``sources`` feed its ports, ``span`` and ``depth`` count from the
    network's (or block's) input to its output."""

    name: str
    sources: tuple[str, ...]
    inputs: tuple[Shape, ...]
    trace: Trace
    span: Span
    depth: int


def size(shape: Shape) -> int:
    """The number of values of one sample of ``shape``."""
    total = 1
    for length in shape:
        total *= length
    return total


def exit_of(steps: Sequence[Step]) -> Step:
    """The step that the output goes out of."""
    ends = (s for s in reversed(steps) if s.trace.kind.kind in ("exit", "output"))
    return next(ends, steps[-1])


def trace(node: Node, inputs: Inputs, classes: int) -> Trace:
    """What ``node`` does to ``inputs``; ``classes`` is what "as many as classes" stands for."""
    try:
        encoded = msgspec.json.encode(node.settings)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        error = SettingError("a setting holds a value that is no number, word or truth value")
        return _failed(registry.lookup(node.kind), error)
    return _trace(node.kind, encoded, inputs, classes)


def _failed(kind: Kind | None, error: Mismatch | SettingError) -> Trace:
    # It is remembered, and with it would be all that its frames and their callers hold.
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return Trace(kind or registry.layer("identity"), {}, None, error=error)


@lru_cache(maxsize=16_384)
def _trace(name: str, encoded: bytes, inputs: Inputs, classes: int) -> Trace:
    kind = registry.lookup(name)
    if kind is None:
        return _failed(None, SettingError(f"this version does not know the kind {name[:40]!r}"))
    try:
        values = complete(kind.settings, msgspec.json.decode(encoded), "")
    except SettingError as error:
        return _failed(kind, SettingError(str(error).removeprefix(": ")))
    for setting in kind.settings:
        if getattr(setting, "special", "") == "classes" and values[setting.name] == 0:
            values[setting.name] = classes
    try:
        if isinstance(kind, BlockKind):
            return _trace_block(kind, values, inputs, classes)
        assert isinstance(kind, LayerKind)
        return _trace_layer(kind, values, inputs)
    except Mismatch as error:
        return _failed(kind, error)


def forget() -> None:
    """Drop what is remembered of nodes traced before; only a benchmark needs to."""
    _trace.cache_clear()


def _trace_layer(kind: LayerKind, values: dict[str, Any], inputs: Inputs) -> Trace:
    output = kind.shape(values, inputs)
    if size(output) > MAX_VALUES:
        raise Mismatch(
            f"it would give {show_shape(output)}, which no machine can hold: use fewer channels, "
            "more pooling, or fewer repeats"
        )
    window = kind.window(values, inputs) if inputs else None
    return Trace(
        kind,
        values,
        output,
        span=_span_of(window) if window else _POINT,
        parameters=kind.parameters(values, inputs),
        buffers=kind.buffers(values, inputs),
        macs=kind.macs(values, inputs, output),
        depth=int(kind.counted),
    )


def _span_of(window: Window) -> Span:
    if window == _POINT_WINDOW:
        return _POINT
    if window.stride[0] < 1:
        return Span(window.size, window.stride, (1, 1), window.size)
    return Span(window.size, window.stride)


def _trace_block(kind: BlockKind, values: dict[str, Any], inputs: Inputs, classes: int) -> Trace:
    inside = kind.expand(values, inputs[0])
    steps: list[Step] = []
    done: dict[str, Step] = {}
    into = graph.incoming(inside)
    layers = different = 0
    seen: set[int] = set()
    # A block's inside is in order and without cycles: our own code made or checked it.
    for node in inside.nodes:
        _check_arity(node, len(into[node.name]))
        step = follow(node, into[node.name], done, classes, entry=inputs)
        if step.trace.output is None:
            raise _inner_error(step)
        layers += step.trace.layers
        if id(step.trace) not in seen:
            seen.add(id(step.trace))
            different += step.trace.different
        if layers > MAX_LAYERS or different > MAX_DIFFERENT:
            most, word = (MAX_LAYERS, "") if layers > MAX_LAYERS else (MAX_DIFFERENT, "different ")
            raise Mismatch(f"it holds more than {most:,} {word}layers: repeat less in it")
        steps.append(step)
        done[node.name] = step
    last = steps[-1]
    return Trace(
        kind,
        values,
        last.trace.output,
        span=last.span,
        parameters=sum(step.trace.parameters for step in steps),
        buffers=sum(step.trace.buffers for step in steps),
        macs=sum(step.trace.macs for step in steps),
        depth=last.depth,
        layers=layers - 2,
        different=different,
        steps=tuple(steps),
    )


def _check_arity(node: Node, wires: int) -> None:
    """Raises Mismatch for a node inside a user's block that is wired too little or too much."""
    kind = registry.lookup(node.kind)
    if kind is None or kind.min_inputs <= wires <= kind.max_inputs:
        return
    raise Mismatch(
        f"inside it, {node.name} is fed by {wires} wire{'s' if wires != 1 else ''}, and takes "
        f"{kind.min_inputs if wires < kind.min_inputs else kind.max_inputs}"
    )


def _inner_error(step: Step) -> Mismatch:
    error = step.trace.error
    text = str(error)
    if isinstance(error, Mismatch):
        names = ("the block's input" if s == "in" else f"its {s}" for s in step.sources)
        text = error.message.format(*names)
    # The sentence is filled in again further out, and may quote what a file holds.
    text = text.replace("{", "{{").replace("}", "}}")
    setting = error.setting if isinstance(error, Mismatch) else None
    return Mismatch(f"inside it, {step.name}: {text}", setting=setting)


def follow(
    node: Node, edges: Sequence[Edge], done: dict[str, Step], classes: int, entry: Inputs = ()
) -> Step:
    """The step of ``node``, whose sources' steps are in ``done`` and have outputs."""
    if len(edges) == 1:
        # Nearly every node has one source; the chain's case is kept quick.
        step = done[edges[0].source]
        assert step.trace.output is not None
        inputs: Inputs = (step.trace.output,)
        own = trace(node, inputs, classes)
        return Step(
            node.name,
            (step.name,),
            inputs,
            own,
            step.span.through(own.span),
            step.depth + own.depth,
        )
    before = [done[edge.source] for edge in edges]
    inputs = tuple(step.trace.output for step in before if step.trace.output is not None)
    own = trace(node, inputs or entry, classes)
    if not before:
        return Step(node.name, (), inputs, own, Span(), own.depth)
    spans = [step.span for step in before]
    wide, high = max(s.reach[1] for s in spans), max(s.reach[0] for s in spans)
    # The coarsest path rules: a grain holds for all that follows.
    coarse = max(spans, key=lambda span: span.grain)
    jumps = [span.jump for span in spans]
    widest = Span(
        (high, wide),
        (max(j[0] for j in jumps), max(j[1] for j in jumps)),
        coarse.grain,
        coarse.fixed,
    )
    depth = max(step.depth for step in before) + own.depth
    sources = tuple(step.name for step in before)
    return Step(node.name, sources, inputs, own, widest.through(own.span), depth)
