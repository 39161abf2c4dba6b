"""What all tests of the window share: nothing may outlive a test."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QStandardPaths, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from studio.app.theme import style

GRACE_SECONDS = 2.0
_OFFSCREEN = ("propagateSizeHints", r"raise\(\)", "grabbing the keyboard")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pass over what the offscreen platform says of every window with a smallest size, and of
    every popup."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore(*_OFFSCREEN, extend=True))


@pytest.fixture(scope="session")
def dressed(qapp: QApplication) -> None:
    """The window's own style, for tests that measure what it makes of a widget."""
    style.apply(qapp)


@pytest.fixture(autouse=True)
def settings_of_this_test(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that a widget remembers go to a folder of this test, never to the user's."""
    place = str(tmp_path_factory.mktemp("settings"))
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: place)
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, place)
    QCoreApplication.setOrganizationName("training-studio-tests")
    QCoreApplication.setApplicationName("training-studio-tests")


@pytest.fixture(autouse=True)
def nothing_outlives_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test after which a thread runs on, or a repeating timer still fires."""
    before = set(threading.enumerate())
    timers: list[weakref.ref[QTimer]] = []
    start = QTimer.start

    def remembering_start(timer: QTimer, *interval: int) -> None:
        timers.append(weakref.ref(timer))
        start(timer, *interval)

    monkeypatch.setattr(QTimer, "start", remembering_start)
    yield
    application = QApplication.instance()
    if application is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        if timers:  # a tenth of a second, which a thousand tests need not wait for
            gc.collect()
    deadline = time.monotonic() + GRACE_SECONDS
    threads = _new_threads(before)
    while threads and time.monotonic() < deadline:
        time.sleep(0.01)
        threads = _new_threads(before)
    assert not threads, f"threads outlive the test: {[thread.name for thread in threads]}"
    firing = [
        timer
        for timer in (reference() for reference in timers)
        if timer is not None and isValid(timer) and timer.isActive() and not timer.isSingleShot()
    ]
    descriptions = [f"{timer.parent()!r} every {timer.interval()} ms" for timer in firing]
    for timer in firing:
        timer.stop()
    assert not descriptions, f"timers outlive the test: {descriptions}"


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before]
