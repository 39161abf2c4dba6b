"""Wires: where they run, what they avoid, and what a route depends on."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from studio.app.canvas.geometry import Box, Grid, Point, input_port, output_port
from studio.app.canvas.routing import distance, route, sample

places = st.integers(-900, 900).map(float)
boxes = st.builds(Box.around, places, places, st.sampled_from([200.0, 280.0, 380.0]), st.just(84.0))


def grid_of(*cards: Box) -> Grid:
    grid = Grid()
    for number, card in enumerate(cards):
        grid.put(str(number), card)
    return grid


def crosses(points: tuple[Point, ...], box: Box) -> bool:
    return any(box.holds(*place) for place in sample(points))


def test_a_wire_between_cards_in_one_column_is_straight() -> None:
    way = route(Point(50, 0), Point(50, 90), Grid(), ("a", "b"))
    assert all(abs(place.x - 50) < 1e-9 for place in sample(way.points))


def test_a_wire_goes_around_a_card_that_stands_in_its_way() -> None:
    card = Box.around(0, 200, 280, 84)
    way = route(Point(0, 0), Point(0, 400), grid_of(card), ("a", "b"))
    assert way.free
    assert not crosses(way.points, card)


def test_a_wire_around_a_column_of_cards_takes_one_lane_beside_them_all() -> None:
    cards = [Box.around(0, 150 * row, 280 if row % 2 else 380, 84) for row in range(1, 6)]
    way = route(Point(0, 0), Point(0, 900), grid_of(*cards), ("a", "b"))
    assert way.free
    assert not any(crosses(way.points, card) for card in cards)


def test_a_wire_back_up_a_tight_column_is_seen_beside_it() -> None:
    # So close that no way is quite clear of the cards at both ends.
    cards = [Box.around(0, 120 * row, 280, 84) for row in range(4)]
    way = route(Point(0, 282), Point(0, 78), grid_of(*cards), ("2", "1"))
    hidden = sum(any(card.holds(*place) for card in cards) for place in sample(way.points))
    assert hidden < len(sample(way.points)) / 4


def test_a_wire_parts_early_so_that_its_end_shows_which_card_it_feeds() -> None:
    way = route(Point(0, 0), Point(400, 1000), Grid(), ("a", "b"))
    assert all(place.x > 399 for place in sample(way.points) if place.y > 500)


def test_a_wire_to_a_card_above_leaves_downward_and_arrives_from_above() -> None:
    source, target = Box.around(0, 300, 280, 84), Box.around(0, 0, 280, 84)
    grid = Grid()
    grid.put("a", source)
    grid.put("b", target)
    way = route(Point(0, 342), Point(0, -42), grid, ("a", "b"))
    assert way.points[1].y > 342
    assert way.points[-2].y < -42
    assert way.free


@settings(deadline=None, max_examples=60)
@given(st.lists(boxes, max_size=8), places, places, places, places)
def test_a_route_starts_and_ends_at_its_ports_and_says_truly_whether_it_is_free(
    cards: list[Box], x1: float, y1: float, x2: float, y2: float
) -> None:
    way = route(Point(x1, y1), Point(x2, y2), grid_of(*cards), ("a", "b"))
    assert way.points[0] == (x1, y1)
    assert way.points[-1] == (x2, y2)
    if way.free and y2 - y1 >= 80:
        inner = [
            place
            for place in sample(way.points)
            if abs(place.y - y1) > 30 and abs(place.y - y2) > 30
        ]
        assert not any(card.grown(-2).holds(*place) for card in cards for place in inner)


@settings(deadline=None, max_examples=60)
@given(st.lists(boxes, max_size=8), boxes, places, places)
def test_a_card_outside_the_examined_area_changes_nothing(
    cards: list[Box], other: Box, x: float, y: float
) -> None:
    start, end = Point(0, 0), Point(x, y)
    before = route(start, end, grid_of(*cards), ("a", "b"))
    if not before.examined.meets(other):
        after = route(start, end, grid_of(*cards, other), ("a", "b"))
        assert after.points == before.points


@settings(deadline=None, max_examples=60)
@given(st.lists(boxes, min_size=1, max_size=12), boxes)
def test_the_grid_finds_the_boxes_that_a_search_through_all_finds(
    cards: list[Box], area: Box
) -> None:
    grid = grid_of(*cards)
    expected = {str(number) for number, card in enumerate(cards) if card.meets(area)}
    assert set(grid.near(area)) == expected
    grid.remove("0")
    assert set(grid.near(area)) == expected - {"0"}


def test_distance_is_measured_to_the_nearest_piece() -> None:
    way = route(Point(0, 0), Point(0, 100), Grid(), ("a", "b"))
    assert abs(distance(way.points, 7, 50) - 7) < 1e-6


def test_the_ports_of_a_merge_lie_side_by_side_on_its_upper_edge() -> None:
    box = Box.around(0, 0, 220, 40)
    ports = [input_port(box, port, 16, "down") for port in range(16)]
    assert all(box.left < port.x < box.right and port.y == box.top for port in ports)
    assert len({port.x for port in ports}) == 16


def test_nested_wires_around_one_column_take_lanes_of_their_own() -> None:
    cards = [Box.around(0, 100 * row, 220, 40) for row in range(1, 10)]
    lanes = []
    for first, last in ((1, 9), (3, 7), (4, 6)):
        ends = str(first - 1), str(last - 1)
        start, end = cards[first - 1], cards[last - 1]
        way = route(Point(0, start.bottom), Point(0, end.top), grid_of(*cards), ends)
        assert way.free
        lanes.append(max(place.x for place in way.points))
    assert lanes[0] > lanes[1] + 5 > lanes[2] + 10


def test_a_wire_to_the_right_takes_the_way_of_one_down_with_exchanged_axes() -> None:
    barring = Box.around(0, 150, 220, 40)
    down = route(Point(0, 0), Point(0, 300), grid_of(barring), ("a", "b"))
    turned = grid_of(barring.turned)
    right = route(Point(0, 0), Point(300, 0), turned, ("a", "b"), "right")
    assert right.points == tuple(point.turned for point in down.points)
    assert right.examined == down.examined.turned
    assert not crosses(right.points, barring.turned)
    box = Box.around(0, 0, 220, 40)
    assert output_port(box, "right") == Point(110, 0)
    ports = [input_port(box, port, 2, "right") for port in range(2)]
    assert {port.x for port in ports} == {-110}
    assert -20 < ports[0].y < ports[1].y < 20
