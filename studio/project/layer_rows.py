"""The table of layers: what each gives and costs, blocks expanded.

A deep network has thousands of rows and they follow each edit, so a block's are worked out once for
its trace: a network repeats its blocks, and an edit changes one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from studio.project.footprint import Arithmetic, Kept
from studio.project.tracing import Span, Step, Trace, exit_of
from studio.project.values import Shape


class LayerRow(NamedTuple):
    """One layer of the expanded network; ``block`` is the canvas block it lies in, or None.

    ``kept`` is what it keeps for the backward pass, its output with it, in bytes for one image
    (float32).
    """

    name: str
    kind: str
    block: str | None
    output: Shape
    parameters: int
    macs: int
    receptive_field: tuple[int, int]
    kept: int

    @property
    def node(self) -> str:
        """The node of the canvas that it is, or lies in."""
        return self.block or self.name


class _Inner(NamedTuple):
    """A layer inside a block, its name and span counted from the block's input. ``ends`` says
    whether the block's output is its own, and so the bytes that are kept of it."""

    name: str
    kind: str
    output: Shape
    parameters: int
    macs: int
    span: Span
    kept: int
    ends: bool


def layer_rows(steps: Sequence[Step]) -> tuple[LayerRow, ...]:
    """The layers of ``steps`` in forward order."""
    spans = {step.name: step.span for step in steps}
    rows = []
    for step, own in zip(steps, _kept(steps), strict=True):
        start = spans[step.sources[0]] if step.sources else Span()
        block = step.name if step.trace.steps else None
        for name, kind, output, parameters, macs, span, kept, _ in _inner(step, own):
            whole = f"{step.name}.{name}" if name else step.name
            # A layer may be a merge, which sees more than through its first source.
            reach = start.sees_through(span) if name else step.span.pixels
            rows.append(LayerRow(whole, kind, block, output, parameters, macs, reach, kept))
    return tuple(rows)


def node_rows(steps: Sequence[Step]) -> tuple[LayerRow, ...]:
    """The same with one row for each of ``steps``, blocks as a whole."""
    return tuple(
        LayerRow(step.name, step.trace.kind.kind, None, step.trace.output,
                 step.trace.parameters, step.trace.macs, step.span.pixels, own)
        for step, own in zip(steps, _kept(steps), strict=True)
        if step.trace.kind.family not in ("input", "output") and step.trace.output is not None
    )  # fmt: skip


def _inner(step: Step, own: int) -> Sequence[_Inner]:
    """The layers that ``step`` is, or holds, which keep ``own`` bytes together."""
    trace = step.trace
    if not trace.steps:
        if trace.kind.family in ("input", "output") or trace.output is None:
            return ()
        return (_Inner("", trace.kind.kind, trace.output, trace.parameters, trace.macs,
                       trace.span, own, True),)  # fmt: skip
    found, kept = _inside(trace)
    lent = own - kept
    if not lent:
        return found
    return [row._replace(kept=row.kept + lent) if row.ends else row for row in found]


@lru_cache(maxsize=4096)
def _inside(trace: Trace) -> tuple[Sequence[_Inner], int]:
    """The layers inside a block, and the bytes that they keep without its output."""
    last = exit_of(trace.steps).sources[:1]
    spans = {inside.name: inside.span for inside in trace.steps}
    found = []
    by_step = _kept(trace.steps)
    for inside, kept in zip(trace.steps, by_step, strict=True):
        start = spans[inside.sources[0]] if inside.sources else Span()
        ends = inside.name in last
        for name, kind, output, parameters, macs, span, part, last_of in _inner(inside, kept):
            span = start.through(span) if name else inside.span
            name = f"{inside.name}.{name}" if name else inside.name
            found.append(_Inner(name, kind, output, parameters, macs, span, part, ends and last_of))
    return found, sum(by_step)


def _kept(steps: Sequence[Step]) -> Sequence[int]:
    """What each of ``steps`` keeps, in bytes for one image."""
    return Kept(steps, Arithmetic()).by_step if steps else ()
