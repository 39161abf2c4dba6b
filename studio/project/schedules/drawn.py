"""A schedule drawn by hand, through points of the user's."""

from __future__ import annotations

import bisect
import functools
import itertools
import math
from collections.abc import Sequence

from studio.project.lists import Points
from studio.project.schedules.kind import Moment, ScheduleKind
from studio.project.settings import Choice, Values

POINTS = Points(
    name="points", title="Points", default="0:0.1, 0.2:1, 1:0.01",
    help="Shares of the run with the factor of α₀ there, as 0:0.1, 0.3:1, 1:0. Drag them in the "
    "curve; a double click adds one or takes one away.",
)  # fmt: skip

LEAST = 1e-6
"""What stands for a factor of zero on the logarithmic scale."""


GAP = 0.005
"""The least distance of two points, as a share of the run."""

Point = tuple[float, float]


def moved(points: Sequence[Point], at: int, place: float, height: float) -> tuple[Point, ...]:
    """``points`` with number ``at`` moved to there, between its neighbors; ends stay ends."""
    last = len(points) - 1
    if 0 < at < last:
        place = min(max(place, points[at - 1][0] + GAP), points[at + 1][0] - GAP)
    else:
        place = float(at == last)
    point = (round(place, 4), float(f"{max(0.0, height):.3g}"))
    return (*points[:at], point, *points[at + 1 :])


def added(points: Sequence[Point], place: float, height: float) -> tuple[tuple[Point, ...], int]:
    """``points`` with one more, and its number; unchanged where there is no room for it."""
    at = bisect.bisect([each for each, _ in points], place)
    at = min(max(at, 1), len(points) - 1)
    if len(points) >= POINTS.most or points[at][0] - points[at - 1][0] < 2 * GAP:
        return tuple(points), at
    return moved((*points[:at], (place, height), *points[at:]), at, place, height), at


def removed(points: Sequence[Point], at: int) -> tuple[Point, ...]:
    """``points`` without number ``at``; the two ends stay."""
    if not 0 < at < len(points) - 1:
        return tuple(points)
    return (*points[:at], *points[at + 1 :])


def _factor(values: Values, now: Moment) -> float:
    return value(values, now.step / max(1, now.total - 1))


def value(values: Values, share: float) -> float:
    """The factor at this ``share`` of the run, 0 to 1."""
    logarithmic = values["scale"] == "logarithmic"
    places, heights, slopes = _knots(values["points"], logarithmic)
    if values["between"] == "line":
        slopes = None
    height = _between(places, heights, slopes, share)
    return math.exp(height) if logarithmic else height


@functools.lru_cache(maxsize=64)
def _knots(
    text: str, logarithmic: bool
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...] | None]:
    points = POINTS.points(text)
    places = tuple(place for place, _ in points)
    heights = tuple(math.log(max(LEAST, y)) if logarithmic else y for _, y in points)
    return places, heights, _slopes(places, heights)


def _between(
    places: Sequence[float], heights: Sequence[float], slopes: Sequence[float] | None, share: float
) -> float:
    at = min(max(bisect.bisect_right(places, share) - 1, 0), len(places) - 2)
    width = places[at + 1] - places[at]
    t = min(1.0, max(0.0, (share - places[at]) / width))
    low, high = heights[at], heights[at + 1]
    if slopes is None:
        return low + (high - low) * t
    # Cubic Hermite: the curve through two heights with these slopes.
    left, right = slopes[at] * width, slopes[at + 1] * width
    rise = high - low
    return low + t * (left + t * (3 * rise - 2 * left - right + t * (left + right - 2 * rise)))


def _slopes(places: Sequence[float], heights: Sequence[float]) -> tuple[float, ...]:
    """The slope at each point with which no curve goes beyond its two heights: a weighted
    harmonic mean of the slopes on both sides (Fritsch & Butland 1984)."""
    widths = [b - a for a, b in itertools.pairwise(places)]
    steep = [(b - a) / w for a, b, w in zip(heights, heights[1:], widths, strict=False)]
    if len(steep) == 1:
        return (steep[0], steep[0])
    inner = []
    for left, right, before, after in zip(steep, steep[1:], widths, widths[1:], strict=False):
        if left * right <= 0:
            inner.append(0.0)
            continue
        one, two = 2 * after + before, after + 2 * before
        inner.append((one + two) / (one / left + two / right))
    first = _end_slope(widths[0], widths[1], steep[0], steep[1])
    last = _end_slope(widths[-1], widths[-2], steep[-1], steep[-2])
    return (first, *inner, last)


def _end_slope(width: float, next_width: float, steep: float, next_steep: float) -> float:
    slope = ((2 * width + next_width) * steep - width * next_steep) / (width + next_width)
    if slope * steep <= 0:
        return 0.0
    if steep * next_steep <= 0 and abs(slope) > 3 * abs(steep):
        return 3 * steep
    return slope


DRAWN = ScheduleKind(
    kind="drawn",
    title="drawn by hand",
    help="Goes through points that you set in the curve below.",
    formula=lambda values: ("α = α₀ · f(t / T)",),
    settings=(
        POINTS,
        Choice(name="between", title="Between", default="line",
               choices=(("line", "lines"), ("curve", "a smooth curve")),
               help="How it goes from point to point; the curve never goes beyond them."),
        Choice(name="scale", title="Scale", default="linear",
               choices=(("linear", "linear"), ("logarithmic", "logarithmic")),
               help="The scale on which the way between two points is even, and on which it is "
               "drawn."),
    ),
    factor=_factor,
)  # fmt: skip
