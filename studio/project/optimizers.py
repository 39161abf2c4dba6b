"""The optimizers a recipe can choose, in the lecture's notation; the engine builds torch's."""

from __future__ import annotations

from dataclasses import dataclass

from studio.project.settings import Flag, Real, Setting

WEIGHT_DECAY = Real(
    name="weight_decay",
    title="Weight decay",
    default=0.0,
    minimum=0.0,
    maximum=1.0,
    logarithmic=True,
    help="Pulls every weight toward zero: λ times the weight is added to its gradient.",
)


@dataclass(frozen=True, kw_only=True)
class OptimizerKind:
    """An update rule. ``rate`` is a learning rate to start from.

    For the memory forecast: ``slots`` is how many values it keeps for each parameter beside a
    velocity, ``scratch`` how many it needs for each while it steps.
    """

    kind: str
    title: str
    help: str
    formula: str
    source: str
    settings: tuple[Setting, ...]
    rate: float
    slots: int
    scratch: int = 0


SGD = OptimizerKind(
    kind="sgd",
    title="SGD",
    help="Steps against the gradient of each mini-batch. Enough for many tasks, but slow where "
    "the loss curves more steeply in one direction than in another.",
    formula="W ← W − α ∇L",
    source="Robbins & Monro 1951",
    settings=(WEIGHT_DECAY,),
    rate=0.1,
    slots=0,
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
        Flag(name="nesterov", title="Nesterov", default=False,
             help="Looks ahead along the velocity before it measures the gradient."),
        WEIGHT_DECAY,
    ),
    rate=0.05,
    slots=0,
)  # fmt: skip

RMSPROP = OptimizerKind(
    kind="rmsprop",
    title="RMSProp",
    help="A learning rate for every single weight: large steps where gradients are small, small "
    "ones where they are large.",
    formula="v ← γ v + (1 − γ) (∇L)²,  W ← W − α ∇L / (√v + ε)",
    source="Tieleman & Hinton 2012, lecture 6.5",
    settings=(
        Real(name="alpha", title="Averaging γ", default=0.99, minimum=0.0, maximum=0.99999,
             help="The share of the running average of squared gradients that is kept."),
        Real(name="epsilon", title="Epsilon ε", default=1e-8, minimum=0.0, maximum=1.0, above=True,
             logarithmic=True, help="Keeps the division from zero."),
        Real(name="momentum", title="Momentum", default=0.0, minimum=0.0, maximum=0.9999,
             help="Velocity on top, as with SGD."),
        WEIGHT_DECAY,
    ),
    rate=0.001,
    slots=1,
    scratch=1,
)  # fmt: skip

ADAM = OptimizerKind(
    kind="adam",
    title="Adam",
    help="Momentum and RMSProp together. The averages start at zero, which the bias corrections "
    "m̂ = m / (1 − γ₁ᵗ) and v̂ = v / (1 − γ₂ᵗ) make up for (t counts from 1).",
    formula="m ← γ₁ m + (1 − γ₁) ∇L,  v ← γ₂ v + (1 − γ₂) (∇L)²,  W ← W − α m̂ / (√v̂ + ε)",
    source="Kingma & Ba 2015, Algorithm 1",
    settings=(
        Real(name="beta1", title="First γ₁", default=0.9, minimum=0.0, maximum=0.9999,
             help="The share of the running average of gradients that is kept."),
        Real(name="beta2", title="Second γ₂", default=0.999, minimum=0.0, maximum=0.999999,
             help="The share of the running average of squared gradients that is kept."),
        Real(name="epsilon", title="Epsilon ε", default=1e-8, minimum=0.0, maximum=1.0, above=True,
             logarithmic=True, help="Keeps the division from zero."),
        WEIGHT_DECAY,
    ),
    rate=0.001,
    slots=2,
)  # fmt: skip

OPTIMIZERS: dict[str, OptimizerKind] = {kind.kind: kind for kind in (SGD, MOMENTUM, RMSPROP, ADAM)}
