"""Ticks and numbers of the axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.app.plots import ticks

finite = st.floats(-1e9, 1e9)


@given(finite, st.floats(1e-6, 1e9), st.floats(2, 12))
def test_linear_ticks_lie_in_the_range_and_are_few(low: float, span: float, count: float) -> None:
    high = low + span
    if not high > low:
        return
    places = ticks.linear_ticks(low, high, count)
    assert len(places) <= count + 2
    slack = 1e-5 * span + 1e-9 * abs(low)
    assert all(low - slack <= place <= high + slack for place in places)


@given(finite, st.floats(1e-6, 1e9), st.floats(2, 12))
def test_linear_bounds_enclose_what_they_are_given(low: float, span: float, count: float) -> None:
    high = low + span
    bottom, top = ticks.linear_bounds(low, high, count)
    # Far from zero a float's own steps are coarser than a small range's share.
    slack = 1e-5 * (top - bottom) + 1e-15 * max(abs(bottom), abs(top))
    assert bottom <= low + slack
    assert top >= high - slack


@given(st.floats(-12, 6), st.floats(0.01, 12))
def test_log_bounds_enclose_what_they_are_given(low: float, span: float) -> None:
    bottom, top = ticks.log_bounds(low, low + span)
    assert bottom <= low + 1e-5
    assert top >= low + span - 1e-5
    assert top > bottom


@given(st.floats(-12, 6), st.floats(1, 18), st.floats(2, 10))
def test_log_ticks_are_round_numbers_in_the_range(low: float, span: float, count: float) -> None:
    for place in ticks.log_ticks(low, low + span, count):
        assert low - 1e-5 <= place <= low + span + 1e-5
        mantissa = 10 ** (place - math.floor(place + 1e-9))
        assert min(abs(mantissa - round_one) for round_one in (1, 2, 3, 5)) < 1e-6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["0", "0.5", "1"], ["0.0", "0.5", "1.0"]),
        (["0 %", "2.5 %", "5 %"], ["0.0 %", "2.5 %", "5.0 %"]),
        (["1,000", "500"], ["1,000", "500"]),
        (["0", "1·10⁻⁴"], ["0", "1·10⁻⁴"]),
        (["9,500", "10 k"], ["9,500", "10 k"]),
        ([], []),
    ],
)
def test_the_numbers_of_an_axis_have_as_many_decimals_each(
    before: list[str], after: list[str]
) -> None:
    assert ticks.level(before) == after


def test_a_value_that_changes_in_its_place_keeps_its_zeros() -> None:
    texts = [ticks.steady(value) for value in (1.9, 1.56, 0.15, 12.0, 2e-5)]
    assert texts == ["1.90", "1.56", "0.150", "12.0", "2·10⁻⁵"]


def test_a_log_axis_over_two_decades_has_ones_and_threes() -> None:
    exponents = ticks.log_ticks(-1, 1, 5)
    assert [round(10**e, 2) for e in exponents] == [0.1, 0.3, 1.0, 3.0, 10.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.123456, "0.123"),
        (-2.5, "−2.5"),
        (1234.0, "1,234"),
        (41_200.0, "41.2 k"),
        (2_500_000.0, "2.5 M"),
        (3.6e11, "360 G"),
        (2.9e18, "2.9·10¹⁸"),
        (0.00031, "3.1·10⁻⁴"),
        (0.0123, "0.0123"),
        (math.nan, "not a number"),
        (math.inf, "∞"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert ticks.number(value) == text
