"""Decays that count epochs, whatever the length of the run."""

from __future__ import annotations

import math

from studio.project.lists import Numbers
from studio.project.schedules.kind import ScheduleKind, per, third
from studio.project.settings import Integer, Real

CONSTANT = ScheduleKind(
    kind="constant",
    title="constant",
    help="The same learning rate from the first step to the last.",
    formula=lambda values: ("α = α₀",),
    settings=(),
    factor=lambda values, now: 1.0,
)

STEP = ScheduleKind(
    kind="step",
    title="step decay",
    help="Multiplies the learning rate by a factor k < 1 every few epochs.",
    formula=lambda values: ("α = α₀ · k^⌊t / T⌋",),
    settings=(
        Real(name="factor", title="Factor k", default=0.2, minimum=0.0, maximum=1.0, above=True,
             help="What the learning rate is multiplied by, below 1."),
        Integer(name="every", title="Every T", default=5, minimum=1, maximum=100_000, unit="epochs",
                help="How many epochs pass between two steps. A third of the run until you set "
                "it."),
    ),
    factor=lambda values, now: float(
        values["factor"] ** (int(now.epochs("epoch")) // values["every"])
    ),
    follows=lambda epochs: {"every": third(epochs)},
)  # fmt: skip

MILESTONES = Numbers(
    name="at", title="At epochs", default="8, 11", minimum=0, maximum=1_000_000, whole=True,
    rising=True,
    help="The epochs after which the learning rate is multiplied by k, as 30, 60, 80. Half and "
    "three quarters of the run until you set them, as in He et al. 2016.",
)  # fmt: skip


def _milestones(epochs: float) -> str:
    """Half and three quarters of the run, in whole epochs that lie in it."""
    last = max(1, math.ceil(epochs) - 1)
    places = {min(last, max(1, int(epochs * share + 0.5))) for share in (0.5, 0.75)}
    return ", ".join(map(str, sorted(places)))


MULTI_STEP = ScheduleKind(
    kind="multi_step",
    title="step decay at epochs",
    help="Multiplies the learning rate by a factor k < 1 at epochs of your choice, as the papers "
    "of ResNet do when the loss no longer falls.",
    formula=lambda values: ("α = α₀ · k^(n)", f"n of the epochs {values['at']} have passed"),
    settings=(
        MILESTONES,
        Real(name="factor", title="Factor k", default=0.1, minimum=0.0, maximum=1.0, above=True,
             help="What the learning rate is multiplied by, below 1."),
    ),
    factor=lambda values, now: float(
        values["factor"]
        ** sum(at <= now.epochs("epoch") for at in MILESTONES.numbers(values["at"]))
    ),
    follows=lambda epochs: {"at": _milestones(epochs)},
)  # fmt: skip

EXPONENTIAL = ScheduleKind(
    kind="exponential",
    title="exponential decay",
    help="Falls by the same share in every epoch. α₀ is the learning rate at the start.",
    formula=lambda values: ("α = α₀ · e^(−k t)",),
    settings=(
        Real(name="k", title="Decay k", default=0.1, minimum=0.0, maximum=10.0, unit="per epoch",
             help="How fast it falls: after 1/k epochs, 37 % is left."),
        per("epoch"),
    ),
    factor=lambda values, now: math.exp(-values["k"] * now.epochs(values["per"])),
)  # fmt: skip
