"""Recovery copies: written behind the window, offered after a crash, deleted only when told to."""

from __future__ import annotations

import errno
import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from studio.app import recovery_files
from studio.app.background import Background
from studio.app.latest import Latest
from studio.app.lost_list import LostList, when
from studio.app.recovery import Recovery
from studio.app.recovery_files import Kept, RecoveryFolder, decode, encode
from studio.app.train.controller import TrainingController
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.project import codec, templates
from studio.project.values import Project
from studio.runs.files import write_whole
from tests.app.shell.conftest import leave

Answer = Callable[[object], list[str]]


def edit(workspace: Workspace, epochs: int) -> None:
    workspace.apply("Set epochs", lambda p: with_epochs(p, epochs))


def with_epochs(project: Project, epochs: int) -> Project:
    return replace(project, recipe=replace(project.recipe, epochs=epochs))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the window of these tests keeps its copies."""
    return tmp_path / "home" / "recovery"


@pytest.fixture
def recovery(workspace: Workspace, folder: Path) -> Iterator[Recovery]:
    made = Recovery(workspace, folder)
    yield made
    made.close(keep=False)


def leave_behind(folder: Path, epochs: int, title: str, path: Path | None = None) -> Path:
    """What a process that was killed leaves: a copy, and a lock that nobody holds."""
    slot = RecoveryFolder(folder).new_slot()
    digest = "of another time" if path else ""
    age = timedelta(minutes=epochs)
    at = datetime(2026, 3, 4, 12, tzinfo=UTC) - age
    slot.write(Kept(with_epochs(templates.build("quickstart"), epochs), title, path, digest, at))
    slot.release()
    return slot.copy


def press(window: MainWindow, text: str) -> None:
    buttons = window.messages.findChildren(QPushButton)
    next(b for b in buttons if b.text() == text and not b.isHidden()).click()


def only_copy(folder: Path) -> Kept:
    (copy,) = folder.glob("*.recovery")
    return decode(copy.read_bytes())


# Writing


def test_a_copy_of_the_last_of_many_edits_is_written_once(
    qtbot: QtBot, workspace: Workspace, recovery: Recovery, folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    written: list[bytes] = []
    write = write_whole

    def counting(path: Path, content: bytes) -> None:
        assert threading.current_thread() is not threading.main_thread()
        write(path, content)
        written.append(content)

    monkeypatch.setattr(recovery_files, "write_whole", counting)
    for epochs in range(100, 140):
        edit(workspace, epochs)
    qtbot.waitUntil(lambda: bool(written))
    assert [decode(each).project.recipe.epochs for each in written] == [139]
    assert only_copy(folder).title == "quickstart"


def test_undo_and_redo_are_followed_and_nothing_unsaved_leaves_no_copy(
    qtbot: QtBot, workspace: Workspace, recovery: Recovery, folder: Path
) -> None:
    edit(workspace, 41)
    edit(workspace, 42)
    workspace.undo()
    qtbot.waitUntil(lambda: bool([*folder.glob("*.recovery")]))
    assert only_copy(folder).project.recipe.epochs == 41
    workspace.redo()
    qtbot.waitUntil(lambda: only_copy(folder).project.recipe.epochs == 42)
    workspace.undo()
    workspace.undo()
    qtbot.waitUntil(lambda: not [*folder.glob("*.recovery")])


def test_saving_takes_the_copy_away_and_looking_alone_writes_none(
    qtbot: QtBot, workspace: Workspace, recovery: Recovery, folder: Path, tmp_path: Path
) -> None:
    edit(workspace, 7)
    qtbot.waitUntil(lambda: bool([*folder.glob("*.recovery")]))
    assert workspace.save(tmp_path / "mine.studio")
    qtbot.waitUntil(lambda: not [*folder.glob("*.recovery")])
    workspace.select(("features",))
    qtbot.wait(400)
    assert not [*folder.glob("*.recovery")]


def test_a_full_disk_is_said_once_and_writing_is_tried_again(
    qtbot: QtBot, workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = write_whole
    full = [True]
    attempts: list[int] = []

    def writing(path: Path, content: bytes) -> None:
        attempts.append(1)
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(recovery_files, "write_whole", writing)
    monkeypatch.setattr("studio.app.recovery.Latest", lambda: Latest(0.01, 0.05))
    monkeypatch.setattr(Recovery, "_LOOK_MILLISECONDS", 20)
    recovery = Recovery(workspace, folder)
    said: list[str] = []
    recovery.troubled.connect(said.append)
    edit(workspace, 3)
    qtbot.waitUntil(lambda: len(attempts) >= 4)
    edit(workspace, 4)
    qtbot.waitUntil(lambda: bool(said))
    full[0] = False
    qtbot.waitUntil(lambda: bool([*folder.glob("*.recovery")]))
    assert only_copy(folder).project.recipe.epochs == 4
    assert len(said) == 1
    assert said[0].startswith("The disk is full")
    recovery.close(keep=False)


def test_a_folder_that_cannot_be_made_is_said_and_work_goes_on(
    qtbot: QtBot, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(Recovery, "_LOOK_MILLISECONDS", 20)
    recovery = Recovery(workspace, tmp_path / "file" / "recovery")
    said: list[str] = []
    recovery.troubled.connect(said.append)
    edit(workspace, 3)
    edit(workspace, 4)
    assert len(said) == 1
    (tmp_path / "file").unlink()
    qtbot.waitUntil(lambda: bool([*(tmp_path / "file" / "recovery").glob("*.recovery")]))
    assert recovery.close(keep=True)


# Offering


def test_what_was_left_behind_is_offered_and_restored_for_its_file(
    window: MainWindow, workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "net.studio"
    copy = leave_behind(folder, 61, "net", path)
    window.make_all_pages()
    assert "“net” was left unsaved" in window.messages.text
    assert str(path) in window.messages.text
    edit(workspace, 1)
    workspace.undo()
    press(window, "Restore")
    assert workspace.project.recipe.epochs == 61
    assert workspace.modified
    assert workspace.path == path
    assert (workspace.undo_label, workspace.redo_label) == ("", "")
    assert copy.exists()
    assert window.files.save()
    assert codec.load(path).recipe.epochs == 61
    assert not workspace.modified


def test_restored_work_that_is_killed_again_is_offered_again(
    qtbot: QtBot, workspace: Workspace, folder: Path
) -> None:
    leave_behind(folder, 61, "net")
    recovery = Recovery(workspace, folder)
    recovery.find()
    recovery.restore(recovery.offers[0])
    edit(workspace, 62)
    assert recovery.close(keep=True)
    (lost,), _ = RecoveryFolder(folder).lost()
    assert lost.kept.project.recipe.epochs == 62
    lost.slot.release()


def test_discarded_work_is_gone_when_the_window_closes_and_can_be_put_back_before(
    window: MainWindow, folder: Path
) -> None:
    copy = leave_behind(folder, 5, "net")
    window.make_all_pages()
    press(window, "Discard")
    assert not [*window.safekeeping.recovery.offers]
    press(window, "Put it back")
    lost = next(iter(window.safekeeping.recovery.offers))
    assert copy.exists()
    window.safekeeping.discard(lost)
    window.close_unasked()
    assert not copy.exists()


def test_work_that_is_neither_restored_nor_discarded_stays(
    window: MainWindow, folder: Path
) -> None:
    copy = leave_behind(folder, 5, "net")
    window.make_all_pages()
    window.close_unasked()
    assert copy.exists()
    (lost,), _ = RecoveryFolder(folder).lost()
    lost.slot.release()


def test_several_lost_projects_are_listed_on_the_start_page_newest_first(
    window: MainWindow, workspace: Workspace, folder: Path
) -> None:
    for number, title in ((3, "third"), (1, "first"), (2, "second")):
        leave_behind(folder, number, title)
    window.make_all_pages()
    assert window.messages.text.startswith("3 projects were left unsaved")
    press(window, "Show them")
    rows = window.page("start").findChild(LostList)
    assert rows is not None
    assert rows.isVisible()
    names = [b.accessibleName() for b in rows.findChildren(QPushButton) if b.isVisible()]
    assert names[::2] == ["Restore first", "Restore second", "Restore third"]
    restore = next(b for b in rows.findChildren(QPushButton) if b.text() == "Restore")
    restore.click()
    assert workspace.title == "first"
    assert window.pages.currentWidget() is window.page("build")
    assert [lost.kept.title for lost in window.safekeeping.recovery.offers] == ["second", "third"]


def test_restoring_over_unsaved_work_asks_first(
    window: MainWindow, workspace: Workspace, folder: Path, answer: Answer
) -> None:
    from PySide6.QtWidgets import QMessageBox

    leave_behind(folder, 5, "net")
    window.make_all_pages()
    edit(workspace, 9)
    asked = answer(QMessageBox.StandardButton.Cancel)
    press(window, "Restore")
    assert asked == ["Save the changes to quickstart?"]
    assert workspace.project.recipe.epochs == 9
    assert len(window.safekeeping.recovery.offers) == 1


def test_the_session_ends_unasked_and_the_work_is_offered_next_time(
    window: MainWindow, workspace: Workspace, folder: Path
) -> None:
    edit(workspace, 55)
    assert window.close_unasked()
    (lost,), _ = RecoveryFolder(folder).lost()
    assert lost.kept.project.recipe.epochs == 55
    lost.slot.release()


def test_work_let_go_in_the_question_is_not_offered(
    window: MainWindow, workspace: Workspace, folder: Path, answer: Answer
) -> None:
    from PySide6.QtWidgets import QMessageBox

    edit(workspace, 55)
    answer(QMessageBox.StandardButton.Discard)
    assert window.close()
    assert RecoveryFolder(folder).lost() == ([], [])


def test_a_copy_that_its_file_holds_by_now_is_no_loss(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.studio"
    codec.save(with_epochs(templates.build("quickstart"), 5), path)
    copy = leave_behind(folder, 5, "net", path)
    assert RecoveryFolder(folder).lost() == ([], [])
    assert not copy.exists()


# Two at a time


def test_a_running_window_is_offered_nothing_of_another_one(
    qtbot: QtBot, workspace: Workspace, recovery: Recovery, folder: Path
) -> None:
    edit(workspace, 8)
    qtbot.waitUntil(lambda: bool([*folder.glob("*.recovery")]))
    assert RecoveryFolder(folder).lost() == ([], [])
    assert only_copy(folder).project.recipe.epochs == 8


def test_what_one_window_offers_no_other_does(folder: Path) -> None:
    leave_behind(folder, 5, "net")
    (lost,), _ = RecoveryFolder(folder).lost()
    assert RecoveryFolder(folder).lost() == ([], [])
    lost.slot.release()
    (lost,), _ = RecoveryFolder(folder).lost()
    lost.slot.release()


# Damage


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_copy_is_told_of_and_kept_aside(folder: Path, seed: int) -> None:
    copy = leave_behind(folder, 5, "net")
    whole = copy.read_bytes()
    chance = random.Random(seed)
    damaged = whole[: chance.randrange(len(whole))] if seed % 2 else chance.randbytes(seed * 100)
    copy.write_bytes(damaged)
    lost, complaints = RecoveryFolder(folder).lost()
    assert lost == []
    (complaint,) = complaints
    (aside,) = folder.glob("*.damaged")
    assert str(aside) in complaint
    assert aside.read_bytes() == damaged
    assert RecoveryFolder(folder).lost() == ([], [])


def test_a_damaged_copy_beside_a_good_one_does_not_hide_it(
    window: MainWindow, folder: Path
) -> None:
    leave_behind(folder, 1, "good")
    leave_behind(folder, 2, "bad").write_bytes(b"{")
    window.make_all_pages()
    assert "“good” was left unsaved" in window.messages.text
    assert "A recovery copy cannot be read" in window.messages.text


def test_a_copy_gives_back_what_it_was_given(tmp_path: Path) -> None:
    for template in ("quickstart", "googlenet", "resnet152"):
        kept = Kept(templates.build(template), "ä “net”", tmp_path / "ü.studio", "abc")
        assert decode(encode(kept)) == kept


# Words


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2026, 3, 4, 9, 5), "today at 09:05"),
        (datetime(2026, 3, 3, 23, 59), "yesterday at 23:59"),
        (datetime(2025, 12, 31, 1, 2), "31 Dec 2025 at 01:02"),
    ],
)
def test_a_moment_is_said_as_people_say_it(moment: datetime, said: str) -> None:
    assert when(moment, datetime(2026, 3, 4, 12).astimezone()) == said


# The thread


def test_work_is_done_at_the_end_without_a_pause_and_the_newest_alone() -> None:
    done: list[int] = []
    latest = Latest(pause=60)
    latest.ask(lambda: done.append(1))
    latest.ask(lambda: done.append(2))
    assert latest.close()
    assert done == [2]


def test_forgotten_work_is_not_done() -> None:
    done: list[int] = []
    latest = Latest(pause=60)
    latest.ask(lambda: done.append(1))
    latest.forget()
    assert latest.close()
    assert done == []


def test_work_that_fails_at_the_end_is_said_to_be_left() -> None:
    def fail() -> None:
        raise OSError(errno.EACCES, "Permission denied")

    latest = Latest(pause=60)
    latest.ask(fail)
    assert not latest.close()
    assert latest.failure is not None


def test_a_second_window_has_a_copy_of_its_own(
    qtbot: QtBot, window: MainWindow, workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    other = Workspace(templates.build("lenet5"))
    second = MainWindow(other, TrainingController(tmp_path / "more"), Background())
    qtbot.addWidget(second, before_close_func=leave)
    edit(workspace, 11)
    edit(other, 12)
    qtbot.waitUntil(lambda: len([*folder.glob("*.recovery")]) == 2)
    epochs = {decode(c.read_bytes()).project.recipe.epochs for c in folder.glob("*.recovery")}
    assert epochs == {11, 12}
