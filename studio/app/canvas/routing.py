"""The way a wire takes from an output port to an input port.

Wires leave downward and arrive from above. They part early: a wire that has to move sideways does
so right after it leaves and then runs straight, so that its end is read at the card it feeds. A
wire whose way is barred by a card goes around it through a lane at the side.

A route depends only on its two ends and on the boxes that meet ``examined``; a drawing that
reroutes exactly the wires whose ``examined`` area changed equals one drawn afresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from studio.app.canvas.geometry import Box, Obstacles, Point, TurnedGrid
from studio.project.values import Flow

CLEARANCE = 8.0
"""Pixels that a wire keeps from a card it passes."""
LANE = 22.0
"""Pixels between a card and the lane that goes around it."""
LANE_STEP = 10.0
MOST_LANES = 8
APPROACH = 20.0
"""Pixels that a wire runs straight before it turns back up."""
SIDE_SEARCH = 900.0
"""Pixels to either side that are searched for a free lane."""


@dataclass(frozen=True, slots=True)
class Route:
    """Cubic curves end to end: the first point, then two control points and an end for each."""

    points: tuple[Point, ...]
    examined: Box
    free: bool
    """Whether the way is clear of cards."""


def route(
    start: Point,
    end: Point,
    obstacles: Obstacles,
    ends: tuple[str, str],
    flow: Flow = "down",
) -> Route:
    """The way from ``start`` to ``end`` around the boxes that are not the wire's own ``ends``.

    The own cards bar the way too where the wire has to turn back up past them. All of this is
    written for wires that run down; those that run to the right are found with axes exchanged.
    """
    if flow == "right":
        found = route(start.turned, end.turned, TurnedGrid(obstacles), ends)
        points = tuple(point.turned for point in found.points)
        return Route(points, found.examined.turned, found.free)
    area = Box(
        min(start.x, end.x) - CLEARANCE,
        min(start.y, end.y) - CLEARANCE,
        max(start.x, end.x) + CLEARANCE,
        max(start.y, end.y) + CLEARANCE,
    )
    if end.y - start.y >= 12.0:
        near = _others(obstacles, area, ends)
        first = _down(start, end)
        if not near or _clear(first, near):
            return Route(first, area, True)
        late = _down_late(start, end)
        if _clear(late, near):
            return Route(late, area, True)
    wide = Box(
        area.left - SIDE_SEARCH,
        area.top - 2 * APPROACH,
        area.right + SIDE_SEARCH,
        area.bottom + 2 * APPROACH,
    )
    return _around(start, end, obstacles, ends, wide)


def _around(
    start: Point, end: Point, obstacles: Obstacles, ends: tuple[str, str], area: Box
) -> Route:
    boxes = list(obstacles.near(area).values())
    others = list(_others(obstacles, area, ends))
    backward = end.y - start.y < 2 * APPROACH
    # A lane is worth trying beside every card that stands between the two ends.
    low, high = sorted((start.y, end.y))
    between = [box for box in boxes if box.bottom >= low - APPROACH and box.top <= high + APPROACH]
    lanes = {start.x, end.x}
    aside = LANE + LANE_STEP * min(MOST_LANES, max(0, _passed(start, end, others) - 1))
    for box in between:
        lanes.add(box.left - aside)
        lanes.add(box.right + aside)
        lanes.add(box.left - LANE)
        lanes.add(box.right + LANE)
    middle = (start.x + end.x) / 2
    best: tuple[float, tuple[Point, ...], bool] | None = None
    own = {edge for box in between for edge in (box.left - aside, box.right + aside)}
    own |= {start.x, end.x}
    # Of lanes as near, that of an end needs one bend, and any other two.
    straight = (start.x, end.x)
    order = sorted(
        lanes,
        key=lambda x: (x not in own, _sideways(start, end, x), x not in straight, x < middle, x),
    )
    for lane in order:
        sideways = _sideways(start, end, lane)
        # Sideways pixels rank the lanes, so once one is clear no later one can be better.
        if best is not None and best[2]:
            break
        points = _turn_back(start, end, lane) if backward else _through(start, end, lane)
        barring = boxes if backward else others
        clear = _clear(points, barring, skip_ends=True)
        # Where every lane is barred, the wire is seen best on the one that is covered least.
        cost = sideways + (0.0 if clear else 1e6 * _hits(points, barring))
        if best is None or cost < best[0]:
            best = (cost, points, clear)
    assert best is not None
    return Route(best[1], area, best[2])


def _sideways(start: Point, end: Point, lane: float) -> float:
    return abs(lane - start.x) + abs(lane - end.x)


def _passed(start: Point, end: Point, boxes: Sequence[Box]) -> int:
    """How many cards the straight way would cross.

    Wires around one column that are nested in each other pass different numbers of cards, and so
    take lanes of their own.
    """
    left, right = min(start.x, end.x), max(start.x, end.x)
    top, bottom = min(start.y, end.y), max(start.y, end.y)
    return sum(
        box.left < right + CLEARANCE
        and box.right > left - CLEARANCE
        and box.top > top
        and box.bottom < bottom
        for box in boxes
    )


def _others(obstacles: Obstacles, area: Box, ends: tuple[str, str]) -> Sequence[Box]:
    return [box for name, box in obstacles.near(area).items() if name not in ends]


def _s_curve(a: Point, b: Point) -> tuple[Point, Point, Point]:
    """Control points and end of a curve that leaves and arrives vertically."""
    middle = (a.y + b.y) / 2
    return Point(a.x, middle), Point(b.x, middle), b


def _straight(a: Point, b: Point) -> tuple[Point, Point, Point]:
    return (
        Point(a.x + (b.x - a.x) / 3, a.y + (b.y - a.y) / 3),
        Point(a.x + (b.x - a.x) * 2 / 3, a.y + (b.y - a.y) * 2 / 3),
        b,
    )


def _bend(a: Point, b: Point, room: float) -> float:
    """How many pixels down the move from the column of a to that of b takes."""
    return min(room, 28.0 + 0.45 * abs(b.x - a.x))


def _down(start: Point, end: Point) -> tuple[Point, ...]:
    """Sideways first, then straight down."""
    if abs(start.x - end.x) < 0.5:
        return (start, *_straight(start, end))
    turn = Point(end.x, start.y + _bend(start, end, end.y - start.y))
    if end.y - turn.y < 1.0:
        return (start, *_s_curve(start, end))
    return (start, *_s_curve(start, turn), *_straight(turn, end))


def _down_late(start: Point, end: Point) -> tuple[Point, ...]:
    """Straight down first, then sideways."""
    turn = Point(start.x, end.y - _bend(start, end, end.y - start.y))
    if turn.y - start.y < 1.0:
        return (start, *_s_curve(start, end))
    return (start, *_straight(start, turn), *_s_curve(turn, end))


def _through(start: Point, end: Point, lane: float) -> tuple[Point, ...]:
    """Down through a lane: out of it and into it in curves that share the height there is."""
    height = end.y - start.y
    out = Point(lane, start.y + _short_bend(start.x, lane, height))
    back = Point(lane, end.y - _short_bend(end.x, lane, height))
    points: list[Point] = [start]
    if out.y > start.y:
        points += _s_curve(start, out)
    if back.y - out.y > 0.5:
        points += _straight(out, back)
    if end.y > back.y:
        points += _s_curve(back, end)
    return tuple(points)


def _short_bend(x: float, lane: float, height: float) -> float:
    """Between cards there is little height: the bend of a lane stays within it."""
    distance = abs(x - lane)
    return 0.0 if distance < 0.5 else min(height / 2, 24.0 + 0.04 * distance)


def _turn_back(start: Point, end: Point, lane: float) -> tuple[Point, ...]:
    """Out below, up through a lane at the side, and into the port from above."""
    below, above = start.y + APPROACH, end.y - APPROACH
    side = Point(lane, (below + above) / 2)
    return (
        start,
        Point(start.x, below + APPROACH),
        Point(lane, below + APPROACH),
        Point(lane, below - APPROACH / 2),
        Point(lane, side.y),
        Point(lane, side.y),
        Point(lane, above + APPROACH / 2),
        Point(lane, above - APPROACH),
        Point(end.x, above - APPROACH),
        end,
    )


def _clear(points: Sequence[Point], boxes: Sequence[Box], *, skip_ends: bool = False) -> bool:
    """Whether no sample of the curves comes near a box.

    ``skip_ends`` leaves the first and last pixels out, where a wire touches its own cards.
    """
    samples = sample(points)
    if skip_ends:
        first, last = samples[0], samples[-1]
        samples = [
            p
            for p in samples
            if abs(p.y - first.y) + abs(p.x - first.x) > CLEARANCE
            and abs(p.y - last.y) + abs(p.x - last.x) > CLEARANCE
        ]
    for box in boxes:
        left, top, right, bottom = box.grown(CLEARANCE - 1.0)
        for x, y in samples:
            if left < x < right and top < y < bottom:
                return False
    return True


def _hits(points: Sequence[Point], boxes: Sequence[Box]) -> int:
    """How many samples of the curves lie in a box."""
    return 1 + sum(
        box.left < x < box.right and box.top < y < box.bottom
        for x, y in sample(points)
        for box in boxes
    )


def sample(points: Sequence[Point]) -> list[Point]:
    """Places along the curves, at most some 12 pixels apart on straight pieces."""
    result = [points[0]]
    for index in range(1, len(points) - 2, 3):
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[index - 1 : index + 3]
        length = abs(dx - ax) + abs(dy - ay)
        steps = max(4, min(200, int(length / 12.0)))
        for step in range(1, steps + 1):
            t = step / steps
            u = 1.0 - t
            k0, k1, k2, k3 = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
            result.append(
                Point(
                    k0 * ax + k1 * bx + k2 * cx + k3 * dx,
                    k0 * ay + k1 * by + k2 * cy + k3 * dy,
                )
            )
    return result


def distance(points: Sequence[Point], x: float, y: float) -> float:
    """Pixels from (x, y) to the nearest piece of the curves."""
    samples = sample(points)
    best = float("inf")
    for (ax, ay), (bx, by) in pairwise(samples):
        ux, uy = bx - ax, by - ay
        square = ux * ux + uy * uy
        t = 0.0 if square == 0 else max(0.0, min(1.0, ((x - ax) * ux + (y - ay) * uy) / square))
        px, py = ax + t * ux - x, ay + t * uy - y
        best = min(best, (px * px + py * py) ** 0.5)
    return best
