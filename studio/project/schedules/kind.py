"""What a schedule declares, and the moment of a run at which it is asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from studio.project.settings import Choice, Real, Setting, Values


@dataclass(frozen=True, slots=True)
class Moment:
    """A step of the run, counted from the end of the warm-up.

    ``total`` is how many steps there are from there on, ``per_epoch`` how many an epoch has.
    """

    step: int
    total: int
    per_epoch: int

    def epochs(self, per: str) -> float:
        """The time in epochs: whole ones, or ``per`` "step" within them too."""
        if per == "step":
            return self.step / self.per_epoch
        return float(self.step // self.per_epoch)

    @property
    def span(self) -> float:
        """How many epochs there are."""
        return self.total / self.per_epoch


@dataclass(frozen=True, kw_only=True)
class ScheduleKind:
    """``factor`` gives what the learning rate is multiplied by at a moment of the run.

    ``formula`` writes α at time t behind the warm-up down, one line for each of its parts, with
    those alone that the settings turn on. ``depends``: the run itself decides when it falls, so
    that no curve can be drawn before.
    ``follows`` gives the settings that suit a run of so many epochs, behind its warm-up: they
    hold until the user sets them, so that a shorter run still has its steps.
    """

    kind: str
    title: str
    help: str
    formula: Callable[[Values], tuple[str, ...]]
    settings: tuple[Setting, ...]
    factor: Callable[[Values, Moment], float]
    depends: bool = False
    follows: Callable[[float], Values] = lambda epochs: {}


def third(epochs: float) -> int:
    """A third of the run in whole epochs, at least one."""
    return max(1, math.ceil(epochs / 3))


def per(default: str) -> Choice:
    """Whether the time of a schedule runs on within the epoch."""
    return Choice(
        name="per", title="Changes", default=default,
        choices=(("epoch", "once an epoch"), ("step", "at every step")),
        help="Whether t is the epoch number, or runs on within the epoch.",
    )  # fmt: skip


def end_line(values: Values, name: str = "end") -> tuple[str, ...]:
    """What α₁, the rate at the end, is; no line where it is zero."""
    return (f"α₁ = {values[name]:g} α₀",) if values[name] else ()


END = Real(
    name="end", title="Ends at", default=0.0, minimum=0.0, maximum=1.0, unit="of α₀",
    help="What is left of the learning rate at the end.",
)  # fmt: skip
