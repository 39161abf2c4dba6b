"""Layers that make or take vectors: flatten and linear."""

from __future__ import annotations

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch, show_shape
from studio.project.layers.common import initialization, value_count, whole_map
from studio.project.settings import Flag, Integer, Values
from studio.project.values import Shape

FLATTEN = LayerKind(
    kind="flatten",
    title="Flatten",
    family="shape",
    help="Lays the whole feature map out as one vector.",
    formula="y(c h w) = x(c, h, w)",
    source="LeCun et al. 1998, section II",
    shape=lambda values, inputs: (value_count(inputs[0]),),
    # One value sees one pixel, but the vector, which is what follows, sees them all.
    window=whole_map,
    keeps=Keeps(view=True),
)


def _linear_shape(values: Values, inputs: Inputs) -> Shape:
    if len(inputs[0]) != 1:
        raise Mismatch(
            f"it needs a vector, but {{0}} gives {show_shape(inputs[0])}: "
            f"put a flatten or a global pooling before it",
            insert=(("flatten", {}),),
            insert_text="Put a flatten before it",
        )
    return (values["features"],)


LINEAR = LayerKind(
    kind="linear",
    title="Linear",
    family="linear",
    help="Every output is a weighted sum of all inputs; the last one gives a logit per class.",
    formula="y = W x + b",
    source="Rumelhart et al. 1986",
    settings=(
        Integer(name="features", title="Features", default=0, minimum=0, maximum=1_000_000,
                special="classes",
                help="How many values go out; \"classes\" follows the output's class count."),
        Flag(name="bias", title="Bias", default=True, help="A learnt constant per output."),
        *initialization("uniform"),
    ),
    chips=lambda values: (
        f"{values['features']} features" if values["features"] else "to the classes",
    ),
    shape=_linear_shape,
    parameters=lambda values, inputs: (
        values["features"] * (inputs[0][0] + (1 if values["bias"] else 0))
    ),
    macs=lambda values, inputs, output: inputs[0][0] * output[0],
    keeps=Keeps(input=True),
    mixed="half",
    counted=True,
)  # fmt: skip
