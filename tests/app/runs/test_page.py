"""The runs page, against run folders as a trainer writes them and the scripted engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QPainter
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QMessageBox, QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.export_dialog import ExportDialog
from studio.app.runs import recipe_words
from studio.app.runs.allowed import refusals
from studio.app.runs.facts import duration
from studio.app.runs.page import RunsPage
from studio.app.runs.run_list import ENTRY, lines
from studio.app.theme.icons import icon
from studio.app.train.controller import TrainingController
from studio.app.train.run_words import STANDINGS
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.project import templates
from studio.project.values import Chosen, Recipe
from studio.runs.catalog import Entry
from tests.app.shell.conftest import leave
from tests.run_writer import HERE, THERE, Writer
from tests.runs.test_catalog import checkpoint
from tests.scripted_engine import Script, ScriptedEngine

Make = Callable[..., Writer]


@pytest.fixture(autouse=True)
def _dressed(dressed: None) -> None:
    pass


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(Script(paced=None))


@pytest.fixture
def window(qtbot: QtBot, root: Path, engine: ScriptedEngine) -> MainWindow:
    workspace = Workspace()
    workspace.new(templates.build("quickstart"), "quickstart")
    made = MainWindow(workspace, TrainingController(root), Background())
    qtbot.addWidget(made, before_close_func=leave)
    made.resize(1280, 800)
    made.show()
    qtbot.waitExposed(made)
    made.take_engine(engine)
    return made


@pytest.fixture
def make(root: Path) -> Iterator[Make]:
    """Makes a run that has ended, ``DAY`` of January, with two checkpoints."""
    writers: list[Writer] = []
    project = templates.build("quickstart")

    def write(
        name: str, day: int = 1, ended: str = "completed", where: Path = root, **known: object
    ) -> Writer:
        info = replace(HERE, title=name, created=f"2026-01-{day:02}T12:00:00+00:00")
        made = Writer(where / name, info, replace(project, recipe=Recipe(epochs=5)))
        writers.append(made)
        made.steps(0, 20)
        made.epoch(1, 10)
        checkpoint(made.folder, "last", {"step": 20, "epochs_done": 2})
        checkpoint(made.folder, "best", {"step": 10, "epochs_done": 1})
        facts = {"epochs_done": 5, "best_epoch": 1, "best_accuracy": 0.7, "seconds": 125.0}
        made.note(**{**facts, "state": ended, "step": 20, **known})
        return made

    yield write
    for writer in writers:
        writer.metrics.close()


def until(condition: Callable[[], object], timeout: float = 10.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        QCoreApplication.processEvents()
        time.sleep(0.005)


def opened(window: MainWindow) -> RunsPage:
    """The page, with the runs that there are."""
    window.show_page("runs")
    page = window.page("runs")
    assert isinstance(page, RunsPage)
    until(lambda: page._entries is not None)
    return page


def chosen(window: MainWindow, name: str) -> RunsPage:
    """The page with this run and its details."""
    page = opened(window)
    folder = next(e.folder for e in page.list.runs.shown if e.folder.name == name)
    assert page.list.choose(folder)
    until(lambda: page.detail.details is not None and page.detail.details.folder == folder)
    return page


def names(page: RunsPage) -> list[str]:
    return [entry.folder.name for entry in page.list.runs.shown]


# The list -----------------------------------------------------------------------------------------


def test_without_runs_the_page_says_how_they_come_into_being(window: MainWindow) -> None:
    page = opened(window)
    until(lambda: "leaves a run here" in page.empty.sentence.text())
    assert page.chosen is None
    assert page._stack.currentWidget() is page.empty
    assert page.empty.button.text() == "Open a run folder…"


def test_runs_are_listed_newest_first_and_the_newest_is_shown(
    window: MainWindow, make: Make
) -> None:
    make("old", 1)
    make("new", 3)
    make("middle", 2)
    page = opened(window)
    assert names(page) == ["new", "middle", "old"]
    assert page.column.count.text() == "3"
    assert page.detail.head.title.text() == "new"
    until(lambda: page.detail.details)
    assert page.detail.recipe.text() == (
        "SGD with momentum at a learning rate of 0.05, constant, batches of 64, 5 epochs."
    )


def test_a_row_says_state_time_epochs_accuracy_device_and_parent(
    window: MainWindow, make: Make, root: Path
) -> None:
    parent = root / "first/checkpoints/best.safetensors"
    make("branch", ended="stopped", epochs_done=3, parent=str(parent), parent_step=1234)
    page = opened(window)
    (entry,) = page.list.runs.shown
    accuracy, what, origin = lines(entry)
    assert accuracy == "70.0 %"
    assert what.startswith("stopped · 3 of 5 epochs · 1 Jan 2026 at ")
    assert what.endswith(" · CPU, 2 cores")
    assert origin == "from first, step 1,234"
    index = page.list.runs.index(0)
    spoken = index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == f"branch, {accuracy}, {what}, {origin}"
    assert index.data(Qt.ItemDataRole.ToolTipRole) == f"{what}\n{entry.folder}"


def test_a_run_of_several_processes_says_how_many(window: MainWindow, make: Make) -> None:
    make("together", ended="running", processes=2)
    page = opened(window)
    assert lines(page.list.runs.shown[0])[1].endswith(" · CPU, 2 cores, 2 processes")
    assert f"on CPU, 2 cores, 2 processes, the first {HERE.process} on this" in (
        page.detail.head.origin.text()
    )


def test_names_that_differ_at_their_ends_are_told_apart_where_there_is_little_room(
    window: MainWindow, make: Make
) -> None:
    pictures = []
    for end in ("180603", "190755"):
        make(f"a-project-with-a-long-name-20261126-{end}")
        page = opened(window)
        page.look()
        until(lambda: page.list.runs.shown[-1].info.title.endswith(end))  # noqa: B023
        option = QStyleOptionViewItem()
        option.rect = QRect(0, 0, 220, 60)
        picture = QImage(220, 60, QImage.Format.Format_RGB32)
        picture.fill(0)
        painter = QPainter(picture)
        row = len(page.list.runs.shown) - 1
        page.list.itemDelegate().paint(painter, option, page.list.runs.index(row))
        painter.end()
        pictures.append(picture)
    assert pictures[0] != pictures[1]


def test_a_changed_learning_rate_is_told_and_marked(window: MainWindow, make: Make) -> None:
    writer = make("changed", ended="stopped")
    began = writer.folder.project().recipe
    for step, rate in ((12, 0.1), (16, 0.01)):
        recipe = replace(began, learning_rate=rate)
        writer.metrics.changed(step, f"learning rate {rate:g}", recipe)
    assert writer.metrics.commit() == ""
    page = chosen(window, "changed")
    until(lambda: page.detail.curves is not None and page.detail.curves._steps == 20)
    assert page.detail.recipe.text().startswith(
        "SGD with momentum at a learning rate of 0.05, from step 12 on 0.1, from step 16 on 0.01, "
        "constant, "
    )
    curves = page.detail.curves
    assert curves is not None
    marks = [(12.0, "learning rate 0.1"), (16.0, "learning rate 0.01")]
    assert curves.loss._marks._marks == marks
    assert curves.accuracy._marks._marks == [(12.0, ""), (16.0, "")]


def test_every_state_has_a_mark_and_a_word_of_its_own() -> None:
    words = {word for word, _, _ in STANDINGS.values()}
    marks = {mark for _, mark, _ in STANDINGS.values()}
    assert len(words) == len(marks) == len(STANDINGS)
    for _, mark, tint in STANDINGS.values():
        assert not icon(mark, tint).isNull()


def test_runs_are_found_by_words(window: MainWindow, make: Make) -> None:
    make("digits-fast", 1)
    make("digits-slow", 2, ended="failed")
    make("cats", 3)
    page = opened(window)
    page.column.search.setText("failed digits")
    assert names(page) == ["digits-slow"]
    assert page.column.count.text() == "1 of 3"
    page.column.search.clear()
    assert len(names(page)) == 3


def test_a_run_that_grows_or_comes_is_seen_and_the_choice_stays(
    window: MainWindow, make: Make
) -> None:
    growing = make("growing", 1, ended="running", epochs_done=1)
    page = chosen(window, "growing")
    assert page.detail.head.state.text() == "training"
    newer = make("newer", 2)
    growing.note(epochs_done=2)
    page.look()
    until(lambda: names(page) == ["newer", "growing"])
    assert page.list.currentIndex().data(ENTRY).folder == growing.folder.path
    assert page.detail.head.title.text() == "growing"
    growing.note(state="completed", epochs_done=5)
    page.look()
    until(lambda: page.detail.head.state.text() == "complete")
    (newer.folder.path / "run.json").unlink()
    (growing.folder.path / "run.json").unlink()
    page.look()
    until(lambda: names(page) == [])
    assert page._stack.currentWidget() is page.empty


def test_the_page_looks_only_while_it_is_to_be_seen(window: MainWindow, make: Make) -> None:
    make("one", ended="running")
    page = chosen(window, "one")
    assert page._timer.isActive()
    window.show_page("build")
    assert not page._timer.isActive()
    assert page.detail.curves is not None
    assert not page.detail.curves._timer.isActive()
    window.show_page("runs")
    until(lambda: page.detail.curves._steps == 20)  # type: ignore[union-attr]


def test_large_texts_leave_the_run_its_room(window: MainWindow, make: Make) -> None:
    make("one")
    page = chosen(window, "one")
    assert page.detail.go_on.y() == page.detail.export.y()
    window.resize(1024, 700)
    window.set_text_size("150")
    until(lambda: page.detail.export.y() > page.detail.show_button.geometry().bottom())
    assert page.column.width() <= 0.4 * page.width() + 1
    until(lambda: page.detail.export.geometry().right() < page.detail.viewport().width())
    window.set_text_size("system")


def test_hundreds_of_runs_are_painted_quickly(window: MainWindow, make: Make, qtbot: QtBot) -> None:
    page = opened(window)
    info = replace(HERE, state="completed", title="run")
    entries = tuple(
        Entry(Path(f"/runs/{number}"), replace(info, title=f"run {number}"), "completed")
        for number in range(500)
    )
    begin = time.thread_time()
    page.list.runs.set_entries(entries)
    page.list.grab()
    assert time.thread_time() - begin < 0.3


# The curves ---------------------------------------------------------------------------------------


def test_the_curves_of_a_living_run_grow(window: MainWindow, make: Make) -> None:
    writer = make("growing", ended="running")
    page = chosen(window, "growing")
    until(lambda: page.detail.curves is not None and page.detail.curves._steps == 20)
    writer.steps(20, 15)
    writer.epoch(2, 20)
    until(lambda: page.detail.curves._steps == 35)  # type: ignore[union-attr]
    curves = page.detail.curves
    assert curves is not None
    assert len(curves.loss.lines) == 3
    assert [epoch.epoch for epoch in curves._epochs] == [1, 2]


# What can be done ---------------------------------------------------------------------------------


def test_show_the_curves_follows_the_run_on_the_train_page(window: MainWindow, make: Make) -> None:
    writer = make("past")
    page = chosen(window, "past")
    page.detail.show_button.click()
    assert window.pages.currentWidget() is window.page("train")
    assert window.controller.follower is not None
    assert window.controller.follower.folder == writer.folder.path
    until(lambda: window.controller.state == "idle")


def test_enter_on_a_row_shows_the_curves(qtbot: QtBot, window: MainWindow, make: Make) -> None:
    make("past")
    page = chosen(window, "past")
    qtbot.keyClick(page.list, Qt.Key.Key_Return)
    assert window.controller.follower is not None
    until(lambda: window.controller.state == "idle")


def test_a_stopped_run_is_continued(window: MainWindow, make: Make, engine: ScriptedEngine) -> None:
    writer = make("half", ended="stopped", epochs_done=2)
    page = chosen(window, "half")
    assert page.detail.go_on.isEnabled()
    page.detail.go_on.click()
    assert window.pages.currentWidget() is window.page("train")
    assert (engine.runs[0].folder, engine.runs[0].step) == (writer.folder.path, 20)
    assert engine.epochs_asked is None


def test_epochs_are_added_to_a_complete_run(
    window: MainWindow, make: Make, engine: ScriptedEngine
) -> None:
    make("whole")
    page = chosen(window, "whole")
    assert not page.detail.go_on.isEnabled()
    assert page.detail.go_on.toolTip() == "It has all its epochs. Add some to go on."
    page.detail.extend.click()
    assert "10 epochs in all" in page.detail.epochs.total.text()
    assert page.detail.epochs.total.height() >= page.detail.epochs.total.heightForWidth(
        page.detail.epochs.total.width()
    )
    page.detail.epochs.button.click()
    assert engine.epochs_asked == 10


def test_a_branch_brings_the_runs_project_and_stands_in_the_recipe(
    window: MainWindow, make: Make, engine: ScriptedEngine
) -> None:
    writer = make("whole")
    lenet = templates.build("lenet5")
    window.workspace.new(lenet, "lenet")
    page = chosen(window, "whole")
    page.detail.checkpoints.choose("best")
    page.detail.checkpoints.branch.click()
    assert window.workspace.project == writer.folder.project()
    assert window.workspace.modified
    train = window.page("train")
    assert window.pages.currentWidget() is train
    note = train.recipe.branch  # type: ignore[attr-defined]
    assert note.text.text() == "The next run continues from whole, step 10"
    assert note.isVisible()
    assert train.recipe.start.summary.text() == "whole, step 10"  # type: ignore[attr-defined]
    assert "4 of the 5 epochs are left" in window.messages.text
    window.train()
    assert engine.parent == writer.folder.checkpoint("best")
    window.controller.stop()
    window.controller._poll()
    assert note.isVisible()  # it was stopped before its first step: the next one may branch
    note.drop.click()
    assert note.isHidden()
    window.train()
    assert engine.parent is None


def test_a_branch_from_the_end_has_epochs_to_do(window: MainWindow, make: Make) -> None:
    writer = make("whole")
    checkpoint(writer.folder, "last", {"step": 50, "epochs_done": 5})
    window.workspace.new(templates.build("lenet5"), "lenet")
    page = chosen(window, "whole")
    page.detail.checkpoints.branch.click()
    assert window.workspace.project.recipe.epochs == 10


def test_a_branch_follows_the_recipe_of_its_checkpoint(window: MainWindow, make: Make) -> None:
    writer = make("whole")
    changed = Recipe(learning_rate=0.001, epochs=7, schedule=Chosen("cosine"))
    place = {"step": 20, "epochs_done": 2, "recipe": msgspec.to_builtins(changed)}
    checkpoint(writer.folder, "last", place)
    window.workspace.new(templates.build("lenet5"), "lenet")
    page = chosen(window, "whole")
    page.detail.checkpoints.branch.click()
    assert window.workspace.project.recipe == changed


def test_the_own_recipe_stays_where_the_network_is_the_same(window: MainWindow, make: Make) -> None:
    make("whole")
    mine = Recipe(epochs=30, learning_rate=0.002)
    window.workspace.apply("Set a recipe", lambda project: replace(project, recipe=mine))
    page = chosen(window, "whole")
    page.detail.checkpoints.branch.click()
    assert window.workspace.project.recipe == mine
    assert window.controller.parent_run is not None


def test_epochs_that_the_branch_lacks_are_offered(window: MainWindow, make: Make) -> None:
    make("whole")
    short = Recipe(epochs=2)
    window.workspace.apply("Set a recipe", lambda project: replace(project, recipe=short))
    page = chosen(window, "whole")
    page.detail.checkpoints.branch.click()
    assert window.messages.text.endswith(
        "It has 2 epochs behind it, and the recipe asks for 2 in all."
    )
    button = next(b for b in window.messages._buttons if b.text() == "Set 4 epochs")
    button.click()
    assert window.workspace.project.recipe.epochs == 4


def test_unsaved_work_is_asked_about_before_a_branch_takes_its_place(
    window: MainWindow, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("whole")
    mine = templates.build("lenet5")
    window.workspace.new(mine, "lenet", worth_saving=True)
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Cancel)
    page = chosen(window, "whole")
    page.detail.checkpoints.branch.click()
    assert window.workspace.project is mine
    assert window.controller.parent_run is None


def test_another_project_takes_the_branch_away(window: MainWindow, make: Make) -> None:
    make("whole")
    page = chosen(window, "whole")
    page.detail.checkpoints.branch.click()
    assert window.controller.parent_run is not None
    window.workspace.new(templates.build("lenet5"), "lenet")
    assert window.controller.parent_run is None


def test_the_model_of_a_run_is_offered_for_export(
    qtbot: QtBot, window: MainWindow, make: Make, tmp_path: Path
) -> None:
    make("here")
    writer = make("far", where=tmp_path / "elsewhere")
    opened(window).open(writer.folder.path)
    page = opened(window)
    until(lambda: "far" in names(page))
    chosen(window, "far").detail.export.click()
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    assert dialog.model.currentData() == writer.folder.path
    dialog.close()


def test_a_link_leads_from_a_branch_to_its_parent(window: MainWindow, make: Make) -> None:
    parent = make("first", 1)
    make("second", 2, parent=str(parent.folder.checkpoint("best")), parent_step=10)
    page = chosen(window, "second")
    assert page.detail.head.parent_link.text() == "Branched from first, step 10"
    page.detail.head.parent_link.click()
    assert page.detail.head.title.text() == "first"


def entry(standing: str = "completed", **known: object) -> Entry:
    known = {"state": "completed", "best_epoch": 1, **known}
    return Entry(Path("run"), replace(HERE, **known), standing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "run", "words"),
    [
        ("show", entry(standing="failed", state="failed", total_steps=0), "before its first step"),
        ("go_on", entry(), "all its epochs"),
        ("go_on", entry(state="running", standing="running"), "is trained by process"),
        ("extend", entry(state="running", standing="running"), "is trained by process"),
        ("export", entry(best_epoch=0), "has not finished an epoch"),
    ],
)
def test_what_cannot_be_done_says_why(what: str, run: Entry, words: str) -> None:
    assert words in getattr(refusals(run, "", False, False, True), what)


def test_what_hinders_all_training_hinders_these_too() -> None:
    stopped = entry(state="stopped", standing="stopped")
    why = refusals(stopped, "The engine is still loading.", False, False, True)
    assert why.go_on == why.extend == "The engine is still loading."
    assert why.show == why.export == why.branch == ""
    why = refusals(stopped, "A run is under way.", True, False, False)
    assert "the Train page shows that one" in why.show
    assert "no checkpoint" in why.branch
    assert refusals(stopped, "", True, True, True).go_on == "It is trained here now."


def test_a_silent_run_of_another_machine_says_so(window: MainWindow, make: Make) -> None:
    writer = make("far", ended="running", machine=THERE.machine, process=4711)
    writer.metrics.close()
    then = time.time() - 600
    for path in writer.folder.path.iterdir():
        os.utime(path, (then, then))
    page = chosen(window, "far")
    assert page.detail.head.state.text() == "not heard of"
    assert page.detail.head.note.text().startswith("Nothing was written for 10 minutes")
    assert "It may still be trained by process 4711 on far-away" in page.detail.go_on.toolTip()


def test_why_a_run_ended_is_told(window: MainWindow, make: Make) -> None:
    make("failed", 2, ended="failed", message="The loss is not a number. Lower the rate.")
    make("killed", 1, ended="running", process_started=1.0)
    page = chosen(window, "failed")
    assert page.detail.head.note.text() == "The loss is not a number. Lower the rate."
    page = chosen(window, "killed")
    assert page.detail.head.state.text() == "interrupted"
    assert "is gone without a word" in page.detail.head.note.text()


# Other folders ------------------------------------------------------------------------------------


def drop(window: MainWindow, path: Path) -> bool:
    """Drop ``path`` onto the window; whether it is taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    copy = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(5, 5), copy, data, left, none)
    window.dragEnterEvent(enter)
    window.dropEvent(QDropEvent(QPointF(5, 5), copy, data, left, none))
    return enter.isAccepted()


