"""The checkpoints of a run, one of which is chosen to branch from."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QLabel, QPushButton, QRadioButton, QWidget

from studio.app.canvas import texts
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S4
from studio.runs.checkpoints import Kept

_TITLES = {
    "last": ("last", "as the training left it"),
    "best": ("best", "with the highest validation accuracy"),
}
_MOST = 50
"""Of those that the user kept, the newest are enough to choose from."""


class CheckpointList(QWidget):
    """A row for each checkpoint with its step, and ``branch``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._checkpoints: tuple[Kept, ...] | None = None
        self._group = QButtonGroup(self)
        self.branch = QPushButton("Branch…", self)
        set_icon(self.branch, "branch")
        self.none = QLabel("There are none yet: the first one comes with the first epoch's end.")
        set_role(self.none, "muted")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(S4)
        self._grid.setVerticalSpacing(S1)
        self._grid.setColumnStretch(3, 1)
        self._rows: list[QWidget] = []
        self.show_checkpoints(())

    @property
    def chosen(self) -> Kept | None:
        """The checkpoint whose button is on."""
        number = self._group.checkedId()
        checkpoints = self._checkpoints or ()
        return checkpoints[number] if 0 <= number < len(checkpoints) else None

    def choose(self, name: str) -> None:
        """Take the checkpoint ``name``, as a click on it does."""
        for number, each in enumerate(self._checkpoints or ()):
            if each.name == name:
                self._group.button(number).setChecked(True)

    def show_checkpoints(self, checkpoints: tuple[Kept, ...]) -> None:
        """List these; the choice stays where its name does."""
        checkpoints = checkpoints[:_MOST]
        if checkpoints == self._checkpoints:
            return
        before = self.chosen
        self._checkpoints = checkpoints
        for widget in self._rows:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        for button in self._group.buttons():
            self._group.removeButton(button)
        self._rows = []
        for row, each in enumerate(checkpoints):
            self._add(row, each)
        self._grid.addWidget(self.none, 0, 0, 1, 4)
        self.none.setVisible(not checkpoints)
        self._grid.addWidget(self.branch, len(checkpoints) + 1, 0, 1, 4, Qt.AlignmentFlag.AlignLeft)
        self._grid.setRowMinimumHeight(len(checkpoints), S2)
        if checkpoints:
            self._group.button(0).setChecked(True)
            self.choose(before.name if before is not None else "")

    def _add(self, row: int, each: Kept) -> None:
        title, why = _TITLES.get(each.name, ("kept", "kept on the way"))
        epochs = f"{each.epochs_done:,} epoch{'' if each.epochs_done == 1 else 's'}"
        button = QRadioButton(title, self)
        button.setAccessibleName(f"{title}: step {each.step:,}, {epochs}")
        button.setToolTip(f"{each.path.name}: the weights {why}")
        self._group.addButton(button, row)
        labels = [
            QLabel(text, self) for text in (f"step {each.step:,}", epochs, texts.size(each.bytes))
        ]
        self._grid.addWidget(button, row, 0)
        for column, label in enumerate(labels, start=1):
            set_role(label, "muted")
            self._grid.addWidget(label, row, column)
        self._rows += [button, *labels]
