"""Gradient descent, and descent with a velocity."""

from __future__ import annotations

from studio.project.optimizers.kind import DECAY_NORMS, WEIGHT_DECAY, OptimizerKind, Rule, gradient
from studio.project.settings import Flag, Real, Values


def _sgd(values: Values) -> Rule:
    g, _, lines = gradient(values)
    return Rule((*lines, f"W ← W − α {g}"))


def _momentum(values: Values) -> Rule:
    g, _, lines = gradient(values)
    if not values["momentum"]:
        return _sgd(values)
    part = f"(1 − δ) {g}" if values["dampening"] else g
    ahead = values["nesterov"]
    return Rule(
        torch=(
            *lines,
            f"v ← γ v + {part}",
            f"W ← W − α ({g} + γ v)" if ahead else "W ← W − α v",
        ),
        lecture=(
            *lines,
            f"v ← γ v + α {part}",
            f"W ← W − (α {g} + γ v)" if ahead else "W ← W − v",
        ),
        differ="The lecture puts the learning rate α into the velocity, torch in front of it. Both "
        "take the same steps while α is constant; when α falls, torch slows the old velocity too, "
        "where the lecture's rolls on at its old speed."
        + (" torch starts v with the whole first gradient." if values["dampening"] else ""),
    )


SGD = OptimizerKind(
    kind="sgd",
    title="SGD",
    help="Steps against the gradient of each mini-batch. Enough for many tasks, but slow where "
    "the loss curves more steeply in one direction than in another.",
    rule=_sgd,
    source="Robbins & Monro 1951",
    settings=(WEIGHT_DECAY, DECAY_NORMS),
    rate=0.1,
    slots=lambda values: 0,
)

MOMENTUM = OptimizerKind(
    kind="momentum",
    title="SGD with momentum",
    help="A ball rolling downhill: it keeps part of its velocity, so that it crosses small bumps "
    "and does not swing across steep slopes.",
    rule=_momentum,
    source="Polyak 1964; Sutskever et al. 2013",
    settings=(
        Real(name="momentum", title="Momentum γ", default=0.9, minimum=0.0, maximum=0.9999,
             help="The share of the velocity that is kept, typically 0.9."),
        Real(name="dampening", title="Dampening δ", default=0.0, minimum=0.0, maximum=0.9999,
             help="How much of each new gradient is kept out of the velocity: v ← γ v + "
             "(1 − δ) ∇L. With δ = γ, the velocity is a running average of "
             "gradients. Nesterov wants 0."),
        Flag(name="nesterov", title="Nesterov", default=False,
             help="Looks ahead along the velocity before it measures the gradient. torch steps by "
             "α (∇L + γ v), which comes to the same."),
        WEIGHT_DECAY,
        DECAY_NORMS,
    ),
    rate=0.05,
    slots=lambda values: int(bool(values["momentum"])),
)  # fmt: skip
