"""The queue in the whole window: adding, what is said, the start and the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.run_queue import RunQueue
from studio.app.runs.queue_section import QueueSection
from studio.app.train.beginnings import Parent
from studio.app.train.controller import TrainingController
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.project.edits import disconnect
from studio.runs.api import Failed
from tests.app.shell.conftest import leave
from tests.app.shell.test_window import _edit
from tests.scripted_engine import ScriptedEngine

Answer = Callable[[object], list[str]]


def press(window: MainWindow, text: str) -> None:
    """Press the button ``text`` of the message bar."""
    buttons = window.messages.findChildren(QPushButton)
    next(b for b in buttons if b.text() == text and not b.isHidden()).click()


def test_queued_while_nothing_runs_a_run_waits_and_is_offered(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    with qtbot.waitActive(window, timeout=10_000):  # before that no shortcut is heard
        window.activateWindow()
    keys = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_R, keys)
    assert window.messages.text == "Added “quickstart”: 1 run waits."
    _edit(window.workspace, 2)
    window.top.queue.add.click()
    assert window.messages.text == "Added “quickstart, 2 epochs”: 2 runs wait."
    assert window.top.queue.show_all.text() == "2"
    assert engine.runs == []
    press(window, "Start them")
    qtbot.waitUntil(lambda: len(engine.runs) == 1)
    assert window.top.queue.show_all.text() == "1"
    assert window.pages.currentWidget() is window.page("build")  # nobody is led away


def test_queued_behind_a_run_it_follows_without_a_question(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    _edit(window.workspace, 1)
    window.train()
    window.top.queue.add.click()
    assert window.messages.text == "Added “quickstart, once more”: 1 run waits."
    engine.runs[0].begin()
    engine.runs[0].advance(100)
    qtbot.waitUntil(lambda: len(engine.runs) == 2)


def test_where_another_window_works_no_start_is_offered(
    window: MainWindow, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    other = RunQueue()
    assert other.take_work()
    window.top.queue.add.click()
    assert window.messages.text == (
        "Added “quickstart”: 1 run waits. Another window is working the queue off."
    )
    other.close()


def test_a_hundred_clicks_queue_a_hundred_runs(window: MainWindow, engine: ScriptedEngine) -> None:
    window.take_engine(engine)
    for _ in range(100):
        window.top.queue.add.click()
    assert window.top.queue.show_all.text() == "100"
    assert window.messages.text == "Added “quickstart, once more”: 100 runs wait."


def test_what_could_not_be_trained_is_not_queued_and_says_why(
    window: MainWindow, workspace: Workspace, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    window.train()
    window.top.queue.add.click()
    workspace.edit_network("Unplug", lambda n: disconnect(n, n.edges[0]))
    window.queue.queue.remove([e.id for e in window.queue.queue.queue.entries])
    window.top.queue.add.click()
    assert window.queue.queue.queue.entries == ()
    assert window.messages.text.startswith("features: no")


def test_a_project_can_be_queued_before_the_engine_is_there(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine
) -> None:
    window.top.queue.add.click()
    press(window, "Start it")
    assert engine.runs == []
    window.take_engine(engine)
    qtbot.waitUntil(lambda: len(engine.runs) == 1)


def test_without_an_engine_nothing_is_queued(window: MainWindow) -> None:
    window.engine_failed("PyTorch cannot be imported.")
    assert not window.top.queue.add.isEnabled()
    window.actions_.queue.trigger()
    assert window.messages.text == "PyTorch cannot be imported."
    assert window.queue.queue.queue.entries == ()


def test_a_failure_in_the_queue_is_said_by_its_name_and_once(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    window.top.queue.add.click()
    _edit(window.workspace, 2)
    window.top.queue.add.click()
    said: list[str] = []
    say = window.messages.say

    def note(tone: str, text: str, *rest: object, **more: object) -> None:
        said.append(text)
        say(tone, text, *rest, **more)  # type: ignore[arg-type]

    window.messages.say = note  # type: ignore[assignment, method-assign]
    window.queue.runner.start()
    qtbot.waitUntil(lambda: len(engine.runs) == 1)
    engine.runs[0].begin()
    engine.runs[0].fail(Failed("The loss is not a number.", "Lower the learning rate."))
    qtbot.waitUntil(lambda: len(engine.runs) == 2)
    assert said == [
        "“quickstart” of the queue failed: The loss is not a number. Lower the learning rate."
    ]
    assert window.top.queue.show_all.accessibleName() == "The queue: No run waits, 1 failed"


def test_after_a_stop_one_press_goes_on(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    window.top.queue.add.click()
    window.top.queue.add.click()
    window.queue.runner.start()
    qtbot.waitUntil(lambda: len(engine.runs) == 1)
    engine.runs[0].begin()
    qtbot.waitUntil(lambda: window.controller.state == "running")
    window.top.run.stop.click()
    qtbot.waitUntil(lambda: "held" in window.messages.text)
    assert window.messages.text == "You stopped the run, so the queue is held: 1 run waits."
    press(window, "Go on")
    qtbot.waitUntil(lambda: len(engine.runs) == 2)


def test_what_is_taken_off_can_be_put_back(window: MainWindow, engine: ScriptedEngine) -> None:
    window.take_engine(engine)
    window.top.queue.add.click()
    entries = window.queue.queue.queue.entries
    window.queue.queue.remove([entries[0].id])
    assert window.messages.text == "Taken off the queue: “quickstart”."
    press(window, "Put back")
    assert window.queue.queue.queue.entries == entries


def test_at_the_next_start_what_waits_is_offered_and_does_not_begin(
    qtbot: QtBot,
    workspace: Workspace,
    controller: TrainingController,
    background: Background,
    engine: ScriptedEngine,
) -> None:
    before = RunQueue()
    for _ in range(3):
        before.add(workspace.project, "quickstart")
    window = MainWindow(workspace, controller, background)
    qtbot.addWidget(window, before_close_func=leave)
    window.show()
    window.make_all_pages()
    window.take_engine(engine)
    assert window.messages.text == "3 runs wait in the queue."
    qtbot.wait(30)
    assert engine.runs == []
    press(window, "Start them")
    qtbot.waitUntil(lambda: len(engine.runs) == 1)


def test_the_offer_waits_until_nothing_else_is_said(qtbot: QtBot, window: MainWindow) -> None:
    RunQueue().add(window.workspace.project, "quickstart")
    window.messages.say("warning", "“flowers” was left unsaved.", "Restore", lambda: None)
    window.make_all_pages()
    assert window.messages.text == "“flowers” was left unsaved."
    press(window, "Restore")
    qtbot.waitUntil(lambda: window.messages.text == "1 run waits in the queue.")
    window.messages.clear()
    qtbot.wait(20)
    assert window.messages.text == ""  # it is said once


def test_on_the_start_page_there_is_nothing_to_add_and_what_waits_is_shown(
    window: MainWindow, engine: ScriptedEngine
) -> None:
    window.take_engine(engine)
    window.show_page("start")
    assert not window.top.queue.add.isVisible()
    assert not window.top.queue.show_all.isVisible()
    window.queue.queue.add(window.workspace.project, "from before")
    assert window.top.queue.show_all.isVisible()
    window.show_page("build")
    window.workspace.new(window.workspace.project, "chosen")
    window.show_page("train")
    assert window.top.queue.add.isVisible()


def test_a_queue_that_cannot_be_read_is_told_of(
    qtbot: QtBot, workspace: Workspace, controller: TrainingController, background: Background
) -> None:
    path = RunQueue().path
    path.parent.mkdir(parents=True)
    path.write_text("{")
    window = MainWindow(workspace, controller, background)
    qtbot.addWidget(window, before_close_func=leave)
    window.make_all_pages()
    assert window.messages.text.startswith("The queue of runs could not all be read from")
    assert len(list(path.parent.glob("queue-damaged-*"))) == 1


def test_closing_asks_and_says_what_becomes_of_the_queue(
    qtbot: QtBot,
    window: MainWindow,
    engine: ScriptedEngine,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(QMessageBox, "setInformativeText", lambda _, text: told.append(text))
    window.take_engine(engine)
    window.top.queue.add.click()
    window.top.queue.add.click()
    window.queue.runner.start()
    qtbot.waitUntil(lambda: len(engine.runs) == 1)
    asked = answer("Keep training")
    assert not window.close()
    assert asked == ["Stop the training and close?"]
    assert told == [
        "The step under way is finished and a checkpoint is kept. It stays in the queue, where 1 "
        "run waits behind it for the next start."
    ]
    answer("Stop and close")
    assert window.close()
    assert len(RunQueue().queue.entries) == 2
    assert RunQueue().queue.entries[0].folder == str(engine.runs[0].folder)


def test_the_runs_page_shows_the_queue_as_long_as_something_is_in_it(
    window: MainWindow, engine: ScriptedEngine
) -> None:
    page = window.page("runs")
    section = page.findChild(QueueSection)
    assert section is not None
    assert section.isHidden()
    window.queue.add(lambda text: None)
    window.queue.add(lambda text: None)
    assert not section.isHidden()
    assert section.panel.list.count() == 2
    section.panel.list.setCurrentRow(0)
    section.panel.remove.trigger()
    section.panel.list.setCurrentRow(0)
    section.panel.remove.trigger()
    assert section.isHidden()


def test_a_branch_is_queued_with_what_it_begins_from(
    window: MainWindow, engine: ScriptedEngine, tmp_path: Path
) -> None:
    window.controller.branch_from(Parent(tmp_path / "best.safetensors", "before", 12))
    window.queue.add(lambda text: None)
    assert window.queue.queue.queue.entries[-1].parent == str(tmp_path / "best.safetensors")
