"""Says which run the page shows where it is not one's own, with a way back."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from studio.app.elided import ElidedLabel
from studio.app.theme.icons import IconLabel
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S3
from studio.app.train.controller import TrainingController
from studio.app.train.far_control import FarControl
from studio.app.train.pace import progress_words
from studio.app.train.run_words import STANDINGS, begun, parent, process
from studio.app.workspace import Workspace

REFRESH_MS = 500


class FollowedBar(QFrame):
    """Hidden while the page shows one's own run."""

    def __init__(
        self, controller: TrainingController, workspace: Workspace, widget: QWidget | None = None
    ) -> None:
        super().__init__(widget)
        self._controller = controller
        set_role(self, "bar")
        self.setAccessibleName("The run that is shown")
        self._icon = IconLabel("follow", 16, "accent", self)
        self.text = ElidedLabel("", self, Qt.TextElideMode.ElideMiddle)
        set_role(self.text, "title")
        self.progress = ElidedLabel("", self)
        self.control = FarControl(controller, workspace, self)
        self.back = QPushButton("Close", self)
        set_role(self.back, "link")
        self.back.clicked.connect(controller.leave)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(S3, S1 + 2, S3, S1 + 2)
        layout.setSpacing(S3)
        layout.addWidget(self._icon)
        layout.addWidget(self.text)
        layout.addWidget(self.progress, 1)
        layout.addWidget(self.control)
        layout.addWidget(self.back)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        controller.state_changed.connect(self.refresh)
        controller.started_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self, _: str = "") -> None:
        """Bring the words up to date with the run."""
        follower = self._controller.follower
        self.setVisible(follower is not None)
        under_way = self._controller.state == "following"
        if under_way and follower is not None:
            if not self._timer.isActive():
                self._timer.start()
        else:
            self._timer.stop()
        self.control.refresh()
        if follower is None:
            return
        info, standing = follower.info, follower.standing
        word, icon, tint = STANDINGS[standing]
        branch = f", {parent(info)}" if info.parent else ""
        if under_way and standing in ("running", "paused", "silent"):
            text = f"Following {info.title}{branch}: {process(info)}"
            self._icon.set_icon("follow", "accent")
            self.setToolTip(f"{follower.folder}\nYou can train here meanwhile.")
        else:
            text = f"{info.title}{branch}: run of {begun(info)}, {word}"
            self._icon.set_icon(icon, tint)
            self.setToolTip(str(follower.folder))
        self.text.setText(text)
        self.progress.setText(self._progress(standing) if under_way else "")
        own = self._controller.has_own
        self.back.setText("Back to my run" if own else "Close")
        self.back.setToolTip(
            "Show the run that was trained here again" if own else "Show this run no longer"
        )
        self.back.setAccessibleName(f"{self.back.text()}: {info.title} is shown")

    def _progress(self, standing: str) -> str:
        """Where the run is, and its pace."""
        started = self._controller.started
        if started is None:
            return ""
        fraction, left, pace = self._controller.progress()
        epochs = max(1, round(started.total_steps / max(1, started.steps_per_epoch)))
        epoch = min(epochs, int(fraction * epochs) + 1)
        state = "running" if standing == "running" else "paused"
        text, detail = progress_words(state, epoch, epochs, left, pace)
        if standing == "silent":
            return f"{STANDINGS[standing][0].capitalize()} · epoch {epoch} / {epochs}"
        asked = "asked, not answered yet" if self._waits() else ""
        return " · ".join(part for part in (text, detail, asked) if part)

    def _waits(self) -> bool:
        follower = self._controller.follower
        return follower is not None and follower.waiting
