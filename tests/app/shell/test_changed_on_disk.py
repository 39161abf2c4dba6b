"""The project's file is changed, removed, broken or opened by somebody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.disk_watch import DiskWatch
from studio.app.train.controller import TrainingController
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.project import codec, templates
from studio.project.values import Project
from tests.app.shell.conftest import leave

Answer = Callable[[object], list[str]]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DiskWatch, "_SETTLE_MILLISECONDS", 30)


def with_epochs(epochs: int) -> Project:
    project = templates.build("quickstart")
    return replace(project, recipe=replace(project.recipe, epochs=epochs))


def edit(workspace: Workspace, batch: int) -> None:
    workspace.apply(
        "Set batch size", lambda p: replace(p, recipe=replace(p.recipe, batch_size=batch))
    )


def saved(workspace: Workspace) -> bool:
    return not workspace.modified


def press(window: MainWindow, text: str) -> None:
    buttons = window.messages.findChildren(QPushButton)
    next(b for b in buttons if b.text() == text and not b.isHidden()).click()


def shown(window: MainWindow) -> list[str]:
    buttons = window.messages.findChildren(QPushButton)
    return [b.text() for b in buttons if not b.isHidden()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "net.studio"
    codec.save(with_epochs(10), made)
    return made


@pytest.fixture
def opened(window: MainWindow, path: Path) -> MainWindow:
    assert window.files.open(path)
    return window


def in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def renamed_over(path: Path, content: bytes) -> None:
    beside = path.with_name("beside")
    beside.write_bytes(content)
    os.replace(beside, path)


def removed_first(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


@pytest.mark.parametrize("write", [in_place, renamed_over, removed_first])
def test_a_change_by_another_program_is_offered_and_can_be_undone(
    qtbot: QtBot, opened: MainWindow, path: Path, write: Callable[[Path, bytes], None]
) -> None:
    workspace = opened.workspace
    for epochs in (20, 30):  # the second time as well: the file of before is no more
        write(path, codec.dumps(with_epochs(epochs)))
        qtbot.waitUntil(lambda: "was changed on disk" in opened.messages.text)
        assert shown(opened) == ["Load it"]
        before = workspace.project
        press(opened, "Load it")
        assert workspace.project.recipe.epochs == epochs
        assert saved(workspace)
        assert workspace.undo_label == "Load from disk"
        workspace.undo()
        assert workspace.project == before
        assert not saved(workspace)
        workspace.redo()
        assert saved(workspace)


def test_a_change_while_there_is_unsaved_work_offers_both_versions(
    qtbot: QtBot, opened: MainWindow, path: Path, answer: Answer
) -> None:
    workspace = opened.workspace
    edit(workspace, 99)
    path.write_bytes(codec.dumps(with_epochs(20)))
    qtbot.waitUntil(lambda: "your version differs too" in opened.messages.text)
    assert shown(opened) == ["Load it", "Keep mine"]
    asked = answer("Save over it")
    press(opened, "Keep mine")
    assert workspace.modified
    assert (workspace.project.recipe.epochs, workspace.project.recipe.batch_size) == (10, 99)
    assert opened.files.save()
    assert asked == []  # it has been answered
    assert codec.load(path).recipe.batch_size == 99


def test_taking_the_disks_version_over_unsaved_work_can_be_undone(
    qtbot: QtBot, opened: MainWindow, path: Path
) -> None:
    edit(opened.workspace, 99)
    path.write_bytes(codec.dumps(with_epochs(20)))
    qtbot.waitUntil(lambda: "your version differs too" in opened.messages.text)
    press(opened, "Load it")
    assert opened.workspace.project.recipe.epochs == 20
    opened.workspace.undo()
    assert opened.workspace.project.recipe.batch_size == 99


def test_saving_over_a_version_of_another_window_asks(
    opened: MainWindow, path: Path, answer: Answer
) -> None:
    edit(opened.workspace, 99)
    path.write_bytes(codec.dumps(with_epochs(20)))
    asked = answer("Cancel")
    assert not opened.files.save()
    assert asked == ["net was changed on disk since it was opened here."]
    assert codec.load(path).recipe.epochs == 20
    answer("Save over it")
    assert opened.files.save()
    assert codec.load(path).recipe.batch_size == 99


def test_the_question_leads_to_another_name(
    opened: MainWindow, path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = path.with_name("other.studio")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(other), ""))
    edit(opened.workspace, 99)
    path.write_bytes(codec.dumps(with_epochs(20)))
    answer("Save as …")
    assert opened.files.save()
    assert codec.load(path).recipe.epochs == 20
    assert codec.load(other).recipe.batch_size == 99


def test_a_name_without_its_ending_replaces_no_project_unasked(
    opened: MainWindow, path: Path, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = path.with_name("other.studio")
    codec.save(with_epochs(20), other)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(other.with_suffix("")), ""))
    asked = answer("Cancel")
    assert not opened.files.save_as()
    assert asked == ["other.studio exists already. Replace it?"]
    assert codec.load(other).recipe.epochs == 20
    answer("Replace it")
    assert opened.files.save_as()
    assert codec.load(other).recipe.epochs == 10


def test_our_own_saves_say_nothing(qtbot: QtBot, opened: MainWindow, path: Path) -> None:
    for batch in (3, 4, 5):
        edit(opened.workspace, batch)
        assert opened.files.save()
        qtbot.wait(60)
    os.utime(path)  # touched, and the same
    qtbot.wait(120)
    assert opened.messages.text == ""


def test_a_removed_file_is_told_and_saved_again(
    qtbot: QtBot, opened: MainWindow, path: Path
) -> None:
    path.unlink()
    qtbot.waitUntil(lambda: "There is no file" in opened.messages.text)
    assert opened.workspace.modified
    press(opened, "Save it again")
    assert path.exists()
    assert not opened.workspace.modified


def test_a_removed_file_that_comes_back_is_no_news(
    qtbot: QtBot, opened: MainWindow, path: Path
) -> None:
    content = path.read_bytes()
    path.unlink()
    qtbot.waitUntil(lambda: "There is no file" in opened.messages.text)
    path.write_bytes(content)
    qtbot.waitUntil(lambda: opened.messages.text == "")
    assert not opened.workspace.modified


def test_a_broken_file_is_told_and_the_work_kept(
    qtbot: QtBot, opened: MainWindow, path: Path
) -> None:
    before = opened.workspace.project
    path.write_bytes(b'{"format": "training-studio", ')
    qtbot.waitUntil(lambda: "is no project now" in opened.messages.text)
    assert opened.workspace.project is before
    assert not opened.workspace.load_again()
    assert "Your work here is kept" in opened.messages.text


def test_without_events_a_change_is_seen_when_the_window_becomes_active(
    qtbot: QtBot, opened: MainWindow, path: Path
) -> None:
    opened.safekeeping.watch.close()  # as for a folder on a network
    path.write_bytes(codec.dumps(with_epochs(20)))
    qtbot.wait(80)
    assert opened.messages.text == ""
    opened.safekeeping.look()
    qtbot.waitUntil(lambda: "was changed on disk" in opened.messages.text)


def test_two_windows_on_one_file_hear_of_each_other(
    qtbot: QtBot, opened: MainWindow, path: Path, tmp_path: Path
) -> None:
    workspace = Workspace(templates.build("lenet5"))
    second = MainWindow(workspace, TrainingController(tmp_path / "more"), Background())
    qtbot.addWidget(second, before_close_func=leave)
    assert second.messages.text == ""
    assert second.files.open(path)
    text = "“net” is also open in another window; the one saved last wins."
    assert second.messages.text == text
    opened.safekeeping.look()
    assert opened.messages.text == text
    opened.messages.clear()
    opened.safekeeping.look()
    assert opened.messages.text == ""  # said once
    second.close_unasked()
    third = Workspace(templates.build("lenet5"))
    again = MainWindow(third, TrainingController(tmp_path / "more"), Background())
    qtbot.addWidget(again, before_close_func=leave)
    opened.workspace.new(templates.build("lenet5"))
    assert again.files.open(path)
    assert again.messages.text == ""
