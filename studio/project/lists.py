"""Settings of several numbers, kept as the text that a user types."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from studio.project.settings import Setting, SettingError, quoted


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
                f"{self.title.lower()} must be numbers with commas between, not {quoted(text)}"
            ) from None
        if not self.minimum <= number <= self.maximum or (self.whole and not number.is_integer()):
            kind = "whole numbers" if self.whole else "numbers"
            raise SettingError(
                f"{self.title.lower()} must be {kind} from {self.minimum:g} to {self.maximum:,g}, "
                f"not {quoted(text)}"
            )
        return number

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise SettingError(f"{self.title.lower()} must be a text, not {quoted(value)}")
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
                    f"{self.title.lower()} must be pairs as 0:0.1, 0.3:1, 1:0, not {quoted(part)}"
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
            raise SettingError(f"{self.title.lower()} must be a text, not {quoted(value)}")
        return self.text(self.points(value))

    def parse(self, text: str) -> str:
        return self.check(text)


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").replace(";", " ").split() if part]


def _exact(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
