"""The icons: one set of SVG drawings on a 24 pixel grid, tinted with the scheme's colors.

The drawings say ``currentColor``; here it is replaced before they are rendered.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from studio.app import resources
from studio.app.theme.tokens import SCHEMES, theme

# Sizes that a window asks for at 100, 150 and 200 % scale; others are scaled down by Qt. Few,
# because all of them are drawn before the first window shows.
_SIZES = (16, 20, 24, 32, 44)
_DISABLED_SIZES = (16, 20, 32)


@cache
def _renderer(name: str, hex_color: str) -> QSvgRenderer:
    drawing = resources.path("icons", f"{name}.svg").read_bytes()
    return QSvgRenderer(QByteArray(drawing.replace(b"currentColor", hex_color.encode())))


def _hex(color: str) -> str:
    return SCHEMES[theme().scheme][color]


def paint_icon(painter: QPainter, rect: QRectF, name: str, color: str = "text") -> None:
    """Draw the icon ``name`` into ``rect`` with the token ``color``, sharp at any scale."""
    _renderer(name, _hex(color)).render(painter, rect)


def pixmap(name: str, size: int, color: str = "text", ratio: float = 1.0) -> QPixmap:
    """The icon as a picture of ``size`` device-independent pixels, for a screen of ``ratio``."""
    return _pixmap(name, size, _hex(color), ratio)


@cache
def _pixmap(name: str, size: int, hex_color: str, ratio: float) -> QPixmap:
    pixels = round(size * ratio)
    picture = QPixmap(QSize(pixels, pixels))
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    _renderer(name, hex_color).render(painter)
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


@cache
def _icon(name: str, hex_color: str, hex_disabled: str) -> QIcon:
    result = QIcon()
    for size in _SIZES:
        result.addPixmap(_pixmap(name, size, hex_color, 1.0))
    for size in _DISABLED_SIZES:
        result.addPixmap(_pixmap(name, size, hex_disabled, 1.0), QIcon.Mode.Disabled)
    return result


def icon(name: str, color: str = "text") -> QIcon:
    """The icon in the token ``color`` of the scheme that holds now; ``set_icon`` follows it."""
    return _icon(name, _hex(color), _hex("disabled"))


def set_icon(button: QAbstractButton, name: str, color: str = "text") -> None:
    """Give ``button`` the icon, now and after every change of scheme.

    May be called again to change the icon: the last call counts.
    """
    tint = button.findChild(_Tint, options=Qt.FindChildOption.FindDirectChildrenOnly)
    if tint is None:
        tint = _Tint(button)
    tint.name, tint.color = name, color
    tint.apply()


class _Tint(QObject):
    """Belongs to a button and dies with it; Qt then ends the connection."""

    def __init__(self, button: QAbstractButton) -> None:
        super().__init__(button)
        self._button = button
        self.name = self.color = ""
        theme().scheme_changed.connect(self.apply)

    def apply(self) -> None:
        self._button.setIcon(icon(self.name, self.color))


class IconLabel(QLabel):
    """An icon by itself, tinted anew after every change of scheme."""

    def __init__(
        self, name: str, size: int, color: str = "muted", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name, self._size, self._color = name, size, color
        self.setFixedHeight(size)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        theme().scheme_changed.connect(self._tint)
        self._tint()

    def set_icon(self, name: str, color: str) -> None:
        """Show another icon, or the same in another color."""
        self._name, self._color = name, color
        self._tint()

    def _tint(self) -> None:
        ratio = self.devicePixelRatioF()
        self.setPixmap(pixmap(self._name, self._size, self._color, ratio))


@cache
def app_icon() -> QIcon:
    """The program's own icon, for windows and task bars."""
    return QIcon(str(resources.path("logo.svg")))
