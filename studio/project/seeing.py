"""Which part of the input image one position of a node's output sees.

The analysis knows how much is seen; this follows one position back through the network, layer by
layer, to where that lies. It costs a pass over the layers, and is asked for what is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studio.project.analysis import Analysis
from studio.project.kinds import LayerKind, Stretch, Window
from studio.project.tracing import Step, exit_of
from studio.project.values import Shape

_POINT = Window()
Region = tuple[Stretch, Stretch]
"""Rows and columns, the last of each counted in."""


@dataclass(frozen=True, slots=True)
class View:
    """What position (row, column) of a node sees. A vector's values see all that it is made of.

    ``field`` is the receptive field in pixels of the input, which may reach beyond the image into
    the padding; ``seen`` what of the image is really seen: the gradient's support at the input,
    None where it is nothing but padding.
    ``step`` is how many pixels lie between the fields of two positions, None for a vector.
    """

    position: tuple[int, int]
    positions: tuple[int, int]
    field: Region
    seen: Region | None
    step: tuple[float, float] | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the field in pixels."""
        return tuple(last - first + 1 for first, last in self.field)  # type: ignore[return-value]

    def beyond(self, image: tuple[int, int]) -> int:
        """How many pixels the field reaches beyond an image of (height, width), at most."""
        return max(
            max(-first, last - length + 1, 0)
            for (first, last), length in zip(self.field, image, strict=True)
        )


def look(analysis: Analysis, name: str, position: tuple[int, int] | None = None) -> View | None:
    """The view from a position of the node ``name``, from its middle where none is given.

    None where no shape reaches the node or the input does not.
    """
    steps = analysis.steps
    place = next((number for number, step in enumerate(steps) if step.name == name), None)
    if place is None or analysis.input_shape is None:
        return None
    step = steps[place]
    output = step.trace.output
    assert output is not None
    if len(output) == 3:
        positions = output[1], output[2]
        row, column = position or (positions[0] // 2, positions[1] // 2)
        row, column = min(max(0, row), positions[0] - 1), min(max(0, column), positions[1] - 1)
        start: Region | None = (row, row), (column, column)
        apart = float(step.span.jump[0]), float(step.span.jump[1])
    else:
        positions, row, column, start, apart = (1, 1), 0, 0, None, None
    upto = steps[: place + 1]
    field, seen = (_back(upto, name, start, within=within) for within in (False, True))
    if field is None:
        return None
    return View((row, column), positions, field, seen, apart)


def _back(steps: Sequence[Step], name: str, region: Region | None, within: bool) -> Region | None:
    """What of the first step's output ``region`` of the node ``name`` sees; None for nothing.

    A vector's region is None: it has no place in the image. ``within`` keeps to what lies inside
    each map, since nothing is seen through a padding.
    """
    wanted: dict[str, Region | None] = {name: region}
    for step in reversed(steps):
        if step.name not in wanted:
            continue
        region = wanted[step.name]
        if not step.sources:
            return region
        for number, (source, shape) in enumerate(zip(step.sources, step.inputs, strict=True)):
            if not step.trace.steps:
                before = _through(step, shape, region, within)
            elif number == 0:
                inside = step.trace.steps
                before = _back(inside, exit_of(inside).name, region, within)
            else:
                continue  # a block has one source
            if before is None and len(shape) == 3:
                continue  # nothing of it is seen
            wanted[source] = _both(wanted.get(source), before)
    return None


def _through(step: Step, shape: Shape, region: Region | None, within: bool) -> Region | None:
    """What of an input of ``shape`` the layer sees from ``region`` of its output."""
    if len(shape) != 3:
        return None
    if region is None:
        return (0, shape[1] - 1), (0, shape[2] - 1)
    trace = step.trace
    assert isinstance(trace.kind, LayerKind)
    assert trace.output is not None
    if trace.kind.sees is not None:
        sees, values, output = trace.kind.sees, trace.values, trace.output
        return (
            sees(values, shape[1], output[1], region[0]),
            sees(values, shape[2], output[2], region[1]),
        )
    window = trace.kind.window(trace.values, step.inputs)
    if window == _POINT:
        return region
    rows, columns = (
        _seen(window, axis, region[axis], shape[axis + 1] if within else None) for axis in (0, 1)
    )
    return (rows, columns) if rows is not None and columns is not None else None


def _seen(window: Window, axis: int, stretch: Stretch, length: int | None) -> Stretch | None:
    """What a stretch of output positions sees along an axis; of a map's ``length``, where given.

    A position may look at nothing but padding: then its neighbor begins what is seen.
    """
    size, stride, start = window.size[axis], int(window.stride[axis]), window.start[axis]
    first, last = stretch
    if length is None or (first * stride + start >= 0 and last * stride + start + size <= length):
        return first * stride + start, last * stride + start + size - 1
    low = _first_tap(range(first, last + 1), window, axis, length)
    # From the far end it is the same, mirrored.
    high = _first_tap(range(last, first - 1, -1), window, axis, length, mirrored=True)
    return (low, high) if low is not None and high is not None else None


def _first_tap(
    positions: Iterable[int], window: Window, axis: int, length: int, mirrored: bool = False
) -> int | None:
    """The first pixel of the map that any of the positions looks at, going through them."""
    size, stride, start = window.size[axis], int(window.stride[axis]), window.start[axis]
    found: int | None = None
    for position in positions:
        edge = position * stride + start
        if mirrored:
            edge = length - edge - size
        tap = edge if edge >= 0 else edge + -(edge // window.dilation) * window.dilation
        if tap < min(length, edge + size):
            found = tap if found is None else min(found, tap)
        if edge >= 0:
            break
    return found if found is None or not mirrored else length - 1 - found


def _both(one: Region | None, other: Region | None) -> Region | None:
    """The smallest region around two."""
    if one is None or other is None:
        return one or other
    (a, b), (c, d) = one
    (e, f), (g, h) = other
    return (min(a, e), max(b, f)), (min(c, g), max(d, h))
