"""What is drawn of long series keeps their extremes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.app.plots.series import RowMaxima, Smoother, polyline
from studio.runs.telemetry import Column


def column_of(values: np.ndarray) -> Column:
    column = Column()
    column.extend(values.astype(np.float32))
    return column


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20_000), st.integers(8, 300), st.integers(0, 2**32 - 1))
def test_a_line_has_few_points_and_the_extremes_of_its_column(
    length: int, buckets: int, seed: int
) -> None:
    values = np.random.default_rng(seed).standard_normal(length).astype(np.float32)
    x, y = polyline(column_of(values), 0, length, buckets)
    assert len(x) == len(y) <= 5 * buckets + 20
    assert y.min() == values.min()
    assert y.max() == values.max()
    assert (np.diff(x) >= 0).all()


def test_few_values_are_drawn_one_by_one_at_their_places() -> None:
    values = np.array([3.0, 1.0, 2.0], np.float32)
    x, y = polyline(column_of(values), 0, 3, 100)
    assert x.tolist() == [0, 1, 2]
    assert y.tolist() == [3, 1, 2]


def test_values_that_are_not_finite_are_left_out() -> None:
    x, y = polyline(column_of(np.array([1.0, np.nan, np.inf, 4.0])), 0, 4, 100)
    assert x.tolist() == [0, 3]
    assert y.tolist() == [1, 4]


def test_a_part_out_of_the_column_is_empty() -> None:
    x, y = polyline(column_of(np.ones(10)), 100, 200, 50)
    assert len(x) == len(y) == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=5), st.floats(1, 200))
def test_smoothing_in_blocks_is_the_recursion_value_by_value(
    blocks: list[int], span: float
) -> None:
    random = np.random.default_rng(1)
    column = Column()
    smoother = Smoother(column, span)
    for size in blocks:
        column.extend(random.standard_normal(size).astype(np.float32))
        smoother.catch_up()
    keep = 1 - 1 / span
    expected, mean = [], float(column.values[0])
    for value in column.values.tolist():
        mean = keep * mean + (1 - keep) * value
        expected.append(mean)
    np.testing.assert_allclose(smoother.column.values, expected, rtol=1e-4, atol=1e-5)


def test_smoothing_passes_over_what_is_not_a_number() -> None:
    column = column_of(np.array([np.nan, 1.0, np.nan, 1.0]))
    smoother = Smoother(column, 3)
    smoother.catch_up()
    np.testing.assert_allclose(smoother.column.values, [1.0] * 4)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3000),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_row_maxima_are_those_of_the_rows_they_cover(
    length: int, buckets: int, seed: int, one: float, other: float
) -> None:
    random = np.random.default_rng(seed)
    rows = random.standard_normal((length, 3)).astype(np.float32)
    maxima = RowMaxima(3)
    for seen in (length // 3, length // 2, length):
        maxima.catch_up(rows[:seen])
    start, stop = sorted((int(one * length), int(other * length)))
    parts, first, size = maxima.maxima(rows, start, stop, buckets)
    if stop == start:
        assert len(parts) == 0
        return
    assert first <= start < first + size
    assert len(parts) <= buckets + 1
    for i, part in enumerate(parts):
        covered = rows[first + i * size : min(first + (i + 1) * size, length)]
        # The last part may end where the range does.
        within = rows[first + i * size : min(first + (i + 1) * size, stop)]
        for layer in range(3):
            assert within[:, layer].max() <= part[layer] <= covered[:, layer].max()


def test_row_maxima_show_what_is_not_a_number() -> None:
    rows = np.ones((100, 2), np.float32)
    rows[40, 1] = np.nan
    maxima = RowMaxima(2)
    maxima.catch_up(rows)
    parts, _, _ = maxima.maxima(rows, 0, 100, 5)
    assert np.isnan(parts[:, 1]).sum() == 1
    assert not np.isnan(parts[:, 0]).any()
