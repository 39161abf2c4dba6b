"""The words on the progress bar."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QHBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from studio.app.run_control import RunControl
from studio.app.train.controller import TrainingController
from studio.app.train.pace import clock, progress_words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0:00"), (41, "0:41"), (725, "12:05"), (11_525, "3:12:05")],
)
def test_times_are_written_as_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_running_epoch_is_said_with_time_and_pace() -> None:
    words = progress_words("running", 13, 30, 41.0, 41_234.5)
    assert words == ("Epoch 13 / 30 · 0:41 left", "41,234 images/s")


def test_what_is_not_known_yet_is_left_out() -> None:
    assert progress_words("running", 1, 30, float("nan"), 0.0) == ("Epoch 1 / 30", "")
    assert progress_words("starting", 0, 0, float("nan"), 0.0) == ("Starting", "")


def test_a_pause_names_the_epoch_it_waits_in() -> None:
    assert progress_words("paused", 3, 9, 5.0, 10.0)[0] == "Paused · epoch 3 / 9"
    assert progress_words("stopping", 3, 9, 5.0, 10.0)[0] == "Stopping · epoch 3 / 9"


def test_the_second_click_of_a_double_click_on_train_meets_no_button(
    qtbot: QtBot, tmp_path: Path
) -> None:
    controller = TrainingController(tmp_path)
    bar = QWidget()
    qtbot.addWidget(bar)
    layout = QHBoxLayout(bar)
    layout.addStretch(1)
    control = RunControl(controller, bar)
    layout.addWidget(control)
    bar.resize(900, 60)
    bar.show()
    qtbot.waitExposed(bar)
    place = control.train.mapTo(bar, control.train.rect().center())
    controller._enter("running")
    qtbot.waitUntil(lambda: control.pause.isVisible() and not control.train.isVisible())
    layout.activate()
    assert bar.childAt(place) is control.progress
