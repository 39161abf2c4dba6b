"""The dense block, in which every layer sees all earlier ones, and the transition between two."""

from __future__ import annotations

from studio.project.blocks.body import INITIALIZATION, Body, channels_setting
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, feature_map
from studio.project.settings import Integer, Real, Values
from studio.project.values import Network, Shape


def _expand_layer(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    body = Body()
    body.add("norm1", "batch_norm")
    body.activation("act1", values["activation"])
    body.add("conv1", "convolution", channels=values["width"] * values["growth"], kernel=1,
             bias=False, initialization=values["initialization"])  # fmt: skip
    body.add("norm2", "batch_norm")
    body.activation("act2", values["activation"])
    body.add("conv2", "convolution", channels=values["growth"], bias=False,
             initialization=values["initialization"])  # fmt: skip
    body.add("concat", "concatenate", ("in", body.last))
    return body.network()


_LAYER_SETTINGS = (
    channels_setting("growth", "Growth", 32, "How many channels each layer adds."),
    Integer(name="width", title="Width", default=4, minimum=1, maximum=64,
            help="The 1×1 convolution in front makes this many times the growth."),
    ACTIVATION,
    INITIALIZATION,
)  # fmt: skip

DENSE_LAYER = BlockKind(
    kind="dense_layer",
    title="Dense layer",
    family="merge",
    help="Adds channels to its input, computed from all of it.",
    source="Huang et al. 2017, section 3",
    settings=_LAYER_SETTINGS,
    expand=_expand_layer,
    hidden=True,
)


def _expand_dense(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    inner = {setting.name: values[setting.name] for setting in _LAYER_SETTINGS}
    body = Body()
    for number in range(1, values["layers"] + 1):
        body.add(f"denselayer{number}", "dense_layer", **inner)
    return body.network()


DENSE_BLOCK = BlockKind(
    kind="dense_block",
    title="Dense block",
    family="merge",
    help=(
        "Every layer sees the outputs of all earlier ones and adds a few channels of its own, so "
        "features are used again instead of being learnt again."
    ),
    formula="x ← [x, F(x)]",
    source="Huang et al. 2017, equation 2",
    settings=(
        Integer(name="layers", title="Layers", default=4, minimum=1, maximum=256,
                help="How many layers stand in a row."),
        *_LAYER_SETTINGS,
    ),
    chips=lambda values: (f"+{values['growth']} each", f"×{values['layers']}"),
    expand=_expand_dense,
)  # fmt: skip


def _expand_transition(values: Values, shape: Shape) -> Network:
    channels, _, _ = feature_map((shape,))
    body = Body()
    body.add("norm", "batch_norm")
    body.activation("act", values["activation"])
    body.add("conv", "convolution", channels=max(1, int(channels * values["compression"])),
             kernel=1, bias=False, initialization=values["initialization"])  # fmt: skip
    body.add("pool", "pooling", mode="average")
    return body.network()


TRANSITION = BlockKind(
    kind="transition",
    title="Transition",
    family="pooling",
    help="Between two dense blocks: fewer channels by a 1×1 convolution, and half the size.",
    formula="y = pool(1×1(f(BN(x))))",
    source="Huang et al. 2017, section 3",
    settings=(
        Real(name="compression", title="Compression", default=0.5, minimum=0.01, maximum=1.0,
             help="The share of the channels that is left."),
        ACTIVATION,
        INITIALIZATION,
    ),
    chips=lambda values: (f"×{values['compression']:g} channels",),
    expand=_expand_transition,
)  # fmt: skip
