"""Drives the real window as a person would: xdotool moves the X server's mouse and types.

The driver is a thread of the app's own process, so that it can ask widgets where they are; all that
it does to them goes through the X server. Questions are answered on the window's thread.
"""

from __future__ import annotations

import queue
import subprocess
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

Answer = TypeVar("Answer")


class JourneyFailed(AssertionError):
    """Something that should have come about did not; the message says what."""


class _Desk(QObject):
    """Answers questions on the window's thread."""

    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.questions: queue.Queue[Callable[[], None]] = queue.Queue()
        self.asked.connect(self._answer, Qt.ConnectionType.QueuedConnection)

    @Slot()
    def _answer(self) -> None:
        while not self.questions.empty():
            self.questions.get()()


class Driver:
    """A pair of hands and eyes."""

    def __init__(self, pictures: Path | None) -> None:
        self._pictures = pictures
        self._desk: _Desk | None = None
        self.failure = ""

    def run(self, journey: Callable[[Driver], None]) -> threading.Thread:
        """Walk ``journey`` on a thread, from the time the window is up; end the app after it."""

        def walk() -> None:
            try:
                self._wait_for_application()
                journey(self)
            except Exception:
                self.failure = traceback.format_exc()
                self.picture("failure")
            finally:
                application = QApplication.instance()
                if application is not None:
                    self.ask(lambda: self._close_all())

        thread = threading.Thread(target=walk, name="journey")
        thread.start()
        return thread

    @staticmethod
    def _close_all() -> None:
        for window in QApplication.topLevelWidgets():
            leave = getattr(window, "close_unasked", None)
            if leave is not None:
                leave()

    def _wait_for_application(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            application = QApplication.instance()
            if application is not None and not QApplication.startingUp():
                desk = _Desk()
                desk.moveToThread(application.thread())
                self._desk = desk
                return
            time.sleep(0.02)
        raise JourneyFailed("no application came up")

    # Eyes

    def ask(self, question: Callable[[], Answer], seconds: float = 20.0) -> Answer:
        """The answer to ``question``, asked on the window's thread."""
        assert self._desk is not None
        answers: queue.Queue[tuple[bool, object]] = queue.Queue()

        def answer() -> None:
            try:
                answers.put((True, question()))
            except Exception as error:
                answers.put((False, error))

        self._desk.questions.put(answer)
        self._desk.asked.emit()
        try:
            good, value = answers.get(timeout=seconds)
        except queue.Empty:
            raise JourneyFailed(f"the window did not answer for {seconds} s") from None
        if not good:
            assert isinstance(value, Exception)
            raise value
        return value  # type: ignore[return-value]

    def wait(self, what: str, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Wait until ``condition`` holds; it is asked on the window's thread."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.ask(condition):
                    return
            except (LookupError, RuntimeError):
                pass  # not there yet, or just gone
            time.sleep(0.05)
        raise JourneyFailed(f"waited {seconds} s in vain for: {what}")

    def window(self) -> QWidget:
        """The main window; to be used on the window's thread."""
        for widget in QApplication.topLevelWidgets():
            if hasattr(widget, "close_unasked") and widget.isVisible():
                return widget
        raise LookupError("the main window is not there")

    def find(self, kind: type[QWidget], name: str) -> QWidget:
        """The visible widget of a class by its accessible name, its text, or its object's name."""
        for top in QApplication.topLevelWidgets():
            for widget in [top, *top.findChildren(kind)]:
                if not isinstance(widget, kind) or not widget.isVisible():
                    continue
                text = getattr(widget, "text", lambda: "")
                names = (widget.accessibleName(), widget.objectName(), text())
                if name in names:
                    return widget
        raise LookupError(f"there is no visible {kind.__name__} called {name!r}")

    def center(self, kind: type[QWidget], name: str) -> QPoint:
        """The middle of a widget on the screen."""

        def place() -> QPoint:
            widget = self.find(kind, name)
            return widget.mapToGlobal(widget.rect().center())

        return self.ask(place)

    def picture(self, name: str) -> None:
        """What the screen shows, as a file."""
        if self._pictures is None:
            return
        path = self._pictures / f"{name}.png"
        self.ask(lambda: QApplication.primaryScreen().grabWindow(0).save(str(path)))

    # Hands

    @staticmethod
    def _xdotool(*words: str) -> None:
        subprocess.run(["xdotool", *words], check=True, capture_output=True, timeout=30)
        time.sleep(0.05)

    def move(self, point: QPoint | QPointF) -> None:
        """Move the mouse there."""
        self._xdotool("mousemove", str(round(point.x())), str(round(point.y())))

    def click(self, point: QPoint | QPointF, times: int = 1) -> None:
        """Press and release there."""
        self.move(point)
        self._xdotool("click", "--repeat", str(times), "--delay", "80", "1")

    def click_on(self, kind: type[QWidget], name: str) -> None:
        """Click in the middle of a widget, once it is there."""
        self.wait(f"{kind.__name__} {name!r}", lambda: self.find(kind, name).isEnabled())
        self.click(self.center(kind, name))

    def drag(self, start: QPoint | QPointF, end: QPoint | QPointF) -> None:
        """Press at ``start``, move in small steps, release at ``end``."""
        self.move(start)
        self._xdotool("mousedown", "1")
        steps = 12
        for number in range(1, steps + 1):
            share = number / steps
            x = start.x() + (end.x() - start.x()) * share
            y = start.y() + (end.y() - start.y()) * share
            self.move(QPointF(x, y))
        self.move(QPointF(end.x() + 1, end.y()))
        self.move(end)
        self._xdotool("mouseup", "1")
        time.sleep(0.1)

    def key(self, keys: str) -> None:
        """Press a key or chord, as "ctrl+z"."""
        self._xdotool("key", keys)

    def type(self, text: str) -> None:
        """Type a text."""
        self._xdotool("type", "--delay", "20", text)
