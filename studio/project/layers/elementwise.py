"""Layers that keep the shape: activation, scaling, dropout, identity."""

from __future__ import annotations

from studio.project.kinds import Keeps, LayerKind
from studio.project.layers.common import ACTIVATIONS, feature_map, value_count
from studio.project.settings import Choice, Real, Values

_KEPT_INPUT = Keeps(input=True)
_KEPT_OUTPUT = Keeps(output=True)
_FROM_OUTPUT = frozenset({"relu", "sigmoid", "tanh"})
"""The functions whose gradient torch computes from their output; the others keep their input."""

_FUNCTIONS = {
    "relu": ("max(0, x)", "Nair & Hinton 2010"),
    "relu6": ("min(max(0, x), 6)", "Krizhevsky 2010; Howard et al. 2017"),
    "leaky_relu": ("max(0, x) + a min(0, x)", "Maas et al. 2013"),
    "elu": ("x for x > 0, else α (eˣ − 1)", "Clevert et al. 2016"),
    "gelu": ("x Φ(x), Φ the normal distribution's", "Hendrycks & Gimpel 2016"),
    "silu": ("x / (1 + e⁻ˣ)", "Elfwing et al. 2018"),
    "softplus": ("log(1 + e^(β x)) / β", "Dugas et al. 2001"),
    "sigmoid": ("1 / (1 + e⁻ˣ)", "Rumelhart et al. 1986"),
    "tanh": ("(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", "LeCun et al. 1998b, section 4.4"),
}
"""Formula and source of each activation."""


def _about_function(values: Values) -> tuple[str, str]:
    name = values["function"]
    formula, source = _FUNCTIONS[name]
    return f"{dict(ACTIVATIONS)[name]}(x) = {formula}", source


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
    about=_about_function,
    settings=(
        Choice(name="function", title="Function", default="relu", choices=ACTIVATIONS,
               help="Which nonlinearity."),
        Real(name="slope", title="Slope a below 0", default=0.01, minimum=0.0, maximum=1.0,
             when=("function", ("leaky_relu",)),
             help="What is let through below 0, so that a unit cannot die."),
        Real(name="alpha", title="Depth α", default=1.0, minimum=0.0, maximum=100.0, above=True,
             when=("function", ("elu",)),
             help="The value that is approached far below 0 is −α."),
        Real(name="beta", title="Sharpness β", default=1.0, minimum=0.01, maximum=100.0,
             when=("function", ("softplus",)),
             help="The larger, the closer to ReLU."),
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
    mixed="single",  # its factors are
)  # fmt: skip

DROPOUT = LayerKind(
    kind="dropout",
    title="Dropout",
    family="dropout",
    help="Sets a random share of the values to zero in training, and scales up the rest.",
    formula="y = x · m / (1 − p), m = 0 with probability p, else 1",
    source="Srivastava et al. 2014",
    settings=(
        Real(name="rate", title="Rate", default=0.5, minimum=0.0, maximum=0.99,
             help="The share of values that is set to zero."),
    ),
    chips=lambda values: (f"{values['rate']:g}",),
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(values=lambda values, inputs, output: value_count(output)),
)  # fmt: skip


SPATIAL_DROPOUT = LayerKind(
    kind="spatial_dropout",
    title="Spatial dropout",
    family="dropout",
    help="Sets whole channels to zero in training: neighboring pixels are too alike for dropout "
    "of single values to matter.",
    formula="y = x · m / (1 − p), one m for each channel",
    source="Tompson et al. 2015, section 3.2",
    settings=(
        Real(name="rate", title="Rate", default=0.1, minimum=0.0, maximum=0.99,
             help="The share of channels that is set to zero."),
    ),
    chips=lambda values: (f"{values['rate']:g}",),
    shape=lambda values, inputs: feature_map(inputs),
    keeps=Keeps(values=lambda values, inputs, output: output[0]),
)  # fmt: skip

STOCHASTIC_DEPTH = LayerKind(
    kind="stochastic_depth",
    title="Stochastic depth",
    family="dropout",
    help="Leaves out a residual block's branch for a random share of the images in training, and "
    "scales up the rest: the network is shorter while it learns.",
    formula="y = F(x) · m / (1 − p), one m for each image",
    source="Huang et al. 2016, section 3",
    settings=(
        Real(name="rate", title="Rate", default=0.1, minimum=0.0, maximum=0.99,
             help="The share of images whose branch is left out."),
    ),
    chips=lambda values: (f"{values['rate']:g}",),
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(values=lambda values, inputs, output: 1),
)  # fmt: skip

IDENTITY = LayerKind(
    kind="identity",
    title="Identity",
    family="shape",
    help="Passes its input through unchanged: a named place in the network.",
    formula="y = x",
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(view=True),
)
