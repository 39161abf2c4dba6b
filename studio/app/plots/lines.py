"""The lines of a plot: a column of a value for each step, or a few points of their own."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from studio.app.plots import looks, series
from studio.app.theme.tokens import color
from studio.runs.telemetry import Column

DOT_PIXELS = 5
BOLD_PIXELS = 2


class Line(Protocol):
    """What a plot asks of a line. ``title`` is empty for one that only accompanies another,
    ``key`` is its name in a table; ``rough`` lines may have wild values, and ``current`` ones
    have a last value that is one of now."""

    title: str
    key: str
    rough: bool
    current: bool
    item: pg.GraphicsObject

    def points(self, left: float, right: float, buckets: int) -> tuple[np.ndarray, np.ndarray]: ...

    def draw(self, x: np.ndarray, y: np.ndarray) -> None: ...

    def last(self) -> float | None: ...

    def at(self, step: float) -> float | None: ...

    def everything(self) -> tuple[np.ndarray, np.ndarray]: ...

    def dress(self) -> None: ...


class CurveItem(pg.GraphicsObject):  # type: ignore[misc]
    """A line through points, drawn at one pixel without antialiasing.

    ``bold`` draws it again one pixel lower and one to the right, which costs a fraction of a pen
    of two pixels; a line of ``few`` points can have that pen. ``dots`` puts a marker at each of
    at most 100 points.
    """

    def __init__(self, bold: bool, dots: bool, few: bool = False) -> None:
        super().__init__()
        self._few = few
        self._path = QPainterPath()
        self._box = QRectF()
        self._pen = QPen()
        self._bold = bold
        self._dots: list[QPointF] | None = [] if dots else None

    def set_points(self, x: np.ndarray, y: np.ndarray) -> None:
        """Show the line through these finite points."""
        self.prepareGeometryChange()
        self._path = pg.arrayToQPath(x, y, connect="all", finiteCheck=False)
        self._box = QRectF()
        if len(x):
            left, right, low, high = float(x[0]), float(x[-1]), float(y.min()), float(y.max())
            # A flat line still needs a height for Qt to draw it.
            margin = 0.05 * (high - low) or 0.01 * abs(high) or 1e-6
            self._box = QRectF(left, low - margin, right - left, high - low + 2 * margin)
            side = 0.02 * (right - left) or 1.0
            self._box.adjust(-side, 0, side, 0)
        if self._dots is not None:
            stride = max(1, len(x) // 100)
            pairs = zip(x[::stride].tolist(), y[::stride].tolist(), strict=True)
            self._dots = [QPointF(*pair) for pair in pairs]
        self.update()

    def set_pen(self, pen: QPen) -> None:
        """Draw with ``pen`` from now on."""
        self._pen = pen
        self.update()

    def boundingRect(self) -> QRectF:
        return self._box

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        ratio = painter.device().devicePixelRatio()
        pen = looks.scaled(self._pen, ratio)
        if self._bold and self._few:
            pen = QPen(pen)
            pen.setWidthF(BOLD_PIXELS * ratio)
            # Dashes are counted in widths of the pen, which follow the screen's scale already.
            pen.setDashPattern([length / BOLD_PIXELS for length in self._pen.dashPattern()])
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(pen)
        painter.drawPath(self._path)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        if self._bold and not self._few:
            place = painter.worldTransform()
            for pixel in range(1, round(BOLD_PIXELS * ratio)):
                for right, down in ((0.0, pixel / ratio), (pixel / ratio, 0.0)):
                    painter.setWorldTransform(place * QTransform.fromTranslate(right, down))
                    painter.drawPath(self._path)
            painter.setWorldTransform(place)
        if self._dots:
            # A pen that ignores the view's zoom counts the screen's pixels.
            dot = QPen(self._pen.color(), DOT_PIXELS * ratio)
            dot.setCosmetic(True)
            dot.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(dot)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            for point in self._dots:
                painter.drawPoint(point)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


class _Curve:
    """A line in one color of the theme; ``share`` below 1 makes it pale."""

    def __init__(
        self,
        title: str,
        tint: str,
        *,
        key: str,
        share: float = 1.0,
        dash: bool = False,
        dots: bool = False,
    ) -> None:
        self.title = title
        self.key = key
        self.rough = False
        self.current = True
        self.tint = tint
        self.share = share
        self.dash = dash
        self.item = CurveItem(bold=share == 1.0 and bool(title), dots=dots, few=dash)

    @property
    def color(self) -> QColor:
        """Its color in the present scheme."""
        return looks.mixed(self.tint, self.share) if self.share < 1 else color(self.tint)

    def draw(self, x: np.ndarray, y: np.ndarray) -> None:
        """Show these points."""
        self.item.set_points(x, y)

    def dress(self) -> None:
        """Take the color of the present scheme."""
        self.item.set_pen(looks.pen(self.color, self.dash))


class ColumnLine(_Curve):
    """A telemetry column: value i belongs to step ``first_step + i`` and is drawn at its end."""

    def __init__(
        self,
        title: str,
        column: Column,
        tint: str,
        first_step: int = 0,
        *,
        key: str,
        share: float = 1.0,
        rough: bool = False,
        stairs: bool = False,
    ) -> None:
        super().__init__(title, tint, key=key, share=share)
        self._stairs = stairs
        self.column = column
        self.rough = rough
        self._shift = first_step + 1

    def points(self, left: float, right: float, buckets: int) -> tuple[np.ndarray, np.ndarray]:
        """The part of the line in [left, right] at ``buckets`` pixels."""
        x, y = series.polyline(self.column, left - self._shift, right - self._shift, buckets)
        if self._stairs:  # a value holds for the whole of its step
            return np.repeat(x, 2) + self._shift - np.tile((1.0, 0.0), len(x)), np.repeat(y, 2)
        return x + self._shift, y

    def last(self) -> float | None:
        """The newest value."""
        return float(self.column.values[-1]) if len(self.column) else None

    def at(self, step: float) -> float | None:
        """The value of the step nearest to ``step``."""
        index = round(step) - self._shift
        return float(self.column.values[index]) if 0 <= index < len(self.column) else None

    def everything(self) -> tuple[np.ndarray, np.ndarray]:
        """All steps and values."""
        values = self.column.values
        return np.arange(len(values)) + self._shift, values


class SmoothedLine(ColumnLine):
    """The moving average of a column over about ``span`` steps."""

    def __init__(
        self, title: str, column: Column, tint: str, span: float, first_step: int, *, key: str
    ) -> None:
        self._smoother = series.Smoother(column, span)
        super().__init__(title, self._smoother.column, tint, first_step, key=key)

    def points(self, left: float, right: float, buckets: int) -> tuple[np.ndarray, np.ndarray]:
        """The part of the line in [left, right], after taking in what is new."""
        self._smoother.catch_up()
        return super().points(left, right, buckets)


class PointsLine(_Curve):
    """A few points, joined by dashes, with a marker at each where ``dots`` is set."""

    def __init__(
        self, title: str, tint: str, *, key: str, dots: bool = False, current: bool = True
    ) -> None:
        super().__init__(title, tint, key=key, dash=True, dots=dots)
        self.current = current
        self._x = np.empty(0)
        self._y = np.empty(0)

    def set_points(self, x: np.ndarray, y: np.ndarray) -> None:
        """Replace the points; they are drawn with the plot's next redraw."""
        self._x, self._y = np.asarray(x, float), np.asarray(y, float)

    def points(self, left: float, right: float, buckets: int) -> tuple[np.ndarray, np.ndarray]:
        """All finite points: there are few."""
        good = np.isfinite(self._y)
        return self._x[good], self._y[good]

    def last(self) -> float | None:
        """The newest value."""
        return float(self._y[-1]) if len(self._y) else None

    def at(self, step: float) -> float | None:
        """The value of the last point at or before ``step``."""
        index = int(np.searchsorted(self._x, step, side="right")) - 1
        return float(self._y[index]) if index >= 0 else None

    def everything(self) -> tuple[np.ndarray, np.ndarray]:
        """All points."""
        return self._x, self._y
