"""A sentence at the pointer, or at the card that the keys have led to: why a wire is refused."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from studio.app.canvas.ink import ink
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import RADIUS

OFFSET = QPoint(16, 18)
WIDTH = 280
LINGER = 5000
"""Milliseconds that a sentence stays after the wire was let go."""


class PointerTip(QLabel):
    """Follows the pointer while it has something to say."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = parent
        self.setObjectName("pointer_tip")
        self.setWordWrap(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContentsMargins(8, 5, 8, 5)
        sized(self, lambda w: w.setMaximumWidth(px(WIDTH)))
        set_role(self, "warning")
        self._calm = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LINGER)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def say(
        self, sentence: str, place: QPoint, spared: QRect | None = None, *, calm: bool = False
    ) -> None:
        """Show ``sentence`` beside ``place``, below or above ``spared`` where that is given; an
        empty one hides the tip. A ``calm`` one is no warning."""
        self._timer.stop()
        if not sentence:
            self.hide()
            return
        if calm != self._calm:
            self._calm = calm
            set_role(self, "text" if calm else "warning")
        if sentence != self.text():
            self.setText(sentence)
            self.setAccessibleName(sentence)
            width = min(px(WIDTH), self.fontMetrics().horizontalAdvance(sentence) + 24)
            self.resize(width, self.heightForWidth(width))
        room = self._around.rect()
        at = place + OFFSET
        if spared is not None and not spared.isEmpty():
            at.setY(spared.bottom() + OFFSET.y() // 2)
            if at.y() + self.height() + 4 > room.height():
                at.setY(spared.top() - OFFSET.y() // 2 - self.height())
        self.move(
            max(0, min(at.x(), room.width() - self.width() - 4)),
            max(0, min(at.y(), room.height() - self.height() - 4)),
        )
        self.show()
        self.raise_()

    def linger(self) -> None:
        """Let what stands be read for a while; a press or a new sentence ends it sooner."""
        self._timer.start()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(ink().hovered if self._calm else ink().faulty)
        painter.setBrush(ink().card)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.end()
        super().paintEvent(event)
