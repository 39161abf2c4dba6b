"""The layer that makes maps larger."""

from __future__ import annotations

from fractions import Fraction

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch, Stretch, Window
from studio.project.layers.common import feature_map
from studio.project.settings import Choice, Integer, Values
from studio.project.values import Shape

_LARGEST = 65_536
"""Pixels a side; a larger map is a slip of the pen."""


def _shape(values: Values, inputs: Inputs) -> Shape:
    channels, height, width = feature_map(inputs)
    scale = values["scale"]
    if max(height, width) * scale > _LARGEST:
        raise Mismatch(
            f"{{0}} gives {height}×{width}, which {scale} times as large would be more than "
            f"{_LARGEST:,} pixels a side: use a smaller scale"
        )
    return channels, height * scale, width * scale


def _window(values: Values, inputs: Inputs) -> Window:
    # Bilinear weighs the two nearest rows and columns; where there is only one, it sees one.
    taps = 2 if values["mode"] == "bilinear" and values["scale"] > 1 else 1
    step = Fraction(1, values["scale"])
    _, height, width = inputs[0]
    return Window((min(taps, height), min(taps, width)), (step, step))


def _sees(values: Values, length: int, size: int, stretch: Stretch) -> Stretch:
    scale = values["scale"]
    if values["mode"] == "nearest":
        return stretch[0] // scale, stretch[1] // scale
    # Position i lies at (i + 1/2) / s - 1/2 of the input, between two pixels or on one.
    first = (2 * stretch[0] + 1 - scale) // (2 * scale)
    last = -((scale - 1 - 2 * stretch[1]) // (2 * scale))
    # At the border there is no second pixel to weigh.
    return (
        max(0, first) if stretch[0] >= 0 else first,
        min(length - 1, last) if stretch[1] < size else last,
    )


UPSAMPLE = LayerKind(
    kind="upsample",
    title="Upsample",
    family="shape",
    help="Makes the map larger: repeats every pixel, or draws straight lines between pixels. It "
    "brings a deep, small map back to the size of an earlier one.",
    formula="y(i) = x(⌊i / s⌋), or the mean of the pixels around i / s by distance",
    source="Long et al. 2015, section 3.3",
    settings=(
        Integer(name="scale", title="Scale", default=2, minimum=1, maximum=32,
                help="How many times higher and wider the map becomes."),
        Choice(name="mode", title="By", default="nearest",
               choices=(("nearest", "repeating"), ("bilinear", "interpolating")),
               help="Repeats the nearest pixel, or weighs the four around it by distance."),
    ),
    chips=lambda values: (f"×{values['scale']}", str(values["mode"])),
    shape=_shape,
    window=_window,
    sees=_sees,
    keeps=Keeps(),
)  # fmt: skip
