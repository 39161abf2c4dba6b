"""Colors can be read, icons are whole, and a change of scheme reaches what is on the screen."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QColor, QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from studio.app import resources
from studio.app.theme import icons, style
from studio.app.theme.tokens import SCHEMES, SURFACES, color, theme
from studio.project import registry

TEXTS = ("text", "muted", "accent", "warning", "error", "good")
GRAPHICS = ("plot1", "plot2", "plot3", "plot4", "line_strong")


def _luminance(name: str) -> float:
    """Relative luminance, WCAG 2.2."""
    paint = QColor(name)
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in paint.getRgbF()[:3]
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("surface", SURFACES)
def test_texts_stand_out_from_every_surface(scheme: str, text: str, surface: str) -> None:
    tokens = SCHEMES[scheme]
    assert contrast(tokens[text], tokens[surface]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("button", ["accent", "accent_hover"])
def test_text_on_the_accent_can_be_read(scheme: str, button: str) -> None:
    assert contrast(SCHEMES[scheme]["accent_text"], SCHEMES[scheme][button]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("surface", ["window", "panel", "card"])
@pytest.mark.parametrize("name", [*GRAPHICS, *(f"family.{family}" for family in registry.FAMILIES)])
def test_graphics_stand_out_from_what_they_are_drawn_on(
    scheme: str, surface: str, name: str
) -> None:
    tokens = SCHEMES[scheme]
    assert contrast(tokens[name], tokens[surface]) >= 3.0


def test_both_schemes_have_the_same_names() -> None:
    assert SCHEMES["light"].keys() == SCHEMES["dark"].keys()


@pytest.mark.parametrize("kind", registry.kinds(), ids=lambda kind: kind.kind)
def test_every_family_has_a_color_and_an_icon(kind: registry.Kind) -> None:
    assert f"family.{kind.family}" in SCHEMES["light"]
    assert resources.path("icons", f"{kind.family}.svg").is_file()


ICONS = sorted(file.stem for file in resources.path("icons").glob("*.svg"))


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_draws_something_at_16_pixels(qapp: QApplication, name: str) -> None:
    image = icons.pixmap(name, 16).toImage()
    inked = sum(image.pixelColor(x, y).alpha() > 128 for x in range(16) for y in range(16))
    assert 8 <= inked <= 200


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_is_tinted_and_none_has_a_color_of_its_own(name: str) -> None:
    drawing = resources.path("icons", f"{name}.svg").read_text()
    assert "currentColor" in drawing
    assert not re.search(r'="#[0-9a-f]', drawing)


def test_a_set_scheme_reaches_the_palette_and_the_icons(qtbot: QtBot) -> None:
    button = QToolButton()
    qtbot.addWidget(button)
    icons.set_icon(button, "play")
    theme().set_preference("light")
    light = button.icon().pixmap(24, 24).toImage()
    with qtbot.waitSignal(theme().scheme_changed):
        theme().set_preference("dark")
    assert QGuiApplication.palette().window().color() == QColor(SCHEMES["dark"]["window"])
    assert color("text") == QColor(SCHEMES["dark"]["text"])
    assert button.icon().pixmap(24, 24).toImage() != light


def test_the_last_icon_set_counts_after_a_change_of_scheme(qtbot: QtBot) -> None:
    button = QToolButton()
    qtbot.addWidget(button)
    icons.set_icon(button, "play")
    icons.set_icon(button, "pause")
    theme().set_preference("dark")
    wanted = icons.icon("pause").pixmap(24, 24).toImage()
    assert button.icon().pixmap(24, 24).toImage() == wanted


def test_a_role_can_change_after_the_widget_is_shown(qtbot: QtBot) -> None:
    label = QLabel("a sentence")
    qtbot.addWidget(label)
    label.show()
    style.set_role(label, "error")
    assert label.palette().windowText().color() == color("error")
    style.set_role(label, "good")
    assert label.palette().windowText().color() == color("good")


def test_no_token_is_left_in_the_style_sheet(qapp: QApplication) -> None:
    assert "@" not in qapp.styleSheet()
