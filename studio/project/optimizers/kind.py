"""What an optimizer declares, and the settings that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.project.settings import Flag, Real, Setting, Values


@dataclass(frozen=True, slots=True)
class Rule:
    """An update rule as formulas, one a line, with the terms alone that the settings turn on.

    ``torch`` is what is applied. ``lecture`` is the lecture's way to write it and ``differ`` says
    how the two differ; both are empty where they do not, or where the lecture has no such rule.
    The gradient is ∇L, or g where a weight decay goes through it; t counts steps from 1.
    """

    torch: tuple[str, ...]
    lecture: tuple[str, ...] = ()
    differ: str = ""


@dataclass(frozen=True, kw_only=True)
class OptimizerKind:
    """An update rule, which ``rule`` writes down. ``rate`` is a learning rate to start from.

    For the memory forecast: ``slots`` is how many values it keeps for each parameter, ``scratch``
    how many it needs for each while it steps. Where ``by_matrix``, most parameters are stepped as
    matrices, those of one shape together: ``scratch`` then is of the shape that has most, and what
    is no matrix keeps two values.
    """

    kind: str
    title: str
    help: str
    rule: Callable[[Values], Rule]
    source: str
    settings: tuple[Setting, ...]
    rate: float
    slots: Callable[[Values], int]
    scratch: float = 0
    by_matrix: bool = False


WEIGHT_DECAY = Real(
    name="weight_decay", title="Weight decay λ", default=0.0, minimum=0.0, maximum=1.0,
    logarithmic=True,
    help="Pulls every weight toward zero: λ times the weight is added to its gradient.",
)  # fmt: skip

DECAY_NORMS = Flag(
    name="decay_norms", title="Norms, biases too", default=True,
    unless=("weight_decay", (0.0, 0)),
    help="Whether the scales and shifts of norms and all biases decay too. They are few, and a "
    "decay of them regularizes little: modern recipes leave them out (He et al. 2019, section "
    "3.1).",
)  # fmt: skip

EPSILON = Real(
    name="epsilon", title="Epsilon ε", default=1e-8, minimum=0.0, maximum=1.0, above=True,
    logarithmic=True,
    help="Keeps the division from zero. torch adds it behind the root, and Adam's behind the bias "
    "correction: √v̂ + ε. A larger one makes the steps of rarely moved weights smaller.",
)  # fmt: skip


def gradient(values: Values) -> tuple[str, str, tuple[str, ...]]:
    """What the gradient and its square are called, and the line that says what it is."""
    if values["weight_decay"]:
        return "g", "g²", ("g = ∇L + λ W",)
    return "∇L", "(∇L)²", ()


def decoupled(default: float) -> Real:
    """The weight decay of a rule that takes it off the weight and not through the gradient."""
    return Real(
        name="weight_decay", title="Weight decay λ", default=default, minimum=0.0, maximum=1.0,
        logarithmic=True,
        help="Pulls every weight toward zero by α λ W at each step, beside the gradient and not "
        "through it, so that the averages do not divide it away. It falls with the learning "
        "rate.",
    )  # fmt: skip
