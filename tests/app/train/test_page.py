"""The train page, driven as a user would, against the scripted engine."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from studio.app.plots import ticks
from studio.app.train.controller import TrainingController
from studio.app.train.page import TrainPage
from studio.app.workspace import Workspace
from studio.project import edits, schedules, templates
from studio.project.problems import Fix, SetRecipe
from studio.project.values import Chosen
from studio.runs import remedies
from studio.runs.api import EpochDone, Failed, Finished, RecipeChanged, Started
from studio.runs.telemetry import Telemetry
from tests.run_writer import HERE, Writer
from tests.runs.test_catalog import checkpoint
from tests.scripted_engine import Script, ScriptedEngine, ScriptedRun


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    project = templates.build("quickstart")
    return Workspace(replace(project, recipe=replace(project.recipe, epochs=4)))


@pytest.fixture
def controller(qtbot: QtBot, tmp_path: Path) -> TrainingController:
    return TrainingController(tmp_path / "runs")


@pytest.fixture
def page(qtbot: QtBot, workspace: Workspace, controller: TrainingController) -> TrainPage:
    page = TrainPage(workspace, controller)
    qtbot.addWidget(page)
    page.resize(1376, 852)
    with qtbot.waitSignal(page.plots_loaded, timeout=10_000):
        page.load_plots()
    page.show()
    qtbot.waitExposed(page)
    return page


def begun(page: TrainPage, controller: TrainingController, **script: object) -> ScriptedRun:
    """A run that the test moves, at its first step."""
    names = tuple(row.name for row in page._workspace.analysis.layers if row.parameters)
    engine = ScriptedEngine(Script(paced=None, layers=names, **script))  # type: ignore[arg-type]
    controller.set_engine(engine)
    page.train()
    engine.runs[0].begin()
    controller._poll()
    lay_out(page)
    return engine.runs[0]


def lay_out(page: TrainPage) -> None:
    """Let the dashboard take the turns of the event loop that it needs for a new run."""
    while page.dashboard is not None and page.dashboard._layer.isActive():
        QCoreApplication.processEvents()


def test_the_rate_is_planned_from_its_last_change_on_which_all_three_plots_mark(
    page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller)
    run.advance(40)
    assert page.dashboard is not None
    assert controller.project is not None
    recipe = controller.project.recipe
    text = f"learning rate {2 * recipe.learning_rate:g}"
    total = recipe.epochs * 17
    twice = replace(recipe, learning_rate=2 * recipe.learning_rate)
    run.say(RecipeChanged(40, twice, total, text))
    controller._poll()
    lay_out(page)
    planned = next(line for line in page.dashboard.rate.lines if line.title == "planned")
    steps, rates = planned.everything()
    assert (steps[0], steps[-1]) == (40, total)
    # Two epochs of exponential decay are over.
    assert rates[0] == pytest.approx(2 * recipe.learning_rate * math.exp(-0.15 * 2), rel=1e-6)
    assert list(steps) == sorted(steps)
    words = f"learning rate {rates[0]:.3g} (start α₀ {2 * recipe.learning_rate:g})"
    dashboard = page.dashboard
    shown = [plot._marks._marks for plot in (dashboard.loss, dashboard.accuracy, dashboard.rate)]
    assert shown == [[(40.0, words)], [(40.0, "")], [(40.0, "")]]
    assert page.status.text.text() == f"From step 40 on: {words}."
    controller.shutdown()


def test_a_branch_shows_its_parents_epochs_and_counts_its_own(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    engine = ScriptedEngine(Script(paced=None))
    controller.set_engine(engine)
    page.train()
    run = engine.runs[0]
    parents = tuple(EpochDone(n, 17 * n, 1, 0.5, 1, 0.9, 0.1, 1.0, True) for n in range(1, 8))
    telemetry = Telemetry(run.script.layers, 0)
    telemetry.loss.extend(np.ones(121, np.float32))
    telemetry.gradients.extend(np.ones((121, len(run.script.layers)), np.float32))
    run._telemetry = telemetry
    run.say(Started("cpu", "CPU", 17, 9 * 17, 121, ("a", "b"), 100, 10, branched=121,
                    earlier=parents))  # fmt: skip
    controller._poll()
    lay_out(page)
    assert page.dashboard is not None
    assert page.status.text.text().startswith("Branched at step 121. Training on CPU")
    dashboard = page.dashboard
    validation = dashboard._validation[dashboard.loss].everything()[0]
    assert list(validation) == [epoch.step for epoch in parents]
    assert dashboard.loss._marks._marks == [(121.0, "branched at step 121")]
    planned = next(line for line in dashboard.rate.lines if line.title == "planned")
    assert planned.everything()[0][0] == 121
    run.say(EpochDone(8, 136, 0.2, 0.9, 0.5, 0.822, 0.03, 1.0, True))
    controller._poll()
    assert page.status.text.text().endswith("82.2 %, the best since the branch.")
    run.say(Finished("completed", 9, 8, 0.822, 3.0))
    run._ended = True
    controller._poll()
    assert page.status.text.text() == (
        "Done: 2 epochs since the branch in 3 s. Best validation accuracy since the branch "
        "82.2 %, in epoch 8."
    )


def test_the_page_can_be_imported_without_pyqtgraph_and_torch() -> None:
    code = (
        "import sys, studio.app.train.page;"
        "print(sorted({'pyqtgraph', 'torch', 'numpy.testing'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_before_a_run_the_page_says_what_will_appear_and_offers_train(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    assert "loading" in page.empty.sentence.text()
    controller.set_engine(ScriptedEngine(Script(paced=None)))
    assert "Loss, accuracy" in page.empty.sentence.text()
    qtbot.mouseClick(page.empty.button, Qt.MouseButton.LeftButton)
    assert controller.busy
    assert not page.empty.isVisible()
    controller.shutdown()


def test_a_project_that_cannot_be_trained_says_so_instead(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    controller.set_engine(ScriptedEngine(Script(paced=None)))
    workspace.edit_network("Cut", lambda n: edits.disconnect(n, n.edges[0]))
    assert page.empty.sentence.text().startswith("Training cannot start yet")
    workspace.undo()
    assert "Loss, accuracy" in page.empty.sentence.text()


def test_each_edit_of_the_recipe_is_one_undo_step(
    qtbot: QtBot, page: TrainPage, workspace: Workspace
) -> None:
    batch = page.recipe.batch.form.editor("batch_size")
    assert isinstance(batch, QAbstractSpinBox)
    batch.setFocus()
    batch.selectAll()
    qtbot.keyClicks(batch, "128")
    qtbot.keyClick(batch, Qt.Key.Key_Return)
    assert workspace.project.recipe.batch_size == 128
    workspace.undo()
    assert workspace.project.recipe.batch_size == 64
    assert not workspace.undo_label
    assert batch.text() == "64"


def test_another_optimizer_brings_its_settings_its_formula_and_its_rate(
    page: TrainPage, workspace: Workspace
) -> None:
    assert workspace.project.recipe.learning_rate == 0.05
    page.recipe.optimizer.choice.edited.emit("adam")
    recipe = workspace.project.recipe
    assert recipe.optimizer == Chosen("adam")
    assert recipe.learning_rate == 0.001
    form = page.recipe.optimizer.settings_form
    assert form is not None
    form.edited.emit("beta1", 0.8)
    assert workspace.project.recipe.optimizer.settings == {"beta1": 0.8}
    assert "m̂" in page.recipe.optimizer.formula.text()
    workspace.undo()
    workspace.undo()
    assert workspace.project.recipe.optimizer.kind == "momentum"
    assert workspace.project.recipe.learning_rate == 0.05


def test_a_rate_that_the_user_set_stays_when_the_optimizer_changes(
    page: TrainPage, workspace: Workspace
) -> None:
    page.recipe.rate.rate_form.edited.emit("learning_rate", 0.02)
    page.recipe.optimizer.choice.edited.emit("adam")
    assert workspace.project.recipe.learning_rate == 0.02


def test_the_curve_before_the_run_says_where_it_begins_and_ends(
    page: TrainPage, workspace: Workspace
) -> None:
    page.recipe.rate.choice.edited.emit("step")
    form = page.recipe.rate.settings_form
    assert form is not None
    form.edited.emit("every", 2)
    assert page.recipe.rate.preview.accessibleDescription() == "From 0.05 to 0.01 over 4 epochs."
    assert "k<sup>" in page.recipe.rate.formula.text()


def test_a_decay_looked_at_again_has_the_settings_it_was_left_with(
    page: TrainPage, workspace: Workspace
) -> None:
    choose = page.recipe.rate.choice.edited.emit
    choose("step")
    form = page.recipe.rate.settings_form
    assert form is not None
    form.edited.emit("factor", 0.3)
    for kind in ("constant", "exponential", "step"):
        choose(kind)
    assert workspace.project.recipe.schedule == Chosen("step", {"factor": 0.3})
    workspace.new(templates.build("quickstart"))
    choose("step")
    assert workspace.project.recipe.schedule == Chosen("step")


def test_tab_goes_down_the_recipe_as_it_is_shown_after_every_choice(page: TrainPage) -> None:
    for kind in ("constant", "step", "exponential", "step"):
        page.recipe.rate.choice.edited.emit(kind)
    for kind in ("adam", "momentum"):
        page.recipe.optimizer.choice.edited.emit(kind)
    page.resize(1376, 1400)
    QCoreApplication.processEvents()
    at: QWidget = page.recipe.optimizer.choice
    heights: list[int] = []
    while page.recipe.isAncestorOf(at):
        if at.focusPolicy() & Qt.FocusPolicy.TabFocus and at.isVisible() and not at.focusProxy():
            heights.append(at.mapTo(page, QPoint()).y())
        at = at.nextInFocusChain()
    assert len(heights) >= 9
    assert heights == sorted(heights)


def test_an_input_normalization_is_chosen(page: TrainPage, workspace: Workspace) -> None:
    page.recipe.input.editor.edited.emit("symmetric")
    assert workspace.project.data.normalization == "symmetric"


def test_fields_keep_their_width_when_a_run_begins(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    page.resize(1376, 700)
    field = page.recipe.batch.form.editor("epochs")
    QCoreApplication.processEvents()
    before = field.width()
    begun(page, controller)
    QCoreApplication.processEvents()
    assert page.recipe.note.isVisible()
    assert field.width() == before
    controller.shutdown()


def test_the_rows_of_the_learning_rate_have_one_distance(dressed: None, page: TrainPage) -> None:
    page.recipe.rate.choice.edited.emit("step")
    for _ in range(5):  # a scroll area takes several turns to a height that has changed
        QCoreApplication.processEvents()
    form = page.recipe.rate.settings_form
    assert form is not None
    rows = [page.recipe.rate.rate_form.editor("learning_rate")]
    rows += [form.editor(name) for name in ("factor", "every")]
    heights = [row.mapTo(page, QPoint()).y() for row in rows]
    assert heights[1] - heights[0] == heights[2] - heights[1]


def test_during_a_run_the_recipe_says_that_edits_are_for_the_next_one(
    page: TrainPage, controller: TrainingController
) -> None:
    assert page.recipe.note.isHidden()
    begun(page, controller)
    assert page.recipe.note.isVisible()
    assert page.recipe.images.text().startswith("1,078 images to train with, ")
    assert page.recipe.images.text().endswith(" to check with")
    controller.shutdown()
    assert page.recipe.note.isHidden()


def test_the_plots_fill_while_the_run_goes_on(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller)
    run.advance(40)
    controller._poll()
    dashboard = page.dashboard
    assert dashboard is not None
    plots = (dashboard.loss, dashboard.accuracy, dashboard.rate, dashboard.throughput)
    qtbot.waitUntil(lambda: not any(plot.stale for plot in (*plots, dashboard.gradients)))
    assert "training" in dashboard.loss.accessibleDescription()
    assert "validation" in dashboard.loss.accessibleDescription()
    recipe = page._workspace.project.recipe
    now = ticks.number(schedules.rate(recipe, 39, 17))
    assert dashboard.rate.accessibleDescription() == f"Learning rate: rate {now}."
    assert "Gradient norms of" in dashboard.gradients.accessibleDescription()
    names = [block.name for block in dashboard.gradients.plot.blocks]
    network = page._workspace.project.network
    assert names == [node.name for node in network.nodes if node.name in names]
    assert len(names) >= 3
    controller.shutdown()


def test_loss_and_accuracy_take_an_epoch_in_together(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller)
    dashboard = page.dashboard
    assert dashboard is not None
    seen: list[tuple[int, int]] = []

    def look() -> None:
        lines = (plot.lines[2].item for plot in (dashboard.loss, dashboard.accuracy))
        points = [len(line._dots) for line in lines]
        seen.append((points[0], points[1]))

    # The second to be drawn of the two tells when a turn of the scheduler is over.
    dashboard.accuracy.drawn.connect(look)
    for _ in range(3):
        run.advance(20)
        controller._poll()
        qtbot.waitUntil(lambda: not (dashboard.loss.stale or dashboard.accuracy.stale))
    assert len(seen) >= 3
    assert all(loss == accuracy for loss, accuracy in seen)
    dashboard.loss.drawn.connect(lambda: drawn.append("loss"))
    drawn: list[str] = []
    dashboard.accuracy.drawn.connect(lambda: drawn.append("accuracy"))
    dashboard.loss.touch()
    qtbot.waitUntil(lambda: len(drawn) == 2)
    assert drawn == ["loss", "accuracy"]
    controller.shutdown()


def test_plots_start_empty_with_a_second_run(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller)
    run.advance(500)
    controller._poll()
    assert controller.state == "idle"
    page.train()
    lay_out(page)
    dashboard = page.dashboard
    assert dashboard is not None
    assert dashboard.loss.lines == []
    assert dashboard.gradients.plot.layers == ()
    controller.shutdown()


def test_the_result_is_told_and_export_is_offered(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller)
    assert page.status.export.isHidden()
    run.advance(500)
    controller._poll()
    assert page.status.text.text().startswith("Done: 4 epochs in")
    assert "in epoch 4" in page.status.text.text()
    assert page.status.folder.toolTip() == str(run.folder)
    with qtbot.waitSignal(page.export_requested):
        qtbot.mouseClick(page.status.export, Qt.MouseButton.LeftButton)


def test_warnings_stay_within_reach_to_the_end_and_go_with_the_next_run(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller, warn_at=3)
    assert page.status.more.isHidden()
    run.advance(500)
    controller._poll()
    assert page.status.text.text().startswith("Done")
    assert page.status.more.text() == "1 warning"
    height = page.status.height()
    qtbot.mouseClick(page.status.more, Qt.MouseButton.LeftButton)
    assert page.status.list.isVisible()
    assert page.status.list.text().startswith("The disk is full")
    qtbot.waitUntil(lambda: page.status.height() > height)
    page.train()
    assert page.status.more.isHidden()
    assert page.status.list.isHidden()
    controller.shutdown()


def test_a_long_failure_is_read_to_its_end(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller, fail_at=2)
    page.resize(900, 700)
    run.advance(5)
    controller._poll()
    message, advice = "The loss is no longer a finite number. " * 3, "Lower the rate. " * 3
    controller.result = Failed(message, advice)
    controller.failed.emit(message, advice)
    text = page.status.text
    qtbot.waitUntil(lambda: text.height() >= text.heightForWidth(text.width()) > 20)
    assert text.height() > 1.5 * text.fontMetrics().height()


def test_a_run_that_broke_before_its_first_step_is_told_instead_of_empty_plots(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    controller.set_engine(ScriptedEngine(Script(paced=None)))
    page.train()
    controller.run.join(0)  # type: ignore[union-attr]
    controller.result = Failed("The folder is gone.", "Choose another one.")
    controller._end(controller.run)  # type: ignore[arg-type]
    assert page.empty.isVisible()
    assert page.empty.sentence.text() == "The folder is gone."
    assert page.empty.advice.text() == "Choose another one."
    assert page.empty.button.text() == "Train again"
    page.recipe.batch.form.edited.emit("epochs", 7)
    assert "Loss, accuracy" in page.empty.sentence.text()


def test_resuming_is_said_at_once(page: TrainPage, controller: TrainingController) -> None:
    run = begun(page, controller)
    for step in (controller.pause, controller.resume):
        step()
        run.advance(1)
        controller._poll()
    assert controller.state == "running"
    assert page.status.text.text() == "Training goes on."
    controller.shutdown()


def test_a_run_stopped_before_its_first_epoch_offers_no_export(
    page: TrainPage, controller: TrainingController
) -> None:
    run = begun(page, controller)
    run.advance(2)
    controller.shutdown()
    assert page.status.export.isHidden()
    assert "before the first epoch" in page.status.text.text()


def test_panels_change_places_by_dragging_and_the_order_is_remembered(
    qtbot: QtBot, page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    begun(page, controller)
    assert page.dashboard is not None
    grid = page.dashboard.grid
    before = grid.order
    title, target = grid._panels["loss"].title, grid._panels["throughput"]
    qtbot.waitUntil(lambda: target.width() > 100)
    place = title.mapFrom(page, target.mapTo(page, QPoint(60, 60)))
    qtbot.mousePress(title, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    qtbot.mouseMove(title, QPoint(40, 40))
    qtbot.mouseMove(title, place)
    qtbot.mouseRelease(title, Qt.MouseButton.LeftButton, pos=place)
    assert grid.order[0] == "throughput"
    assert grid.order[before.index("throughput")] == "loss"
    controller.shutdown()
    again = TrainPage(workspace, controller)
    qtbot.addWidget(again)
    with qtbot.waitSignal(again.plots_loaded, timeout=10_000):
        again.load_plots()
    assert again.dashboard is not None
    assert again.dashboard.grid.order == grid.order


def test_a_double_click_on_a_title_fills_the_page_and_escape_goes_back(
    qtbot: QtBot, page: TrainPage, controller: TrainingController
) -> None:
    begun(page, controller)
    assert page.dashboard is not None
    grid = page.dashboard.grid
    panel = grid._panels["gradients"]
    qtbot.mouseDClick(panel.title, Qt.MouseButton.LeftButton)
    assert grid.filling == "gradients"
    assert panel.isVisible()
    assert not grid._panels["loss"].isVisible()
    qtbot.keyClick(grid, Qt.Key.Key_Escape)
    assert grid.filling is None
    assert grid._panels["loss"].isVisible()
    controller.shutdown()


def test_a_click_on_a_block_of_the_strip_selects_its_node(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    begun(page, controller)
    assert page.dashboard is not None
    name = page.dashboard.gradients.plot.blocks[0].name
    page.dashboard.gradients.strip.block_clicked.emit(name)
    assert workspace.selection == (name,)
    controller.shutdown()


def test_every_control_has_a_name_for_screen_readers(
    page: TrainPage, controller: TrainingController
) -> None:
    begun(page, controller)
    controls = [
        widget
        for kind in (QAbstractButton, QComboBox, QAbstractSpinBox)
        for widget in page.findChildren(kind)
    ]
    assert len(controls) > 12
    nameless = [c for c in controls if not (c.accessibleName() or _text(c))]
    assert nameless == []
    controller.shutdown()


def _text(control: QWidget) -> str:
    return control.text() if isinstance(control, QAbstractButton) else ""


def test_closing_the_page_while_the_plots_load_leaves_no_thread(
    qtbot: QtBot, workspace: Workspace, controller: TrainingController
) -> None:
    page = TrainPage(workspace, controller)
    qtbot.addWidget(page)
    page.show()
    page.load_plots()
    page.close()
    assert page._loading is not None
    assert not page._loading.is_alive()


def test_a_full_memory_offers_what_takes_less_and_trains_again_with_it(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    run = begun(page, controller)
    fixes = (Fix("Set the batch to 32", SetRecipe("batch_size", 32)),)
    run.fail(Failed("It does not fit.", "Lower the batch size.", remedies=fixes))
    controller._poll()
    (button,) = page.status.remedies
    assert button.text() == "Set the batch to 32 and train"
    assert "from the beginning" in button.toolTip()
    button.click()
    assert workspace.project.recipe.batch_size == 32
    assert workspace.undo_label == "Set the batch to 32"
    assert controller.busy
    assert page.status.remedies == []
    controller.shutdown()


def diverge(page: TrainPage, controller: TrainingController, run: ScriptedRun) -> QPushButton:
    """The first button after ``run`` has diverged."""
    lower = remedies.set_rate(0.0123)
    run.fail(Failed("Diverged.", "Lower the rate.", "", (lower, remedies.normalize()), True))
    controller._poll()
    status = page.status
    first = status.remedies[0]
    assert first.x() < status.go_on.x()
    assert "diverge again" in status.go_on.toolTip()
    assert status.remedies[1].text() == "Normalize the input and train"
    return first


def test_a_run_that_diverged_goes_on_lower_from_where_its_loss_had_not_risen(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    engine = ScriptedEngine(Script(paced=None))
    controller.set_engine(engine)
    page.train()
    run = engine.runs[0]
    run.begin()
    run.advance(20)
    writer = Writer(run.folder, HERE, workspace.project)
    writer.steps(0, 30)
    losses = [(step, 4, 50.0, 0.1, 0.1, 1.0, 1.0) for step in range(30, 45)]
    writer.metrics.steps(losses)
    assert writer.metrics.close() == ""
    checkpoint(writer.folder, "last", {"step": 44, "epochs_done": 4})
    checkpoint(writer.folder, "best", {"step": 20, "epochs_done": 2})
    first = diverge(page, controller, run)
    assert first.text() == "Continue at 0.012"
    assert "from the checkpoint of step 20" in first.toolTip()
    first.click()
    assert engine.parent == writer.folder.checkpoint("best")
    assert engine.runs[1].folder != run.folder
    assert engine.runs[1].project.recipe.learning_rate == 0.012
    assert workspace.project.recipe.learning_rate == 0.012
    assert workspace.undo_label == "Set the learning rate to 0.012"
    controller.shutdown()


def test_a_run_that_diverged_before_its_first_checkpoint_begins_again_lower(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    run = begun(page, controller)
    run.advance(3)
    first = diverge(page, controller, run)
    assert first.text() == "Train again at 0.012"
    assert "from the beginning" in first.toolTip()
    first.click()
    engine = controller.engine
    assert isinstance(engine, ScriptedEngine)
    assert engine.parent is None
    assert engine.runs[1].project == workspace.project
    assert workspace.project.recipe.learning_rate == 0.012
    controller.shutdown()


def test_what_a_failed_run_asks_for_does_not_touch_another_network(
    page: TrainPage, controller: TrainingController, workspace: Workspace
) -> None:
    run = begun(page, controller)
    run.advance(3)
    first = diverge(page, controller, run)
    other = templates.build("small_sigmoid")
    workspace.new(other)
    first.click()
    engine = controller.engine
    assert isinstance(engine, ScriptedEngine)
    assert workspace.project == other
    assert engine.runs[1].project.network == run.project.network
    assert engine.runs[1].project.recipe.learning_rate == 0.012
    controller.shutdown()
