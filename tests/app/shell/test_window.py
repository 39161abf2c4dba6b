"""The whole window: pages, menu, run control, messages, questions, closing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.build.page import BuildPage
from studio.app.device_chip import device_menu
from studio.app.fields import NumberField
from studio.app.message_bar import MessageBar
from studio.app.shortcuts import SECTIONS, ShortcutSheet
from studio.app.train.controller import TrainingController
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.project import codec, edits, templates
from studio.project.edits import remove_nodes
from studio.project.values import Edge, Network, Project
from studio.runs.api import Device
from tests.app.shell.conftest import leave
from tests.scripted_engine import Script, ScriptedEngine

Answer = Callable[[object], list[str]]


def _edit(workspace: Workspace, epochs: int = 3) -> None:
    def edit(project: Project) -> Project:
        recipe = msgspec.structs.replace(project.recipe, epochs=epochs)
        return msgspec.structs.replace(project, recipe=recipe)

    workspace.apply("Set epochs", edit)


def _with_batch(project: Project, batch: int) -> Project:
    recipe = msgspec.structs.replace(project.recipe, batch_size=batch)
    return msgspec.structs.replace(project, recipe=recipe)


def _run(window: MainWindow, engine: ScriptedEngine) -> None:
    window.take_engine(engine)
    _edit(window.workspace, 2)
    window.train()
    engine.runs[0].begin()


def test_the_rail_and_its_keys_turn_the_pages(qtbot: QtBot, window: MainWindow) -> None:
    assert window.pages.currentWidget() is window.page("build")
    for number, key in enumerate(("build", "data", "train", "runs"), start=1):
        button = window.rail.findChildren(QAbstractButton)[number - 1]
        assert button.shortcut().toString() == f"Ctrl+{number}"
        button.click()
        assert window.pages.currentWidget() is window.page(key)
        assert button.isChecked()


def test_undo_and_redo_name_what_they_would_do(window: MainWindow, workspace: Workspace) -> None:
    assert not window.actions_.undo.isEnabled()
    assert window.actions_.undo.toolTip() == "Nothing to undo"
    _edit(workspace)
    assert window.actions_.undo.text() == "Undo: Set epochs"
    window.actions_.undo.trigger()
    assert window.actions_.redo.toolTip() == "Redo “Set epochs” (Ctrl+Shift+Z)"
    window.actions_.redo.trigger()
    assert workspace.project.recipe.epochs == 3


def test_the_title_says_the_project_and_whether_it_is_saved(
    window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    assert window.windowTitle() == "quickstart - Training Studio"
    _edit(workspace)
    assert window.isWindowModified()
    assert workspace.save(tmp_path / "mine.studio")
    assert not window.isWindowModified()
    assert window.windowTitle().startswith("mine")


def test_the_device_chip_follows_the_engine_and_the_recipe(
    window: MainWindow, workspace: Workspace
) -> None:
    chip = window.top.device
    assert chip.text() == "Loading the engine"
    gpu = Device("cuda:0", "NVIDIA H200", 1 << 37)
    cpu = Device("cpu", "CPU, 2 cores", 1 << 33)
    window.take_engine(ScriptedEngine(Script(paced=None), devices=(gpu, cpu)))
    assert chip.text() == "NVIDIA H200"

    def use(device: str) -> None:
        def edit(project: Project) -> Project:
            recipe = msgspec.structs.replace(project.recipe, device=device)
            return msgspec.structs.replace(project, recipe=recipe)

        workspace.apply("Set device", edit)

    use("cpu")
    assert chip.text() == "CPU, 2 cores"
    use("mps")
    assert chip.text() == "No Apple GPU"


def test_without_torch_the_window_says_so_and_everything_else_works(
    window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    window.engine_failed("PyTorch cannot be imported. Run studio doctor.")
    assert window.top.device.text() == "No engine"
    assert window.messages.text == "PyTorch cannot be imported. Run studio doctor."
    assert not window.top.run.train.isEnabled()
    _edit(workspace)
    assert workspace.save(tmp_path / "still.studio")


def test_a_run_is_started_paused_and_stopped_from_the_top_bar(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine, controller: TrainingController
) -> None:
    run_control = window.top.run
    assert not run_control.train.isEnabled()
    _run(window, engine)
    assert window.pages.currentWidget() is window.page("train")
    qtbot.waitUntil(lambda: controller.state == "running")
    engine.runs[0].advance(20)
    qtbot.waitUntil(lambda: "Epoch 2 / 2" in run_control.progress.accessibleDescription())
    assert "images/s" in run_control.progress.accessibleDescription()
    assert not run_control.train.isVisible()
    qtbot.mouseClick(run_control.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: controller.state == "paused")
    assert "Paused" in run_control.progress.accessibleDescription()
    qtbot.mouseClick(run_control.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: controller.state == "running")
    window.show_page("build")
    qtbot.mouseClick(run_control.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: controller.state == "idle")
    assert "Training was stopped" in window.messages.text
    assert run_control.train.isVisible()


def test_a_network_with_a_problem_is_not_trained_but_shown(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine, workspace: Workspace
) -> None:
    window.take_engine(engine)
    name = workspace.project.network.nodes[1].name
    workspace.edit_network("Cut", lambda network: remove_nodes(network, [name], heal=False))
    window.show_page("train")
    window.train()
    assert not engine.runs
    assert window.messages.text
    action = window.messages.findChildren(QAbstractButton)[0]
    first = workspace.analysis.problems[0]
    assert first.fix is not None
    assert action.text() == first.fix.text
    action.click()
    assert first not in workspace.analysis.problems
    assert window.messages.text == ""


def test_data_that_the_network_does_not_suit_is_a_problem_before_training_is_tried(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine, workspace: Workspace
) -> None:
    window.make_all_pages()
    window.take_engine(engine)
    build = window.page("build")
    assert isinstance(build, BuildPage)
    qtbot.waitUntil(lambda: window.inspection.status == "ready")
    assert build.strip.problems.text() == "No problems"
    workspace.edit_network("Other", lambda n: edits.set_setting(n, "output", "classes", 7))
    workspace.apply("Batch", lambda p: _with_batch(p, 5000))
    assert build.strip.problems.text() == "2 problems"
    window.train()
    assert not engine.runs
    assert "10 classes" in window.messages.text
    window.messages.findChildren(QAbstractButton)[0].click()
    assert workspace.analysis.classes == 10
    window.train()
    assert "5,000" in window.messages.text
    window.messages.findChildren(QAbstractButton)[0].click()
    assert workspace.project.recipe.batch_size == 1080
    assert build.strip.problems.text() == "No problems"
    window.train()
    assert len(engine.runs) == 1
    engine.runs[0].stop()


def test_a_folder_that_is_gone_is_a_problem_until_it_is_there(
    qtbot: QtBot, window: MainWindow, engine: ScriptedEngine, workspace: Workspace
) -> None:
    window.make_all_pages()
    engine.refuse = "The folder pets does not exist."
    window.take_engine(engine)
    build = window.page("build")
    assert isinstance(build, BuildPage)
    qtbot.waitUntil(lambda: build.strip.problems.text() == "1 problem")
    window.train()
    assert "pets does not exist" in window.messages.text
    qtbot.waitUntil(lambda: window.inspection.status == "failed")
    engine.refuse = ""
    window.train()  # what was refused is looked at again, by the window and by the run
    assert build.strip.problems.text() == "Reading the data"
    qtbot.waitUntil(lambda: build.strip.problems.text() == "No problems")
    assert len(engine.runs) == 1
    engine.runs[0].stop()


def test_a_problem_is_offered_with_its_fix_and_goes_from_the_bar_when_it_is_mended(
    window: MainWindow, engine: ScriptedEngine, workspace: Workspace
) -> None:
    window.take_engine(engine)

    def mismatch(network: Network) -> Network:
        network, name = edits.add_node(network, "add", {}, 0.0, 0.0)
        network = edits.insert_on_edge(network, Edge("deep", "pool"), name)
        return edits.connect(network, "mixed", name)

    workspace.edit_network("Add", mismatch)
    window.show_page("train")
    window.train()
    assert window.messages.property("tone") == "error"
    action = window.messages.findChildren(QAbstractButton)[0]
    assert action.text().startswith(("Put a", "Set "))
    workspace.edit_network("Move", lambda n: edits.move_nodes(n, {"deep": (0.0, 5.0)}))
    assert window.messages.text
    workspace.undo()
    workspace.undo()
    assert window.messages.text == ""
    workspace.redo()
    window.train()
    action.click()
    assert not workspace.analysis.problems
    assert window.messages.text == ""
    assert window.pages.currentWidget() is window.page("build")


def test_a_refusal_of_the_data_goes_when_other_data_is_chosen(
    qtbot: QtBot, window: MainWindow, workspace: Workspace
) -> None:
    window.take_engine(ScriptedEngine(refuse="The folder /nowhere does not exist."))
    window.show_page("train")
    window.train()
    assert "does not exist" in window.messages.text
    workspace.select(("deep",))
    workspace.edit_network("Move", lambda n: edits.move_nodes(n, {"deep": (0.0, 5.0)}))
    assert window.messages.text
    _edit(workspace, 5)
    assert window.messages.text == ""


def test_a_refused_edit_is_forgotten_with_the_next_one(
    window: MainWindow, workspace: Workspace
) -> None:
    workspace.edit_network("Wire", lambda n: edits.connect(n, "deep", "deep"))
    assert "cannot feed itself" in window.messages.text
    _edit(workspace, 5)
    assert window.messages.text == ""


def test_good_news_stays_on_its_page(window: MainWindow) -> None:
    window.messages.say("good", "Training is complete.", "Export the model", lambda: None)
    window.show_page("data")
    assert window.messages.text == ""
    window.messages.say("error", "The disk is full.")
    window.show_page("build")
    assert window.messages.text == "The disk is full."


def test_a_message_moves_nothing_on_the_page(qtbot: QtBot, window: MainWindow) -> None:
    page = window.page("build")
    before = page.mapTo(window, page.rect().topLeft()), page.size()
    window.messages.say("warning", "A long warning that takes its time. " * 12)
    qtbot.wait(20)
    assert (page.mapTo(window, page.rect().topLeft()), page.size()) == before
    bar = window.messages
    assert bar.height() >= bar.heightForWidth(bar.width())
    assert window.pages.geometry().width() > bar.width()


def test_the_device_is_chosen_at_its_chip(
    window: MainWindow, workspace: Workspace, controller: TrainingController
) -> None:
    gpu = Device("cuda:0", "NVIDIA H200", 1 << 37)
    cpu = Device("cpu", "CPU, 2 cores", 1 << 33)
    window.take_engine(ScriptedEngine(Script(paced=None), devices=(gpu, cpu)))
    assert controller.machine is not None
    menu = device_menu(controller.machine, workspace, window)
    choices = [action for action in menu.actions() if action.isCheckable()]
    names = ["Automatic: NVIDIA H200", "CPU, 2 cores", "NVIDIA H200"]
    assert [action.text() for action in choices] == names
    assert [action.isChecked() for action in choices] == [True, False, False]
    choices[1].trigger()
    assert workspace.project.recipe.device == "cpu"
    assert window.top.device.text() == "CPU, 2 cores"
    menu.close()


def test_a_word_on_the_engine_loading_goes_when_it_is_there(
    window: MainWindow, controller: TrainingController
) -> None:
    window.train()
    assert "still loading" in window.messages.text
    window.take_engine(ScriptedEngine())
    assert window.messages.text == ""


def test_a_refused_edit_is_said_without_a_dialog(window: MainWindow, workspace: Workspace) -> None:
    workspace.refused.emit("a network cannot feed itself: that would be a cycle")
    assert window.messages.text.startswith("A network cannot feed itself")
    window.messages.clear()
    assert window.messages.text == ""
    name = workspace.project.network.nodes[0].name
    workspace.refused.emit(f"{name} cannot be wired to itself")
    assert window.messages.text.startswith(name)


def test_a_broken_file_is_refused_in_words_and_nothing_is_lost(
    window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.studio"
    broken.write_text("{not json")
    before = workspace.project
    assert not window.files.open(broken)
    assert workspace.project is before
    assert "broken.studio" in window.messages.text


def test_closing_with_unsaved_changes_asks_and_may_be_called_off(
    window: MainWindow, workspace: Workspace, answer: Answer
) -> None:
    _edit(workspace)
    asked = answer(QMessageBox.StandardButton.Cancel)
    assert not window.close()
    assert asked == ["Save the changes to quickstart?"]
    assert window.isVisible()


def test_closing_with_nothing_unsaved_asks_nothing(window: MainWindow, answer: Answer) -> None:
    asked = answer(QMessageBox.StandardButton.Cancel)
    assert window.close()
    assert asked == []


def test_save_in_the_question_saves_and_closes(
    window: MainWindow, workspace: Workspace, answer: Answer, tmp_path: Path
) -> None:
    path = tmp_path / "work.studio"
    assert workspace.save(path)
    _edit(workspace, 77)
    answer(QMessageBox.StandardButton.Save)
    assert window.close()
    assert codec.load(path).recipe.epochs == 77


def test_closing_during_a_run_asks_and_then_stops_it_in_order(
    qtbot: QtBot,
    window: MainWindow,
    controller: TrainingController,
    workspace: Workspace,
    answer: Answer,
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(Script(paced=0.002))
    window.take_engine(engine)
    _edit(workspace, 1000)
    assert workspace.save(tmp_path / "long.studio")
    window.train()
    qtbot.waitUntil(lambda: controller.state == "running")
    asked = answer("Keep training")
    assert not window.close()
    assert asked == ["Stop the training and close?"]
    assert engine.runs[0].alive
    answer("Stop and close")
    with qtbot.waitSignal(window.closed):
        assert window.close()
    assert not engine.runs[0].alive


def test_the_question_goes_when_the_run_ends_behind_it(
    qtbot: QtBot,
    window: MainWindow,
    controller: TrainingController,
    workspace: Workspace,
    tmp_path: Path,
) -> None:
    engine = ScriptedEngine(Script(paced=0.002))
    window.take_engine(engine)
    _edit(workspace, 1000)
    assert workspace.save(tmp_path / "long.studio")
    window.train()
    qtbot.waitUntil(lambda: controller.state == "running")
    QTimer.singleShot(200, engine.runs[0].stop)  # while the question stands there
    with qtbot.waitSignal(window.closed, timeout=10_000):
        assert window.close()


def test_a_message_that_offers_something_goes_when_it_was_not_wanted(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MessageBar, "_OFFER_MILLISECONDS", 30)
    bar = window.messages
    bar.say("good", "Done.", "Export the model", lambda: None)
    qtbot.waitUntil(lambda: bar.text == "", timeout=3_000)
    bar.say("good", "Which one?", "This", lambda: None, other=("That", lambda: None))
    qtbot.wait(120)
    assert bar.text == "Which one?"
    bar.say("warning", "Look at it.", "Show it", lambda: None)
    qtbot.wait(120)
    assert bar.text == "Look at it."


def test_size_and_scheme_stick(
    qtbot: QtBot,
    window: MainWindow,
    workspace: Workspace,
    controller: TrainingController,
    background: Background,
) -> None:
    window.resize(1111, 707)
    window.set_scheme("dark")
    window.close_unasked()
    again = MainWindow(workspace, TrainingController(controller.runs_root), Background())
    qtbot.addWidget(again)
    # The test screen is narrower than the window's least width, so the height tells.
    assert again.height() == 707
    assert QSettings().value("scheme") == "dark"
    again.close_unasked()


def test_start_page_begins_a_template_and_forgets_the_selection(
    qtbot: QtBot, window: MainWindow, workspace: Workspace
) -> None:
    from studio.app.start_page import StartPage

    window.actions_.new.trigger()
    page = window.page("start")
    assert isinstance(page, StartPage)
    page.search.setText("resnet 18")
    shown = [name for name, card in page.gallery.cards.items() if not card.isHidden()]
    assert shown == ["resnet18"]
    page.gallery.cards["resnet18"].click()
    assert workspace.title == "resnet18"
    assert window.pages.currentWidget() is window.page("build")


def test_a_template_with_pretrained_weights_is_a_new_project_that_starts_from_them(
    window: MainWindow, workspace: Workspace
) -> None:
    from studio.app.start_page import StartPage

    page = window.page("start")
    assert isinstance(page, StartPage)
    page.pretrained.emit("googlenet")
    project = workspace.project
    assert project.recipe.weights == "torchvision:GoogLeNet_Weights.IMAGENET1K_V1"
    assert project.data.normalization == "symmetric"
    assert not workspace.modified


def test_before_anything_is_chosen_the_start_page_offers_no_training(
    window: MainWindow, workspace: Workspace, controller: TrainingController, qtbot: QtBot
) -> None:
    fresh = Workspace()
    other = MainWindow(fresh, controller, Background())
    qtbot.addWidget(other, before_close_func=leave)
    other.show()
    other.show_page("start")
    assert not other.top.run.isVisible()
    assert not other.top._name.isVisible()
    other.files.new_from_template("lenet5")
    assert other.top.run.isVisible()
    other.show_page("start")
    assert other.top.run.isVisible()


def test_the_gallery_begins_with_what_a_laptop_trains_and_one_of_each_family() -> None:
    from studio.app.template_gallery import in_order
    from studio.project.templates import TEMPLATES

    order = in_order(TEMPLATES)
    assert sorted(order) == sorted(set(TEMPLATES) - {"quickstart"})
    first = order[:8]
    assert all(max(TEMPLATES[name].input[1:]) <= 32 for name in order[:4])
    assert sum(name.startswith("vgg") for name in first) <= 1


def test_my_images_start_with_the_folders_classes_on_the_data_page(
    window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    from PySide6.QtGui import QImage

    for name in ("cat", "dog", "owl"):
        (tmp_path / "train" / name).mkdir(parents=True)
        picture = QImage(200, 100, QImage.Format.Format_RGB888)
        picture.fill(0)
        assert picture.save(str(tmp_path / "train" / name / "1.png"))
    window.files.new_from_images(tmp_path)
    assert workspace.project.data.source == str(tmp_path)
    assert workspace.analysis.classes == 3
    assert workspace.analysis.input_shape == (3, 64, 64)
    assert not workspace.analysis.problems
    assert window.pages.currentWidget() is window.page("data")


def test_recent_projects_are_listed_newest_first(
    window: MainWindow, workspace: Workspace, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        assert workspace.save(tmp_path / f"{name}.studio")
    entries = {action.text(): action for action in window.actions_.menu.actions()}
    recent = entries["Open recent"].menu()
    recent.aboutToShow.emit()
    assert [action.text() for action in recent.actions()] == ["second", "first"]


def test_every_control_has_a_name_for_screen_readers(window: MainWindow) -> None:
    window.make_all_pages()
    window.show_page("start")
    shell = [window.top, window.rail, window.messages, window.page("data"), window.page("start")]
    nameless = [
        child
        for part in shell
        for kind in (QAbstractButton, QComboBox, QLineEdit)
        for child in part.findChildren(kind)
        if child.isVisibleTo(part)
        and not (child.accessibleName() or _text(child))
        and not _inside_spin_box(child)
    ]
    assert nameless == []


def _text(widget: QWidget) -> str:
    return widget.text() if isinstance(widget, QAbstractButton) else ""


def _inside_spin_box(widget: QWidget) -> bool:
    from PySide6.QtWidgets import QAbstractSpinBox

    return isinstance(widget.parent(), QAbstractSpinBox | QLineEdit)


def test_f1_shows_every_pages_keys_beside_the_window(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_.shortcuts.trigger()
    sheet = window.findChild(ShortcutSheet)
    assert sheet is not None
    assert not sheet.isModal()
    texts = [label.text() for label in sheet.findChildren(QLabel)]
    assert {"Everywhere", "Canvas", "Fields"} <= set(texts)
    assert sheet.sizeHint().width() < 1100
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)


def test_a_question_mark_opens_the_sheet_and_stays_text_in_a_field(
    qtbot: QtBot, window: MainWindow
) -> None:
    page = window.page("build")
    assert isinstance(page, BuildPage)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    field = page.palette_panel.search
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_Question)
    assert field.text() == "?"
    assert window.findChild(ShortcutSheet) is None
    page.view.setFocus()
    qtbot.keyClick(page.view, Qt.Key.Key_Question)
    sheet = window.findChild(ShortcutSheet)
    assert sheet is not None
    sheet.close()


def test_the_shortcut_sheet_names_keys_that_the_window_has(window: MainWindow) -> None:
    known = {key.toString() for action in window.actions() for key in action.shortcuts()} | {
        f"Ctrl+{number}" for number in (1, 2, 3, 4)
    }
    for keys, _ in SECTIONS[0][1]:
        assert set(keys.split(", ")) <= known


def test_a_removed_block_can_be_put_back_from_the_message(window: MainWindow) -> None:
    window.workspace.select(("features",))
    page = window.page("build")
    assert isinstance(page, BuildPage)
    page.view.actions_.group.trigger()
    window.workspace.shelf.remove("Group")
    assert "no longer among your blocks" in window.messages.text
    button = next(b for b in window.messages.findChildren(QPushButton) if b.isVisible())
    assert button.text() == "Put it back"
    button.click()
    assert [block.title for block in window.workspace.shelf.blocks] == ["Group"]


def test_a_damaged_file_of_own_blocks_is_told_when_the_window_is_there(
    qtbot: QtBot, controller: TrainingController, background: Background
) -> None:
    workspace = Workspace(templates.build("quickstart"))
    workspace.shelf.path.parent.mkdir(parents=True, exist_ok=True)
    workspace.shelf.path.write_text("not JSON")
    made = MainWindow(workspace, controller, background)
    qtbot.addWidget(made, before_close_func=leave)
    made.show()
    made.make_all_pages()
    assert "could not all be read" in made.messages.text
    assert "blocks-damaged-" in made.messages.text


def test_every_setting_of_recipe_and_data_is_undone_by_its_name(
    window: MainWindow, workspace: Workspace, engine: ScriptedEngine
) -> None:
    window.make_all_pages()
    window.take_engine(engine)
    names = []
    for key in ("train", "data"):
        for number in window.page(key).findChildren(NumberField):
            before = workspace.project
            number.stepBy(1)
            number.committed.emit()
            assert workspace.project != before, number.accessibleName()
            names.append(workspace.undo_label)
            workspace.undo()
            assert workspace.project == before
    assert "Set momentum γ of SGD with momentum" in names
    assert "Set decay k of exponential decay" in names
    assert {"Set the learning rate", "Set batch", "Set epochs", "Set seed"} <= set(names)
    assert {"Set validation", "Set test"} <= {name.removesuffix(" share") for name in names}


def test_a_refusal_inside_a_built_in_block_offers_to_make_it_ones_own(
    window: MainWindow, workspace: Workspace
) -> None:
    page = window.page("build")
    assert isinstance(page, BuildPage)
    workspace.open_level(("features",))
    before = workspace.project
    page.view.editor.remove(("conv1",))
    assert workspace.project is before
    assert "block of your own" in window.messages.text
    action = window.messages.findChildren(QAbstractButton)[0]
    assert action.text() == "Make it my own block"
    action.click()
    assert workspace.level.path == ("features",)
    assert workspace.level.editable
    assert window.messages.text == ""
