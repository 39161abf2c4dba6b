"""Which run is shown: its state, when and where it began, from what, and why it ended."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.app.elided import ElidedLabel
from studio.app.theme.icons import IconLabel, set_icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2, S3
from studio.app.train.run_words import STANDINGS, begun, device, parent, process
from studio.runs.catalog import Entry
from studio.runs.ending import span
from studio.runs.standing import goes_on, is_here


class RunHead(QWidget):
    """``parent_wanted`` is sent with the folder of the run that this one branched from."""

    parent_wanted = Signal(object)

    def __init__(self, widget: QWidget | None = None) -> None:
        super().__init__(widget)
        self._entry: Entry | None = None
        self._mark = IconLabel("check", 20, "muted")
        self.title = ElidedLabel("", cut=Qt.TextElideMode.ElideMiddle)
        set_role(self.title, "headline")
        self.state = QLabel()
        set_role(self.state, "muted")
        self.folder = QPushButton("Open the folder")
        set_role(self.folder, "link")
        self.folder.clicked.connect(self._open_folder)
        row = QHBoxLayout()
        row.setSpacing(S2)
        row.addWidget(self._mark)
        row.addWidget(self.title)
        row.addWidget(self.state)
        row.addStretch(1)
        row.addWidget(self.folder)
        self.origin = words()
        set_role(self.origin, "muted")
        self.parent_link = QPushButton()
        set_role(self.parent_link, "link")
        set_icon(self.parent_link, "branch", "accent")
        self.parent_link.setToolTip("Show the run that this one branched from")
        self.parent_link.clicked.connect(self._go_to_parent)
        self.note = words()
        self.note.setAccessibleName("Why the run ended")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(S3)
        column.addLayout(row)
        column.addWidget(self.origin)
        column.addWidget(self.parent_link, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.note)

    def show_entry(self, entry: Entry) -> None:
        """Show what is known of this run."""
        self._entry = entry
        info = entry.info
        word, icon, tint = STANDINGS[entry.standing]
        self._mark.set_icon(icon, tint)
        self.title.setText(info.title)
        self.title.setToolTip(str(entry.folder))
        self.state.setText(word)
        self.folder.setToolTip(str(entry.folder))
        numbers = f" in {info.precision}" if info.precision not in ("", "float32") else ""
        if goes_on(entry.standing):
            where, device_words = f", {process(info)}", info.device_title
        else:
            where = "" if is_here(info) or not info.machine else f", on {info.machine}"
            device_words = device(info)
        on = f" on {device_words}" if device_words else ""
        self.origin.setText(f"Begun {begun(info)}{on}{numbers}{where}.")
        self.parent_link.setText(f"Branched {parent(info)}")
        self.parent_link.setVisible(bool(info.parent))
        self._show_note(entry)

    def _show_note(self, entry: Entry) -> None:
        info, text, role = entry.info, "", "muted"
        if entry.standing == "interrupted":
            text = (
                f"Process {info.process}, which trained it, is gone without a word: it was killed, "
                "or the machine went down. Continue goes on from what it kept."
            )
            role = "warning"
        elif entry.standing == "silent":
            text = (
                f"Nothing was written for {span(entry.quiet)}: the run may be over, or "
                f"{info.machine} or the disk is not connected."
            )
            role = "warning"
        elif info.message:
            text, role = info.message, "warning" if entry.standing == "failed" else "muted"
        set_role(self.note, role)
        self.note.setText(text)
        self.note.setVisible(bool(text))

    def _go_to_parent(self) -> None:
        if self._entry is not None:
            self.parent_wanted.emit(Path(self._entry.info.parent).parent.parent)

    def _open_folder(self) -> None:
        if self._entry is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._entry.folder)))


def words() -> QLabel:
    """A label for sentences, which can be copied."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse
        | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label
