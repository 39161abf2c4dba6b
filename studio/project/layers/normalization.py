"""Layers that normalize, over the batch, the channels or the neighborhood."""

from __future__ import annotations

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch
from studio.project.layers.common import feature_map, nearest_divisor, value_count
from studio.project.settings import Choice, Integer, Real, Values
from studio.project.values import Shape

_EPSILON = Real(
    name="epsilon",
    title="Epsilon",
    default=1e-5,
    minimum=0.0,
    maximum=1.0,
    above=True,
    logarithmic=True,
    help="Keeps the division from zero.",
)

BATCH_NORM = LayerKind(
    kind="batch_norm",
    title="Batch norm",
    family="normalization",
    help=(
        "Subtracts the mini-batch's mean and divides by its deviation, per channel, then scales "
        "and shifts. In evaluation a running average of both is used."
    ),
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    source="Ioffe & Szegedy 2015, Algorithm 1",
    settings=(
        Real(name="momentum", title="Momentum", default=0.1, minimum=0.0, maximum=1.0,
             help="The share of the new batch in the running average: torch's momentum is "
                  "1 − γ of μ = γ μ + (1 − γ) μ of the batch."),
        _EPSILON,
        Choice(name="scale", title="Scale starts at", default="one",
               choices=(("one", "one"), ("zero", "zero")),
               help="Zero lets a residual block start as the identity (Goyal et al. 2017)."),
    ),
    shape=lambda values, inputs: inputs[0],
    parameters=lambda values, inputs: 2 * inputs[0][0],
    buffers=lambda values, inputs: 2 * inputs[0][0] + 1,
    keeps=Keeps(input=True),
)  # fmt: skip

LAYER_NORM = LayerKind(
    kind="layer_norm",
    title="Layer norm",
    family="normalization",
    help="Normalizes the channels of every pixel of every image by itself, so that training and "
    "evaluation are the same, whatever the batch.",
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    source="Ba et al. 2016; per pixel as in Liu et al. 2022",
    settings=(_EPSILON,),
    shape=lambda values, inputs: inputs[0],
    parameters=lambda values, inputs: 2 * inputs[0][0],
    keeps=Keeps(
        input=True, extra=lambda values, inputs, output: 8 * (value_count(output) // output[0])
    ),
    mixed="norm",
)


def _group_norm_shape(values: Values, inputs: Inputs) -> Shape:
    channels, height, width = feature_map(inputs)
    if channels % values["groups"]:
        raise Mismatch(
            f"its {values['groups']} groups must divide the {channels} channels that {{0}} gives: "
            f"set groups to a divisor",
            setting=("groups", nearest_divisor(channels, values["groups"])),
        )
    return channels, height, width


GROUP_NORM = LayerKind(
    kind="group_norm",
    title="Group norm",
    family="normalization",
    help="Normalizes groups of channels of every image by itself: as good with a batch of two as "
    "with one of two hundred.",
    formula="y = γ (x − μ) / √(σ² + ε) + β",
    source="Wu & He 2018, section 3",
    settings=(
        Integer(name="groups", title="Groups", default=32, minimum=1, maximum=65_536,
                help="How many groups the channels are split into."),
        _EPSILON,
    ),
    chips=lambda values: (f"{values['groups']} groups",),
    shape=_group_norm_shape,
    parameters=lambda values, inputs: 2 * inputs[0][0],
    keeps=Keeps(input=True, extra=lambda values, inputs, output: 8 * values["groups"]),
    mixed="norm",
)  # fmt: skip

LOCAL_RESPONSE_NORM = LayerKind(
    kind="local_response_norm",
    title="Local response norm",
    family="normalization",
    help="Divides every value by the strength of its neighbor channels at the same pixel. Used "
    "before batch norm; AlexNet and GoogLeNet have it. torch divides α by the number of channels "
    "n, the paper does not: its α of 0.0001 is 0.0005 here.",
    formula="y = x / (k + α/n Σ x²)^β",
    source="Krizhevsky et al. 2012, section 3.3",
    settings=(
        Integer(name="size", title="Channels n", default=5, minimum=1, maximum=1024,
                help="How many neighboring channels count."),
        Real(name="alpha", title="Strength α", default=1e-4, minimum=0.0, maximum=10.0,
             logarithmic=True, help="How much the neighbors count."),
        Real(name="beta", title="Power β", default=0.75, minimum=0.0, maximum=10.0,
             help="The exponent of the divisor."),
        Real(name="k", title="Offset k", default=1.0, minimum=0.0, maximum=100.0, above=True,
             help="Keeps the division from zero; the paper has 2, torch and Caffe 1."),
    ),
    chips=lambda values: (f"{values['size']} channels",),
    shape=lambda values, inputs: feature_map(inputs),
    # torch builds it of a square, an average over channels, a power and a division.
    keeps=Keeps(input=True, values=lambda values, inputs, output: 3 * value_count(output)),
    mixed="single",
)  # fmt: skip
