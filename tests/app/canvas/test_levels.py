"""Going into blocks and out of them on the canvas, and editing there."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from studio.app.build.page import BuildPage
from studio.app.canvas.scene import CanvasScene
from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.problems import Problem
from tests.app.canvas.test_gestures import center

LEFT = Qt.MouseButton.LeftButton
SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def page(qtbot: QtBot, workspace: Workspace) -> BuildPage:
    page = BuildPage(workspace)
    qtbot.addWidget(page)
    page.resize(1280, 760)
    with qtbot.waitActive(page, timeout=10_000):
        page.show()
        page.activateWindow()
    page.view.setFocus()
    return page


def names(view: CanvasView) -> set[str]:
    return set(view.canvas.cards)


def test_o_opens_the_selected_block_and_shift_o_goes_out_again(
    page: BuildPage, workspace: Workspace
) -> None:
    before = names(page.view)
    workspace.select(("mixed",))
    QTest.keyClick(page.view, Qt.Key.Key_O)
    assert workspace.level.path == ("mixed",)
    assert "concat" in names(page.view)
    assert page.path.isVisible()
    QTest.keyClick(page.view, Qt.Key.Key_O, SHIFT)
    assert workspace.level.path == ()
    assert names(page.view) == before
    assert workspace.selection == ("mixed",)
    assert not page.path.isVisible()
    assert not workspace.undo_label  # looking is no edit


def test_a_double_click_on_a_blocks_body_opens_it_and_on_its_name_renames(
    page: BuildPage, workspace: Workspace
) -> None:
    page.view.set_zoom(1.0)
    page.view.reveal("mixed")
    body = center(page.view, "mixed")
    box = page.view.canvas.grid.get("mixed")
    top = page.view.mapFromScene(box.center.x, box.top + 10)
    QTest.mouseDClick(page.view.viewport(), LEFT, NONE, top)
    assert page.view.renaming.isVisible()
    QTest.keyClick(page.view.renaming, Qt.Key.Key_Escape)
    QTest.mouseDClick(page.view.viewport(), LEFT, NONE, body)
    assert workspace.level.path == ("mixed",)


def test_the_path_bar_leads_back_from_every_depth(page: BuildPage, workspace: Workspace) -> None:
    workspace.select(("mixed",))
    workspace.open_level(("mixed",))
    inner = next(n.name for n in workspace.level.network.nodes if n.kind == "inception_branch")
    workspace.open_level(("mixed", inner))
    QCoreApplication.processEvents()
    buttons = {b.text(): b for b in page.path.findChildren(QPushButton) if b.isVisible()}
    assert page.path.width() > 150
    buttons["mixed"].click()
    assert workspace.level.path == ("mixed",)
    assert workspace.selection == (inner,)
    next(b for b in page.path.findChildren(QPushButton) if b.text() == workspace.title).click()
    assert workspace.level.path == ()


def test_a_built_in_block_is_read_only_until_it_is_made_ones_own(
    page: BuildPage, workspace: Workspace
) -> None:
    refused: list[str] = []
    workspace.refused.connect(refused.append)
    before = workspace.project
    workspace.open_level(("features",))
    workspace.select(("conv1",))
    assert page.inspector.form is not None
    assert not page.inspector.form.isEnabled()
    QTest.keyClick(page.view, Qt.Key.Key_Delete)
    assert workspace.project == before
    assert "make it a block of your own" in refused[-1]
    adopt = next(
        b for b in page.path.findChildren(QPushButton) if b.text() == "Make it my own block"
    )
    adopt.click()
    assert workspace.undo_label == "Make features my own block"
    assert workspace.level.editable
    workspace.select(("conv1",))
    workspace.edit_network("Set", lambda n: edits.set_setting(n, "conv1", "channels", 5))
    assert (
        workspace.analysis.nodes["features"].output[0]
        == workspace.level.analysis.nodes["out"].output[0]
    )
    workspace.undo()
    workspace.undo()
    assert workspace.project == before
    assert workspace.level.path in ((), ("features",))


def test_undo_goes_to_the_level_where_the_edit_was_made(
    page: BuildPage, workspace: Workspace
) -> None:
    page.view.editor.group(("features", "mixed"))
    (block,) = workspace.selection
    workspace.open_level((block,))
    page.view.editor.rename("mixed", "blend")
    workspace.open_level(())
    workspace.undo()
    assert workspace.level.path == (block,)
    assert "mixed" in names(page.view)
    workspace.redo()
    assert workspace.level.path == (block,)
    assert "blend" in names(page.view)
    workspace.undo()
    workspace.undo()
    assert workspace.level.path == ()
    assert "mixed" in names(page.view)


def test_going_to_a_problem_leaves_the_block(page: BuildPage, workspace: Workspace) -> None:
    workspace.open_level(("mixed",))
    page.strip.problem_wanted.emit("features")
    assert workspace.level.path == ()
    assert workspace.selection == ("features",)


def test_findings_of_the_data_are_not_those_of_a_blocks_inside(
    page: BuildPage, workspace: Workspace
) -> None:
    page.set_findings((Problem("output", "classes", "output: 3 classes, not 10"),))
    workspace.open_level(("mixed",))
    assert not any(card.face.problem for card in page.view.canvas.cards.values())
    workspace.open_level(())


def test_cards_are_dragged_and_nodes_added_inside_ones_own_block(
    page: BuildPage, workspace: Workspace
) -> None:
    page.view.editor.group(("features", "mixed"))
    (block,) = workspace.selection
    workspace.open_level((block,))
    page.view.set_zoom(1.0)
    page.view.reveal("features")
    start = center(page.view, "features")
    before = workspace.level.network.node("features")
    QTest.mousePress(page.view.viewport(), LEFT, NONE, start)
    for by in (QPoint(20, 10), QPoint(60, 30)):
        QTest.mouseMove(page.view.viewport(), start + by)
    QTest.mouseRelease(page.view.viewport(), LEFT, NONE, start + QPoint(60, 30))
    assert workspace.level.network.node("features").x != before.x
    assert not workspace.analysis.problems
    scene = CanvasScene()
    scene.sync(workspace.level.network, page.view.known, page.view.data_name)
    scene.set_selection(workspace.selection)
    drawn, fresh = page.view.canvas.snapshot(), scene.snapshot()
    assert drawn["cards"] == fresh["cards"]
    assert drawn["wires"] == fresh["wires"]
