"""The convolution and its rules."""

from __future__ import annotations

from math import gcd

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch, Window
from studio.project.layers.common import (
    MAX_CHANNELS,
    feature_map,
    initialization,
    nearest_divisor,
)
from studio.project.settings import Flag, Integer, Values
from studio.project.values import Shape


def _slide(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def convolution_padding(values: Values) -> int:
    """The padding in pixels; automatic padding keeps the size at stride 1 for odd kernels."""
    padding = int(values["padding"])
    return int(values["dilation"]) * (int(values["kernel"]) - 1) // 2 if padding < 0 else padding


def _convolution_shape(values: Values, inputs: Inputs) -> Shape:
    channels, height, width = feature_map(inputs)
    groups = values["groups"]
    if channels % groups or values["channels"] % groups:
        raise Mismatch(
            f"its {groups} groups must divide both the {channels} channels that {{0}} gives and "
            f"its own {values['channels']}: set groups to a divisor of both",
            setting=("groups", nearest_divisor(gcd(channels, values["channels"]), groups)),
        )
    padding = convolution_padding(values)
    kernel, stride, dilation = values["kernel"], values["stride"], values["dilation"]
    height_out = _slide(height, kernel, stride, padding, dilation)
    width_out = _slide(width, kernel, stride, padding, dilation)
    if height_out < 1 or width_out < 1:
        reach = dilation * (kernel - 1) + 1
        raise Mismatch(
            f"its kernel reaches over {reach} pixels, but {{0}} gives only {height}×{width}: "
            f"use a smaller kernel, more padding, or less pooling before it",
            setting=("padding", -1) if values["padding"] >= 0 else ("kernel", min(height, width)),
        )
    return values["channels"], height_out, width_out


def _convolution_parameters(values: Values, inputs: Inputs) -> int:
    weights = values["channels"] * (inputs[0][0] // values["groups"]) * values["kernel"] ** 2
    return int(weights + (values["channels"] if values["bias"] else 0))


def _convolution_macs(values: Values, inputs: Inputs, output: Shape) -> int:
    taps = (inputs[0][0] // values["groups"]) * values["kernel"] ** 2
    return int(taps * output[0] * output[1] * output[2])


def _convolution_window(values: Values, inputs: Inputs) -> Window:
    reach = values["dilation"] * (values["kernel"] - 1) + 1
    start = -convolution_padding(values)
    return Window(
        (reach, reach),
        (values["stride"], values["stride"]),
        (start, start),
        values["dilation"],
    )


def convolution_chips(values: Values) -> tuple[str, ...]:
    chips = [str(values["channels"]), f"{values['kernel']}×{values['kernel']}"]
    if values["stride"] > 1:
        chips.append(f"stride {values['stride']}")
    return tuple(chips)


CONVOLUTION = LayerKind(
    kind="convolution",
    title="Convolution",
    family="convolution",
    help=(
        "Slides a small kernel over the image; each output channel is one learnt filter. Two "
        "3×3 convolutions see as much as one 5×5 with fewer parameters."
    ),
    formula="y = W ∗ x + b",
    source="LeCun et al. 1998, section II",
    settings=(
        Integer(name="channels", title="Channels", default=64, minimum=1, maximum=MAX_CHANNELS,
                help="How many filters are learnt, and so how many channels go out."),
        Integer(name="kernel", title="Kernel", default=3, minimum=1, maximum=255, unit="px",
                help="Height and width of the filters."),
        Integer(name="stride", title="Stride", default=1, minimum=1, maximum=64, unit="px",
                help="The step between two positions; 2 halves height and width."),
        Integer(name="padding", title="Padding", default=-1, minimum=-1, maximum=255, unit="px",
                special="automatic",
                help="Zeros around the image. Automatic keeps the size at stride 1."),
        Integer(name="dilation", title="Dilation", default=1, minimum=1, maximum=64, unit="px",
                help="The distance between the kernel's taps; above 1 it sees more for free."),
        Integer(name="groups", title="Groups", default=1, minimum=1, maximum=MAX_CHANNELS,
                help="Splits the channels into groups that do not see one another."),
        Flag(name="bias", title="Bias", default=True,
             help="A learnt constant per channel; needless before batch norm."),
        *initialization("he", convolution=True),
    ),
    chips=convolution_chips,
    shape=_convolution_shape,
    parameters=_convolution_parameters,
    macs=_convolution_macs,
    window=_convolution_window,
    keeps=Keeps(input=True),
    mixed="half",
    counted=True,
)  # fmt: skip
