"""The learning rate over the whole run, drawn before it and followed during it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, RADIUS, S1, S2, color, font, theme
from studio.project import schedules
from studio.project.settings import SettingError
from studio.project.values import Recipe

HEIGHT = 92
POINTS = 200
UNKNOWN_STEPS_PER_EPOCH = 20
"""Stands in until the number of images is known; the curve's shape hardly depends on it."""


class RatePreview(QWidget):
    """A small staircase or slope over the epochs, exactly as the engine will apply it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[float, float]] = []
        self._epochs = 1
        self._depends = False
        self._at: float | None = None
        sized(self, lambda w: w.setFixedHeight(px(HEIGHT)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Learning rate over the run")
        theme().scheme_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(200, px(HEIGHT))

    def show_recipe(self, recipe: Recipe, steps_per_epoch: int | None = None) -> None:
        """Draw this recipe's rate; a recipe with settings out of bounds shows nothing."""
        self._epochs = max(1, recipe.epochs)
        kind = schedules.SCHEDULES.get(recipe.schedule.kind)
        self._depends = kind is not None and kind.depends
        try:
            self._points = schedules.curve(
                recipe, steps_per_epoch or UNKNOWN_STEPS_PER_EPOCH, POINTS
            )
        except (SettingError, KeyError, OverflowError):
            self._points = []
        if self._points:
            first, last = self._points[0][1], self._points[-1][1]
            top = max(rate for _, rate in self._points)
            over = f", {_rate(top)} at the highest," if top > max(first, last) else ""
            words = f"From {_rate(first)} to {_rate(last)}{over} over {self._span()}."
            if self._depends:
                words = f"From {_rate(first)}; when it falls depends on the run."
            self.setAccessibleDescription(words)
            self.setToolTip(words)
        self.update()

    def show_position(self, epoch: float | None) -> None:
        """Mark where the run stands, in epochs; None takes the mark away."""
        old = self._x(self._at) if self._at is not None else None
        new = self._x(epoch) if epoch is not None else None
        self._at = epoch
        if old is None or new is None or abs(old - new) >= 0.5:
            self.update()

    def _span(self) -> str:
        return f"{self._epochs:,} epoch{'' if self._epochs == 1 else 's'}"

    def _box(self) -> QRectF:
        row = QFontMetricsF(font(FONT_SMALL)).height() + S2
        return QRectF(self.rect()).adjusted(S2, row, -S2, -row)

    def _x(self, epoch: float) -> float:
        box = self._box()
        return box.left() + box.width() * min(1.0, epoch / self._epochs)

    def _y(self, rate: float) -> float:
        box = self._box()
        return box.bottom() - box.height() * self._height(rate)

    def _height(self, rate: float) -> float:
        """How high in the box a rate is drawn, from 0 to 1."""
        return rate / (self._ceiling() or 1.0)

    def _paint_over(self, painter: QPainter) -> None:
        """What else is drawn on the curve."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color("line"))
        painter.setBrush(color("field"))
        outline = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(outline, RADIUS, RADIUS)
        if not self._points:
            painter.setPen(color("muted"))
            painter.drawText(outline, Qt.AlignmentFlag.AlignCenter, "No curve for these settings")
            return
        box = self._box()
        line = QPainterPath()
        height = 0.0
        for epoch, rate in self._points:
            x = self._x(epoch)
            if line.elementCount():
                line.lineTo(x, height)  # the rate holds until the next point
                height = self._y(rate)
                line.lineTo(x, height)
            else:
                height = self._y(rate)
                line.moveTo(x, height)
        line.lineTo(box.right(), height)
        if self._at is not None:
            pen = QPen(color("muted"), 1)
            pen.setDashPattern([3, 3])
            painter.setPen(pen)
            x = self._x(self._at)
            # Between the two rows of words, which it would strike through.
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        painter.setPen(QPen(color("plot1"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(line)
        self._paint_words(painter)
        self._paint_over(painter)
        painter.end()

    def _top_words(self) -> tuple[str, str]:
        """What stands over the curve: the rate at the top of the box, and where it goes."""
        first, last, top = self._points[0][1], self._points[-1][1], self._ceiling()
        starts = f"{_rate(first)} → " if first != top else ""
        end = "depends on the run" if self._depends else f"ends at {_rate(last)}"
        if starts:
            end = f"{starts}{'depends on the run' if self._depends else _rate(last)}"
        return f"max {_rate(top)}" if starts else _rate(top), end

    def _ceiling(self) -> float:
        """The rate that the top of the box stands for."""
        return max(rate for _, rate in self._points)

    def _paint_words(self, painter: QPainter) -> None:
        painter.setFont(font(FONT_SMALL, tabular=True))
        painter.setPen(color("muted"))
        height = QFontMetricsF(painter.font()).height()
        row = QRectF(S2, S1, self.width() - 2 * S2, height)
        right = Qt.AlignmentFlag.AlignRight
        left, end = self._top_words()
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft, left)
        painter.drawText(row, right, end)
        row.moveTop(self.height() - height - S1 + 1)
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(row, right, self._span())


def _rate(value: float) -> str:
    return f"{value:.3g}"
