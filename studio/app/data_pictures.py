"""The pictures of the data page: counts as bars, sample images, the histogram of pixel values."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_BASE, FONT_SMALL, RADIUS, S1, S2, S3, color, font, theme
from studio.project.recipes import IMAGENET_DEVIATION, IMAGENET_MEAN
from studio.runs.api import DataReport

SPLITS = (("train", "training", "plot1"), ("validation", "validation", "plot2"),
          ("test", "test", "plot3"))  # fmt: skip
"""The splits as the report calls them, as the user reads them, and their colors."""


class ClassBars(QWidget):
    """A bar for each class, parted by split; a click (or the arrow keys) picks a class."""

    picked = Signal(int)  # the class, -1 for all of them
    _ROW = 24
    _THICK = 8

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._classes: tuple[str, ...] = ()
        self._counts = np.zeros((len(SPLITS), 0), np.int64)
        self._current = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Images of each class")
        self.setMouseTracking(True)
        sized(self, lambda w: w._resize())
        theme().scheme_changed.connect(self.update)

    def show_report(self, report: DataReport) -> None:
        """Draw the counts of ``report``, all classes picked."""
        self._classes = report.classes
        empty = (0,) * len(report.classes)
        self._counts = np.array(
            [report.counts.get(key, empty) for key, _, _ in SPLITS], np.int64
        ).reshape(len(SPLITS), -1)
        self._current = -1
        self._resize()
        self._describe()
        self.update()

    @property
    def _row(self) -> int:
        return px(self._ROW)

    def _resize(self) -> None:
        self.setFont(font(FONT_BASE, tabular=True))
        self.setFixedHeight(max(1, len(self._classes)) * self._row)

    def sizeHint(self) -> QSize:
        return QSize(360, len(self._classes) * self._row)

    def pick(self, index: int) -> None:
        """Pick one class, or all with -1."""
        self._current = index
        self._describe()
        self.picked.emit(index)
        self.update()

    def _describe(self) -> None:
        parts = [
            f"{name}: {int(self._counts[:, number].sum()):,} images"
            for number, name in enumerate(self._classes[:100])
        ]
        self.setAccessibleDescription("; ".join(parts))

    def _at(self, y: float) -> int:
        row = int(y // self._row)
        return row if 0 <= row < len(self._classes) else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._at(event.position().y())
        self.pick(-1 if row == self._current else row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        row = self._at(event.position().y())
        if row >= 0:
            parts = [
                f"{int(self._counts[split, row]):,} {word}"
                for split, (_, word, _) in enumerate(SPLITS)
            ]
            text = f"{self._classes[row]}: {', '.join(parts)}"
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._classes) - 1
        if event.key() == Qt.Key.Key_Down:
            self.pick(min(last, self._current + 1))
        elif event.key() == Qt.Key.Key_Up:
            self.pick(max(-1, self._current - 1))
        elif event.key() == Qt.Key.Key_Escape and self._current >= 0:
            self.pick(-1)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._classes:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        first = max(0, event.rect().top() // self._row)
        last = min(len(self._classes), event.rect().bottom() // self._row + 1)
        widest = max(metrics.horizontalAdvance(name) for name in self._classes[:200])
        # A little over the text's own width, which is rounded: at it, names would be cut.
        names = min(widest + S1, self.width() // 3)
        totals = self._counts.sum(axis=0)
        numbers = metrics.horizontalAdvance(f"{int(totals.max()):,}") + S2
        room = self.width() - names - numbers - 2 * S3 - S2
        scale = room / max(1, int(totals.max()))
        middle = Qt.AlignmentFlag.AlignVCenter
        for row in range(first, last):
            top = row * self._row
            if row == self._current:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(color("accent_soft"))
                painter.drawRoundedRect(0, top, self.width(), self._row, RADIUS, RADIUS)
            name = metrics.elidedText(self._classes[row], Qt.TextElideMode.ElideRight, names)
            painter.setPen(color("text"))
            painter.drawText(QRect(S2, top, names, self._row), middle, name)
            left = float(S2 + names + S3)
            bar = QRectF(left, top + (self._row - self._THICK) / 2, 0, self._THICK)
            for split, (_, _, tone) in enumerate(SPLITS):
                width = self._counts[split, row] * scale
                bar.setRect(left, bar.top(), max(0.0, width - 1), self._THICK)
                painter.fillRect(bar, color(tone))
                left += width
            painter.setPen(color("muted"))
            painter.drawText(
                QRectF(left + S2, top, numbers + S2, self._row), middle, f"{int(totals[row]):,}"
            )


class SampleGrid(QWidget):
    """The sample images with their labels, as the network receives them but for normalization."""

    _TILE = 64
    _CAPTION = 18
    _GAP = S3

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._images: list[QImage] = []
        self._labels: list[int] = []
        self._classes: tuple[str, ...] = ()
        self._shown: list[int] = []
        self._sizes = ""
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        sized(self, lambda w: w.setFont(font(FONT_SMALL)))
        self.setMouseTracking(True)
        self.setAccessibleName("Sample images")
        theme().scheme_changed.connect(self.update)

    def show_report(self, report: DataReport) -> None:
        """Show the samples of ``report``."""
        self._images = [picture(sample) for sample in report.samples]
        self._labels = list(report.labels)
        self._classes = report.classes
        height, width, channels = report.samples.shape[1:]
        self._sizes = f"{channels}×{height}×{width}"
        self.show_class(-1)

    def show_class(self, index: int) -> None:
        """Show the samples of one class only, or with -1 of all."""
        self._shown = [number for number, label in enumerate(self._labels) if index in (-1, label)]
        self.setAccessibleDescription(f"{len(self._shown)} images")
        self.updateGeometry()
        self.update()

    @property
    def shown(self) -> int:
        """How many images are drawn."""
        return len(self._shown)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        rows = -(-len(self._shown) // self._columns(width))
        return max(1, rows) * (self._TILE + px(self._CAPTION) + S2)

    def sizeHint(self) -> QSize:
        return QSize(400, self.heightForWidth(max(self.width(), 400)))

    def _columns(self, width: int) -> int:
        return max(1, (width + self._GAP) // (self._TILE + self._GAP))

    def _place(self, position: int) -> QRect:
        columns = self._columns(self.width())
        row, column = divmod(position, columns)
        # Full rows reach from edge to edge.
        pitch = (self.width() - self._TILE) / (columns - 1) if columns > 1 else 0.0
        if len(self._shown) < columns:
            pitch = self._TILE + self._GAP
        return QRect(
            round(column * pitch),
            row * (self._TILE + px(self._CAPTION) + S2),
            self._TILE,
            self._TILE,
        )

    def _begins_row_or_class(self, position: int) -> bool:
        """Whether an image has its class written below: the first of its kind in its row has."""
        if position % self._columns(self.width()) == 0:
            return True
        before, here = (self._labels[self._shown[p]] for p in (position - 1, position))
        return before != here

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        for position, number in enumerate(self._shown):
            if self._place(position).contains(event.position().toPoint()):
                text = f"{self._classes[self._labels[number]]} · {self._sizes} to the network"
                QToolTip.showText(event.globalPosition().toPoint(), text, self)
                return
        QToolTip.hideText()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = self.fontMetrics()
        # Small images keep their pixels visible, large ones are smoothed.
        smooth = bool(self._images) and self._images[0].width() > self._TILE
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setPen(color("muted"))
        for position, number in enumerate(self._shown):
            place = self._place(position)
            if not place.adjusted(0, 0, 0, px(self._CAPTION)).intersects(event.rect()):
                continue
            image = self._images[number]
            size = image.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(place.center())
            painter.drawImage(target, image)
            if not self._begins_row_or_class(position):
                continue
            name = self._classes[self._labels[number]]
            name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, self._TILE)
            caption = QRect(place.left(), place.bottom() + 2, self._TILE, px(self._CAPTION))
            painter.drawText(caption, Qt.AlignmentFlag.AlignHCenter, name)


def picture(sample: np.ndarray) -> QImage:
    """A uint8 ``(H, W, C)`` array as a picture of its own; of two channels the first."""
    height, width, channels = sample.shape
    if channels >= 3:
        pixels = np.ascontiguousarray(sample[:, :, :3])
        form = QImage.Format.Format_RGB888
    else:
        pixels = np.ascontiguousarray(sample[:, :, 0])
        form = QImage.Format.Format_Grayscale8
    return QImage(pixels.tobytes(), width, height, pixels.strides[0], form).copy()


def normalized(report: DataReport, normalization: str) -> np.ndarray:
    """The samples' values as the network receives them, float32 and of the samples' shape."""
    values = report.samples.astype(np.float32)
    if normalization == "unit":
        return values / np.float32(255)
    if normalization == "symmetric":
        return values / np.float32(127.5) - np.float32(1)
    if normalization == "imagenet":
        mean, deviation = _imagenet(report)
        return np.asarray((values - mean.astype(np.float32)) / deviation.astype(np.float32))
    if normalization == "standard":
        mean = np.array(report.mean, np.float32)
        deviation = np.maximum(np.array(report.deviation, np.float32), np.float32(1e-6))
        return np.asarray((values - mean) / deviation)
    return values


def training_moments(report: DataReport, normalization: str) -> tuple[float, float]:
    """Mean and standard deviation of all training values as the network receives them.

    Exact, from those of the channels: the spread of the channels' means counts as well.
    """
    means = np.array(report.mean, np.float64)
    deviations = np.array(report.deviation, np.float64)
    if normalization == "standard":
        # A channel that never changes stays at nought.
        means, deviations = means * 0, (deviations > 1e-6).astype(np.float64)
    elif normalization == "imagenet":
        mean, deviation = _imagenet(report)
        means, deviations = (means - mean) / deviation, deviations / deviation
    elif normalization == "unit":
        means, deviations = means / 255, deviations / 255
    elif normalization == "symmetric":
        means, deviations = means / 127.5 - 1, deviations / 127.5
    variance = float((deviations**2).mean() + means.var())
    return float(means.mean()), variance**0.5


def _imagenet(report: DataReport) -> tuple[np.ndarray, np.ndarray]:
    """ImageNet's mean and deviation for each channel. Training refuses other than three; until
    then the picture takes those of all three together."""
    mean, deviation = np.array(IMAGENET_MEAN), np.array(IMAGENET_DEVIATION)
    channels = len(report.mean)
    if channels == len(mean):
        return mean, deviation
    return np.full(channels, mean.mean()), np.full(channels, deviation.mean())


class Histogram(QWidget):
    """How often each pixel value occurs: shares in 40 bins over the values' range."""

    BINS = 40

    def __init__(self, title: str, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._tone = tone
        self._shares = np.zeros(0)
        self._low = self._high = 0.0
        self._note = ""
        sized(self, lambda w: w.setFixedHeight(px(96)))
        self.setMinimumWidth(120)
        sized(self, lambda w: w.setFont(font(FONT_SMALL, tabular=True)))
        self.setAccessibleName(f"Histogram of pixel values, {title}")
        theme().scheme_changed.connect(self.update)

    def show_values(self, values: np.ndarray, mean: float, deviation: float) -> None:
        """Draw the distribution of ``values``; say the training images' mean and deviation."""
        self._low, self._high = float(values.min()), float(values.max())
        if self._high <= self._low:
            self._high = self._low + 1
        counts, _ = np.histogram(values, self.BINS, (self._low, self._high))
        self._shares = counts / max(1, counts.sum())
        self._note = f"mean {_short(mean)}, deviation {_short(deviation)}"
        self.setAccessibleDescription(
            f"Training images: {self._note}. The bars are the samples' values, from "
            f"{_short(self._low)} to {_short(self._high)}."
        )
        self.setToolTip(self.accessibleDescription())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        line = metrics.height()
        painter.setPen(color("text"))
        painter.drawText(QPointF(0, metrics.ascent()), self._title)
        painter.setPen(color("muted"))
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(QRect(0, 0, self.width(), line), right, self._note)
        area = QRectF(0, line + S1, self.width(), self.height() - 2 * line - 2 * S1)
        if len(self._shares):
            # The root of the share: images are often mostly background, one bin hides the rest.
            heights = np.sqrt(self._shares / self._shares.max())
            step = area.width() / self.BINS
            path = QPainterPath()
            for index, height in enumerate(heights):
                tall = float(height) * area.height()
                path.addRect(
                    QRectF(area.left() + index * step, area.bottom() - tall, step - 1, tall)
                )
            painter.fillPath(path, color(self._tone))
            base = self.height() - metrics.descent()
            painter.drawText(QPointF(0, base), _short(self._low))
            painter.drawText(
                QRectF(0, self.height() - line, self.width(), line), right, _short(self._high)
            )
        painter.setPen(QPen(color("line")))
        painter.drawLine(area.bottomLeft(), area.bottomRight())


def _short(value: float) -> str:
    if abs(value) < 0.005:
        return "0"
    return f"{value:.3g}".replace("-", "−")
