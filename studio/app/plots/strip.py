"""The network as a narrow strip beside the gradient map: a band for each block's rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, S2, color, font

BAND = 10
MOST_LABEL = 96
LEAST_LABEL = 24
GAP = 6


@dataclass(frozen=True)
class BlockRows:
    """The rows of one node: its name, the token of its family's color, first row and count."""

    name: str
    tint: str
    first: int
    count: int


class BlockStrip(QWidget):
    """Bands with names, as high as the block's rows; a click on one is told by its name.

    ``foot`` is what the axis of the map beside it counts, for which it has no room of its own.
    """

    block_clicked = Signal(str)

    def __init__(
        self,
        span: Callable[[], tuple[float, float]],
        foot: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._span = span
        self._foot = foot
        self._blocks: tuple[BlockRows, ...] = ()
        self._rows = 0
        self._label = LEAST_LABEL
        self.setAccessibleName("Blocks of the network, in line with the gradient map")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        sized(self, lambda w: w.set_blocks(w._blocks, w._rows))

    def sizeHint(self) -> QSize:
        return QSize(BAND + S2 + self._label, 80)

    def set_blocks(self, blocks: Sequence[BlockRows], rows: int) -> None:
        """Show ``blocks``, which together have ``rows`` rows."""
        self._blocks, self._rows = tuple(blocks), rows
        metrics = QFontMetricsF(font(FONT_SMALL))
        widest = max((metrics.horizontalAdvance(b.name) for b in blocks), default=0.0)
        self._label = int(min(px(MOST_LABEL), max(LEAST_LABEL, widest + 2)))
        self.updateGeometry()
        self.setAccessibleDescription(", ".join(block.name for block in blocks))
        self.update()

    def _rect(self, block: BlockRows) -> QRectF:
        top, height = self._span()
        row = height / max(1, self._rows)
        gap = 1.0 if row * block.count > 4 else 0.0
        return QRectF(0, top + block.first * row + gap, BAND, block.count * row - 2 * gap)

    def _at(self, y: float) -> BlockRows | None:
        for block in self._blocks:
            rect = self._rect(block)
            if rect.top() - 1 <= y <= rect.bottom() + 1:
                return block
        return None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font(FONT_SMALL))
        metrics = QFontMetricsF(painter.font())
        free = -1.0
        for block in self._blocks:
            rect = self._rect(block)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color(block.tint))
            radius = min(2.5, rect.height() / 2)
            painter.drawRoundedRect(rect, radius, radius)
            middle = rect.center().y()
            top = middle - metrics.height() / 2
            if top < free - 2:  # no room below the name before
                continue
            free = top + metrics.height()
            painter.setPen(color("text"))
            text = metrics.elidedText(block.name, Qt.TextElideMode.ElideRight, self._label)
            where = QRectF(BAND + S2, top, self._label, metrics.height())
            painter.drawText(where, Qt.AlignmentFlag.AlignVCenter, text)
        if self._blocks:
            top, height = self._span()
            painter.setPen(color("muted"))
            where = QRectF(0, top + height + GAP, self.width(), metrics.height())
            painter.drawText(where, Qt.AlignmentFlag.AlignRight, self._foot())
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        block = self._at(event.position().y())
        if block is not None:
            self.block_clicked.emit(block.name)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            block = self._at(event.pos().y())
            if block is None:
                QToolTip.hideText()
            else:
                noun = "layer" if block.count == 1 else "layers"
                QToolTip.showText(event.globalPos(), f"{block.name}: {block.count} {noun}", self)
            return True
        return super().event(event)
