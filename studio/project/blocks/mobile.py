"""Blocks of separable convolutions: depthwise-separable, and MobileNetV2's inverted residual."""

from __future__ import annotations

from typing import Any

from studio.project.blocks.body import BATCH_NORM_FLAG, INITIALIZATION, Body, channels_setting
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, feature_map
from studio.project.settings import Integer, Real, Values
from studio.project.values import Network, Shape

DEPTHWISE = 0
"""The groups of a convolution unit that stand for "as many as channels come in"."""

_KERNEL = Integer(
    name="kernel", title="Kernel", default=3, minimum=1, maximum=31, unit="px",
    help="Height and width of the depthwise filters.",
)  # fmt: skip
_STRIDE = Integer(
    name="stride", title="Stride", default=1, minimum=1, maximum=64, unit="px",
    help="2 halves height and width.",
)  # fmt: skip


def _expand_separable(values: Values, shape: Shape) -> Network:
    channels, _, _ = feature_map((shape,))
    shared = {name: values[name] for name in ("batch_norm", "activation", "initialization")}
    body = Body()
    body.add("depthwise", "conv_unit", channels=channels, kernel=values["kernel"],
             stride=values["stride"], groups=DEPTHWISE, **shared)  # fmt: skip
    body.add("pointwise", "conv_unit", channels=values["channels"], kernel=1, **shared)
    return body.network()


SEPARABLE = BlockKind(
    kind="separable",
    title="Depthwise-separable block",
    family="convolution",
    help=(
        "One filter a channel, then a 1×1 convolution that mixes the channels: nearly what a "
        "whole convolution sees, for about a ninth of its multiply-adds."
    ),
    formula="y = 1×1(each channel by itself ∗ 3×3)",
    source="Howard et al. 2017, section 3.1",
    settings=(
        channels_setting("channels", "Channels", 64, "How many channels go out."),
        _KERNEL,
        _STRIDE,
        BATCH_NORM_FLAG,
        ACTIVATION,
        INITIALIZATION,
    ),
    chips=lambda values: (str(values["channels"]), f"{values['kernel']}×{values['kernel']}"),
    expand=_expand_separable,
)


def _expand_inverted(values: Values, shape: Shape) -> Network:
    channels, _, _ = feature_map((shape,))
    wide = max(1, round(channels * values["expansion"]))
    start = values["initialization"]
    shared: dict[str, Any] = {"activation": values["activation"], "initialization": start}
    body = Body()
    if wide != channels:
        body.add("expand", "conv_unit", channels=wide, kernel=1, **shared)
    body.add("depthwise", "conv_unit", channels=wide, kernel=values["kernel"],
             stride=values["stride"], groups=DEPTHWISE, **shared)  # fmt: skip
    # The last convolution has no activation: the paper's linear bottleneck.
    body.add("project", "projection", channels=values["channels"], initialization=start)
    if values["stride"] == 1 and channels == values["channels"]:
        body.add("add", "add", (body.last, "in"))
    return body.network()


_INVERTED_SETTINGS = (
    channels_setting("channels", "Channels", 32, "How many channels go out."),
    Real(name="expansion", title="Expansion", default=6.0, minimum=0.1, maximum=64.0,
         help="How many times wider the inside is than the input."),
    _STRIDE,
    _KERNEL,
    ACTIVATION,
    INITIALIZATION,
)  # fmt: skip


def _inverted_chips(values: Values) -> tuple[str, ...]:
    stride = (f"stride {values['stride']}",) if values["stride"] > 1 else ()
    return str(values["channels"]), *stride, f"wide ×{values['expansion']:g}"


INVERTED_RESIDUAL = BlockKind(
    kind="inverted_residual",
    title="Inverted residual block",
    family="residual",
    help=(
        "Widens by 1×1, filters each channel by itself, narrows again: the shortcut runs between "
        "the narrow ends. It is there where the shape stays the same."
    ),
    formula="y = F(x) + x",
    source="Sandler et al. 2018, Table 1",
    settings=_INVERTED_SETTINGS,
    chips=_inverted_chips,
    expand=_expand_inverted,
)


def _expand_inverted_stage(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    inner = {setting.name: values[setting.name] for setting in _INVERTED_SETTINGS}
    body = Body()
    for number in range(values["repeats"]):
        body.add(str(number), "inverted_residual", **inner)
        inner["stride"] = 1
    return body.network()


INVERTED_STAGE = BlockKind(
    kind="inverted_stage",
    title="Inverted residual stage",
    family="residual",
    help="An inverted residual block repeated: the first may change the shape, the others keep it.",
    formula="y = F(x) + x",
    source="Sandler et al. 2018, Table 2",
    settings=(
        Integer(name="repeats", title="Repeats", default=2, minimum=1, maximum=1000,
                help="How many blocks stand in a row."),
        *_INVERTED_SETTINGS,
    ),
    chips=lambda values: (f"×{values['repeats']}", *_inverted_chips(values)),
    expand=_expand_inverted_stage,
)  # fmt: skip
