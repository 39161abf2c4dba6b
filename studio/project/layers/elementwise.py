"""Layers that keep the shape: activation, scaling, dropout, identity."""

from __future__ import annotations

from studio.project.kinds import Keeps, LayerKind
from studio.project.layers.common import ACTIVATIONS, feature_map, value_count
from studio.project.settings import Choice, Real

_KEPT_INPUT = Keeps(input=True)
_KEPT_OUTPUT = Keeps(output=True)
_FROM_OUTPUT = frozenset({"relu", "sigmoid", "tanh"})
"""The functions whose gradient torch computes from their output; the others keep their input."""

ACTIVATION_LAYER = LayerKind(
    kind="activation",
    title="Activation",
    family="activation",
    help=(
        "The nonlinearity between layers. Sigmoid and tanh saturate, and gradients vanish through "
        "many of them; ReLU has gradient 1 above 0 and 0 below."
    ),
    formula="ReLU(x) = max(0, x)",
    source="Nair & Hinton 2010",
    settings=(
        Choice(name="function", title="Function", default="relu", choices=ACTIVATIONS,
               help="Which nonlinearity."),
        Real(name="slope", title="Slope below 0", default=0.01, minimum=0.0, maximum=1.0,
             when=("function", ("leaky_relu",)),
             help="What is let through below 0, so that a unit cannot die."),
    ),
    chips=lambda values: (dict(ACTIVATIONS)[values["function"]],),
    shape=lambda values, inputs: inputs[0],
    keeps=lambda values: _KEPT_OUTPUT if values["function"] in _FROM_OUTPUT else _KEPT_INPUT,
)  # fmt: skip

LAYER_SCALE = LayerKind(
    kind="layer_scale",
    title="Layer scale",
    family="normalization",
    help="Multiplies every channel with a learnt number that starts small, so that a deep stack "
    "of residual blocks starts near the identity.",
    formula="y = γ x",
    source="Touvron et al. 2021, section 2",
    settings=(
        Real(name="initial", title="Starts at", default=1e-6, minimum=0.0, maximum=10.0,
             logarithmic=True, help="The first value of every channel's factor."),
    ),
    chips=lambda values: (f"from {values['initial']:g}",),
    shape=lambda values, inputs: inputs[0],
    parameters=lambda values, inputs: inputs[0][0],
    keeps=_KEPT_INPUT,
)  # fmt: skip

DROPOUT = LayerKind(
    kind="dropout",
    title="Dropout",
    family="dropout",
    help="Sets a random share of the values to zero in training, and scales up the rest.",
    source="Srivastava et al. 2014",
    settings=(
        Real(name="rate", title="Rate", default=0.5, minimum=0.0, maximum=0.99,
             help="The share of values that is set to zero."),
    ),
    chips=lambda values: (f"{values['rate']:g}",),
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(extra=lambda values, inputs, output: 4 * value_count(output)),
)  # fmt: skip


SPATIAL_DROPOUT = LayerKind(
    kind="spatial_dropout",
    title="Spatial dropout",
    family="dropout",
    help="Sets whole channels to zero in training: neighboring pixels are too alike for dropout "
    "of single values to matter.",
    source="Tompson et al. 2015, section 3.2",
    settings=(
        Real(name="rate", title="Rate", default=0.1, minimum=0.0, maximum=0.99,
             help="The share of channels that is set to zero."),
    ),
    chips=lambda values: (f"{values['rate']:g}",),
    shape=lambda values, inputs: feature_map(inputs),
    keeps=Keeps(extra=lambda values, inputs, output: 4 * output[0]),
)  # fmt: skip

STOCHASTIC_DEPTH = LayerKind(
    kind="stochastic_depth",
    title="Stochastic depth",
    family="dropout",
    help="Leaves out a residual block's branch for a random share of the images in training, and "
    "scales up the rest: the network is shorter while it learns.",
    source="Huang et al. 2016, section 3",
    settings=(
        Real(name="rate", title="Rate", default=0.1, minimum=0.0, maximum=0.99,
             help="The share of images whose branch is left out."),
    ),
    chips=lambda values: (f"{values['rate']:g}",),
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(extra=lambda values, inputs, output: 4),
)  # fmt: skip

IDENTITY = LayerKind(
    kind="identity",
    title="Identity",
    family="shape",
    help="Passes its input through unchanged: a named place in the network.",
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(view=True),
)
