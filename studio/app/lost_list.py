"""The start page's list of work that was left unsaved, each to be restored or discarded."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from studio.app.recovery import Recovery
from studio.app.recovery_files import Kept, Lost
from studio.app.theme.icons import IconLabel
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3


def when(moment: datetime, now: datetime | None = None) -> str:
    """A moment as people say it: "today at 21:43", "yesterday at 08:05", "3 Nov 2026 at 10:00"."""
    moment = moment.astimezone()
    today = (now or datetime.now().astimezone()).date()
    day = {today: "today", today - timedelta(days=1): "yesterday"}.get(moment.date())
    return f"{day or f'{moment.day} {moment:%b %Y}'} at {moment:%H:%M}"


def where(kept: Kept) -> str:
    """Which file the work belongs to, and on which machine it was done if not on this one."""
    file = str(kept.path) if kept.path else "not in any file yet"
    return file if kept.host == socket.gethostname() else f"{file}, on the computer {kept.host}"


class LostList(QWidget):
    """Hidden while there is nothing to offer."""

    restored = Signal(object)
    discarded = Signal(object)

    def __init__(self, recovery: Recovery, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recovery = recovery
        title = QLabel("Left unsaved when Training Studio ended")
        set_role(title, "title")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, S3)
        layout.setSpacing(S2)
        layout.addWidget(title)
        self._rows = QVBoxLayout()
        self._rows.setSpacing(S2)
        layout.addLayout(self._rows)
        recovery.offers_changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (row := item.widget()) is not None:
                row.hide()
                row.deleteLater()
        for lost in self._recovery.offers:
            self._rows.addWidget(self._row(lost))
        self.setVisible(bool(self._recovery.offers))

    def _row(self, lost: Lost) -> QFrame:
        kept = lost.kept
        row = QFrame()
        set_role(row, "card")
        name = QLabel(kept.title)
        set_role(name, "title")
        details = QLabel(f"Last changed {when(kept.when)} · {where(kept)}")
        set_role(details, "small")
        details.setWordWrap(True)
        for label in (name, details):
            label.setTextFormat(Qt.TextFormat.PlainText)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(name)
        words.addWidget(details)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(S3, S2, S3, S2)
        layout.setSpacing(S3)
        layout.addWidget(IconLabel("undo", 18, "accent", row))
        layout.addLayout(words, 1)
        for text, signal, tip in (
            ("Restore", self.restored, "Go on with this work; Save puts it into its file"),
            ("Discard", self.discarded, "Let this work go; until you quit it can be put back"),
        ):
            button = QPushButton(text)
            button.setToolTip(tip)
            button.setAccessibleName(f"{text} {kept.title}")
            button.clicked.connect(lambda _=False, signal=signal: signal.emit(lost))
            layout.addSpacing(S1)
            layout.addWidget(button)
        return row
