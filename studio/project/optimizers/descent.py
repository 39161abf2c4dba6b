"""Gradient descent, and descent with a velocity."""

from __future__ import annotations

from studio.project.optimizers.kind import DECAY_NORMS, WEIGHT_DECAY, OptimizerKind
from studio.project.settings import Flag, Real

SGD = OptimizerKind(
    kind="sgd",
    title="SGD",
    help="Steps against the gradient of each mini-batch. Enough for many tasks, but slow where "
    "the loss curves more steeply in one direction than in another.",
    formula="W ← W − α ∇L",
    source="Robbins & Monro 1951",
    settings=(WEIGHT_DECAY, DECAY_NORMS),
    rate=0.1,
    slots=lambda values: 0,
)

MOMENTUM = OptimizerKind(
    kind="momentum",
    title="SGD with momentum",
    help="A ball rolling downhill: it keeps part of its velocity, so that it crosses small bumps "
    "and does not swing across steep slopes. The lecture puts the learning rate into the "
    "velocity, torch in front of it: W ← W − α v with v = γ v + ∇L. Both take the same steps "
    "while α is constant; when α falls, torch slows the old velocity too.",
    formula="v ← γ v + α ∇L,  W ← W − v",
    source="Polyak 1964; Sutskever et al. 2013",
    settings=(
        Real(name="momentum", title="Momentum γ", default=0.9, minimum=0.0, maximum=0.9999,
             help="The share of the velocity that is kept, typically 0.9."),
        Real(name="dampening", title="Dampening", default=0.0, minimum=0.0, maximum=0.9999,
             help="How much of each new gradient is kept out of the velocity: v = γ v + "
             "(1 − dampening) ∇L. With γ of dampening, the velocity is a running average of "
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
