"""The Qt application: its name, its looks, and how a signal from the terminal closes it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence
from types import FrameType

from PySide6.QtCore import QCoreApplication, QObject, QSettings, QSocketNotifier
from PySide6.QtWidgets import QApplication

from studio import __version__
from studio.app.theme import style
from studio.app.theme.icons import app_icon
from studio.app.theme.text_size import SYSTEM, text_size
from studio.app.theme.tokens import Preference, theme


def create(arguments: Sequence[str]) -> QApplication:
    """Make the application, dressed in the scheme that the user chose last."""
    QCoreApplication.setOrganizationName("TrainingStudio")
    QCoreApplication.setApplicationName("Training Studio")
    QCoreApplication.setApplicationVersion(__version__)
    application = QApplication(list(arguments))
    application.setDesktopFileName("training-studio")
    application.setWindowIcon(app_icon())
    saved = str(QSettings().value("scheme", "system"))
    known: dict[str, Preference] = {"system": "system", "light": "light", "dark": "dark"}
    theme().set_preference(known.get(saved, "system"))
    style.apply(application)
    text_size().choose(str(QSettings().value("text size", SYSTEM)))
    return application


class Signals(QObject):
    """Calls back on the window's thread when the terminal asks the program to end.

    Python handles a signal only between its own instructions, and there may be none for long
    while Qt waits; a byte in a socket wakes Qt up.
    """

    def __init__(self, end: Callable[[int], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._end = end
        self._number = 0
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._old_descriptor = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._old = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)

    def restore(self) -> None:
        """Give the signals back to whoever had them."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._old_descriptor)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._number = number

    def _wake(self) -> None:
        self._read.recv(64)
        if self._number:
            number, self._number = self._number, 0
            self._end(number)