def test_a_run_folder_dropped_onto_the_window_is_listed_and_shown(
    window: MainWindow, make: Make, tmp_path: Path
) -> None:
    make("here")
    far = make("far", where=tmp_path / "elsewhere")
    assert drop(window, far.folder.path)
    page = window.page("runs")
    assert isinstance(page, RunsPage)
    assert window.pages.currentWidget() is page
    until(lambda: page.chosen is not None and page.chosen.folder == far.folder.path)
    assert set(names(page)) == {"here", "far"}


def test_a_folder_of_runs_adds_all_of_them_and_they_are_remembered(
    window: MainWindow, make: Make, tmp_path: Path
) -> None:
    make("one", 1, where=tmp_path / "shared")
    make("two", 2, where=tmp_path / "shared")
    page = opened(window)
    page.open(tmp_path / "shared")
    until(lambda: names(page) == ["two", "one"])
    again = RunsPage(window.controller, window._background)
    again.look()
    until(lambda: names(again) == ["two", "one"])
    again.deleteLater()


def test_a_run_that_was_opened_is_taken_off_the_list_and_put_back(
    window: MainWindow, make: Make, tmp_path: Path, qtbot: QtBot
) -> None:
    make("here")
    far = make("far", where=tmp_path / "elsewhere").folder.path
    page = opened(window)
    page.open(far)
    until(lambda: page.chosen is not None and page.chosen.folder == far)
    button = page.detail.take_off
    assert button.isVisible()
    assert button.text() == "Take off the list"
    assert "Nothing on the disk is touched" in button.toolTip()
    before = sorted(far.rglob("*"))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    until(lambda: names(page) == ["here"])
    assert window.messages.text == "Taken off the list: far. It is on the disk as before."
    assert sorted(far.rglob("*")) == before
    until(lambda: page.chosen is not None and page.chosen.folder.name == "here")
    assert not button.isVisible()  # the app's own runs are always listed
    again = RunsPage(window.controller, window._background)
    again.look()
    until(lambda: names(again) == ["here"])
    again.deleteLater()
    page.put_back()
    until(lambda: page.chosen is not None and page.chosen.folder == far)
    assert set(names(page)) == {"here", "far"}
    assert button.isVisible()


