"""Says at the top of the recipe that the next run begins from another's checkpoint.

It goes when that run has begun.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from studio.app.theme.icons import IconLabel, set_icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2, S3, S4
from studio.app.train.controller import TrainingController


class BranchNote(QWidget):
    """Hidden while the next run begins from nothing."""

    def __init__(self, controller: TrainingController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setAccessibleName("Branch")
        bar = QFrame(self)
        set_role(bar, "bar")
        self.text = QLabel(bar)
        self.text.setWordWrap(True)
        self.drop = QToolButton(bar)
        set_icon(self.drop, "close", "muted")
        self.drop.setIconSize(QSize(16, 16))
        self.drop.setToolTip("Begin from nothing: the next run starts as the recipe says")
        self.drop.setAccessibleName("Begin from nothing")
        self.drop.clicked.connect(lambda: controller.branch_from(None))
        row = QHBoxLayout(bar)
        row.setContentsMargins(S3, S2, S2, S2)
        row.setSpacing(S2)
        row.addWidget(IconLabel("branch", 16, "accent", bar))
        row.addWidget(self.text, 1)
        row.addWidget(self.drop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S4, S3, S4, 0)
        layout.addWidget(bar)
        controller.parent_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Name the checkpoint."""
        parent = self._controller.parent_run
        self.setVisible(parent is not None)
        if parent is not None:
            # A name of one long word may break behind its hyphens.
            title = parent.title.replace("-", "-\u200b")
            self.text.setText(f"The next run continues from {title}, step {parent.step:,}")
            self.text.setToolTip(
                f"{parent.checkpoint}\nThe next run takes weights, epochs and, with the same "
                "optimizer, its state from there, and follows this recipe from then on. The run "
                "after it begins from nothing again."
            )
