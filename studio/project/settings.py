"""Declarations of the settings that layers, blocks, optimizers and schedules have.

One declaration serves the inspector's form, the check of a file that was read, the command line's
``--set`` and the help text, so a bound is written down once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = bool | int | float | str | dict[str, Any]
Values = Mapping[str, Any]


TECHNICAL = 100_000
"""From here on a bound keeps nonsense out and tells nobody anything: forms leave it out."""


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
            raise SettingError(f"{self.title.lower()} must be a whole number, not {quoted(value)}")
        if not self.minimum <= value <= self.maximum:
            raise SettingError(
                f"{self.title.lower()} must lie between {self.minimum:,} and {self.maximum:,}, "
                f"not {quoted(value)}"
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
                f"{self.title.lower()} must be a whole number, not {quoted(text)}"
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
            raise SettingError(f"{self.title.lower()} must be a number, not {quoted(value)}")
        number = float(value) if abs(value) < 1e300 else math.inf
        low = number > self.minimum if self.above else number >= self.minimum
        if not (low and number <= self.maximum):
            start = "above" if self.above else "at least"
            raise SettingError(
                f"{self.title.lower()} must be {start} {self.minimum:g} and at most "
                f"{shown(self.maximum)}, not {quoted(value)}"
            )
        return number

    def parse(self, text: str) -> float:
        try:
            number = float(text.strip())
        except ValueError:
            raise SettingError(
                f"{self.title.lower()} must be a number, not {quoted(text)}"
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
            raise SettingError(f"{self.title.lower()} must be true or false, not {quoted(value)}")
        return value

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in ("true", "on", "yes", "1"):
            return True
        if word in ("false", "off", "no", "0"):
            return False
        raise SettingError(f"{self.title.lower()} must be on or off, not {quoted(text)}")

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
        raise SettingError(f"{self.title.lower()} must be one of {known}, not {quoted(value)}")

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
            raise SettingError(f"{self.title.lower()} must be a text, not {quoted(value)}")
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
            f"{owner}: there is no setting {quoted(sorted(unknown)[0])}; known are {known}"
        )
    return result


def shown(number: float) -> str:
    """A bound as a sentence has it: 1,000,000 and not 1e+06."""
    return f"{number:,.0f}" if abs(number) >= 1000 and number == int(number) else f"{number:g}"


def quoted(value: object) -> str:
    """``value`` as a message repeats it: not longer than a line."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
