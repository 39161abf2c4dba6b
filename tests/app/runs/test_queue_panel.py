"""The panel of the queue: what it lists, and what its keys do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from studio.app.queue_control import QueueControl
from studio.app.queue_runner import QueueRunner
from studio.app.run_queue import RunQueue
from studio.app.runs.queue_panel import QueuePanel
from studio.app.runs.queue_section import QueueSection
from studio.app.train.controller import TrainingController
from studio.project import templates
from studio.project.values import Project
from studio.runs.api import Failed
from tests.scripted_engine import Script, ScriptedEngine

QUICKSTART = templates.build("quickstart")


def project(rate: float) -> Project:
    return replace(QUICKSTART, recipe=replace(QUICKSTART.recipe, learning_rate=rate, epochs=2))


class Setting:
    """A runner over three runs that wait, and the panel on it."""

    def __init__(self, folder: Path) -> None:
        self.controller = TrainingController(folder / "runs")
        self.queue = RunQueue(folder / "queue")
        self.queue.open()
        self.runner = QueueRunner(self.controller, self.queue)
        self.engine = ScriptedEngine(Script(paced=None, steps_per_epoch=3))
        for rate in (0.1, 0.2, 0.3):
            self.runner.add(project(rate), "digits")
        self.panel = QueuePanel(self.runner, self.controller)

    @property
    def rates(self) -> list[float]:
        return [entry.project.recipe.learning_rate for entry in self.queue.queue.entries]

    @property
    def details(self) -> list[str]:
        return [row.details for row in self.panel.list.rows]

    def begin(self, qtbot: QtBot) -> None:
        """Work the queue off, up to the first step of the first run."""
        self.controller.set_engine(self.engine)
        self.runner.start()
        qtbot.waitUntil(lambda: len(self.engine.runs) == 1)
        self.engine.runs[0].begin()
        qtbot.waitUntil(lambda: self.controller.state == "running")


@pytest.fixture
def setting(qtbot: QtBot, tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path)
    qtbot.addWidget(made.panel)
    made.panel.resize(460, 380)
    made.panel.show()
    qtbot.waitExposed(made.panel)
    yield made
    made.runner.close()
    made.controller.shutdown()
    made.queue.close()


def test_each_row_says_what_is_trained_and_what_sets_it_apart(
    setting: Setting, qtbot: QtBot
) -> None:
    rows = setting.panel.list.rows
    assert [row.note for row in rows] == ["", "learning rate 0.2", "learning rate 0.3"]
    assert setting.details[0] == "2 epochs · batch 64 · automatic"
    setting.controller.set_engine(setting.engine)
    assert setting.details[0] == "2 epochs · batch 64 · on CPU, 2 cores"
    role = Qt.ItemDataRole.AccessibleTextRole
    spoken = setting.panel.list.item(1).data(role)
    assert spoken == "digits, learning rate 0.2. 2 epochs · batch 64 · on CPU, 2 cores"
    assert setting.panel.state.text() == "3 runs wait"


def test_what_is_under_way_stands_first_and_says_how_far_it_is(
    setting: Setting, qtbot: QtBot
) -> None:
    setting.begin(qtbot)
    setting.engine.runs[0].advance(3)
    qtbot.waitUntil(lambda: setting.details[0].startswith("Under way: Epoch 2 / 2"))
    assert setting.panel.state.text() == "2 runs wait · the next begins when this one ends"
    assert setting.panel.toggle.text() == "Hold"
    setting.panel.toggle.click()
    assert not setting.runner.on
    assert setting.panel.state.text() == "2 runs wait · held"
    assert setting.panel.toggle.text() == "Start"


def test_a_run_of_train_is_listed_before_what_waits(setting: Setting, qtbot: QtBot) -> None:
    setting.controller.set_engine(setting.engine)
    setting.controller.start(project(0.5), "by hand")
    row = setting.panel.list.rows[0]
    assert row.title.startswith("by-hand-")
    assert row.fixed
    assert len(setting.panel.list.rows) == 4
    setting.panel.list.clearSelection()
    setting.panel.list.setCurrentRow(0)
    assert not setting.panel.remove.isEnabled()


def test_alt_and_arrows_move_and_the_selection_moves_along(setting: Setting, qtbot: QtBot) -> None:
    rows = setting.panel.list
    rows.setFocus()
    qtbot.waitUntil(rows.hasFocus)
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    assert rows.currentRow() == 1
    qtbot.keyClick(rows, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert setting.rates == [0.1, 0.3, 0.2]
    assert rows.currentRow() == 2
    assert not setting.panel.later.isEnabled()
    for _ in range(3):
        qtbot.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert setting.rates == [0.2, 0.1, 0.3]
    assert not setting.panel.earlier.isEnabled()


def test_nothing_is_moved_before_the_run_under_way(setting: Setting, qtbot: QtBot) -> None:
    setting.begin(qtbot)
    setting.panel.list.setCurrentRow(1)
    assert not setting.panel.earlier.isEnabled()
    setting.panel._arrange([setting.queue.queue.entries[2].id])
    assert setting.rates[0] == 0.3  # a drag says the whole order, and keeps the first one first
    ids = [entry.id for entry in setting.queue.queue.entries]
    setting.panel._arrange([ids[1], ids[0], ids[2]])
    assert setting.rates == [0.1, 0.3, 0.2]


def test_a_row_that_is_dragged_is_trained_where_it_was_dropped(
    setting: Setting, qtbot: QtBot
) -> None:
    rows = setting.panel.list
    moved = rows.takeItem(2)  # what Qt does with the items when one is dropped
    rows.insertItem(0, moved)
    rows.setCurrentItem(moved)
    rows._tell_order()
    assert setting.rates == [0.3, 0.1, 0.2]
    assert rows.currentRow() == 0
    assert [row.note for row in rows.rows] == ["learning rate 0.3", "", "learning rate 0.2"]


def test_delete_removes_and_the_next_one_is_chosen(setting: Setting, qtbot: QtBot) -> None:
    rows = setting.panel.list
    rows.setFocus()
    qtbot.waitUntil(rows.hasFocus)
    qtbot.keyClick(rows, Qt.Key.Key_Down)
    with qtbot.waitSignal(setting.queue.removed):
        qtbot.keyClick(rows, Qt.Key.Key_Delete)
    assert setting.rates == [0.1, 0.3]
    assert rows.currentRow() == 1
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    assert setting.rates == []
    assert setting.panel.empty.isVisible()
    assert not setting.panel.list.isVisible()
    assert not setting.panel.toggle.isEnabled()


def test_a_run_that_failed_says_why_and_can_be_tried_again(setting: Setting, qtbot: QtBot) -> None:
    setting.begin(qtbot)
    setting.engine.runs[0].fail(Failed("The loss is not a number.", "Lower the learning rate."))
    qtbot.waitUntil(lambda: len(setting.engine.runs) == 2)
    row = next(row for row in setting.panel.list.rows if row.trouble)
    assert row.trouble == "The loss is not a number. Lower the learning rate."
    assert row.icon == "warning"
    at = setting.panel.list.rows.index(row)
    tall, plain = (setting.panel.list.sizeHintForRow(each) for each in (at, 0))
    assert tall > plain  # there is room for the reason
    setting.panel.list.clearSelection()
    setting.panel.list.setCurrentRow(at)
    assert setting.panel.again.isEnabled()
    setting.panel.again.trigger()
    assert all(not row.trouble for row in setting.panel.list.rows)


def test_every_button_has_a_name_and_a_tip(setting: Setting) -> None:
    buttons = setting.panel.findChildren(QToolButton)
    assert [button.accessibleName() for button in buttons] == [
        "Earlier", "Later", "Try again", "Remove",
    ]  # fmt: skip
    assert all(button.toolTip() for button in buttons)
    interface = QAccessible.queryAccessibleInterface(setting.panel.list)
    assert interface.text(QAccessible.Text.Name) == "Runs in the queue"


def test_the_count_follows_and_the_buttons_stay_where_they_are(
    setting: Setting, qtbot: QtBot
) -> None:
    control = QueueControl(setting.runner, setting.controller)
    qtbot.addWidget(control)
    control.show()
    place = control.add.mapTo(control, QPoint())
    assert control.show_all.text() == "3"
    assert control.show_all.accessibleName() == "The queue: 3 runs wait"
    setting.queue.remove([entry.id for entry in setting.queue.queue.entries])
    assert control.show_all.text() == "0"
    for _ in range(12):
        setting.runner.add(project(0.1), "digits")
    assert control.show_all.text() == "12"
    assert control.add.mapTo(control, QPoint()) == place
    assert control.size() == control.sizeHint()


def test_above_the_runs_it_takes_the_room_of_its_rows_and_none_without(
    setting: Setting, qtbot: QtBot
) -> None:
    column = QWidget()
    qtbot.addWidget(column)
    section = QueueSection(setting.runner, setting.controller, column)
    layout = QVBoxLayout(column)
    layout.addWidget(section)
    layout.addStretch(1)
    column.resize(340, 700)
    column.show()
    few = section.height()
    assert section.panel.list.whole_height() < few < 260
    for _ in range(20):
        setting.runner.add(project(0.1), "digits")
    qtbot.waitUntil(lambda: section.height() == 260)
    setting.queue.remove([entry.id for entry in setting.queue.queue.entries])
    assert not section.isVisible()
    setting.runner.add(project(0.1), "digits")
    assert section.isVisible()
    qtbot.waitUntil(lambda: section.height() < few)


def test_the_popup_is_as_high_as_its_rows(setting: Setting, qtbot: QtBot) -> None:
    control = QueueControl(setting.runner, setting.controller)
    qtbot.addWidget(control)
    control.show()
    control.show_all.click()
    popup = control._popup
    assert popup is not None
    assert popup.isVisible()
    low = popup.height()
    assert low > popup.panel.list.whole_height()
    popup.hide()
    for _ in range(30):
        setting.runner.add(project(0.1), "digits")
    control.show_all.click()
    assert low < popup.height() <= 420
    qtbot.keyClick(popup, Qt.Key.Key_Escape)
    assert not popup.isVisible()
