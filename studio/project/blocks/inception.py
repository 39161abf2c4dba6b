"""The Inception block and the parts of it."""

from __future__ import annotations

from studio.project.blocks.body import BATCH_NORM_FLAG, INITIALIZATION, Body, channels_setting
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, MAX_CHANNELS, feature_map
from studio.project.layers.convolution import convolution_chips
from studio.project.settings import Choice, Integer, Real, Values
from studio.project.values import Network, Shape


def _expand_unit(values: Values, shape: Shape) -> Network:
    body = Body()
    body.add(
        "conv",
        "convolution",
        channels=values["channels"],
        kernel=values["kernel"],
        stride=values["stride"],
        groups=values["groups"] or feature_map((shape,))[0],
        bias=not values["batch_norm"],
        initialization=values["initialization"],
    )
    if values["batch_norm"]:
        body.add("bn", "batch_norm", epsilon=values["epsilon"])
    body.activation("act", values["activation"])
    return body.network()


_EPSILON = Real(
    name="epsilon",
    title="Norm epsilon",
    default=1e-5,
    minimum=0.0,
    maximum=1.0,
    above=True,
    logarithmic=True,
    when=("batch_norm", (True,)),
    help="Keeps the division from zero; torchvision's GoogLeNet has 0.001.",
)

_UNIT_SETTINGS = (
    channels_setting("channels", "Channels", 64, "How many filters are learnt."),
    Integer(name="kernel", title="Kernel", default=3, minimum=1, maximum=31, unit="px",
            help="Height and width of the filters."),
    Integer(name="stride", title="Stride", default=1, minimum=1, maximum=64, unit="px",
            help="The step between two positions; 2 halves height and width."),
    Integer(name="groups", title="Groups", default=1, minimum=0, maximum=MAX_CHANNELS,
            special="depthwise",
            help="Splits the channels into groups; depthwise is a filter for every channel."),
    BATCH_NORM_FLAG,
    _EPSILON,
    ACTIVATION,
    INITIALIZATION,
)  # fmt: skip

_SHARED = ("batch_norm", "activation", "epsilon", "initialization")
"""What all convolution units of an Inception block have in common."""

CONV_UNIT = BlockKind(
    kind="conv_unit",
    title="Convolution unit",
    family="convolution",
    help="A convolution, batch norm where it is on, and the activation.",
    formula="y = f(BN(W ∗ x))",
    source="Ioffe & Szegedy 2015, section 3.2",
    settings=_UNIT_SETTINGS,
    chips=lambda values: convolution_chips(values),
    expand=_expand_unit,
)


def _expand_branch(values: Values, shape: Shape) -> Network:
    """A branch of an Inception block: a 1×1 (or a pooling) before one convolution unit."""
    body = Body()
    shared = {name: values[name] for name in _SHARED}
    if values["first"] == "pool":
        body.add("0", "pooling", kernel=3, stride=1, padding=1, ceil_mode=True)
    elif values["first"] == "reduce":
        body.add("0", "conv_unit", channels=values["reduce"], kernel=1, **shared)
    if values["channels"]:
        body.add("1", "conv_unit", channels=values["channels"], kernel=values["kernel"], **shared)
    return body.network()


INCEPTION_BRANCH = BlockKind(
    kind="inception_branch",
    title="Inception branch",
    family="inception",
    help="One of the paths of an Inception block.",
    settings=(
        Choice(name="first", title="First", default="reduce",
               choices=(("reduce", "1×1 convolution"), ("pool", "pooling"), ("none", "nothing"))),
        channels_setting("reduce", "Reduced to", 16, "Channels of the 1×1 convolution in front."),
        channels_setting("channels", "Channels", 32, "0 leaves the last convolution out.", 0),
        Integer(name="kernel", title="Kernel", default=3, minimum=1, maximum=31, unit="px"),
        BATCH_NORM_FLAG,
        _EPSILON,
        ACTIVATION,
        INITIALIZATION,
    ),
    expand=_expand_branch,
    hidden=True,
)  # fmt: skip


def _expand_inception(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    body = Body()
    reduced = values["variant"] == "b"
    shared = {name: values[name] for name in _SHARED}
    first = "reduce" if reduced else "none"
    wide = 5 if values["large_kernel"] == "5" else 3
    branches = (
        body.add("branch1", "conv_unit", "in", channels=values["c1"], kernel=1, **shared),
        body.add("branch2", "inception_branch", "in", first=first, reduce=values["reduce3"],
                 channels=values["c3"], kernel=3, **shared),
        body.add("branch3", "inception_branch", "in", first=first, reduce=values["reduce5"],
                 channels=values["c5"], kernel=wide, **shared),
        body.add("branch4", "inception_branch", "in", first="pool",
                 channels=values["pool"] if reduced else 0, kernel=1, **shared),
    )  # fmt: skip
    body.add("concat", "concatenate", branches)
    return body.network()


def _inception_chips(values: Values) -> tuple[str, ...]:
    out = values["c1"] + values["c3"] + values["c5"]
    if values["variant"] == "b":
        return (str(out + values["pool"]), "reduced")
    return (f"{out} + input", "naive")


_REDUCED = ("variant", ("b",))

INCEPTION = BlockKind(
    kind="inception",
    title="Inception block",
    family="inception",
    help=(
        "Looks at the input at several scales at once (1×1, 3×3, 5×5 and pooling) and stacks what "
        "they find. The 1×1 convolutions in front make the large ones affordable."
    ),
    formula="y = [1×1(x), 3×3(1×1(x)), 5×5(1×1(x)), 1×1(pool(x))]",
    source="Szegedy et al. 2015, figure 2",
    settings=(
        Choice(name="variant", title="Module", default="b",
               choices=(("b", "reductions (b)"), ("a", "naive (a)")),
               help="(b) puts 1×1 convolutions before the 3×3 and 5×5 ones and after the pooling."),
        channels_setting("c1", "1×1", 64, "Channels of the 1×1 branch."),
        Integer(name="reduce3", title="1×1 before 3×3", default=96, minimum=1,
                maximum=MAX_CHANNELS, when=_REDUCED,
                help="Channels of the reduction before the 3×3 convolution."),
        channels_setting("c3", "3×3", 128, "Channels of the 3×3 branch."),
        Integer(name="reduce5", title="1×1 before 5×5", default=16, minimum=1,
                maximum=MAX_CHANNELS, when=_REDUCED,
                help="Channels of the reduction before the 5×5 convolution."),
        channels_setting("c5", "5×5", 32, "Channels of the 5×5 branch."),
        Integer(name="pool", title="1×1 after pool", default=32, minimum=1,
                maximum=MAX_CHANNELS, when=_REDUCED,
                help="Channels of the 1×1 convolution behind the pooling."),
        Choice(name="large_kernel", title="Large kernel", default="5",
               choices=(("5", "5×5 (paper)"), ("3", "3×3 (torchvision)")),
               help="torchvision uses 3×3 where the paper has 5×5; its weights need 3×3."),
        BATCH_NORM_FLAG,
        _EPSILON,
        ACTIVATION,
        INITIALIZATION,
    ),
    chips=_inception_chips,
    expand=_expand_inception,
)  # fmt: skip
