"""The residual block, its shortcuts, and the stage that repeats it."""

from __future__ import annotations

from studio.project.blocks.body import BATCH_NORM_FLAG, INITIALIZATION, Body, channels_setting
from studio.project.kinds import BlockKind, Mismatch
from studio.project.layers.common import ACTIVATION, MAX_CHANNELS, feature_map
from studio.project.settings import Choice, Flag, Integer, Real, Values
from studio.project.values import Network, Shape


def _expand_projection(values: Values, shape: Shape) -> Network:
    body = Body()
    body.add("0", "convolution", channels=values["channels"], kernel=1, stride=values["stride"],
             bias=not values["batch_norm"],
             initialization=values["initialization"])  # fmt: skip
    if values["batch_norm"]:
        body.add("1", "batch_norm")
    return body.network()


PROJECTION = BlockKind(
    kind="projection",
    title="Projection shortcut",
    family="residual",
    help="A 1×1 convolution that brings a shortcut to the block's shape.",
    source="He et al. 2016, section 3.3, option B",
    settings=(
        channels_setting("channels", "Channels", 64, "How many channels go out."),
        Integer(name="stride", title="Stride", default=1, minimum=1, maximum=64, unit="px"),
        BATCH_NORM_FLAG,
        INITIALIZATION,
    ),
    expand=_expand_projection,
    hidden=True,
)


