"""Jobs on threads: their outcome arrives on the window's thread, and none outlives the window."""

from __future__ import annotations

import logging
import threading

import pytest
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.runs.api import WorkFailed


def _unexpected(*_: object) -> None:
    raise AssertionError("this outcome was not expected")


def test_a_result_is_delivered_on_the_windows_thread(qtbot: QtBot, background: Background) -> None:
    got: list[object] = []
    main = threading.current_thread()
    background.run(
        lambda: threading.current_thread(),
        lambda worker: got.extend([worker, threading.current_thread()]),
        _unexpected,
    )
    qtbot.waitUntil(lambda: bool(got))
    assert got[0] is not main
    assert got[1] is main
    assert not background.busy


def test_a_failure_arrives_as_message_and_advice(qtbot: QtBot, background: Background) -> None:
    def work() -> None:
        raise WorkFailed("The folder is empty.", "Choose another.")

    got: list[tuple[str, str]] = []
    background.run(work, _unexpected, lambda *words: got.append(words))
    qtbot.waitUntil(lambda: bool(got))
    assert got == [("The folder is empty.", "Choose another.")]


def test_a_fault_of_the_program_becomes_a_sentence_and_goes_to_the_log(
    qtbot: QtBot, background: Background, caplog: pytest.LogCaptureFixture
) -> None:
    def work() -> None:
        raise ZeroDivisionError("division by zero")

    got: list[tuple[str, str]] = []
    with caplog.at_level(logging.ERROR):
        background.run(work, _unexpected, lambda *words: got.append(words))
        qtbot.waitUntil(lambda: bool(got))
    assert got[0][0] == "Something went wrong: division by zero."
    assert "ZeroDivisionError" in caplog.text


def test_an_abandoned_job_is_not_heard(qtbot: QtBot, background: Background) -> None:
    go = threading.Event()
    job = background.run(lambda: go.wait(5), _unexpected, _unexpected)
    job.abandon()
    go.set()
    qtbot.waitUntil(lambda: not background.busy)


def test_shutdown_waits_for_the_threads_and_drops_their_outcomes() -> None:
    background = Background()
    go = threading.Event()
    job = background.run(lambda: go.wait(5), _unexpected, _unexpected)
    threading.Timer(0.05, go.set).start()
    assert background.shutdown(seconds=5)
    assert not job.alive


def test_shutdown_says_when_a_thread_does_not_end_in_time() -> None:
    background = Background()
    go = threading.Event()
    background.run(lambda: go.wait(5), _unexpected, _unexpected)
    assert not background.shutdown(seconds=0.01)
    go.set()
