"""What a network keeps for its backward pass, node by node, in single or in half precision.

Under automatic mixed precision convolutions and linear layers compute with 2 bytes a value and
hand these on; whatever takes 4 bytes is copied for them, and autograd keeps the copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from studio.project.kinds import Inputs, Keeps, LayerKind
from studio.project.tracing import Step, Trace, exit_of, size

SINGLE, HALF = 4, 2
"""Bytes of one value."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """With what numbers a step computes: in half precision where it can be, and on which kind of
    device, since torch leaves norms in half precision on a processor and not on a GPU."""

    half: bool = False
    cuda: bool = False


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a node keeps, in bytes for one sample, apart from its own input and output.

    ``width`` is the bytes of one value of its output. ``peak`` and ``end`` are the most at any
    time of its backward pass (see ``Kept.peaks``). ``casts`` is what does not grow with the
    batch: the copies of the weights in half precision.
    """

    width: int
    kept: int = 0
    keeps_input: bool = False
    keeps_output: bool = False
    view: bool = False
    peak: int = 0
    end: int = 0
    casts: int = 0


@lru_cache(maxsize=16_384)
def footprint(
    trace: Trace, inputs: Inputs, widths: tuple[int, ...], arithmetic: Arithmetic
) -> Footprint:
    """What the node of ``trace`` keeps where its inputs have ``widths`` bytes a value."""
    if trace.steps:
        return _of_block(trace, widths, arithmetic)
    return _of_layer(trace, inputs, widths, arithmetic)


def _of_layer(
    trace: Trace, inputs: Inputs, widths: tuple[int, ...], arithmetic: Arithmetic
) -> Footprint:
    kind, output = trace.kind, trace.output
    assert isinstance(kind, LayerKind)
    assert output is not None
    wanted = max(widths, default=SINGLE)
    if arithmetic.half:
        match kind.mixed:
            case "half":
                wanted = HALF
            case "norm" if arithmetic.cuda:
                wanted = SINGLE
            case "single":
                wanted = SINGLE
    # An input of another width is copied, and the copy is kept in its place.
    copies = kind.mixed in ("half", "norm") and bool(inputs) and widths[:1] != (wanted,)
    keeps = kind.keeps if isinstance(kind.keeps, Keeps) else kind.keeps(trace.values)
    kept = keeps.extra(trace.values, inputs, output)
    kept += wanted * keeps.values(trace.values, inputs, output)
    if copies and keeps.input:
        kept += wanted * size(inputs[0])
    return Footprint(
        wanted,
        kept,
        keeps_input=keeps.input and not copies,
        keeps_output=keeps.output,
        view=keeps.view,
        end=kept + 2 * wanted * size(output),
        casts=HALF * trace.parameters if arithmetic.half and kind.mixed == "half" else 0,
    )


def _of_block(trace: Trace, widths: tuple[int, ...], arithmetic: Arithmetic) -> Footprint:
    kept = Kept(trace.steps, arithmetic, widths[0] if widths else SINGLE)
    peak, end = kept.peaks()
    return Footprint(
        kept.prints[trace.steps[-1].name].width,
        sum(kept.by_step),
        keeps_input=kept.first,
        keeps_output=kept.last,
        peak=peak,
        end=end,
        casts=kept.casts,
    )


class Kept:
    """What a chain of steps keeps for the backward pass, in bytes for one sample.

    ``by_step`` has each step's part without the first's and the last's outputs; ``first`` and
    ``last`` say whether those (a block's input and its output) must be kept by whoever owns them.
    An output is kept once, however many layers ask for it; a view asks for its source on behalf
    of those behind it.
    """

    def __init__(self, steps: Sequence[Step], arithmetic: Arithmetic, width: int = SINGLE) -> None:
        self.steps = steps
        self.prints: dict[str, Footprint] = {}
        for step in steps:
            widths = tuple(self.prints[source].width for source in step.sources) or (width,)
            self.prints[step.name] = footprint(step.trace, step.inputs, widths, arithmetic)
        self.casts = sum(each.casts for each in self.prints.values())
        last = exit_of(steps)
        asked = {step.name: self.prints[step.name].keeps_output for step in steps}
        for step in reversed(steps):
            own = self.prints[step.name]
            if own.keeps_input or (own.view and asked[step.name]):
                for source in step.sources:
                    asked[source] = True
        # The exit is a view: what feeds it is the block's output, and counted by the one outside.
        self._ends = last.sources
        self.first = asked[steps[0].name]
        self.last = any(asked[name] for name in self._ends)
        self.by_step: list[int] = []
        for number, step in enumerate(steps):
            own, output = self.prints[step.name], step.trace.output
            between = number > 0 and step is not last and step.name not in self._ends
            shared = between and asked[step.name] and not own.view and output is not None
            self.by_step.append(own.kept + (own.width * size(output or ()) if shared else 0))

    def peaks(self) -> tuple[int, int]:
        """The most bytes at any time of the backward pass: at all steps but the last, and there.

        At each step there is what was kept up to it, and the pair of gradients under way. The last
        step's own output is left to whoever owns it.
        """
        so_far = peak = end = 0
        for step, part in zip(self.steps, self.by_step, strict=True):
            own = self.prints[step.name]
            if step.trace.kind.kind not in ("entry", "exit"):
                output = part - own.kept
                here = max(so_far + own.peak, so_far + output + own.end)
                if step.name in self._ends:
                    peak, end = max(peak, so_far + own.peak), so_far + own.end
                else:
                    peak = max(peak, here)
            so_far += part
        return peak, end
