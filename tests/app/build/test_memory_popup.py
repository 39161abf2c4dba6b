"""The memory number opens its parts, and offers the largest batch that fits."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.app.build.memory_popup import MemoryPopup, parts
from studio.app.build.strip import Strip
from studio.app.theme.tokens import font, theme
from studio.app.workspace import Workspace
from studio.project import templates
from studio.project.memory import Forecast
from studio.runs.api import Device


@pytest.fixture
def workspace(qapp: QApplication) -> Workspace:
    return Workspace(templates.build("cifar_resnet20"))


@pytest.fixture
def strip(qtbot: QtBot, workspace: Workspace) -> Strip:
    widget = Strip(workspace)
    qtbot.addWidget(widget)
    widget.resize(1200, 34)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def opened(strip: Strip) -> MemoryPopup:
    strip.memory.click()
    assert strip.popup is not None
    assert strip.popup.isVisible()
    return strip.popup


def test_the_parts_are_those_of_the_forecast_and_stand_with_their_names(strip: Strip) -> None:
    strip.set_device(Device("cpu", "Processor", 8 * 2**30))
    popup = opened(strip)
    shown = {name.text(): value.text() for name, value in popup.rows}
    assert list(shown) == ["Weights", "Gradients", "Optimizer", "Activations"]
    assert all(value.endswith("iB") for value in shown.values())
    assert "8.0 GiB that the device has." in popup.total.text()
    popup.hide()


def test_a_change_of_scheme_cuts_no_letter_of_the_number(qtbot: QtBot, strip: Strip) -> None:
    strip.set_device(Device("cpu", "Processor", 8 * 2**30))
    bold = QFontMetrics(font(bold=True, tabular=True))

    def whole() -> bool:
        return strip.memory.width() > bold.horizontalAdvance(strip.memory.text()) + 4

    try:
        for scheme in ("dark", "light"):
            theme().set_preference(scheme)
            qtbot.waitUntil(whole)
    finally:
        theme().set_preference("system")


def test_the_parts_sum_up_to_the_peak() -> None:
    for need in (Forecast(10, 20, 30, 400, 5), Forecast(10, 20, 30, 4, 500)):
        assert sum(size for _, size, _ in parts(need)) == need.total
    assert parts(Forecast(1, 1, 1, 4, 500))[-1][0] == "Optimizer's step"


def test_the_button_sets_the_largest_batch_that_fits_as_one_undo_step(
    strip: Strip, workspace: Workspace
) -> None:
    before = workspace.project
    room = 100 * 2**20
    strip.set_device(Device("cpu", "Processor", room))
    assert strip.memory.text().endswith("will not fit")
    popup = opened(strip)
    assert popup.total.text().endswith("too much.")
    popup.button.click()
    assert not popup.isVisible()
    batch = workspace.project.recipe.batch_size
    assert 0 < batch < before.recipe.batch_size
    assert strip._need(batch).total <= room < strip._need(batch + 1).total
    assert not strip.memory.text().endswith("will not fit")
    assert workspace.undo_label == f"Set the batch to {batch}"
    workspace.undo()
    assert workspace.project == before


def test_no_batch_is_larger_than_there_are_images(strip: Strip) -> None:
    strip.set_device(Device("cpu", "Processor", 2**40))
    strip.set_images(1_437)
    popup = opened(strip)
    assert "1,437" in popup.button.text()
    assert "all there are to train with" in popup.largest.text()
    popup.hide()


def test_where_nothing_fits_it_says_what_to_do(strip: Strip) -> None:
    strip.set_device(Device("cpu", "Processor", 1_000))
    popup = opened(strip)
    assert popup.button.isHidden()
    assert "fewer channels" in popup.largest.text()
    popup.hide()


def test_before_the_device_is_known_only_the_parts_are_told(strip: Strip) -> None:
    popup = opened(strip)
    assert popup.button.isHidden()
    assert "once the engine is loaded" in popup.largest.text()
    popup.hide()
