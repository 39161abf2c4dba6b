"""The queue above the list of runs, as long as something is in it."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from studio.app.queue_runner import QueueRunner
from studio.app.runs.queue_panel import QueuePanel
from studio.app.theme.style import hairline
from studio.app.theme.text_size import px, sized
from studio.app.train.controller import TrainingController


class QueueSection(QFrame):
    """As high as its rows, up to a limit behind which they scroll."""

    _HIGHEST = 260

    def __init__(
        self, runner: QueueRunner, controller: TrainingController, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self.panel = QueuePanel(runner, controller, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.panel, 1)
        layout.addWidget(hairline())
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setSizePolicy(policy)
        sized(self, lambda w: w.setMaximumHeight(px(w._HIGHEST)))
        runner.changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        self.setVisible(bool(self._runner.queue.queue.entries))
