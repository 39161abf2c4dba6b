"""The two axes of a plot: hairlines instead of ticks, few and round numbers, small muted text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter

from studio.app.plots import looks, ticks
from studio.app.theme.text_size import px
from studio.app.theme.tokens import FONT_SMALL, color, font

LEFT_WIDTH = 46
BOTTOM_HEIGHT = 22
PIXELS_A_ROW = 44
COLUMNS = 6.2
"""Steps of the lower axis, whatever the width, so that plots of one run have the same numbers; six
and what is left free at the end."""
LEAST_COLUMN = 30
GAP = 6

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTER = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop


class _Axis(pg.AxisItem):  # type: ignore[misc]
    """What both have in common. pyqtgraph leaves out the numbers at the ends; here they stay."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.enableAutoSIPrefix(False)

    def places(self, low: float, high: float, pixels: float) -> list[tuple[float, str]]:
        """Where numbers stand between ``low`` and ``high``, and how they are written."""
        raise NotImplementedError

    def dress(self) -> None:
        """Take the colors of the present scheme and the texts' size."""
        self._take_room()
        self.setTickFont(font(FONT_SMALL, tabular=True))
        self.setTextPen(color("muted"))
        self.setPen(looks.pen(color("card")))
        self.setTickPen(looks.pen(color("line")))

    def _take_room(self) -> None:
        """Be as wide or as high as the numbers need."""
        raise NotImplementedError

    def redo(self) -> None:
        """Write the numbers anew."""
        self.picture = None
        self.update()

    def own_rect(self) -> QRectF:
        """The axis without the plot that its lines run across."""
        return QRectF(self.mapRectFromParent(self.geometry()))


class LeftAxis(_Axis):
    """Values, linear or logarithmic, with a hairline across the plot at each number."""

    def __init__(self, unit: Callable[[float], str]) -> None:
        super().__init__("left")
        self._unit = unit
        self._logarithmic = False
        self.setGrid(255)

    def _take_room(self) -> None:
        self.setWidth(px(LEFT_WIDTH))

    def set_logarithmic(self, on: bool) -> None:
        """Read positions as logarithms to base ten."""
        self._logarithmic = on
        self.redo()

    def places(self, low: float, high: float, pixels: float) -> list[tuple[float, str]]:
        count = max(2.0, pixels / px(PIXELS_A_ROW))
        if self._logarithmic:
            exponents = ticks.log_ticks(low, high, count)
            return [(exponent, self._unit(10.0**exponent)) for exponent in exponents]
        values = ticks.linear_ticks(low, high, count)
        texts = [self._unit(0.0 if abs(value) < 1e-12 else value) for value in values]
        return list(zip(values, ticks.level(texts), strict=True))

    def boundingRect(self) -> QRectF:
        # Half a line of text stands above the topmost hairline and below the lowest.
        return QRectF(super().boundingRect()).adjusted(0, -px(8), 0, px(8))

    def generateDrawSpecs(self, p: QPainter) -> Any:
        box, view = self.own_rect(), self.linkedView()
        low, high = self.range
        if view is None or box.height() < 8 or not high > low:
            return None
        right = self.mapRectFromItem(view, view.boundingRect()).right()
        height = QFontMetricsF(p.font()).height()
        lines, texts = [], []
        for value, text in self.places(low, high, box.height()):
            y = box.bottom() - (value - low) / (high - low) * box.height()
            lines.append((self.tickPen(), QPointF(box.right(), y), QPointF(right, y)))
            where = QRectF(box.left(), y - height / 2, box.width() - GAP, height)
            texts.append((where, _RIGHT, text))
        return (self.pen(), box.topRight(), box.bottomRight()), lines, texts


class StepAxis(_Axis):
    """Steps, shown as epochs or as steps; which of both stands left of the first number, where
    the values' axis leaves room for it."""

    renamed = Signal()

    def __init__(self) -> None:
        super().__init__("bottom")
        self.in_epochs = True
        self._steps_per_epoch = 1

    def _take_room(self) -> None:
        self.setHeight(px(BOTTOM_HEIGHT))

    def set_steps_per_epoch(self, steps: int) -> None:
        """Say how long an epoch is."""
        self._steps_per_epoch = steps
        self.redo()

    def show_in_epochs(self, on: bool) -> None:
        """Count epochs, or steps."""
        self.in_epochs = on
        self.redo()
        self.renamed.emit()

    @property
    def name(self) -> str:
        """What the numbers count."""
        return "epoch" if self.in_epochs else "step"

    def place(self, step: float) -> str:
        """Where ``step`` lies, in words."""
        return f"step {max(0, round(step)):,}, epoch {max(0.0, step) / self._steps_per_epoch:.1f}"

    def places(self, low: float, high: float, pixels: float) -> list[tuple[float, str]]:
        unit = self._steps_per_epoch if self.in_epochs else 1
        count = max(2.0, min(COLUMNS, pixels / px(LEAST_COLUMN)))
        values = ticks.linear_ticks(low / unit, high / unit, count)
        texts = ticks.level([ticks.number(round(value, 9), 4) for value in values])
        return [(value * unit, text) for value, text in zip(values, texts, strict=True)]

    def boundingRect(self) -> QRectF:
        return QRectF(super().boundingRect()).adjusted(-px(LEFT_WIDTH), 0, 8, 0)

    def generateDrawSpecs(self, p: QPainter) -> Any:
        box = self.own_rect()
        low, high = self.range
        if box.width() < 8 or not high > low:
            return None
        metrics = QFontMetricsF(p.font())
        top, height = box.top() + GAP, metrics.height()
        wide = metrics.horizontalAdvance(self.name) + GAP
        named = self._gutter() >= wide + 4
        least = box.left() - min(self._gutter(), px(24))
        texts: list[tuple[QRectF, Qt.AlignmentFlag, str]] = []
        for value, text in self.places(low, high, box.width()):
            x = box.left() + (value - low) / (high - low) * box.width()
            half = metrics.horizontalAdvance(text) / 2 + 1
            middle = max(min(x, box.right() + 8 - half), least + half)
            if not texts and named:
                left = max(middle - half - wide, box.left() - self._gutter())
                where = QRectF(left, top, wide - GAP + 1, height)
                texts.append((where, _CENTER, self.name))
            elif texts and middle - half < texts[-1][0].right() + GAP:
                continue
            texts.append((QRectF(middle - half, top, 2 * half, height), _CENTER, text))
        return (self.pen(), box.topLeft(), box.topRight()), [], texts

    def _gutter(self) -> float:
        """The room left of the plot that a name may take."""
        return max(0.0, float(self.mapRectToScene(self.own_rect()).left()) - 1)
