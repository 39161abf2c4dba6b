"""Columns and their pyramid against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.runs.telemetry import Column, Matrix, Telemetry


def filled(values: np.ndarray, block: int) -> Column:
    column = Column(capacity=4)
    for start in range(0, len(values), block):
        column.extend(values[start : start + block])
    return column


@settings(max_examples=150, deadline=None)
@given(
    length=st.integers(1, 5000),
    block=st.integers(1, 400),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    buckets=st.integers(1, 300),
)
def test_an_envelope_covers_exactly_the_extremes(
    length: int, block: int, ends: tuple[float, float], buckets: int
) -> None:
    values = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    column = filled(values, block)
    assert np.array_equal(column.values, values)
    start, stop = sorted(round(end * length) for end in ends)
    middles, low, high = column.envelope(start, stop, buckets)
    assert len(middles) == len(low) == len(high) <= 2 * buckets + 2 + 16
    if stop > start:
        part = values[start:stop]
        # Parts are whole cells of the pyramid, and so may reach a little beyond the start.
        assert low.min() <= part.min()
        assert high.max() >= part.max()
        assert set(low) | set(high) <= set(values)
        assert (np.diff(middles) > 0).all()


def test_not_a_number_is_passed_over_unless_it_is_all_there_is() -> None:
    values = np.full(64, np.nan, np.float32)
    values[:20] = 1.0
    _, low, high = filled(values, 64).envelope(0, 64, 4)
    assert low[0] == high[0] == 1.0
    assert np.isnan(low[-1])


def test_a_view_of_a_column_cannot_be_written_to() -> None:
    column = Column()
    column.append(1.0)
    with pytest.raises(ValueError, match="read-only"):
        column.values[0] = 2.0


def test_rows_stay_what_they_were_while_the_matrix_grows() -> None:
    matrix = Matrix(3, capacity=2)
    rows = np.arange(300, dtype=np.float32).reshape(100, 3)
    for at in range(0, 100, 7):
        matrix.extend(rows[at : at + 7])
    assert np.array_equal(matrix.rows, rows)
    assert (len(matrix), matrix.width) == (100, 3)


def test_telemetry_counts_the_steps_that_are_in_all_columns() -> None:
    telemetry = Telemetry(("conv", "head"))
    telemetry.loss.append(1.0)
    assert len(telemetry) == 0
    telemetry.gradients.extend(np.zeros((1, 2), np.float32))
    assert len(telemetry) == 1
