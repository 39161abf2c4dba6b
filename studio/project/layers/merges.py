"""Layers where paths meet, and the shortcut that costs nothing."""

from __future__ import annotations

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch, Window, show_shape
from studio.project.layers.common import MAX_CHANNELS, feature_map
from studio.project.settings import Integer, Values
from studio.project.values import Shape


def _add_shape(values: Values, inputs: Inputs) -> Shape:
    for port, shape in enumerate(inputs[1:], start=1):
        if shape != inputs[0]:
            raise Mismatch(
                f"{{0}} gives {show_shape(inputs[0])}, but {{{port}}} gives {show_shape(shape)}: "
                f"both sides of a sum need the same shape",
                port=port,
                wanted=inputs[0],
            )
    return inputs[0]


ADD = LayerKind(
    kind="add",
    title="Add",
    family="merge",
    help="The sum of its inputs: where a shortcut meets its block. All shapes must agree.",
    formula="y = F(x) + x",
    source="He et al. 2016, equation 1",
    min_inputs=2,
    max_inputs=16,
    shape=_add_shape,
)


def _concatenate_shape(values: Values, inputs: Inputs) -> Shape:
    for port, shape in enumerate(inputs[1:], start=1):
        if len(shape) != len(inputs[0]) or shape[1:] != inputs[0][1:]:
            wanted = (shape[0], *inputs[0][1:]) if len(shape) == len(inputs[0]) else None
            raise Mismatch(
                f"{{0}} gives {show_shape(inputs[0])}, but {{{port}}} gives {show_shape(shape)}: "
                f"only the number of channels may differ",
                port=port,
                wanted=wanted,
            )
    return (sum(shape[0] for shape in inputs), *inputs[0][1:])


CONCATENATE = LayerKind(
    kind="concatenate",
    title="Concatenate",
    family="merge",
    help="Stacks the channels of its inputs: where the branches of an Inception block meet.",
    formula="y = [x₁, x₂, …]",
    source="Szegedy et al. 2015, figure 2",
    min_inputs=2,
    max_inputs=16,
    shape=_concatenate_shape,
)


def _multiply_shape(values: Values, inputs: Inputs) -> Shape:
    for port, shape in enumerate(inputs[1:], start=1):
        if shape != inputs[0] and shape != inputs[0][:1]:
            raise Mismatch(
                f"{{0}} gives {show_shape(inputs[0])}, but {{{port}}} gives {show_shape(shape)}: "
                f"a factor has the same shape, or is a vector of one value for each of the "
                f"{inputs[0][0]} channels",
                port=port,
                wanted=inputs[0][:1] if len(shape) == 1 else inputs[0],
            )
    return inputs[0]


MULTIPLY = LayerKind(
    kind="multiply",
    title="Multiply",
    family="merge",
    help="The product of its inputs. A vector scales the channels of a feature map: a gate that "
    "lets some through and holds others back.",
    formula="y = x · g",
    source="Hu et al. 2018, equation 4",
    min_inputs=2,
    max_inputs=16,
    shape=_multiply_shape,
    keeps=Keeps(input=True),
)


def _zero_shortcut_shape(values: Values, inputs: Inputs) -> Shape:
    channels, height, width = feature_map(inputs)
    if values["channels"] < channels:
        raise Mismatch(
            f"it pads channels with zeros and cannot make the {channels} of {{0}} fewer: "
            f"set channels to {channels} or more",
            setting=("channels", channels),
        )
    stride = values["stride"]
    return values["channels"], -(-height // stride), -(-width // stride)


ZERO_SHORTCUT = LayerKind(
    kind="zero_shortcut",
    title="Zero-padding shortcut",
    family="residual",
    help="Takes every stride-th pixel and fills the missing channels with zeros: no parameters.",
    formula="y = [x at every stride-th pixel, 0]",
    source="He et al. 2016, section 3.3, option A",
    settings=(
        Integer(name="channels", title="Channels", default=64, minimum=1, maximum=MAX_CHANNELS,
                help="How many channels go out; those that are new hold zeros."),
        Integer(name="stride", title="Stride", default=1, minimum=1, maximum=64, unit="px",
                help="Every how many pixels one is taken."),
    ),
    chips=lambda values: (str(values["channels"]), f"stride {values['stride']}"),
    shape=_zero_shortcut_shape,
    window=lambda values, inputs: Window((1, 1), (values["stride"],) * 2),
)  # fmt: skip
