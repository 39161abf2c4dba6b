"""What stands in a panel's head: the styles of its lines with their current values, a scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, S1, S2, S3, color, font, theme

SAMPLE = 20
HEIGHT = 16


@dataclass(frozen=True)
class Entry:
    """A line's name, its color's token, and its style: ``solid``, ``dash``, ``bar`` or ``mark``;
    ``widest`` is a text as wide as its value may become."""

    name: str
    tint: str
    style: str = "solid"
    widest: str = ""


def _font() -> QFont:
    return font(FONT_SMALL, tabular=True)


class Legend(QWidget):
    """Line styles, names and values in one row of a fixed width, so that nothing jumps."""

    def __init__(self, entries: Sequence[Entry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries = tuple(entries)
        self._values = [""] * len(self._entries)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Legend: " + ", ".join(entry.name for entry in entries))
        theme().scheme_changed.connect(self.update)
        sized(self, lambda w: w.updateGeometry())

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Explain these instead, as many as before."""
        self._entries = tuple(entries)
        self.updateGeometry()
        self.update()

    def set_values(self, values: Sequence[str]) -> None:
        """Show the present values, one an entry."""
        if list(values) != self._values:
            self._values = list(values)
            said = zip(self._entries, values, strict=True)
            self.setAccessibleDescription(
                ", ".join(f"{entry.name} {value}".strip() for entry, value in said)
            )
            self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(_font())
        width = sum(self._width(entry, metrics) for entry in self._entries)
        return QSize(int(width + S3 * (len(self._entries) - 1)) + 1, px(HEIGHT))

    def _width(self, entry: Entry, metrics: QFontMetricsF) -> float:
        value = metrics.horizontalAdvance(f" {entry.widest}") if entry.widest else 0.0
        return self._sample(entry) + S1 + metrics.horizontalAdvance(entry.name) + value

    def _sample(self, entry: Entry) -> int:
        return {"bar": 10, "mark": 4, "none": -S1}.get(entry.style, SAMPLE)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(_font())
        metrics = QFontMetricsF(_font())
        x, middle = 0.0, self.height() / 2
        narrow = self.width() < self.sizeHint().width()
        for entry, value in zip(self._entries, self._values, strict=True):
            width = self._width(entry, metrics)
            # Where there is too little room the values go first, then what comes last.
            if narrow:
                value, width = "", self._width(replace(entry, widest=""), metrics)
                if x + width > self.width() + 1:
                    break
            sample = self._sample(entry)
            self._paint_sample(painter, entry, x, middle, sample)
            where = QRectF(x + sample + S1, 0, self.width(), self.height())
            painter.setPen(color("muted"))
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, entry.name)
            if value:
                where.translate(metrics.horizontalAdvance(f"{entry.name} "), 0)
                painter.setPen(color("text"))
                painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, value)
            x += width + S3
        painter.end()

    def _paint_sample(
        self, painter: QPainter, entry: Entry, x: float, middle: float, sample: int
    ) -> None:
        tint = color(entry.tint)
        if entry.style == "bar":
            painter.fillRect(QRectF(x, middle - 3, sample, 6), tint)
        elif entry.style == "mark":
            painter.fillRect(QRectF(x + 1, middle - 5, 1, 10), tint)
        elif entry.style != "none":
            pen = QPen(tint, 2)
            if entry.style == "dash":
                pen.setDashPattern([3, 2])
            painter.setPen(pen)
            painter.drawLine(QPointF(x, middle), QPointF(x + sample, middle))


class ColorScale(QWidget):
    """The colors of a map from the lowest to the highest power of ten."""

    BAR = 96

    def __init__(self, color_at: Callable[[float], int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._color_at = color_at
        self._limits = (-5, 0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Color scale of the gradient map")
        theme().scheme_changed.connect(self.update)
        sized(self, lambda w: w.updateGeometry())

    def set_limits(self, limits: tuple[int, int]) -> None:
        """Show these powers of ten at the ends."""
        self._limits = limits
        self.setAccessibleDescription(
            f"From ten to the power of {limits[0]}, dark, to ten to the power of {limits[1]}, light"
        )
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(_font())
        ends = metrics.horizontalAdvance("−88") * 2 + metrics.horizontalAdvance(_NORM)
        return QSize(int(self.BAR + ends + 2 * S1 + S2) + 1, px(HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(_font())
        metrics = QFontMetricsF(_font())
        low, high = (f"{limit}".replace("-", "−") for limit in self._limits)
        end = metrics.horizontalAdvance("−88")
        align = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(color("muted"))
        right = QRectF(0, 0, end, self.height())
        painter.drawText(right, align | Qt.AlignmentFlag.AlignRight, low)
        x = end + S1
        for i in range(self.BAR):
            tint = QColor.fromRgba(self._color_at(i / (self.BAR - 1)))
            painter.fillRect(QRectF(x + i, 3, 1.5, self.height() - 6), tint)
        x += self.BAR + S1
        painter.drawText(QRectF(x, 0, end, self.height()), align, high)
        rest = QRectF(x + end, 0, self.width() - x - end, self.height())
        painter.drawText(rest, align | Qt.AlignmentFlag.AlignRight, _NORM)
        painter.end()


_NORM = "log₁₀ ‖∇L‖"