def inner_width(values: Values) -> int:
    """Channels of a bottleneck's inner convolutions: a quarter of its output, times the width."""
    return max(1, int(values["channels"] // 4 * values["width"]))


def _convolutions(values: Values) -> list[tuple[int, int, int, int]]:
    """(channels, kernel, stride, groups) of each convolution of a residual block."""
    channels, stride, groups = values["channels"], values["stride"], values["groups"]
    if values["block"] == "basic":
        return [(channels, 3, stride, 1), (channels, 3, 1, 1)]
    width = inner_width(values)
    first, middle = (stride, 1) if values["stride_in"] == "first" else (1, stride)
    return [(width, 1, first, 1), (width, 3, middle, groups), (channels, 1, 1, 1)]


def _shortcut(body: Body, values: Values, shape: Shape, source: str) -> str | None:
    """Add the shortcut's layers after ``source``; the name of what it ends in, None when cut."""
    option = values["shortcut"]
    same = shape[0] == values["channels"] and values["stride"] == 1
    if option == "cut":
        return None
    if option == "identity" and not same:
        raise Mismatch(
            f"its identity shortcut needs the block's output to have the input's shape, but "
            f"{{0}} gives {shape[0]} channels and the block makes {values['channels']} at stride "
            f"{values['stride']}: choose a projection or zero-padding shortcut",
            setting=("shortcut", "projection"),
        )
    if option == "always" or (option == "projection" and not same):
        # A pre-activation block's sum is not normalized, and neither is what its shortcut adds.
        norm = values["batch_norm"] and values["order"] == "post"
        return body.add("downsample", "projection", source, channels=values["channels"],
                        stride=values["stride"], batch_norm=norm,
                        initialization=values["initialization"])  # fmt: skip
    if option == "zero" and not same:
        return body.add("shortcut", "zero_shortcut", source, channels=values["channels"],
                        stride=values["stride"])  # fmt: skip
    return source


def _finish_branch(body: Body, values: Values) -> str:
    """Add what a branch ends with by choice; the name of its last node."""
    if values["squeeze"]:
        body.add("se", "squeeze_excitation", reduction=values["squeeze"],
                 activation=values["activation"])  # fmt: skip
    if values["drop"] and values["shortcut"] != "cut":
        body.add("drop", "stochastic_depth", rate=values["drop"])
    return body.last


def _expand_residual(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    return _expand_pre(values, shape) if values["order"] == "pre" else _expand_post(values, shape)


def _expand_post(values: Values, shape: Shape) -> Network:
    body = Body()
    norm, function, start = values["batch_norm"], values["activation"], values["initialization"]
    layers = _convolutions(values)
    zero = values["zero_scale"] and values["shortcut"] != "cut"
    for number, (channels, kernel, stride, groups) in enumerate(layers, start=1):
        without = zero and not norm and number == len(layers)
        body.add(f"conv{number}", "convolution", channels=channels, kernel=kernel, stride=stride,
                 groups=groups, bias=not norm,
                 initialization="zero" if without else start)  # fmt: skip
        if norm:
            last = zero and number == len(layers)
            body.add(f"bn{number}", "batch_norm", scale="zero" if last else "one")
        if number < len(layers):
            body.activation(f"act{number}", function)
    end = _finish_branch(body, values)
    if shortcut := _shortcut(body, values, shape, "in"):
        body.add("add", "add", (end, shortcut))
    body.activation(f"act{len(layers)}", function)
    return body.network()


def _expand_pre(values: Values, shape: Shape) -> Network:
    body = Body()
    norm, function, start = values["batch_norm"], values["activation"], values["initialization"]
    branch = "in"
    layers = _convolutions(values)
    zero = values["zero_scale"] and values["shortcut"] != "cut"
    for number, (channels, kernel, stride, groups) in enumerate(layers, start=1):
        if norm:
            body.add(f"bn{number}", "batch_norm")
        body.activation(f"act{number}", function)
        if number == 1:
            # A shortcut that changes the shape starts behind the first activation.
            branch = body.last
        body.add(f"conv{number}", "convolution", channels=channels, kernel=kernel, stride=stride,
                 groups=groups, bias=not norm,
                 initialization="zero" if zero and number == len(layers) else start)  # fmt: skip
    end = _finish_branch(body, values)
    changes = shape[0] != values["channels"] or values["stride"] != 1
    projected = values["shortcut"] in ("projection", "always") and changes
    if shortcut := _shortcut(body, values, shape, branch if projected else "in"):
        body.add("add", "add", (end, shortcut))
    return body.network()


_RESIDUAL_SETTINGS = (
    Choice(name="block", title="Block", default="basic",
           choices=(("basic", "basic"), ("bottleneck", "bottleneck")),
           help="Basic: 3×3, 3×3. Bottleneck: 1×1, 3×3, 1×1, to make deep networks affordable."),
    channels_setting("channels", "Channels", 64, "How many channels go out."),
    Integer(name="stride", title="Stride", default=1, minimum=1, maximum=64, unit="px",
            help="2 halves height and width in the block's first 3×3 convolution."),
    ACTIVATION,
    Choice(name="order", title="Order", default="post",
           choices=(("post", "post-activation"), ("pre", "pre-activation")),
           help="Pre-activation leaves the shortcut clean, for networks of 1,000 layers "
                "(He et al. 2016b)."),
    Choice(name="shortcut", title="Shortcut", default="projection",
           choices=(("projection", "projection (B)"),
                    ("zero", "zero-padding (A)"),
                    ("always", "always project (C)"),
                    ("identity", "identity only"),
                    ("cut", "cut (plain)")),
           help="What is added to the block's output: its input, where the shape changes projected "
                "(B) or filled up with zeros (A). Cut, the block is a plain one to compare with."),
    BATCH_NORM_FLAG,
    Flag(name="zero_scale", title="Start as identity", default=False,
         help="The branch starts at zero, so that the block passes its input through: by its last "
              "batch norm's scale, or in pre-activation order by its last convolution."),
    Choice(name="stride_in", title="Stride in", default="middle",
           choices=(("middle", "3×3 (torchvision)"), ("first", "first 1×1 (paper)")),
           when=("block", ("bottleneck",)),
           help="Which convolution has the stride. The paper's first 1×1 passes three of four "
                "pixels over; torchvision's 3×3 sees them all, for a few more multiply-adds."),
    Integer(name="groups", title="Groups", default=1, minimum=1, maximum=MAX_CHANNELS,
            when=("block", ("bottleneck",)),
            help="Groups of the 3×3 convolution, as in ResNeXt."),
    Real(name="width", title="Width", default=1.0, minimum=0.05, maximum=64.0,
         when=("block", ("bottleneck",)),
         help="Factor on the inner channels, as in wide residual networks."),
    Integer(name="squeeze", title="Squeeze-excite", default=0, minimum=0, maximum=256,
            special="off",
            help="A gate for every channel at the branch's end; the number is the reduction of "
                 "its hidden layer, 16 in the paper (Hu et al. 2018)."),
    Real(name="drop", title="Stochastic depth", default=0.0, minimum=0.0, maximum=0.99,
         when=("shortcut", ("projection", "zero", "always", "identity")),
         help="The share of images for which the branch is left out in training "
              "(Huang et al. 2016)."),
    INITIALIZATION,
)  # fmt: skip


def _residual_chips(values: Values) -> tuple[str, ...]:
    chips = [str(values["channels"])]
    if values["stride"] > 1:
        chips.append(f"stride {values['stride']}")
    if values["shortcut"] == "cut":
        chips.append("plain")
    elif values["block"] == "bottleneck":
        chips.append("bottleneck")
    return tuple(chips)


RESIDUAL = BlockKind(
    kind="residual",
    title="Residual block",
    family="residual",
    help=(
        "Learns what to add to its input. With all weights zero it passes the input through, so "
        "a deeper network is never worse than a shallow one, and gradients reach early layers "
        "unhindered."
    ),
    formula="y = F(x) + x",
    source="He et al. 2016",
    settings=_RESIDUAL_SETTINGS,
    chips=_residual_chips,
    expand=_expand_residual,
)


def _expand_stage(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    body = Body()
    inner = {setting.name: values[setting.name] for setting in _RESIDUAL_SETTINGS}
    for number in range(values["repeats"]):
        body.add(str(number), "residual", **inner)
        inner["stride"] = 1
    return body.network()


STAGE = BlockKind(
    kind="stage",
    title="Residual stage",
    family="residual",
    help=(
        "A residual block repeated: the first may change the shape, the others keep it. Networks "
        "of 152 and of 1,000 layers are a few stages."
    ),
    formula="y = F(x) + x",
    source="He et al. 2016, Table 1",
    settings=(
        _RESIDUAL_SETTINGS[0],
        Integer(name="repeats", title="Repeats", default=2, minimum=1, maximum=1000,
                help="How many blocks stand in a row."),
        *_RESIDUAL_SETTINGS[1:],
    ),
    # The repeat comes first: a card shows as many chips as it has room for.
    chips=lambda values: (f"×{values['repeats']}", *_residual_chips(values)),
    expand=_expand_stage,
)  # fmt: skip
