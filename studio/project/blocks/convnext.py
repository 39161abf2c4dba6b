"""The ConvNeXt block, and the stage that repeats it."""

from __future__ import annotations

from studio.project.blocks.body import INITIALIZATION, Body
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, feature_map
from studio.project.settings import Choice, Integer, Real, Values
from studio.project.values import Network, Shape

EPSILON = 1e-6
"""Of the layer norms, as in the paper's code and torchvision."""


def _expand_block(values: Values, shape: Shape) -> Network:
    channels, _, _ = feature_map((shape,))
    body = Body()
    start = values["initialization"]
    body.add("conv", "convolution", channels=channels, kernel=values["kernel"], groups=channels,
             initialization=start)  # fmt: skip
    body.add("norm", "layer_norm", epsilon=EPSILON)
    # On every pixel alone a linear layer is a 1×1 convolution.
    body.add("widen", "convolution", channels=channels * values["expansion"], kernel=1,
             initialization=start)  # fmt: skip
    body.activation("act", values["activation"])
    body.add("narrow", "convolution", channels=channels, kernel=1, initialization=start)
    body.add("scale", "layer_scale", initial=values["scale"])
    if values["drop"]:
        body.add("drop", "stochastic_depth", rate=values["drop"])
    body.add("add", "add", (body.last, "in"))
    return body.network()


_SETTINGS = (
    Integer(name="kernel", title="Kernel", default=7, minimum=1, maximum=31, unit="px",
            help="Height and width of the depthwise filters."),
    Integer(name="expansion", title="Expansion", default=4, minimum=1, maximum=64,
            help="How many times wider the inside is."),
    Choice(name="activation", title="Activation", default="gelu", choices=ACTIVATION.choices,
           help="The one nonlinearity of the block."),
    Real(name="scale", title="Scale starts at", default=1e-6, minimum=0.0, maximum=10.0,
         logarithmic=True, help="The first value of the learnt factor on the branch."),
    Real(name="drop", title="Stochastic depth", default=0.0, minimum=0.0, maximum=0.99,
         help="The share of images for which the branch is left out in training."),
    INITIALIZATION,
)  # fmt: skip

CONVNEXT_BLOCK = BlockKind(
    kind="convnext_block",
    title="ConvNeXt block",
    family="residual",
    help=(
        "A residual block with what transformers taught: a large depthwise kernel, layer norm, "
        "one wide hidden layer, GELU."
    ),
    formula="y = x + γ F(x)",
    source="Liu et al. 2022, figure 4",
    settings=_SETTINGS,
    chips=lambda values: (f"{values['kernel']}×{values['kernel']}", f"wide ×{values['expansion']}"),
    expand=_expand_block,
)


def _expand_stage(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    inner = {setting.name: values[setting.name] for setting in _SETTINGS}
    body = Body()
    for number in range(values["repeats"]):
        body.add(str(number), "convnext_block", **inner)
    return body.network()


CONVNEXT_STAGE = BlockKind(
    kind="convnext_stage",
    title="ConvNeXt stage",
    family="residual",
    help="A ConvNeXt block repeated; what comes before it sets channels and size.",
    formula="y = x + γ F(x)",
    source="Liu et al. 2022, Table 9",
    settings=(
        Integer(name="repeats", title="Repeats", default=3, minimum=1, maximum=1000,
                help="How many blocks stand in a row."),
        *_SETTINGS,
    ),
    chips=lambda values: (f"{values['kernel']}×{values['kernel']}", f"×{values['repeats']}"),
    expand=_expand_stage,
)  # fmt: skip
