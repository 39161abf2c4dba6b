"""The rules that give every single weight a learning rate of its own."""

from __future__ import annotations

import dataclasses

from studio.project.optimizers.kind import (
    DECAY_NORMS,
    EPSILON,
    WEIGHT_DECAY,
    OptimizerKind,
    decoupled,
)
from studio.project.settings import Flag, Real

ADAGRAD = OptimizerKind(
    kind="adagrad",
    title="Adagrad",
    help="Divides each weight's step by the root of all its squared gradients so far: weights "
    "that rarely get a gradient take large steps when they do. The sum only grows, so the steps "
    "only shrink; RMSProp mends that with a running average.",
    formula="v ← v + (∇L)²,  W ← W − α ∇L / (√v + ε)",
    source="Duchi, Hazan & Singer 2011",
    settings=(
        Real(name="initial", title="Initial v", default=0.0, minimum=0.0, maximum=100.0,
             logarithmic=True,
             help="What the sums of squared gradients start with. Above 0, the first steps are "
             "shorter."),
        Real(name="rate_decay", title="Rate decay", default=0.0, minimum=0.0, maximum=1.0,
             logarithmic=True,
             help="Divides the learning rate by 1 + decay · (t − 1) at step t, on top of the "
             "schedule; the curve below does not show it."),
        dataclasses.replace(EPSILON, default=1e-10),
        WEIGHT_DECAY,
        DECAY_NORMS,
    ),
    rate=0.01,
    slots=lambda values: 1,
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
        EPSILON,
        Real(name="momentum", title="Momentum", default=0.0, minimum=0.0, maximum=0.9999,
             help="Velocity on top, as with SGD."),
        Flag(name="centered", title="Centered", default=False,
             help="Divides by the gradient's deviation instead of its root mean square: √(v − m²) "
             "with a running average m of the gradients (Graves 2013)."),
        WEIGHT_DECAY,
        DECAY_NORMS,
    ),
    rate=0.001,
    slots=lambda values: 1 + bool(values["momentum"]) + bool(values["centered"]),
    scratch=1,
)  # fmt: skip

_MOMENTS = (
    Real(name="beta1", title="First γ₁", default=0.9, minimum=0.0, maximum=0.9999,
         help="The share of the running average of gradients that is kept."),
    Real(name="beta2", title="Second γ₂", default=0.999, minimum=0.0, maximum=0.999999,
         help="The share of the running average of squared gradients that is kept."),
    EPSILON,
    Flag(name="amsgrad", title="AMSGrad", default=False,
         help="Divides by the largest v so far, so that no weight's step grows again (Reddi, Kale "
         "& Kumar 2018). Keeps one more value for each weight."),
)  # fmt: skip

ADAM = OptimizerKind(
    kind="adam",
    title="Adam",
    help="Momentum and RMSProp together. The averages start at zero, which the bias corrections "
    "m̂ = m / (1 − γ₁ᵗ) and v̂ = v / (1 − γ₂ᵗ) make up for (t counts from 1).",
    formula="m ← γ₁ m + (1 − γ₁) ∇L,  v ← γ₂ v + (1 − γ₂) (∇L)²,  W ← W − α m̂ / (√v̂ + ε)",
    source="Kingma & Ba 2015, Algorithm 1",
    settings=(*_MOMENTS, WEIGHT_DECAY, DECAY_NORMS),
    rate=0.001,
    slots=lambda values: 2 + bool(values["amsgrad"]),
)

ADAMW = OptimizerKind(
    kind="adamw",
    title="AdamW",
    help="Adam with the weight decay taken off the weights themselves. In Adam it goes through "
    "the gradient and is divided by √v̂ with it, so that weights with large gradients hardly "
    "decay.",
    formula="m ← γ₁ m + (1 − γ₁) ∇L,  v ← γ₂ v + (1 − γ₂) (∇L)²,  W ← W − α λ W − α m̂ / (√v̂ + ε)",
    source="Loshchilov & Hutter 2019, Algorithm 2",
    settings=(*_MOMENTS, decoupled(0.01), DECAY_NORMS),
    rate=0.001,
    slots=lambda values: 2 + bool(values["amsgrad"]),
)