def test_a_run_taken_off_the_list_is_opened_again(
    window: MainWindow, make: Make, tmp_path: Path
) -> None:
    far = make("far", where=tmp_path / "elsewhere").folder.path
    page = opened(window)
    page.open(far)
    until(lambda: names(page) == ["far"])
    page.take_off(far)
    until(lambda: names(page) == [] and page.chosen is None)
    page.open(far)
    until(lambda: page.chosen is not None and page.chosen.folder == far)


def test_of_a_folder_of_runs_all_are_taken_off_and_the_button_says_so(
    window: MainWindow, make: Make, tmp_path: Path
) -> None:
    make("here")
    for name in ("one", "two"):
        make(name, where=tmp_path / "shared")
    page = opened(window)
    page.open(tmp_path / "shared")
    until(lambda: len(names(page)) == 3)
    chosen(window, "one")
    assert page.detail.take_off.text() == "Take its folder off the list"
    assert f"all runs of {tmp_path / 'shared'}" in page.detail.take_off.toolTip()
    page.detail.take_off.click()
    until(lambda: names(page) == ["here"])


@pytest.mark.parametrize("width", [1280, 900])
def test_all_actions_have_places_of_their_own_at_every_width(
    window: MainWindow, make: Make, tmp_path: Path, width: int
) -> None:
    make("here")
    far = make("far", where=tmp_path / "elsewhere").folder.path
    window.resize(width, 700)
    page = opened(window)
    page.open(far)
    until(lambda: page.chosen is not None and page.chosen.folder == far)
    for name, count in (("far", 5), ("here", 4), ("far", 5)):
        chosen(window, name)
        QCoreApplication.processEvents()
        detail = page.detail
        buttons = [detail.show_button, detail.go_on, detail.extend, detail.export, detail.take_off]
        boxes = [button.geometry() for button in buttons if button.isVisible()]
        assert len(boxes) == count
        assert not any(a.intersects(b) for a, b in combinations(boxes, 2))
        assert all(box.right() <= detail.viewport().width() for box in boxes)


