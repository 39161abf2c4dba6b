"""Every color and size of the window, once, for the light and the dark scheme.

Widgets ask ``color("muted")`` when they paint, so a change of scheme needs a repaint only; what
keeps a color (an icon, a pen) listens to ``theme().scheme_changed``. Texts hold a contrast of at
least 4.5:1 against every surface, graphics 3:1 (tests/app/shell/test_theme.py).

Families use the colors of Okabe and Ito (2008), which people with color-blindness can tell apart,
darkened or lightened where a scheme's background asks for it.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication

from studio.app.theme.text_size import px

Preference = Literal["system", "light", "dark"]

S1, S2, S3, S4, S5, S6 = 4, 8, 12, 16, 24, 32
"""Distances in device-independent pixels."""

RADIUS = 6
FONT_SMALL = 11
FONT_BASE = 13
FONT_LARGE = 20
"""Text heights in device-independent pixels, before the text size that the user chose; the large
one is for a page's headline alone."""

ROW = 28
"""Height of a field, button or row of a list, at the usual text size."""

SURFACES = (
    "window", "panel", "card", "field", "accent_soft", "good_soft", "warning_soft", "error_soft",
)  # fmt: skip
"""Colors that texts stand on."""

SCHEMES: dict[str, dict[str, str]] = {
    "light": {
        "window": "#f5f7fa",
        "panel": "#ffffff",
        "card": "#ffffff",
        "field": "#fafbfd",
        "hover": "#eef1f6",
        "track": "#e4e8ef",
        "line": "#dce1e9",
        "line_strong": "#858f9e",
        "text": "#1a1e26",
        "muted": "#58626f",
        "disabled": "#a3abb7",
        "accent": "#1f5bd6",
        "accent_hover": "#194dbb",
        "accent_text": "#ffffff",
        "accent_soft": "#e7eefc",
        "good_soft": "#e8f6f0",
        "warning_soft": "#fdf3e7",
        "error_soft": "#fdeeec",
        "warning": "#a04300",
        "error": "#b3231b",
        "good": "#0a7150",
        "plot1": "#1f5bd6",
        "plot2": "#c24d08",
        "plot3": "#0a8760",
        "plot4": "#8757b8",
        "family.vgg": "#0072b2",
        "family.inception": "#00936b",
        "family.residual": "#d55e00",
        "family.convolution": "#2f8cc2",
        "family.normalization": "#16897f",
        "family.activation": "#a97800",
        "family.pooling": "#bd5f96",
        "family.dropout": "#78828f",
        "family.linear": "#7a63c4",
        "family.merge": "#b8621b",
        "family.shape": "#667180",
        "family.group": "#8757b8",
        "family.input": "#4b5563",
        "family.output": "#4b5563",
        "family.unknown": "#78828f",
    },
    "dark": {
        "window": "#15171b",
        "panel": "#1b1e23",
        "card": "#20242a",
        "field": "#23272e",
        "hover": "#282d35",
        "track": "#30363f",
        "line": "#31363f",
        "line_strong": "#6f7987",
        "text": "#e9ecf1",
        "muted": "#9fa8b5",
        "disabled": "#5d6672",
        "accent": "#7fabff",
        "accent_hover": "#9dbfff",
        "accent_text": "#0b1220",
        "accent_soft": "#22304b",
        "good_soft": "#1a322a",
        "warning_soft": "#372a18",
        "error_soft": "#3c2325",
        "warning": "#f2a541",
        "error": "#ff9086",
        "good": "#4fcb9c",
        "plot1": "#7fabff",
        "plot2": "#f2914f",
        "plot3": "#45c99c",
        "plot4": "#cf9bea",
        "family.vgg": "#3a9bd9",
        "family.inception": "#1fb58a",
        "family.residual": "#ea7a2a",
        "family.convolution": "#56b4e9",
        "family.normalization": "#3bb5a8",
        "family.activation": "#d9a31c",
        "family.pooling": "#d488b4",
        "family.dropout": "#8e98a5",
        "family.linear": "#a18fe0",
        "family.merge": "#e09352",
        "family.shape": "#98a2af",
        "family.group": "#cf9bea",
        "family.input": "#b3bcc8",
        "family.output": "#b3bcc8",
        "family.unknown": "#8e98a5",
    },
}


class Theme(QObject):
    """Which scheme holds now: the system's, or the one that the user set."""

    scheme_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._preference: Preference = "system"
        self._scheme = "light"

    @property
    def scheme(self) -> str:
        """``"light"`` or ``"dark"``."""
        return self._scheme

    @property
    def preference(self) -> Preference:
        """What the user chose in the View menu."""
        return self._preference

    def follow_system(self) -> None:
        """Take the system's scheme now and whenever it changes. Needs the application."""
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self.refresh, Qt.ConnectionType.UniqueConnection)
        self.refresh()

    def set_preference(self, preference: Preference) -> None:
        """Follow the system, or hold one scheme whatever the system says."""
        self._preference = preference
        # Title bars and native menus follow where the platform can do so; where it cannot
        # (plain X11), colorScheme() stays unknown and only our own surfaces change.
        QGuiApplication.styleHints().setColorScheme(
            {
                "system": Qt.ColorScheme.Unknown,
                "light": Qt.ColorScheme.Light,
                "dark": Qt.ColorScheme.Dark,
            }[preference]
        )
        self.refresh()

    def refresh(self) -> None:
        """Work out the scheme again and tell about a change."""
        scheme: str = self._preference
        if scheme == "system":
            dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
            scheme = "dark" if dark else "light"
        if scheme != self._scheme:
            self._scheme = scheme
            self.scheme_changed.emit()


@cache
def theme() -> Theme:
    """The one theme of the program."""
    return Theme()


def color(name: str) -> QColor:
    """The color called ``name`` in the current scheme; raises KeyError for an unknown name."""
    return QColor(SCHEMES[theme().scheme][name])


def font(size: int = FONT_BASE, *, bold: bool = False, tabular: bool = False) -> QFont:
    """The system's font at one of the sizes above, in the text size that holds now; ``tabular`` for
    numbers that change."""
    result = QFont(QGuiApplication.font())
    result.setPixelSize(px(size))
    result.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    if tabular:
        result.setFeature(QFont.Tag("tnum"), 1)
    return result


def fixed_font(size: int = FONT_BASE) -> QFont:
    """The system's font for code, in the text size that holds now."""
    result = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    result.setPixelSize(px(size))
    return result
