"""A signal from the terminal reaches the window's thread, and the old handlers come back."""

from __future__ import annotations

import os
import signal

import pytest
from pytestqt.qtbot import QtBot

from studio.app.application import Signals


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send to oneself")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_calls_back_once_with_its_number(qtbot: QtBot, number: int) -> None:
    before = signal.getsignal(number)
    got: list[int] = []
    signals = Signals(got.append)
    try:
        os.kill(os.getpid(), number)
        qtbot.waitUntil(lambda: bool(got))
        assert got == [number]
    finally:
        signals.restore()
    assert signal.getsignal(number) is before
