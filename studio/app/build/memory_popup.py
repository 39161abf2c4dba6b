"""What the memory forecast is made of, and the largest batch that fits."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.app.canvas import texts
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, S3, S4, color
from studio.project.memory import Forecast

WIDTH = 300
_TONES = ("plot1", "plot2", "plot3", "plot4")

Part = tuple[str, int, str]
"""A name, bytes, and what it is."""


def parts(need: Forecast) -> tuple[Part, ...]:
    """What stands in memory at the peak of a step; it is either of the last two, the larger."""
    step = need.scratch > need.activations
    last = (
        ("Optimizer's step", need.scratch, "what the optimizer works with while it steps")
        if step
        else ("Activations", need.activations, "what the backward pass needs of the forward pass")
    )
    return (
        ("Weights", need.parameters, "the network's parameters, and the statistics of its norms"),
        ("Gradients", need.gradients, "one for each weight"),
        ("Optimizer", need.optimizer, "what the optimizer remembers of each weight"),
        last,
    )


class MemoryPopup(QFrame):
    """Opens above the number in the strip. Escape or a press elsewhere closes it."""

    batch_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        set_role(self, "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        sized(self, lambda w: w.setFixedWidth(px(WIDTH)))
        self.setAccessibleName("Memory of a training step")
        self._batch = 0
        self.title = QLabel(self)
        set_role(self.title, "title")
        self.bar = _Bar(self)
        self.rows: list[tuple[QLabel, QLabel]] = []
        grid = QGridLayout()
        grid.setHorizontalSpacing(S2)
        grid.setVerticalSpacing(S1)
        grid.setColumnStretch(1, 1)
        for number, tone in enumerate(_TONES):
            name, value = QLabel(self), QLabel(self)
            set_role(value, "number")
            grid.addWidget(_Swatch(tone, self), number, 0)
            grid.addWidget(name, number, 1)
            grid.addWidget(value, number, 2, Qt.AlignmentFlag.AlignRight)
            self.rows.append((name, value))
        self.total = QLabel(self)
        self.total.setWordWrap(True)
        set_role(self.total, "muted")
        self.largest = QLabel(self)
        self.largest.setWordWrap(True)
        self.button = QPushButton(self)
        self.button.clicked.connect(self._choose)
        column = QVBoxLayout(self)
        column.setContentsMargins(S4, S3, S4, S3)
        column.setSpacing(S2)
        for widget in (self.title, self.bar):
            column.addWidget(widget)
        column.addLayout(grid)
        column.addWidget(self.total)
        column.addSpacing(S1)
        column.addWidget(self.largest)
        column.addWidget(self.button)

    def show_forecast(
        self,
        need: Forecast,
        batch: int,
        machine: int | None,
        largest: int | None,
        images: int | None,
    ) -> None:
        """Fill it. ``machine`` is what the device has, ``largest`` the largest batch that fits
        into it, ``images`` how many there are to train with; None where that is not known yet."""
        self.title.setText(f"Memory to train with batch {batch:,}")
        shown = parts(need)
        for (name, value), (title, size, tip) in zip(self.rows, shown, strict=True):
            name.setText(title)
            name.setToolTip(f"{title}: {tip}")
            value.setText(texts.size(size))
            value.setToolTip(f"{size:,} bytes")
        self.bar.show_parts([size for _, size, _ in shown], machine)
        total = texts.size(need.total)
        if machine is None:
            self.total.setText(f"Together {total}, at the peak of a step.")
        else:
            over = need.total > machine
            of = f"of the {texts.size(machine)} that the device has"
            self.total.setText(f"Together {total} {of}" + (": too much." if over else "."))
            set_role(self.total, "warning" if over else "muted")
        self._show_largest(batch, largest, images)
        self.adjustSize()

    def _show_largest(self, batch: int, largest: int | None, images: int | None) -> None:
        self._batch = largest or 0
        self.button.setVisible(bool(largest) and largest != batch)
        if largest is None:
            self.largest.setText("How large a batch may be is known once the engine is loaded.")
        elif largest == 0:
            self.largest.setText(
                "Not even one image fits: use fewer channels in the early layers, or a smaller "
                "input."
            )
        else:
            end = ", all there are to train with" if largest == images else ""
            self.largest.setText(f"Largest batch that fits: <b>{largest:,}</b>{end}")
            self.button.setText(f"Set the batch to {largest:,}")
            self.button.setToolTip("Change the recipe's batch size; undo takes it back")

    def _choose(self) -> None:
        self.hide()
        self.batch_wanted.emit(self._batch)

    def open_above(self, anchor: QWidget) -> None:
        """Show it over the strip, its left edge at that of ``anchor``."""
        corner = anchor.mapToGlobal(QPoint(0, 0))
        left = corner.x()
        screen = anchor.screen()
        if screen is not None:
            left = min(left, screen.availableGeometry().right() - self.width() - S2)
        self.move(left, corner.y() - self.height() - S2)
        self.show()


class _Bar(QWidget):
    """The parts beside one another; what the device has beyond them stays empty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(8)
        self._parts: list[int] = []
        self._whole = 1

    def show_parts(self, sizes: list[int], machine: int | None) -> None:
        self._parts = sizes
        self._whole = max(1, sum(sizes), machine or 0)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), 4, 4)
        painter.setClipPath(shape)
        painter.fillRect(self.rect(), color("track"))
        left = 0.0
        for size, tone in zip(self._parts, _TONES, strict=False):
            width = self.width() * size / self._whole
            painter.fillRect(QRectF(left, 0, width, self.height()), color(tone))
            left += width


class _Swatch(QWidget):
    """A spot of a part's color before its name."""

    def __init__(self, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self.setFixedSize(10, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(self._tone))
        painter.drawRoundedRect(self.rect(), 3, 3)