def test_a_folder_without_a_run_is_refused_in_words(window: MainWindow, tmp_path: Path) -> None:
    page = opened(window)
    page.open(tmp_path)
    assert window.messages.text.startswith(f"There is no run in {tmp_path}.")


# Words --------------------------------------------------------------------------------------------


def test_a_recipe_is_one_sentence() -> None:
    recipe = Recipe(
        optimizer=Chosen("adamw", {"weight_decay": 0.01}),
        schedule=Chosen("cosine"),
        learning_rate=0.001,
        batch_size=128,
        accumulate=2,
        epochs=1,
        warmup=2.0,
        mixup=0.2,
        flip=True,
        weights="torchvision:ResNet18_Weights.IMAGENET1K_V1",
    )
    assert recipe_words.sentence(recipe) == (
        "AdamW at a learning rate of 0.001, cosine, batches of 128 × 2, 1 epoch, weight decay "
        "0.01, 2 epochs of warm-up, mixup, flip, starting from ResNet18_Weights.IMAGENET1K_V1."
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(41.2, "41 s"), (725, "12 min 5 s"), (11_520, "3 h 12 min"), (190_800, "2 days 5 h")],
)
def test_training_times_are_told_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_every_control_has_a_name_for_screen_readers(window: MainWindow, make: Make) -> None:
    make("one", parent="runs/x/checkpoints/best.safetensors")
    page = chosen(window, "one")
    controls = [*page.findChildren(QAbstractButton), *page.findChildren(QLineEdit)]
    assert len(controls) > 10
    nameless = [
        each
        for each in controls
        if not (each.accessibleName() or getattr(each, "text", lambda: "")())
    ]
    assert [type(each).__name__ for each in nameless if each.isVisible()] == []
