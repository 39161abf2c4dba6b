"""Asks how many epochs a run that has ended shall be given more."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.app.number_field import NumberField
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S2, S3, S4
from studio.project.settings import Integer

WIDTH = 280

_MORE = Integer(
    name="more", title="Epochs more", default=5, minimum=1, maximum=1_000_000, unit="epochs",
    help="How often every image is seen beyond what the run was planned for.",
)  # fmt: skip


class AddEpochs(QFrame):
    """Opens at the button that asks. Enter trains; Escape or a press elsewhere closes it."""

    wanted = Signal(int)
    """So many epochs there shall be in all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        set_role(self, "card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        sized(self, lambda w: w.setFixedWidth(px(WIDTH)))
        self.setAccessibleName("Add epochs")
        self._planned = 0
        title = QLabel("Train this run for longer", self)
        set_role(title, "title")
        self.field = NumberField(_MORE, self)
        self.field.setAccessibleName(_MORE.title)
        self.field.setToolTip(_MORE.help)
        self.field.edited.connect(self._show)
        self.total = QLabel(self)
        self.total.setWordWrap(True)
        set_role(self.total, "muted")
        self.button = QPushButton("Train", self)
        set_role(self.button, "primary")
        self.button.clicked.connect(self._choose)
        row = QHBoxLayout()
        row.setSpacing(S2)
        row.addWidget(self.field, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(S4, S3, S4, S3)
        column.setSpacing(S2)
        column.addWidget(title)
        column.addLayout(row)
        column.addWidget(self.total)

    def open_at(self, anchor: QWidget, done: int, planned: int) -> None:
        """Ask beside ``anchor`` for a run with ``done`` of ``planned`` epochs."""
        self._planned = max(done, planned)
        self.field.set_value(_MORE.default)
        left = self._planned - done
        self._left = f"{left:,} of its epochs are left. " if left else ""
        self._show()
        corner = anchor.mapToGlobal(QPoint(0, anchor.height() + S2))
        screen = anchor.screen()
        if screen is not None:
            room = screen.availableGeometry()
            corner.setX(max(room.left(), min(corner.x(), room.right() - self.width() - S2)))
            if corner.y() + self.height() > room.bottom():
                corner.setY(anchor.mapToGlobal(QPoint(0, 0)).y() - self.height() - S2)
        self.move(corner)
        self.show()
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
        if (layout := self.layout()) is not None:
            # A label that wraps has its height only once its width is known.
            layout.activate()
            self.setFixedHeight(layout.totalHeightForWidth(self.width()))

    def _choose(self) -> None:
        self.hide()
        self.wanted.emit(self._all())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
        elif event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
