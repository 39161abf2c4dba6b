"""What a network is made of, as far as it decides whether gradients come through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.project.analysis import Analysis
from studio.project.layers.common import ACTIVATIONS
from studio.project.tracing import Step, Trace

FLAT = ("sigmoid", "tanh", "softplus")
"""Activations with slopes far below 1 over much of their range."""
_NORMS = ("batch_norm", "layer_norm", "group_norm")
_WEIGHTS = ("convolution", "linear")
_ALIKE = ("zero", "constant")


@dataclass(frozen=True)
class Makeup:
    """``flat`` are the activations with flat curves by their titles, ``relu`` says whether there
    are some that may die, ``layers`` counts those that multiply by weights, ``constant`` how many
    of these start with all weights alike."""

    flat: tuple[str, ...] = ()
    relu: bool = False
    layers: int = 0
    constant: int = 0
    norms: bool = False
    shortcuts: bool = False


def makeup(analysis: Analysis) -> Makeup:
    """What the network that ``analysis`` is of is made of, blocks looked into."""
    traces = list(_traces(analysis.steps))
    functions = {str(t.values.get("function")) for t in traces if t.kind.kind == "activation"}
    weights = [t for t in traces if t.kind.kind in _WEIGHTS]
    return Makeup(
        tuple(title for name, title in ACTIVATIONS if name in FLAT and name in functions),
        bool(functions & {"relu", "relu6"}),
        len(weights),
        sum(1 for t in weights if t.values.get("initialization") in _ALIKE),
        any(t.kind.kind in _NORMS for t in traces),
        any(t.kind.kind in ("add", "concatenate") for t in traces),
    )


def why_vanishing(made: Makeup) -> str:
    """Why the gradient of a network made so may vanish, and what lets it through."""
    if made.flat:
        names = " and ".join(made.flat)
        has = "has slopes" if len(made.flat) == 1 else "have slopes"
        rest = [] if made.norms else ["batch norm"]
        rest += [] if made.shortcuts else ["residual shortcuts"]
        others = f"; so do {' and '.join(rest)}" if rest else ""
        return (
            "The gradient is multiplied by every layer's slope on its way back, and "
            f"{names} {has} far below 1. ReLU lets it through{others}."
        )
    if made.constant:
        count = f"{made.constant} of the {made.layers} layers with weights"
        return (
            f"The gradient is multiplied by every layer's weights on its way back, and {count} "
            "start with all of them alike. He initialization keeps its size."
        )
    if not made.shortcuts:
        lack = "no shortcut" if made.norms else "neither a norm nor a shortcut"
        through = (
            "Residual shortcuts let" if made.norms else "Batch norm and residual shortcuts let"
        )
        return (
            "The gradient is multiplied by every layer's weights on its way back, and among these "
            f"{made.layers} layers there is {lack}. {through} it through."
        )
    return (
        "The gradient is multiplied by every layer's weights on its way back, and those between "
        "have become too small, or began so. A lower learning rate or weight decay, or He "
        "initialization, keeps their size."
    )


def _traces(steps: Sequence[Step]) -> Iterator[Trace]:
    for step in steps:
        if step.trace.steps:
            yield from _traces(step.trace.steps)
        else:
            yield step.trace
