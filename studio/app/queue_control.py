"""The queue in the top bar: a button that lets the project wait, and one that shows what waits."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from studio.app.queue_runner import QueueRunner, count
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_BASE, ROW, S1, S2, font
from studio.app.train.controller import TrainingController


class QueueControl(QWidget):
    """Keeps its width whatever waits: a hundred clicks on one button meet that button."""

    add_asked = Signal()

    def __init__(
        self,
        runner: QueueRunner,
        controller: TrainingController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self._controller = controller
        self._popup: QueuePopup | None = None
        self._begun = True
        self.show_all = QToolButton(self)
        set_role(self.show_all, "button")
        self.show_all.setIconSize(QSize(16, 16))
        self.show_all.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.show_all.setStyleSheet("padding: 0;")
        sized(self.show_all, lambda w: w.setFont(font(FONT_BASE, bold=True, tabular=True)))
        sized(self.show_all, lambda w: w.setFixedSize(px(52), px(ROW)))
        self.show_all.clicked.connect(self.open)
        self.add = QToolButton(self)
        set_role(self.add, "button")
        set_icon(self.add, "queue-add")
        self.add.setIconSize(QSize(16, 16))
        self.add.setStyleSheet("padding: 0;")
        sized(self.add, lambda w: w.setFixedSize(px(ROW + S2), px(ROW)))
        self.add.setAccessibleName("Queue")
        self.add.setToolTip(
            "Queue: train the project, as it is now, after what is trained or waits already "
            "(Ctrl+Shift+R)"
        )
        self.add.clicked.connect(self.add_asked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S1)
        layout.addWidget(self.show_all)
        layout.addWidget(self.add)
        runner.changed.connect(self.refresh)
        controller.state_changed.connect(self.refresh)
        self.refresh()

    def set_begun(self, begun: bool) -> None:
        """Whether there is a project to add; what waits from before is shown in any case."""
        self._begun = begun
        self.refresh()

    @Slot()
    def refresh(self, _: object = None) -> None:
        """Show how many wait, and whether they are worked off."""
        waiting = len(self._runner.waiting)
        failed = sum(1 for entry in self._runner.queue.queue.entries if entry.trouble)
        self.show_all.setText(f"{waiting:,}")
        tone = "warning" if failed else "accent" if self._runner.on else "muted"
        set_icon(self.show_all, "queue", tone)
        words = count(waiting) if waiting else "No run waits"
        if failed:
            words += f", {failed:,} failed"
        self.show_all.setAccessibleName(f"The queue: {words}")
        self.show_all.setToolTip(f"{words}. Press to see the queue")
        self.show_all.setVisible(self._begun or waiting + failed > 0)
        self.add.setVisible(self._begun)
        self.add.setEnabled(self._controller.state != "unavailable")

    @Slot()
    def open(self) -> None:
        """Show the queue below the button."""
        if self._popup is None:
            self._popup = QueuePopup(self._runner, self._controller, self)
        self._popup.open_below(self.show_all)


class QueuePopup(QFrame):
    """Opens below the button. Escape or a press elsewhere closes it."""

    WIDTH = 460
    _HIGHEST = 420

    def __init__(
        self, runner: QueueRunner, controller: TrainingController, parent: QWidget | None = None
    ) -> None:
        from studio.app.runs.queue_panel import QueuePanel

        super().__init__(parent, Qt.WindowType.Popup)
        set_role(self, "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Queue of runs")
        self._runner = runner
        self.panel = QueuePanel(runner, controller, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 1, 1, 1)
        layout.addWidget(self.panel)

    def open_below(self, anchor: QWidget) -> None:
        """Show it, its right edge at that of ``anchor``, as far as the screen has room."""
        self._runner.queue.look()
        self.resize(px(self.WIDTH), px(self._HIGHEST))
        self.show()  # its rows are as wide then as they will be, and so as high
        self.resize(self.width(), min(px(self._HIGHEST), self.panel.whole_height() + 2))
        corner = anchor.mapToGlobal(QPoint(anchor.width(), anchor.height() + S1))
        screen = anchor.screen().availableGeometry()
        left = max(screen.left() + S2, corner.x() - self.width())
        self.move(left, corner.y())
        rows = self.panel.list.count()
        (self.panel.list if rows else self.panel.toggle).setFocus(Qt.FocusReason.PopupFocusReason)
