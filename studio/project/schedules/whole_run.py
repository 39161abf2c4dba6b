"""Schedules that are stretched over the whole run, whatever its length."""

from __future__ import annotations

import math

from studio.project.schedules.kind import END, Moment, ScheduleKind, end_line, per, third
from studio.project.settings import Choice, Flag, Integer, Real, Values


def _falling(values: Values, share: str) -> tuple[str, ...]:
    """α for what is left, between 1 and 0, of the way from α₀ down to where it ends."""
    if not values["end"]:
        return (f"α = α₀ · {share}",)
    return (f"s = {share}", "α = α₁ + (α₀ − α₁) s", *end_line(values))


def _polynomial(values: Values, now: Moment) -> float:
    left = max(0.0, 1 - now.epochs(values["per"]) / now.span)
    return float(values["end"] + (1 - values["end"]) * left ** values["power"])


POLYNOMIAL = ScheduleKind(
    kind="polynomial",
    title="polynomial decay",
    help="Falls to the end of the run along a power of what is left of it; with power 1 along a "
    "straight line.",
    formula=lambda values: _falling(values, f"(1 − t / T){'' if values['power'] == 1 else '^(p)'}"),
    settings=(
        Real(name="power", title="Power p", default=1.0, minimum=0.0, maximum=20.0, above=True,
             help="1 is a straight line, 2 falls fast at first."),
        END,
        per("step"),
    ),
    factor=_polynomial,
)  # fmt: skip


def _half_wave(share: float, end: float) -> float:
    """From 1 at ``share`` 0 to ``end`` at 1 along half a cosine wave."""
    return end + (1 - end) * (1 + math.cos(math.pi * share)) / 2


COSINE = ScheduleKind(
    kind="cosine",
    title="cosine",
    help="Falls slowly at first, fast in the middle and slowly at the end, where the minimum is "
    "near.",
    formula=lambda values: _falling(values, "(1 + cos(π t / T)) / 2"),
    settings=(END, per("step")),
    factor=lambda values, now: _half_wave(
        min(1.0, now.epochs(values["per"]) / now.span), values["end"]
    ),
)


def _restarts_formula(values: Values) -> tuple[str, ...]:
    if values["longer"] == 1:
        return (*_falling(values, "(1 + cos(π t / T₀)) / 2"), "t counts from the last restart")
    return (
        *_falling(values, "(1 + cos(π t / Tᵢ)) / 2"),
        f"t counts from restart i, Tᵢ = {values['longer']} Tᵢ₋₁",
    )


def _restarts(values: Values, now: Moment) -> float:
    time, period, longer = now.epochs(values["per"]), float(values["first"]), values["longer"]
    if longer == 1:
        time %= period
    while time >= period:
        time -= period
        period *= longer
    return _half_wave(time / period, values["end"])


RESTARTS = ScheduleKind(
    kind="restarts",
    title="cosine with restarts",
    help="Falls along a cosine, and starts again from the top: the jump leaves narrow minima, and "
    "each period ends in a good network.",
    formula=_restarts_formula,
    settings=(
        Integer(name="first", title="First T₀", default=5, minimum=1, maximum=100_000,
                unit="epochs",
                help="How long the first period lasts. A third of the run until you set it."),
        Integer(name="longer", title="Longer by", default=1, minimum=1, maximum=10, unit="times",
                help="How much longer than the one before each further period is."),
        END,
        per("step"),
    ),
    factor=_restarts,
    follows=lambda epochs: {"first": third(epochs)},
)  # fmt: skip


def _one_cycle(values: Values, now: Moment) -> float:
    first: float = 1 / values["divide"]
    last: float = first / values["divide_end"]
    top: float = values["rise"] * now.total - 1
    phases: tuple[tuple[float, float, float], ...]
    if values["three_phases"]:
        phases = ((top, first, 1.0), (2 * top, 1.0, first), (now.total - 1, first, last))
    else:
        phases = ((top, first, 1.0), (now.total - 1, 1.0, last))
    begin = 0.0
    for end, from_, to in phases:
        if now.step <= end:
            share = (now.step - begin) / (end - begin) if end > begin else 1.0
            if values["shape"] == "cosine":
                share = (1 - math.cos(math.pi * share)) / 2
            return from_ + (to - from_) * share
        begin = end
    return last


ONE_CYCLE = ScheduleKind(
    kind="one_cycle",
    title="one cycle",
    help="Rises to α₀ and falls far below where it began. Large steps in the middle are a "
    "regularization of their own, and let a run be short. torch's OneCycleLR moves the momentum "
    "against it as well; here the momentum stays.",
    formula=lambda values: (
        "α₀ / d ↗ α₀ ↘ α₀ / d ↘ α₀ / (d e)"
        if values["three_phases"]
        else "α₀ / d ↗ α₀ ↘ α₀ / (d e)",
    ),
    settings=(
        Real(name="rise", title="Rises for", default=0.3, minimum=0.0, maximum=1.0,
             unit="of the run", help="The part of the run in which the learning rate rises."),
        Real(name="divide", title="Starts at α₀ /", default=25.0, minimum=1.0, maximum=1e6,
             logarithmic=True, help="d: by what α₀ is divided for the first step."),
        Real(name="divide_end", title="Ends lower by", default=1e4, minimum=1.0, maximum=1e9,
             logarithmic=True, help="e: by what the first rate is divided for the last step."),
        Choice(name="shape", title="Along", default="cosine",
               choices=(("cosine", "a cosine"), ("line", "a line")),
               help="The way from one rate to the next."),
        Flag(name="three_phases", title="Three phases", default=False,
             help="Falls to the first rate as long as it rose, and below it only then."),
    ),
    factor=_one_cycle,
)  # fmt: skip
