"""Asks how many epochs a run that has ended shall be given more."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from studio.app.number_field import NumberField
from studio.app.popup import Popup
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2
from studio.project.settings import Integer

WIDTH = 280

_MORE = Integer(
    name="more", title="Epochs more", default=5, minimum=1, maximum=1_000_000, unit="epochs",
    help="How often every image is seen beyond what the run was planned for.",
)  # fmt: skip


class AddEpochs(Popup):
    """Opens at the button that asks. Enter trains; Escape or a press elsewhere closes it."""

    wanted = Signal(int)
    """So many epochs there shall be in all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Add epochs", WIDTH, parent)
        self._planned = 0
        self._left = ""
        title = QLabel("Train this run for longer", self)
        set_role(title, "title")
        self.field = NumberField(_MORE, self)
        self.field.setAccessibleName(_MORE.title)
        self.field.setToolTip(_MORE.help)
        self.field.edited.connect(self._show)
        self.field.refused.connect(self._refuse)
        self.total = QLabel(self)
        self.total.setWordWrap(True)
        set_role(self.total, "muted")
        self.button = QPushButton("Train", self)
        set_role(self.button, "primary")
        self.button.clicked.connect(self.choose)
        row = QHBoxLayout()
        row.setSpacing(S2)
        row.addWidget(self.field, 1)
        row.addWidget(self.button)
        self.column.addWidget(title)
        self.column.addLayout(row)
        self.column.addWidget(self.total)

    def open_at(self, anchor: QWidget, done: int, planned: int) -> None:
        """Ask beside ``anchor`` for a run with ``done`` of ``planned`` epochs."""
        self._planned = max(done, planned)
        self.field.set_value(_MORE.default)
        left = self._planned - done
        self._left = f"{left:,} of its epochs are left. " if left else ""
        self._show()
        self.open_below(anchor)
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)
        self.field.selectAll()

    def _all(self) -> int:
        value = self.field.value
        return self._planned + int(value if value is not None else _MORE.default)

    def _show(self, _: object = None) -> None:
        self.total.setText(
            f"{self._left}{self._all():,} epochs in all, from the last checkpoint on. The "
            "learning rate follows its course over the new length."
        )
        self.fit()

    def _refuse(self, wrong: str) -> None:
        """Say what is wrong with the number; no word takes it away again."""
        self._show()
        self.button.setEnabled(not wrong)
        if wrong:
            self.total.setText(f"{wrong[:1].upper()}{wrong[1:]}.")
            self.fit()

    def choose(self) -> None:
        """Train the run for so long."""
        self.hide()
        self.wanted.emit(self._all())
