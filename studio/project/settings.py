"""Declarations of the settings that layers, blocks, optimizers and schedules have.

One declaration serves the inspector's form, the check of a file that was read, the command line's
``--set`` and the help text, so a bound is written down once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = bool | int | float | str | dict[str, Any]
Values = Mapping[str, Any]


class SettingError(ValueError):
    """A value that a setting does not take; the message is a sentence for the user."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all settings have.

    ``when`` names another setting of the same owner and the values of it for which this one
    matters, ``unless`` one and the values for which it does not; a form hides it otherwise, and
    its value then has no effect. A ``hidden`` one stands in no form: it is edited on the canvas.
    """

    name: str
    title: str
    help: str = ""
    unit: str = ""
    when: tuple[str, tuple[Value, ...]] | None = None
    unless: tuple[str, tuple[Value, ...]] | None = None
    hidden: bool = False

    @property
    def initial(self) -> Value:
        """The value that holds where the user has set none."""
        raise NotImplementedError

    def check(self, value: object) -> Value:
        """``value`` as this setting takes it; raises SettingError for any other."""
        raise NotImplementedError

    def parse(self, text: str) -> Value:
        """The value that ``text``, typed by a user, stands for; raises SettingError."""
        raise NotImplementedError

    def show(self, value: Value) -> str:
        """``value`` as a card or table prints it."""
        return str(value)

    def matters(self, values: Values) -> bool:
        """Whether this setting has an effect under the other ``values`` of its owner."""
        if self.unless is not None and values[self.unless[0]] in self.unless[1]:
            return False
        return self.when is None or values[self.when[0]] in self.when[1]


@dataclass(frozen=True, kw_only=True)
class Integer(Setting):
    """A whole number; ``special`` is the word for ``minimum`` where that means "automatic"."""

    default: int
    minimum: int
    maximum: int
    special: str = ""

    @property
    def initial(self) -> int:
        return self.default

    def check(self, value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise SettingError(f"{self.title.lower()} must be a whole number, not {_quote(value)}")
        if not self.minimum <= value <= self.maximum:
            raise SettingError(
                f"{self.title.lower()} must lie between {self.minimum:,} and {self.maximum:,}, "
                f"not {_quote(value)}"
            )
        return value

    def parse(self, text: str) -> int:
        if self.special and text.strip() == self.special:
            return self.minimum
        try:
            return self.check(int(text.strip().replace(",", "").replace("_", "")))
        except SettingError:
            raise
        except ValueError:
            raise SettingError(
                f"{self.title.lower()} must be a whole number, not {_quote(text)}"
            ) from None

    def show(self, value: Value) -> str:
        return self.special if self.special and value == self.minimum else str(value)


@dataclass(frozen=True, kw_only=True)
class Real(Setting):
    """A finite number; ``logarithmic`` asks a form to step it by factors instead of sums."""

    default: float
    minimum: float
    maximum: float
    above: bool = False
    logarithmic: bool = False

    @property
    def initial(self) -> float:
        return self.default

    def check(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingError(f"{self.title.lower()} must be a number, not {_quote(value)}")
        number = float(value) if abs(value) < 1e300 else math.inf
        low = number > self.minimum if self.above else number >= self.minimum
        if not (low and number <= self.maximum):
            start = "above" if self.above else "at least"
            raise SettingError(
                f"{self.title.lower()} must be {start} {self.minimum:g} and at most "
                f"{self.maximum:g}, not {_quote(value)}"
            )
        return number

    def parse(self, text: str) -> float:
        try:
            number = float(text.strip())
        except ValueError:
            raise SettingError(
                f"{self.title.lower()} must be a number, not {_quote(text)}"
            ) from None
        return self.check(number)

    def show(self, value: Value) -> str:
        return f"{value:g}"


@dataclass(frozen=True, kw_only=True)
class Flag(Setting):
    """On or off."""

    default: bool

    @property
    def initial(self) -> bool:
        return self.default

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise SettingError(f"{self.title.lower()} must be true or false, not {_quote(value)}")
        return value

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in ("true", "on", "yes", "1"):
            return True
        if word in ("false", "off", "no", "0"):
            return False
        raise SettingError(f"{self.title.lower()} must be on or off, not {_quote(text)}")

    def show(self, value: Value) -> str:
        return "on" if value else "off"


@dataclass(frozen=True, kw_only=True)
class Choice(Setting):
    """One of a few words; ``choices`` pairs the stored word with the one that is shown."""

    default: str
    choices: tuple[tuple[str, str], ...]

    @property
    def initial(self) -> str:
        return self.default

    def check(self, value: object) -> str:
        for word, _ in self.choices:
            if value == word:
                return word
        known = ", ".join(word for word, _ in self.choices)
        raise SettingError(f"{self.title.lower()} must be one of {known}, not {_quote(value)}")

    def parse(self, text: str) -> str:
        return self.check(text.strip())

    def show(self, value: Value) -> str:
        return dict(self.choices).get(str(value), str(value))


@dataclass(frozen=True, kw_only=True)
class Text(Setting):
    """A line of text, at most ``longest`` characters long; spaces around it are taken off.

    It may end up in source code and in file names, so it holds only what can be printed.
    """

    default: str
    longest: int

    @property
    def initial(self) -> str:
        return self.default

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise SettingError(f"{self.title.lower()} must be a text, not {_quote(value)}")
        text = value.strip()
        if not text:
            raise SettingError(f"{self.title.lower()} is empty: type at least one letter")
        if len(text) > self.longest:
            raise SettingError(
                f"{self.title.lower()} may have at most {self.longest} characters, not {len(text)}"
            )
        if not text.isprintable():
            raise SettingError(f"{self.title.lower()} holds a character that cannot be printed")
        return text

    def parse(self, text: str) -> str:
        return self.check(text)


@dataclass(frozen=True, kw_only=True)
class Numbers(Setting):
    """Some numbers in a row, kept as the text that a user types: "30, 60, 80"."""

    default: str
    minimum: float
    maximum: float
    whole: bool = False
    rising: bool = False
    most: int = 1000
    empty: bool = False

    @property
    def initial(self) -> str:
        return self.default

    def numbers(self, text: str) -> tuple[float, ...]:
        """The numbers in ``text``; raises SettingError."""
        found = [self._number(part) for part in _parts(text)]
        if not found and not self.empty:
            raise SettingError(f"{self.title.lower()} has no number: type some, as 30, 60, 80")
        if len(found) > self.most:
            raise SettingError(f"{self.title.lower()} may have at most {self.most:,} numbers")
        if self.rising and any(b <= a for a, b in itertools.pairwise(found)):
            raise SettingError(f"{self.title.lower()} must rise from number to number")
        return tuple(found)

    def _number(self, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise SettingError(
                f"{self.title.lower()} must be numbers with commas between, not {_quote(text)}"
            ) from None
        if not self.minimum <= number <= self.maximum or (self.whole and not number.is_integer()):
            kind = "whole numbers" if self.whole else "numbers"
            raise SettingError(
                f"{self.title.lower()} must be {kind} from {self.minimum:g} to {self.maximum:,g}, "
                f"not {_quote(text)}"
            )
        return number

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise SettingError(f"{self.title.lower()} must be a text, not {_quote(value)}")
        return ", ".join(_exact(number) for number in self.numbers(value))

    def parse(self, text: str) -> str:
        return self.check(text)


@dataclass(frozen=True, kw_only=True)
class Points(Setting):
    """Points of a curve from 0 to 1, kept as text: "0:0.1, 0.3:1, 1:0"; heights are 0 or more."""

    default: str
    highest: float = 100.0
    most: int = 50

    @property
    def initial(self) -> str:
        return self.default

    def points(self, text: str) -> tuple[tuple[float, float], ...]:
        """The points in ``text``, the first at 0 and the last at 1; raises SettingError."""
        found = []
        for part in _parts(text):
            place, _, height = part.partition(":")
            try:
                found.append((float(place), float(height)))
            except ValueError:
                raise SettingError(
                    f"{self.title.lower()} must be pairs as 0:0.1, 0.3:1, 1:0, not {_quote(part)}"
                ) from None
        if not 2 <= len(found) <= self.most:
            raise SettingError(f"{self.title.lower()} must be 2 to {self.most}, not {len(found)}")
        if any(not b[0] > a[0] for a, b in itertools.pairwise(found)):
            raise SettingError(f"{self.title.lower()} must go from left to right")
        if found[0][0] != 0 or found[-1][0] != 1:
            raise SettingError(f"{self.title.lower()} must begin at 0 and end at 1")
        if not all(0 <= height <= self.highest for _, height in found):
            raise SettingError(f"{self.title.lower()} must have heights from 0 to {self.highest:g}")
        return tuple(found)

    def text(self, points: Sequence[tuple[float, float]]) -> str:
        """``points`` as this setting keeps them."""
        return ", ".join(f"{_exact(place)}:{_exact(height)}" for place, height in points)

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise SettingError(f"{self.title.lower()} must be a text, not {_quote(value)}")
        return self.text(self.points(value))

    def parse(self, text: str) -> str:
        return self.check(text)


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").replace(";", " ").split() if part]


def _exact(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def complete(settings: Sequence[Setting], given: Values, owner: str) -> dict[str, Any]:
    """``given`` checked, with the defaults filled in, in the order of declaration.

    Raises SettingError naming ``owner`` for a value out of bounds or a name that is not declared.
    """
    result: dict[str, Any] = {}
    for setting in settings:
        if setting.name not in given:
            result[setting.name] = setting.initial
            continue
        try:
            result[setting.name] = setting.check(given[setting.name])
        except SettingError as error:
            raise SettingError(f"{owner}: {error}") from None
    if len(given) > 0 and (unknown := given.keys() - result.keys()):
        known = ", ".join(result) or "none"
        raise SettingError(
            f"{owner}: there is no setting {_quote(sorted(unknown)[0])}; known are {known}"
        )
    return result


def _quote(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
