"""The pooling layers: windows, the whole map, or a set output size."""

from __future__ import annotations

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch, Stretch, Window
from studio.project.layers.common import feature_map, value_count, whole_map
from studio.project.settings import Choice, Flag, Integer, Values
from studio.project.values import Shape


def _pooling_shape(values: Values, inputs: Inputs) -> Shape:
    channels, height, width = feature_map(inputs)
    kernel, stride, padding = values["kernel"], values["stride"], values["padding"]
    if padding > kernel // 2:
        raise Mismatch(
            f"its padding {padding} is more than half of its kernel {kernel}: "
            f"set padding to at most {kernel // 2}",
            setting=("padding", kernel // 2),
        )
    sizes = []
    for size in (height, width):
        length = size + 2 * padding - kernel
        count = length // stride + 1
        # torch drops a last window that would start in the padding behind the image.
        if values["ceil_mode"] and length % stride and count * stride < size + padding:
            count += 1
        if count < 1:
            raise Mismatch(
                f"its kernel of {kernel} is larger than the {height}×{width} that {{0}} gives: "
                f"use a smaller kernel, or remove a pooling before it",
                setting=("kernel", min(height, width)),
            )
        sizes.append(count)
    return channels, sizes[0], sizes[1]


def _pooling_window(values: Values, inputs: Inputs) -> Window:
    return Window((values["kernel"],) * 2, (values["stride"],) * 2, (-values["padding"],) * 2)


def _pooling_indices(values: Values, inputs: Inputs, output: Shape) -> int:
    """Maximum pooling keeps where each maximum was, as int64."""
    return 8 * value_count(output) if values["mode"] == "max" else 0


POOLING_MODE = Choice(
    name="mode",
    title="Takes the",
    default="max",
    choices=(("max", "maximum"), ("average", "average")),
    help="The largest value of each window, or its mean.",
)

POOLING = LayerKind(
    kind="pooling",
    title="Pooling",
    family="pooling",
    help="Keeps the maximum or the mean of each window, and so makes the map smaller.",
    formula="y = max (or mean) of x over the window",
    source="Scherer et al. 2010",
    settings=(
        POOLING_MODE,
        Integer(name="kernel", title="Kernel", default=2, minimum=1, maximum=255, unit="px",
                help="Height and width of the window."),
        Integer(name="stride", title="Stride", default=2, minimum=1, maximum=64, unit="px",
                help="The step between two windows; 2 halves height and width."),
        Integer(name="padding", title="Padding", default=0, minimum=0, maximum=127, unit="px",
                help="Empty border around the map, at most half of the kernel."),
        Flag(name="ceil_mode", title="Round up", default=False,
             help="Keeps a last window that hangs over the border, as GoogLeNet does."),
    ),
    chips=lambda values: (
        str(values["mode"]), f"{values['kernel']}×{values['kernel']}", f"stride {values['stride']}"
    ),
    shape=_pooling_shape,
    window=_pooling_window,
    keeps=Keeps(input=True, extra=_pooling_indices),
)  # fmt: skip


GLOBAL_POOLING = LayerKind(
    kind="global_pooling",
    title="Global pooling",
    family="pooling",
    help="One number per channel: the mean (or maximum) of the whole map, as a vector.",
    formula="y = mean (or max) of x over all pixels",
    source="Lin et al. 2014, section 3.2",
    settings=(
        Choice(name="mode", title="Takes the", default="average",
               choices=(("average", "average"), ("max", "maximum")),
               help="The mean of the whole map, or its largest value."),
    ),
    chips=lambda values: (str(values["mode"]),),
    shape=lambda values, inputs: (feature_map(inputs)[0],),
    window=whole_map,
)  # fmt: skip


def _adaptive_window(values: Values, inputs: Inputs) -> Window:
    size = values["size"]
    spans = tuple(max(-(-(i + 1) * length // size) - i * length // size for i in range(size))
                  for length in inputs[0][1:])  # fmt: skip
    return Window(
        (spans[0], spans[1]), (max(1, inputs[0][1] // size), max(1, inputs[0][2] // size))
    )


def _adaptive_sees(values: Values, length: int, size: int, stretch: Stretch) -> Stretch:
    first, last = stretch
    return first * length // size, -(-(last + 1) * length // size) - 1


ADAPTIVE_POOLING = LayerKind(
    kind="adaptive_pooling",
    title="Adaptive pooling",
    family="pooling",
    help="Pools to a set output size, whatever size comes in, so that a network takes any image.",
    formula="y(i) = mean (or max) of x from ⌊i h / n⌋ to ⌈(i + 1) h / n⌉",
    source="He et al. 2014, section 2.2",
    settings=(
        Choice(name="mode", title="Takes the", default="average",
               choices=(("average", "average"), ("max", "maximum")),
               help="The mean of each part, or its largest value."),
        Integer(name="size", title="Output size", default=7, minimum=1, maximum=512, unit="px",
                help="Height and width of the output."),
    ),
    chips=lambda values: (str(values["mode"]), f"{values['size']}×{values['size']}"),
    shape=lambda values, inputs: (feature_map(inputs)[0], values["size"], values["size"]),
    window=_adaptive_window,
    sees=_adaptive_sees,
    keeps=Keeps(input=True),
)  # fmt: skip
