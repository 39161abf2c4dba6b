"""Arithmetic typed into number fields, held against Python's own."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.project import expressions
from studio.project.expressions import ExpressionError, evaluate, read, resolve
from studio.project.settings import Integer, Real, SettingError

CHANNELS = Integer(name="channels", title="Channels", default=64, minimum=1, maximum=4096)
PADDING = Integer(name="padding", title="Padding", default=-1, minimum=-1, maximum=99,
                  special="automatic")  # fmt: skip
RATE = Real(name="rate", title="Rate", default=0.1, minimum=-10.0, maximum=10.0)

_LEAVES = st.one_of(
    st.integers(0, 300).map(str),
    st.floats(0, 300, allow_subnormal=False).map(lambda value: f"{value:.3f}"),
    st.sampled_from(("1e3", "2.5E-2", ".5", "7.", "0")),
)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from((" + ", "-", "*", " / ", "//", "**"))
    return st.one_of(
        st.tuples(inner, signs, inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    )


def _python(text: str) -> Any:
    return eval(text, {"__builtins__": {}})


@given(st.recursive(_LEAVES, _joined, max_leaves=6))
def test_valid_arithmetic_has_pythons_value(text: str) -> None:
    try:
        value = evaluate(text)
    except ExpressionError as error:
        # Refused for what is too large or not defined, never for how it is written.
        assert re.search("too large|by zero|no such power|at most|too deep", str(error)), text
        return
    expected = _python(text)
    assert type(value) is type(expected)
    assert value == expected


@given(st.recursive(_LEAVES, _joined, max_leaves=4).filter(lambda text: "**" not in text))
def test_nothing_moderate_is_refused(text: str) -> None:
    try:
        expected = _python(text)
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="zero"):
            evaluate(text)
        return
    if len(text) <= expressions.LONGEST and abs(expected) < 1e9:
        try:
            assert evaluate(text) == expected
        except ExpressionError as error:
            # A division by next to nothing on the way to a small result.
            assert "too large" in str(error)


@given(st.text(alphabet="0123456789.eE+-*/() ,_x=^×", max_size=140))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        value = resolve(text, 64)
    except ExpressionError as error:
        assert str(error)
    else:
        assert math.isfinite(value)


@pytest.mark.parametrize("text", ["9**9**9", "9**9**9**9", "2**1e9", "(9**9)**(9**9)", "1e999",
                                  "9" * 90, "-9**9**9", "0.5**-1e9"])  # fmt: skip
def test_a_number_without_end_is_refused_and_not_worked_out(text: str) -> None:
    with pytest.raises(ExpressionError, match="too large"):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("64*", "stops in the middle"),
        ("(3+4", "parenthesis"),
        ("3)", "no sign before"),
        ("3 4", "no sign before"),
        ("1/0", "divided by zero"),
        ("0**-1", "divided by zero"),
        ("(0-8)**.5", "no such power"),
        ("2*x", "'x' is no part"),
        ("1,5*2", "point"),
        ("__import__('os')", "no part"),
        ("(" * 30 + "1" + ")" * 30, "too deep"),
        ("1+" * 60 + "1", "at most"),
        ("2*)", "before"),
    ],
)
def test_what_is_wrong_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(words)):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("*2", 128), ("/2", 32), ("+=8", 72), ("-=8", 56), ("*=3", 192), ("/=4", 16), ("**2", 4096),
     ("//3", 21), ("*(1+1)", 128), (" * 2", 128), ("×2", 128), ("-=4*4", 48), ("32*2", 64),
     ("+8", 8), ("(32+16)*2", 96), ("2^5", 32), ("64/2", 32), ("0.1*30", 3), ("1,024", 1024),
     ("1_024", 1024)],
)  # fmt: skip
def test_a_field_takes_calculations_and_changes_of_what_is_there(text: str, value: int) -> None:
    found = read(CHANNELS, text, 64)
    assert found == value
    assert isinstance(found, int)


def test_a_minus_in_front_is_a_negative_number() -> None:
    assert read(RATE, "-8", 1.0) == -8.0
    assert read(RATE, "-3/4", 1.0) == -0.75
    assert read(RATE, "-1e-3", 1.0) == -0.001
    assert read(PADDING, "-1", 3) == -1


def test_the_special_word_still_stands_for_its_value() -> None:
    assert read(PADDING, "automatic", 3) == -1


def test_a_real_field_keeps_no_noise_of_the_calculation() -> None:
    assert read(RATE, "0.1*3", 1.0) == 0.3
    assert read(RATE, "3/4", 1.0) == 0.75
    assert read(RATE, "1/3", 1.0) == pytest.approx(1 / 3, abs=1e-12)


@pytest.mark.parametrize(("text", "words"), [
    ("7/2", "channels must be a whole number, not 3.5"),
    ("3.5", "channels must be a whole number, not '3.5'"),
    ("64*65", "channels must lie between 1 and 4,096, not 4160"),
    ("64*", "channels: it stops in the middle"),
    ("many", "channels must be a whole number"),
    ("+=", "channels: it stops in the middle"),
])  # fmt: skip
def test_what_a_whole_number_does_not_take_is_said_in_words(text: str, words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)):
        read(CHANNELS, text, 64)
