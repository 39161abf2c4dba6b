"""How large texts are: as the system's font asks for, or as the user chose in the View menu.

What is measured by its text says so with ``sized`` and follows a change at once; what paints texts
measures with ``px`` when it paints.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QFont, QFontInfo
from PySide6.QtWidgets import QWidget

AnyWidget = TypeVar("AnyWidget", bound=QWidget)

SYSTEM = "system"
PERCENT = (90, 100, 110, 125, 150)
_USUAL = (12, 15)
"""Pixels of an interface font that somebody who has changed nothing gets: Windows and plain X11
have 12, macOS and KDE 13, GNOME 15. Within them texts have the sizes they were drawn for."""
_BOUNDS = (0.75, 1.5)


class TextSize(QObject):
    """Holds the scale, a factor on every text height; 1.0 is that of the tokens."""

    changed = Signal()
    dressed = Signal()
    """The style sheet was set anew: Qt then gives widgets the fonts back that they began with."""

    def __init__(self) -> None:
        super().__init__()
        self._choice = SYSTEM
        self._system = 1.0

    @property
    def choice(self) -> str:
        """``"system"`` or a number of percent, as text."""
        return self._choice

    @property
    def scale(self) -> float:
        """What text heights are multiplied with."""
        return self._system if self._choice == SYSTEM else int(self._choice) / 100

    def read_system(self, font: QFont) -> None:
        """Take the system's size from the font that it gives to applications."""
        self._system = system_scale(QFontInfo(font).pixelSize())

    def choose(self, choice: str) -> None:
        """Follow the system or hold a number of percent; what is neither follows the system."""
        before = self.scale
        known = choice.isdecimal() and int(choice) in PERCENT
        self._choice = choice if known else SYSTEM
        if self.scale != before:
            self.changed.emit()

    def neighbor(self, step: int) -> str:
        """The choice that is one size larger (1) or smaller (-1) than what holds now."""
        now = round(self.scale * 100)
        if step > 0:
            return str(next((each for each in PERCENT if each > now), PERCENT[-1]))
        return str(next((each for each in reversed(PERCENT) if each < now), PERCENT[0]))


def system_scale(pixels: int) -> float:
    """The factor that a system's interface font of so many pixels asks for."""
    low, high = _USUAL
    wanted = pixels / low if pixels < low else pixels / high if pixels > high else 1.0
    return max(_BOUNDS[0], min(_BOUNDS[1], wanted))


@cache
def text_size() -> TextSize:
    """The one text size of the program."""
    return TextSize()


def px(pixels: float) -> int:
    """A length that grows with the texts, in device-independent pixels."""
    return round(pixels * text_size().scale)


class _Sized(QObject):
    """Calls back for its parent, and goes with it."""

    def __init__(self, widget: QWidget, apply: Callable[[Any], object]) -> None:
        super().__init__(widget)
        self._apply = apply
        text_size().changed.connect(self.again)
        text_size().dressed.connect(self.again)

    @Slot()
    def again(self) -> None:
        self._apply(self.parent())


def sized(widget: AnyWidget, apply: Callable[[AnyWidget], object]) -> None:
    """Call ``apply`` with ``widget`` now and whenever the text size or the style has changed.

    ``apply`` must not hold the widget itself, or neither would ever go away.
    """
    apply(widget)
    _Sized(widget, apply)
