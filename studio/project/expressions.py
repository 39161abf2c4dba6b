"""Arithmetic in a number field: "64*2", "3/4", "2**5", "(32+16)*2", and "*2" of what is there.

A small evaluator of its own: a text from anywhere can cost neither time nor memory, and nothing
but numbers and + - * / // ** ( ) means anything.
"""

from __future__ import annotations

import re
from math import isfinite, log2

from studio.project.settings import Integer, Real, SettingError

LONGEST = 100
"""Characters of an expression."""
DEEPEST = 20
"""Parentheses within parentheses."""
LARGEST = 1e18
"""No step of a calculation may go beyond: no setting takes a larger number."""

HELP = "Takes sums such as 64*2, 3/4 or 2**5; *2, /2, +=8 and -=8 change what is there."
"""For a number field's tooltip."""

Number = int | float

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<sign>\*\*|//|[-+*/()])|(?P<bad>\S))",
    re.ASCII,
)
_ALIKE = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "^": "**"})
_PLAIN = re.compile(r"[-+]?[^-+*/^×·÷−()=]*(?:[eE][-+]?\d+)?", re.ASCII)
_RELATIVE = re.compile(r"(?:(?P<assigned>\*\*|//|[-+*/])=|(?P<alone>\*\*|//|[*/]))(?P<rest>.*)")


class ExpressionError(ValueError):
    """A text that is no calculation; the message says what is wrong with it."""


def read(setting: Integer | Real, text: str, present: Number) -> Number:
    """What ``text`` stands for in a field that held ``present`` when its editing began.

    A plain number and a setting's special word are read as ever, so "-8" is a negative number.
    Raises SettingError with a sentence.
    """
    text = text.strip()
    if _PLAIN.fullmatch(text) or text == getattr(setting, "special", ""):
        return setting.parse(text)
    try:
        value = resolve(text, present)
    except ExpressionError as error:
        raise SettingError(f"{setting.title.lower()}: {error}") from None
    value = _tidy(value)
    if isinstance(setting, Integer) and not float(value).is_integer():
        raise SettingError(f"{setting.title.lower()} must be a whole number, not {value:g}")
    return setting.check(value)


def resolve(text: str, present: Number) -> Number:
    """The value of an expression, or of "*2", "/2", "+=8", "-=8" and the like on ``present``."""
    text = text.strip().translate(_ALIKE)
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        return evaluate(text)
    operator = relative["assigned"] or relative["alone"]
    return _apply(operator, present, evaluate(relative["rest"]))


def is_relative(text: str) -> bool:
    """Whether ``text`` asks for a change of what is there."""
    return _RELATIVE.fullmatch(text.strip().translate(_ALIKE)) is not None


def evaluate(text: str) -> Number:
    """The value of an arithmetic expression, whole where Python's own rules keep it whole.

    Raises ExpressionError.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"a calculation may have at most {LONGEST} characters")
    return _Reader(text.translate(_ALIKE)).result()


class _Reader:
    """Reads one expression from left to right, with Python's rules of what binds tighter."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        for match in _TOKEN.finditer(text):
            if match["bad"]:
                why = ": a decimal is written with a point" if match["bad"] == "," else ""
                raise ExpressionError(f"{match['bad']!r} is no part of a calculation{why}")
            self._tokens.append(match["number"] or match["sign"])
        self._next = 0
        self._depth = 0

    def result(self) -> Number:
        value = self._sum()
        if self._next < len(self._tokens):
            raise ExpressionError(f"there is no sign before {self._tokens[self._next]!r}")
        return value

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _sum(self) -> Number:
        value = self._product()
        while self._peek() in ("+", "-"):
            value = _apply(self._take(), value, self._product())
        return value

    def _product(self) -> Number:
        value = self._signed()
        while self._peek() in ("*", "/", "//"):
            value = _apply(self._take(), value, self._signed())
        return value

    def _signed(self) -> Number:
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._take() == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Number:
        value = self._single()
        if self._peek() != "**":
            return value
        # A chain of powers is read from the right: 2**3**2 is 2**9.
        self._take()
        self._deeper()
        exponent = self._signed()
        self._depth -= 1
        return _apply("**", value, exponent)

    def _single(self) -> Number:
        token = self._take()
        if token == "(":
            self._deeper()
            value = self._sum()
            if self._take() != ")":
                raise ExpressionError("a parenthesis is not closed")
            self._depth -= 1
            return value
        if not token:
            raise ExpressionError("it stops in the middle: a number has to follow")
        if not token[-1].isdigit() and token[-1] != ".":
            raise ExpressionError(f"a number has to stand before {token!r}")
        return _bounded(int(token) if token.isdigit() else float(token))

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError("it is nested too deep")


def _apply(operator: str, left: Number, right: Number) -> Number:
    if operator in ("/", "//") and right == 0:
        raise ExpressionError("nothing can be divided by zero")
    match operator:
        case "+":
            return _bounded(left + right)
        case "-":
            return _bounded(left - right)
        case "*":
            return _bounded(left * right)
        case "/":
            return _bounded(left / right)
        case "//":
            return _bounded(left // right)
    return _raised(left, right)


def _raised(base: Number, exponent: Number) -> Number:
    if base == 0 and exponent < 0:
        raise ExpressionError("nothing can be divided by zero")
    if base < 0 and not float(exponent).is_integer():
        raise ExpressionError("a negative number has no such power")
    # Asked before it is worked out: 9**9**9 has 369 million digits.
    if base != 0 and exponent * log2(abs(base)) > log2(LARGEST) + 1:
        raise ExpressionError("the number becomes too large")
    power: Number = base**exponent
    return _bounded(power)


def _bounded(value: Number) -> Number:
    if not isfinite(value) or abs(value) > LARGEST:
        raise ExpressionError("the number becomes too large")
    return value


def _tidy(value: Number) -> Number:
    """Without the last digits' noise: 0.1*3 is 0.3, and 0.1*30 a whole 3."""
    return value if isinstance(value, int) else float(f"{value:.12g}")
