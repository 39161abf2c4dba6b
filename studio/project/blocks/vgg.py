"""The VGG block: small convolutions in a row, then pooling."""

from __future__ import annotations

from studio.project.blocks.body import BATCH_NORM_FLAG, INITIALIZATION, Body, channels_setting
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, feature_map
from studio.project.settings import Choice, Flag, Integer, Values
from studio.project.values import Network, Shape


def _expand_vgg(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    body = Body()
    for number in range(1, values["convolutions"] + 1):
        body.add(
            f"conv{number}",
            "convolution",
            channels=values["channels"],
            kernel=values["kernel"],
            bias=values["bias"] or not values["batch_norm"],
            initialization=values["initialization"],
        )
        if number == 1 and values["pooling_at"] == "first":
            _pool(body, values)
        if values["batch_norm"]:
            body.add(f"bn{number}", "batch_norm")
        body.activation(f"act{number}", values["activation"])
    if values["pooling_at"] == "end":
        _pool(body, values)
    return body.network()


def _pool(body: Body, values: Values) -> None:
    if values["pooling"] != "none":
        body.add("pool", "pooling", mode=values["pooling"])


def _vgg_chips(values: Values) -> tuple[str, ...]:
    kernel = f"{values['kernel']}×{values['kernel']}"
    chips = [str(values["channels"]), kernel, f"×{values['convolutions']}"]
    if values["batch_norm"]:
        chips.append("batch norm")
    return tuple(chips)


VGG = BlockKind(
    kind="vgg",
    title="VGG block",
    family="vgg",
    help=(
        "A few small convolutions in a row, then pooling. Two 3×3 convolutions see 5×5 pixels "
        "with 20 parameters instead of 26 (one channel), three see 7×7 with 30 instead of 50."
    ),
    formula="y = pool(f(W₂ ∗ f(W₁ ∗ x)))",
    source="Simonyan & Zisserman 2015, section 2",
    settings=(
        Integer(name="convolutions", title="Convolutions", default=2, minimum=1, maximum=16,
                help="How many convolutions stand in a row."),
        channels_setting("channels", "Channels", 64, "How many filters each convolution learns."),
        Integer(name="kernel", title="Kernel", default=3, minimum=1, maximum=31, unit="px",
                help="Height and width of the filters."),
        BATCH_NORM_FLAG,
        Flag(name="bias", title="Bias too", default=False, when=("batch_norm", (True,)),
             help="Keeps the convolutions' bias beside batch norm, which takes it out again. "
                  "torchvision's VGG has it."),
        ACTIVATION,
        Choice(name="pooling", title="Pooling", default="max",
               choices=(("max", "maximum"), ("average", "average"), ("none", "none")),
               help="Halves height and width."),
        Choice(name="pooling_at", title="Pools", default="end",
               choices=(("end", "at the end"), ("first", "after the first convolution")),
               when=("pooling", ("max", "average")),
               help="Behind the first convolution, the others see a quarter of the pixels and "
                    "cost as much less (Page 2018; Jordan 2024)."),
        INITIALIZATION,
    ),
    chips=_vgg_chips,
    expand=_expand_vgg,
)  # fmt: skip
