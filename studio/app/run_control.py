"""The one control of training: Train, then progress with Pause and Stop."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_BASE, RADIUS, ROW, S1, S2, S3, color, font, theme
from studio.app.tool_button import show_pausing, tool_button
from studio.app.train.controller import TrainingController
from studio.app.train.pace import progress_words


class RunControl(QWidget):
    """Follows the controller's state. ``train_asked`` is sent when the user presses Train."""

    train_asked = Signal()
    _REFRESH_MILLISECONDS = 200

    def __init__(self, controller: TrainingController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.train = QPushButton("Train", self)
        set_role(self.train, "primary")
        set_icon(self.train, "play", "accent_text")
        sized(self.train, lambda w: w.setMinimumWidth(px(104)))
        self.train.setAccessibleName("Train")
        self.train.clicked.connect(self.train_asked)
        self.progress = ProgressPill(self)
        self.pause = tool_button("pause", "Pause", self)
        self.pause.clicked.connect(self._pause_or_resume)
        self.stop = tool_button("stop", "Stop", self)
        self.stop.setToolTip("Stop after the step under way and keep a checkpoint")
        self.stop.clicked.connect(controller.stop)
        self.more = tool_button("chevron-down", "More ways to stop", self)
        self.more.setToolTip("Stop after this epoch, or keep a checkpoint now")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        self.after_epoch = menu.addAction("Stop after this epoch")
        self.after_epoch.setCheckable(True)
        self.after_epoch.triggered.connect(controller.stop_after_epoch)
        self.keep = menu.addAction("Keep a checkpoint now")
        self.keep.triggered.connect(lambda: controller.keep())
        self.more.setMenu(menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S2)
        # The progress comes up where Train was: the second click of a double click does nothing.
        for widget in (self.pause, self.stop, self.more, self.progress, self.train):
            layout.addWidget(widget)
        self._stage = ""
        self._timer = QTimer(self)
        self._timer.setInterval(self._REFRESH_MILLISECONDS)
        self._timer.timeout.connect(self._show_progress)
        controller.state_changed.connect(self._show_state)
        controller.started_changed.connect(self._show_progress)
        self._show_state(controller.state)

    def say(self, text: str) -> None:
        """Say what a run does before its first step ("Reading images")."""
        self._stage = text
        self._show_progress()

    def _show_state(self, state: str) -> None:
        if state == "idle":
            self._stage = ""
        busy = self._controller.busy
        self.train.setVisible(not busy)
        for widget in (self.progress, self.pause, self.stop, self.more):
            widget.setVisible(busy)
        self.more.setEnabled(state in ("running", "paused"))
        self.after_epoch.setChecked(self._controller.last_epoch)
        self.train.setEnabled(self._controller.free)
        self.train.setToolTip(_WHY_NOT.get(state, "Train the network on the data (Ctrl+R)"))
        self.pause.setEnabled(state in ("running", "paused"))
        self.stop.setEnabled(busy and state != "stopping")
        show_pausing(self.pause, state == "paused")
        if busy:
            self._timer.start()
        else:
            self._timer.stop()
        self._show_progress()

    def _show_progress(self) -> None:
        controller = self._controller
        fraction, left, pace = controller.progress()
        if controller.started is not None:
            per_epoch = max(1, controller.started.steps_per_epoch)
            epochs = max(1, round(controller.started.total_steps / per_epoch))
            epoch = min(epochs, int(fraction * epochs) + 1)
        else:
            epoch = epochs = 0
        text, detail = progress_words(controller.state, epoch, epochs, left, pace)
        if epochs == 0 and self._stage:
            text = self._stage
        self.progress.show_progress(fraction, text, detail)

    def _pause_or_resume(self) -> None:
        if self._controller.state == "paused":
            self._controller.resume()
        else:
            self._controller.pause()


_WHY_NOT = {
    "loading": "The engine is still loading; training can start in a moment",
    "unavailable": "Training needs torch, which cannot be loaded: see the device chip",
}


class ProgressPill(QWidget):
    """A progress bar that carries its words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fraction = 0.0
        self._text = self._detail = ""
        sized(self, lambda w: w.setFixedHeight(px(ROW)))
        sized(self, lambda w: w.setFont(font(FONT_BASE, bold=True, tabular=True)))
        self.setAccessibleName("Training progress")
        theme().scheme_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        sample = self.fontMetrics().horizontalAdvance("Epoch 888 / 888 · 88:88 left · 88,888 image")
        return QSize(sample + 2 * S3, px(ROW))

    def show_progress(self, fraction: float, text: str, detail: str) -> None:
        """Show the share done (0..1), and words at the left and at the right."""
        now = (round(fraction, 4), text, detail)
        if now == (self._fraction, self._text, self._detail):
            return
        self._fraction, self._text, self._detail = now
        described = " · ".join(part for part in (text, detail) if part)
        self.setAccessibleDescription(described)
        self.setToolTip(f"{described}, {fraction:.1%} done".replace("%", " %"))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        outline.addRoundedRect(QRectF(self.rect()), RADIUS, RADIUS)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), color("accent_soft"))
        done = color("accent")
        done.setAlphaF(0.28)
        painter.fillRect(QRectF(0, 0, self.width() * self._fraction, self.height()), done)
        painter.fillRect(
            QRectF(0, self.height() - 3, self.width() * self._fraction, 3), color("accent")
        )
        painter.setPen(color("text"))
        inner = self.rect().adjusted(S3, 0, -S3, -S1 // 2)
        align = Qt.AlignmentFlag.AlignVCenter
        elided = painter.fontMetrics().elidedText(
            self._text, Qt.TextElideMode.ElideRight, inner.width()
        )
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignLeft, elided)
        used = painter.fontMetrics().horizontalAdvance(elided) + S3
        painter.setFont(font(FONT_BASE, tabular=True))
        # The pace gives way where both have no room; the tooltip keeps it.
        if used + painter.fontMetrics().horizontalAdvance(self._detail) <= inner.width():
            painter.drawText(inner, align | Qt.AlignmentFlag.AlignRight, self._detail)
