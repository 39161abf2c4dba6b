"""The largest batch that fits, held against trying every one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from studio.project.memory import Forecast, largest_batch


@given(
    lasting=st.integers(0, 500), each=st.integers(1, 50), scratch=st.integers(0, 900),
    room=st.integers(0, 2_000), most=st.integers(1, 120),
)  # fmt: skip
def test_it_is_the_largest_of_all_that_fit(
    lasting: int, each: int, scratch: int, room: int, most: int
) -> None:
    def need(batch: int) -> Forecast:
        return Forecast(lasting, 0, 0, each * batch, scratch)

    fitting = [batch for batch in range(1, most + 1) if need(batch).total <= room]
    assert largest_batch(need, room, most) == (fitting[-1] if fitting else 0)
