"""The cards of the recipe: presets, folding, layer rates, lists, and the curve drawn by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from studio.app.fields import TextField
from studio.app.train.controller import TrainingController
from studio.app.train.recipe_column import RecipeColumn
from studio.app.workspace import Workspace
from studio.project import edits, presets, templates
from studio.project.schedules.drawn import POINTS
from studio.project.values import Chosen
from studio.runs.api import Device, Machine


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    return Workspace(templates.build("quickstart"))


@pytest.fixture
def column(qtbot: QtBot, workspace: Workspace, tmp_path: Path) -> RecipeColumn:
    column = RecipeColumn(workspace, TrainingController(tmp_path / "runs"))
    qtbot.addWidget(column)
    column.resize(column.width(), 1600)
    column.show()
    qtbot.waitExposed(column)
    return column


def test_a_preset_is_one_undo_step_and_any_other_recipe_is_custom(
    column: RecipeColumn, workspace: Workspace
) -> None:
    choice, before = column.preset.choice, workspace.project.recipe
    assert choice.value == presets.CUSTOM
    choice.edited.emit("modern")
    assert presets.matching(workspace.project.recipe) == "modern"
    assert choice.value == "modern"
    column.batch.form.edited.emit("epochs", 7)
    assert choice.value == presets.CUSTOM
    workspace.undo()
    assert choice.value == "modern"
    choice.edited.emit(presets.CUSTOM)
    assert choice.value == "modern"  # it is nothing to take
    workspace.undo()
    assert workspace.project.recipe == before


def test_a_folded_card_says_in_its_line_what_is_on_and_remembers_that_it_was_opened(
    qtbot: QtBot, column: RecipeColumn, workspace: Workspace, tmp_path: Path
) -> None:
    card = column.regularization
    button = card.fold_button
    assert button is not None
    assert not card.form.isVisible()
    assert card.summary.text() == "none"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert card.form.isVisible()
    card.form.edited.emit("mixup", 0.2)
    card.form.edited.emit("clip_norm", 1.0)
    card.form.edited.emit("averaging", 0.99)
    assert card.summary.text() == "mixup, clipping + 1"
    other = RecipeColumn(workspace, TrainingController(tmp_path / "others"))
    qtbot.addWidget(other)
    other.show()
    assert other.regularization.form.isVisible()
    assert not other.augmentation.form.isVisible()


def test_a_wrong_value_is_said_on_the_folded_line(
    column: RecipeColumn, workspace: Workspace
) -> None:
    bad = replace(workspace.project.recipe, mixup=-1.0)
    workspace.apply("Break", lambda p: replace(p, recipe=bad))
    assert column.regularization.summary.text() == "wrong"


def test_a_list_is_taken_as_it_is_typed_and_written_evenly_when_the_field_is_left(
    qtbot: QtBot, column: RecipeColumn, workspace: Workspace
) -> None:
    column.rate.choice.edited.emit("multi_step")
    form = column.rate.settings_form
    assert form is not None
    field = form.editor("at")
    assert isinstance(field, TextField)
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, "3,8,x")
    assert workspace.project.recipe.schedule.settings == {"at": "3, 8"}
    assert field.text() == "3,8,x"
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    qtbot.keyClicks(field, "12")
    assert field.text() == "3,8,12"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert workspace.project.recipe.schedule.settings == {"at": "3, 8, 12"}
    assert field.text() == "3, 8, 12"


# Layer rates -------------------------------------------------------------------------------------


def test_layer_rates_are_added_set_and_taken_away(
    column: RecipeColumn, workspace: Workspace
) -> None:
    card = column.layer_rates
    name = card.add.itemText(0)
    card.add.activated.emit(0)
    assert workspace.project.recipe.node_rates == {name: 0.1}
    assert card.add.findText(name) == -1
    card.forms[name].edited.emit(name, 0.0)
    assert workspace.project.recipe.node_rates == {name: 0.0}
    assert card.summary.text() == "1 set, 1 frozen"
    workspace.undo()
    assert card.summary.text() == "1 set"
    card._set(name, None)
    assert workspace.project.recipe.node_rates == {}
    assert card.forms == {}


def test_a_renamed_node_keeps_its_layer_rate_and_undo_brings_both_back(
    column: RecipeColumn, workspace: Workspace
) -> None:
    card = column.layer_rates
    name = card.add.itemText(0)
    card.add.activated.emit(0)
    workspace.edit_network("Rename", lambda n: edits.rename(n, name, "first"))
    assert workspace.project.recipe.node_rates == {"first": 0.1}
    assert list(card.forms) == ["first"]
    workspace.edit_network("Remove", lambda n: edits.remove_nodes(n, ["first"]))
    assert workspace.project.recipe.node_rates == {}
    workspace.undo()
    workspace.undo()
    assert workspace.project.recipe.node_rates == {name: 0.1}


# The curve drawn by hand -------------------------------------------------------------------------


def drawn(workspace: Workspace) -> list[tuple[float, float]]:
    chosen = workspace.project.recipe.schedule
    return list(POINTS.points(chosen.settings.get("points", POINTS.default)))


@pytest.fixture
def curve(column: RecipeColumn, workspace: Workspace) -> RecipeColumn:
    chosen = Chosen("drawn", {"points": "0:0.2, 0.5:1, 1:0"})
    workspace.apply(
        "Draw", lambda p: replace(p, recipe=replace(p.recipe, schedule=chosen, epochs=10))
    )
    return column


def handle(column: RecipeColumn, at: int) -> QPoint:
    preview = column.rate.preview
    return preview._handle(preview.points[at]).toPoint()


def test_a_point_is_dragged_as_one_undo_step_and_stays_between_its_neighbors(
    curve: RecipeColumn, workspace: Workspace
) -> None:
    preview = curve.rate.preview
    start = handle(curve, 1)
    QTest.mousePress(preview, Qt.MouseButton.LeftButton, pos=start)
    for x, y in ((10, 10), (20, 20), (30, 20)):
        QTest.mouseMove(preview, start + QPoint(x, y))
    QTest.mouseRelease(preview, Qt.MouseButton.LeftButton, pos=start + QPoint(30, 20))
    place, height = drawn(workspace)[1]
    assert 0.55 < place < 0.7
    assert 0.4 < height < 0.8
    assert (handle(curve, 1) - (start + QPoint(30, 20))).manhattanLength() <= 2
    workspace.undo()
    assert drawn(workspace)[1] == (0.5, 1.0)
    QTest.mousePress(preview, Qt.MouseButton.LeftButton, pos=handle(curve, 1))
    QTest.mouseMove(preview, QPoint(5000, 0))
    QTest.mouseRelease(preview, Qt.MouseButton.LeftButton)
    assert drawn(workspace)[1][0] < 1
    assert len(drawn(workspace)) == 3


def test_a_double_click_adds_a_point_and_takes_it_away_but_never_an_end(
    curve: RecipeColumn, workspace: Workspace
) -> None:
    preview = curve.rate.preview
    free = preview._handle((0.75, 0.8)).toPoint()
    QTest.mouseDClick(preview, Qt.MouseButton.LeftButton, pos=free)
    assert len(drawn(workspace)) == 4
    assert drawn(workspace)[2] == pytest.approx((0.75, 0.8), abs=0.03)
    QTest.mouseDClick(preview, Qt.MouseButton.LeftButton, pos=handle(curve, 2))
    QTest.mouseDClick(preview, Qt.MouseButton.LeftButton, pos=handle(curve, 0))
    assert drawn(workspace) == [(0, 0.2), (0.5, 1), (1, 0)]


@pytest.mark.parametrize("scale", ["linear", "logarithmic"])
def test_points_are_chosen_moved_added_and_taken_away_with_the_keyboard(
    curve: RecipeColumn, workspace: Workspace, scale: str
) -> None:
    form = curve.rate.settings_form
    assert form is not None
    form.edited.emit("scale", scale)
    preview = curve.rate.preview
    preview.setFocus()
    assert preview.focusPolicy() == Qt.FocusPolicy.StrongFocus
    QTest.keyClick(preview, Qt.Key.Key_Right)
    QTest.keyClick(preview, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(preview, Qt.Key.Key_Down)
    place, height = drawn(workspace)[1]
    assert place == pytest.approx(0.51)
    assert height < 1
    QTest.keyClick(preview, Qt.Key.Key_Insert)
    assert len(drawn(workspace)) == 4
    QTest.keyClick(preview, Qt.Key.Key_Delete)
    assert len(drawn(workspace)) == 3


@pytest.mark.parametrize("scale", ["linear", "logarithmic"])
def test_where_a_point_is_drawn_is_where_a_press_finds_it(
    curve: RecipeColumn, workspace: Workspace, scale: str
) -> None:
    form = curve.rate.settings_form
    assert form is not None
    form.edited.emit("scale", scale)
    curve.rate.warm_form.edited.emit("warmup", 2.0)
    preview = curve.rate.preview
    for point in ((0.25, 0.5), (0.8, 0.01)):
        assert preview._point_at(preview._handle(point)) == pytest.approx(point, rel=1e-6)
    assert preview._hit(QPointF(handle(curve, 1))) == 1


def test_other_schedules_have_no_handles_and_a_plateau_depends_on_the_run(
    curve: RecipeColumn,
) -> None:
    curve.rate.choice.edited.emit("plateau")
    preview = curve.rate.preview
    assert preview.points == ()
    assert preview.focusPolicy() == Qt.FocusPolicy.NoFocus
    assert "depends on the run" in preview.accessibleDescription()


def test_compile_is_offered_where_the_chosen_device_can(
    qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    controller = TrainingController(tmp_path / "runs")
    column = RecipeColumn(workspace, controller)
    qtbot.addWidget(column)
    editor = column.machine.form.editor("compile")
    assert editor.isEnabled()  # as long as nothing is known
    reason = "torch.compile needs a C++ compiler, and none is found."
    controller.machine = Machine(
        (
            Device("cuda:0", "A GPU", 1 << 30),
            Device("cpu", "Processor", 1 << 30, uncompiled=reason),
        ),
        "2.11",
    )
    column.refresh()
    assert editor.isEnabled()
    column.machine.form.edited.emit("device", "cpu")
    assert not editor.isEnabled()
    assert reason in editor.toolTip()
    column.machine.form.edited.emit("device", "cuda")
    assert editor.isEnabled()
    assert reason not in editor.toolTip()


def test_the_formula_follows_the_settings_and_stands_beside_torchs(column: RecipeColumn) -> None:
    optimizer = column.optimizer
    optimizer.choice.edited.emit("momentum")
    assert "v ← γ v + α ∇L<br>W ← W − v" in optimizer.formula.text()
    assert "torch: <i>v ← γ v + ∇L<br>W ← W − α v</i>" in optimizer.torch_formula.text()
    assert "in front of it" in optimizer.torch_formula.toolTip()
    form = optimizer.settings_form
    assert form is not None
    form.edited.emit("nesterov", True)
    form.edited.emit("weight_decay", 0.01)
    assert "g = ∇L + λ W<br>" in optimizer.formula.text()
    assert "W ← W − α (g + γ v)" in optimizer.torch_formula.text()
    assert "λ" not in optimizer.torch_formula.text()  # said once
    optimizer.choice.edited.emit("sgd")
    assert optimizer.torch_formula.isHidden()


def test_a_step_behind_the_end_is_said_under_its_field(column: RecipeColumn) -> None:
    column.rate.choice.edited.emit("multi_step")
    form = column.rate.settings_form
    assert form is not None
    assert form.message("at") == ""
    form.edited.emit("at", "6, 40")
    assert "has a step at epoch 40" in form.message("at")
    assert "set the steps to 6, 9" in form.message("at")


def test_steps_that_nobody_set_are_shown_as_they_follow_the_run(column: RecipeColumn) -> None:
    column.rate.choice.edited.emit("multi_step")
    column.batch.form.edited.emit("epochs", 9)
    form = column.rate.settings_form
    assert form is not None
    assert form.editor("at").value == "5, 7"
    assert "n of the epochs 5, 7 have passed" in column.rate.formula.text()


def test_the_warm_up_has_its_unit_where_it_is_none_too(column: RecipeColumn) -> None:
    field = column.rate.warm_form.editor("warmup")
    assert "epochs" in [label.text() for label in field.findChildren(QLabel)]
    column.rate.warm_form.edited.emit("warmup", 20.0)
    column.rate.warm_form.edited.emit("warmup_unit", "steps")
    assert "steps" in [label.text() for label in field.findChildren(QLabel)]


def test_the_curve_names_its_highest_rate_and_the_first_where_it_is_lower(
    column: RecipeColumn, workspace: Workspace
) -> None:
    preview = column.rate.preview
    workspace.apply("Set", lambda p: replace(p, recipe=replace(p.recipe, learning_rate=0.1)))
    column.rate.choice.edited.emit("constant")
    assert preview._top_words() == ("0.1", "ends at 0.1")
    column.rate.choice.edited.emit("one_cycle")
    assert preview._top_words() == ("max 0.1", "0.004 → 4e-07")
    column.rate.choice.edited.emit("plateau")
    assert preview._top_words() == ("0.1", "depends on the run")


def test_a_point_of_the_drawn_curve_says_its_epoch_and_rate_below_the_pointer_and_while_dragged(
    qtbot: QtBot, column: RecipeColumn, workspace: Workspace
) -> None:
    workspace.apply(
        "Set", lambda p: replace(p, recipe=replace(p.recipe, learning_rate=0.1, epochs=10))
    )
    column.rate.choice.edited.emit("drawn")
    preview = column.rate.preview
    before = preview._top_words()
    at = preview._handle(preview.points[1]).toPoint()
    qtbot.mouseMove(preview, at)
    assert preview._top_words() == ("epoch 2: 0.1", "1 α₀")
    qtbot.mouseMove(preview, at + QPoint(60, 0))
    assert preview._top_words() == before
    qtbot.mousePress(preview, Qt.MouseButton.LeftButton, pos=at)
    box = preview._box()
    QTest.mouseMove(preview, QPointF(box.center().x(), box.center().y()).toPoint())
    place, height = preview.points[1]
    assert preview._top_words() == (f"epoch {place * 10:.3g}: {height * 0.1:.3g}", f"{height:g} α₀")
    assert 0.4 < place < 0.6
    qtbot.mouseRelease(preview, Qt.MouseButton.LeftButton, pos=at)
