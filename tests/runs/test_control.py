"""Flags in, messages out."""

from __future__ import annotations

import threading

from studio.runs.api import Stage
from studio.runs.control import RunControl


def test_messages_come_once_in_order_and_at_most_as_many_as_asked() -> None:
    control = RunControl()
    for number in range(5):
        control.post(Stage(str(number)))
    assert [message.text for message in control.poll(3)] == ["0", "1", "2"]
    assert [message.text for message in control.poll()] == ["3", "4"]
    assert not control.poll()


def test_no_message_is_lost_between_two_threads() -> None:
    control = RunControl()
    writer = threading.Thread(
        target=lambda: [control.post(Stage(str(number))) for number in range(20_000)]
    )
    writer.start()
    seen: list[str] = []
    while writer.is_alive() or len(seen) < 20_000:
        seen.extend(message.text for message in control.poll(97))
    writer.join()
    assert seen == [str(number) for number in range(20_000)]


def test_a_pause_ends_by_resume_and_says_how_long_it_was() -> None:
    control = RunControl()
    assert not control.paused
    control.pause()
    assert control.paused
    threading.Timer(0.05, control.resume).start()
    assert 0.04 < control.wait_while_paused() < 5
    assert not control.paused


def test_a_stop_wakes_a_paused_run() -> None:
    control = RunControl()
    control.pause()
    threading.Timer(0.05, control.stop).start()
    control.wait_while_paused()
    assert control.stopping
    assert not control.paused
    control.pause()
    assert not control.paused, "a run that is asked to stop must not wait again"


def test_a_pause_after_a_stop_does_not_hold_the_run() -> None:
    control = RunControl()
    control.stop()
    control.pause()
    waiting = threading.Thread(target=control.wait_while_paused, daemon=True)
    waiting.start()
    waiting.join(30)
    assert not waiting.is_alive()
