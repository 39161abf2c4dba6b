"""With what numbers a network is trained: single precision, or half where torch allows it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.project.analysis import Analysis
from studio.project.footprint import Arithmetic
from studio.project.settings import Choice
from studio.project.tracing import Step
from studio.project.values import Recipe

PRECISION = Choice(
    name="precision", title="Precision", default="auto",
    choices=(("auto", "automatic"), ("float32", "float32"), ("bfloat16", "bfloat16"),
             ("float16", "float16, scaled")),
    help="Half precision computes convolutions and linear layers with 2 bytes a value: faster "
    "where the machine has it built in, and half the memory. bfloat16 has float32's range; float16 "
    "is finer but narrower, so the loss is scaled up until gradients just fit (Micikevicius et "
    "al. 2018). Weights stay in float32. Automatic takes what the device is fastest with, and "
    "float32 for networks so small that converting costs more than it gains. On NVIDIA GPUs it "
    "multiplies what stays in single precision in TF32 (10 bits of mantissa), and float32 exactly.",
)  # fmt: skip

WORTHWHILE = 100e6
"""Multiply-adds of a step's forward pass from which half precision gains on a processor: below,
converting inputs and weights costs as much as it saves (``studio bench precision``)."""

NARROW = 16
"""Channels of a group."""


def resolve(recipe: Recipe, analysis: Analysis, fastest: str, device: str = "cpu") -> str:
    """``float32``, ``bfloat16`` or ``float16``: what the recipe's precision means.

    ``fastest`` is what ``device`` ("cpu", "cuda:0", "mps") computes fastest with.
    """
    if recipe.precision != "auto":
        return recipe.precision
    small = recipe.batch_size * analysis.macs < WORTHWHILE
    if device == "cpu" and (small or _has_narrow_groups(analysis.steps)):
        return "float32"
    return fastest


def _has_narrow_groups(steps: Sequence[Step]) -> bool:
    """Whether convolutions have groups of few channels, depthwise ones above all: on a processor
    torch's kernels for these are slower in bfloat16 (MobileNetV2 to 0.7 of its speed)."""
    seen: set[int] = set()
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        if id(step.trace) in seen:
            continue
        seen.add(id(step.trace))
        waiting += step.trace.steps
        groups = step.trace.values.get("groups", 1) if step.trace.kind.kind == "convolution" else 1
        if groups > 1 and step.inputs[0][0] // groups < NARROW:
            return True
    return False


def arithmetic(precision: str, device: str = "cpu") -> Arithmetic:
    """What the memory forecast needs to know of a resolved precision."""
    return Arithmetic(half=precision != "float32", cuda=device.startswith("cuda"))
