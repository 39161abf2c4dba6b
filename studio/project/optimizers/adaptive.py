"""The rules that give every single weight a learning rate of its own."""

from __future__ import annotations

import dataclasses

from studio.project.optimizers.kind import (
    DECAY_NORMS,
    EPSILON,
    WEIGHT_DECAY,
    OptimizerKind,
    Rule,
    decoupled,
    gradient,
)
from studio.project.settings import Flag, Real, Values


def _adagrad(values: Values) -> Rule:
    g, square, lines = gradient(values)
    rate = "α"
    if values["initial"]:
        lines = (f"v = {values['initial']:g} at first", *lines)
    if values["rate_decay"]:
        rate, lines = "β", (*lines, "β = α / (1 + η (t − 1))")
    return Rule((*lines, f"v ← v + {square}", f"W ← W − {rate} {g} / (√v + ε)"))


def _rmsprop(values: Values) -> Rule:
    g, square, lines = gradient(values)
    lines = (*lines, f"v ← γ v + (1 − γ) {square}")
    root = "√v"
    if values["centered"]:
        lines, root = (*lines, f"m ← γ m + (1 − γ) {g}"), "√(v − m²)"
    differ = "torch adds ε behind the root, so that it never divides by zero; the lecture has none."
    if not values["momentum"]:
        return Rule(
            torch=(*lines, f"W ← W − α {g} / ({root} + ε)"),
            lecture=(*lines, f"W ← W − α {g} / {root}"),
            differ=differ,
        )
    return Rule(
        torch=(*lines, f"b ← μ b + {g} / ({root} + ε)", "W ← W − α b"),
        lecture=(*lines, f"b ← μ b + α {g} / {root}", "W ← W − b"),
        differ=f"{differ} Its learning rate is in front of the velocity b, where the lecture's "
        "momentum has it inside: they part when α changes.",
    )


def _adam(values: Values) -> Rule:
    g, square, lines = gradient(values)
    lines = _moments(values, g, square, lines)
    sum_ = "u" if values["amsgrad"] else "v"
    return Rule(
        torch=(*lines, *_corrected(sum_, "t"), "W ← W − α m̂ / (√v̂ + ε)"),
        lecture=(*lines, *_corrected(sum_, "t + 1"), "W ← W − α m̂ / √v̂"),
        differ="The exponents of the bias corrections are the same number: the lecture counts "
        "steps from 0, torch from 1. torch adds ε to the corrected root, and the lecture has no "
        "ε. The lecture's last line prints m and √v, and means the corrected ones above it.",
    )


def _adamw(values: Values) -> Rule:
    lines = _moments(values, "∇L", "(∇L)²", ())
    decay = "α λ W − " if values["weight_decay"] else ""
    corrected = _corrected("u" if values["amsgrad"] else "v", "t")
    return Rule((*lines, *corrected, f"W ← W − {decay}α m̂ / (√v̂ + ε)"))


def _moments(values: Values, g: str, square: str, lines: tuple[str, ...]) -> tuple[str, ...]:
    largest = ("u ← max(u, v)",) if values["amsgrad"] else ()
    return (*lines, f"m ← γ₁ m + (1 − γ₁) {g}", f"v ← γ₂ v + (1 − γ₂) {square}", *largest)


def _corrected(sum_: str, time: str) -> tuple[str, ...]:
    return (f"m̂ = m / (1 − γ₁^({time}))", f"v̂ = {sum_} / (1 − γ₂^({time}))")


ADAGRAD = OptimizerKind(
    kind="adagrad",
    title="Adagrad",
    help="Divides each weight's step by the root of all its squared gradients so far: weights "
    "that rarely get a gradient take large steps when they do. The sum only grows, so the steps "
    "only shrink; RMSProp mends that with a running average.",
    rule=_adagrad,
    source="Duchi, Hazan & Singer 2011",
    settings=(
        Real(name="initial", title="Initial v", default=0.0, minimum=0.0, maximum=100.0,
             logarithmic=True,
             help="What the sums of squared gradients start with. Above 0, the first steps are "
             "shorter."),
        Real(name="rate_decay", title="Rate decay η", default=0.0, minimum=0.0, maximum=1.0,
             logarithmic=True,
             help="Divides the learning rate by 1 + η (t − 1) at step t, on top of the "
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
    rule=_rmsprop,
    source="Tieleman & Hinton 2012, lecture 6.5",
    settings=(
        Real(name="alpha", title="Averaging γ", default=0.99, minimum=0.0, maximum=0.99999,
             help="The share of the running average of squared gradients that is kept."),
        EPSILON,
        Real(name="momentum", title="Momentum μ", default=0.0, minimum=0.0, maximum=0.9999,
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
    "m̂ and v̂ make up for.",
    rule=_adam,
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
    rule=_adamw,
    source="Loshchilov & Hutter 2019, Algorithm 2",
    settings=(*_MOMENTS, decoupled(0.01), DECAY_NORMS),
    rate=0.001,
    slots=lambda values: 2 + bool(values["amsgrad"]),
)
