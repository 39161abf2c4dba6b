"""The Build page: palette, inspector and strip around the canvas."""

from __future__ import annotations

import gc
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from studio.app.build.page import BuildPage
from studio.app.build.problem_list import WrappedLink
from studio.app.theme.tokens import theme
from studio.app.workspace import Workspace
from studio.project import edits, templates
from studio.project.values import Edge, Network, Node, Project
from studio.runs.api import Device


@pytest.fixture
def workspace(qapp: QApplication) -> Workspace:
    return Workspace(templates.build("quickstart"))


@pytest.fixture
def page(qtbot: QtBot, workspace: Workspace) -> BuildPage:
    widget = BuildPage(workspace)
    qtbot.addWidget(widget)
    widget.resize(1280, 800)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def line_of(page: BuildPage, setting: str) -> QLineEdit:
    assert page.inspector.form is not None
    line = page.inspector.form.editor(setting).findChild(QLineEdit)
    assert line is not None
    return line


def test_typing_a_setting_changes_shapes_and_counts_at_each_key(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features",))
    before = page.inspector.facts.texts()
    line = line_of(page, "channels")
    line.selectAll()
    QTest.keyClicks(line, "2")
    assert page.inspector.facts.texts()["Output"] == "2 × 16 × 16"
    QTest.keyClicks(line, "4")
    after = page.inspector.facts.texts()
    assert after["Output"] == "24 × 16 × 16"
    assert after["Parameters"] != before["Parameters"]
    assert page.view.canvas.cards["features"].face.output == "24 × 16 × 16"
    assert page.view.canvas.cards["features"].face.chips[0] == "24"


def test_one_field_is_one_undo_step(page: BuildPage, workspace: Workspace) -> None:
    start = workspace.project
    workspace.select(("features",))
    for setting, text in (("channels", "24"), ("convolutions", "3")):
        line = line_of(page, setting)
        line.setFocus()
        line.selectAll()
        QTest.keyClicks(line, text)
        QTest.keyClick(line, Qt.Key.Key_Return)
    assert workspace.undo_label == "Set convolutions of features"
    workspace.undo()
    assert workspace.undo_label == "Set channels of features"
    workspace.undo()
    assert workspace.project == start
    assert line_of(page, "channels").text() == "16"


def test_a_value_out_of_bounds_is_explained_at_its_field_and_changes_nothing(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features",))
    before = workspace.project
    line = line_of(page, "channels")
    line.selectAll()
    QTest.keyClicks(line, "0")
    assert page.inspector.form is not None
    assert "between 1 and" in page.inspector.form.message("channels")
    assert workspace.project == before


def test_a_bad_value_from_a_file_is_explained_at_its_field(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.new(Project(network=Network((Node("a", "vgg", {"channels": -3}),))))
    workspace.select(("a",))
    assert page.inspector.form is not None
    assert "-3" in page.inspector.form.message("channels")


def test_the_title_renames(page: BuildPage, workspace: Workspace) -> None:
    workspace.select(("features",))
    page.inspector.name.setFocus()
    page.inspector.name.selectAll()
    QTest.keyClicks(page.inspector.name, "stem")
    QTest.keyClick(page.inspector.name, Qt.Key.Key_Return)
    assert workspace.selection == ("stem",)
    assert workspace.undo_label == "Rename features to stem"


def test_a_refused_name_returns_to_the_one_that_holds(
    page: BuildPage, workspace: Workspace, qtbot: QtBot
) -> None:
    workspace.select(("features",))
    with qtbot.waitSignal(workspace.refused):
        page.inspector.name.setText("input")
        page.inspector.name.editingFinished.emit()
    assert page.inspector.name.text() == "features"


def test_a_problem_is_shown_with_its_fix_and_the_button_mends_it(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.edit_network("Cut", lambda n: edits.disconnect(n, Edge("deep", "pool")))
    workspace.edit_network("Cut", lambda n: edits.connect(n, "deep", "head"))
    workspace.select(("head",))
    problem = workspace.analysis.nodes["head"].problems[0]
    assert problem.fix is not None
    buttons = page.inspector.problems.findChildren(QAbstractButton)
    button = next(b for b in buttons if problem.fix is not None and b.text() == problem.fix.text)
    button.click()
    assert not workspace.analysis.nodes["head"].problems


def test_nothing_selected_shows_the_network_and_its_problems(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(())
    facts = page.inspector.facts.texts()
    assert facts["Parameters"] == f"{workspace.analysis.parameters:,}"
    assert facts["Classes"] == "10"
    workspace.edit_network("Cut", lambda n: edits.disconnect(n, Edge("deep", "pool")))
    links = page.inspector.problems.findChildren(QAbstractButton)
    assert any(link.text().startswith("Go to ") for link in links)


def test_several_selected_show_their_sums(page: BuildPage, workspace: Workspace) -> None:
    workspace.select(("features", "mixed"))
    total = sum(workspace.analysis.nodes[name].parameters for name in workspace.selection)
    assert page.inspector.facts.texts()["Parameters"] == f"{total:,}"
    assert page.inspector.title.text() == "2 nodes"


def test_the_palette_finds_and_adds_by_keyboard(page: BuildPage, workspace: Workspace) -> None:
    workspace.select(("mixed",))
    QTest.keyClicks(page.palette_panel.search, "dropo")
    assert page.palette_panel.shown()[0] == "dropout"
    QTest.keyClick(page.palette_panel.search, Qt.Key.Key_Return)
    assert {Edge("mixed", "dropout"), Edge("dropout", "shrink")} <= set(
        workspace.project.network.edges
    )
    assert workspace.undo_label == "Add dropout"


def test_the_palette_lists_what_a_search_means_first(page: BuildPage) -> None:
    every = page.palette_panel.shown()
    QTest.keyClicks(page.palette_panel.search, "add")
    assert page.palette_panel.shown()[0] == "add"
    QTest.keyClick(page.palette_panel.search, Qt.Key.Key_Escape)
    assert page.palette_panel.shown() == every


def test_totals_with_unknown_parts_say_that_they_are_the_least(
    page: BuildPage, workspace: Workspace
) -> None:
    assert "≥" not in page.strip.parameters.text()
    workspace.edit_network("Break", lambda n: edits.set_setting(n, "deep", "shortcut", "identity"))
    workspace.select(())
    for label in (page.strip.parameters, page.strip.macs, page.strip.memory):
        assert label.text().startswith("≥ ")
    assert "not counted" in page.strip.parameters.toolTip()
    assert page.inspector.facts.texts()["Parameters"].startswith("≥ ")


def test_a_name_that_says_the_kind_is_not_said_twice(page: BuildPage, workspace: Workspace) -> None:
    workspace.edit_network("Add", lambda n: edits.add_node(n, "flatten", {}, 900.0, 0.0)[0])
    assert page.view.canvas.cards["flatten"].face.kind_line == ""
    assert page.view.canvas.cards["mixed"].face.kind_line == "Inception block"


def test_a_search_without_a_match_says_what_to_type(page: BuildPage) -> None:
    QTest.keyClicks(page.palette_panel.search, "qqq")
    assert page.palette_panel.shown() == []
    QTest.keyClick(page.palette_panel.search, Qt.Key.Key_Escape)
    assert len(page.palette_panel.shown()) > 10


def test_a_double_click_in_the_palette_adds_after_the_selection(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features",))
    QTest.mouseDClick(page.palette_panel.item("inception"), Qt.MouseButton.LeftButton)
    assert Edge("features", "mixed2") in workspace.project.network.edges


def test_enter_on_a_palette_entry_adds_it(page: BuildPage, workspace: Workspace) -> None:
    QTest.keyClick(page.palette_panel.item("vgg"), Qt.Key.Key_Return)
    assert workspace.selection == ("vgg",)


def press(widget: QWidget, key: Qt.Key) -> None:
    widget.setFocus()
    QTest.keyClick(widget, key)


def test_an_empty_mine_says_what_belongs_there_and_a_group_takes_its_place(
    page: BuildPage, workspace: Workspace
) -> None:
    labels = [label for label in page.palette_panel.mine.findChildren(QLabel) if label.isVisible()]
    assert any("Ctrl+G" in label.text() for label in labels)
    workspace.select(("features", "mixed"))
    page.view.actions_.group.trigger()
    assert not any("Ctrl+G" in label.text() for label in labels if label.isVisible())
    item = page.palette_panel.item("mine/Group")
    assert item.isVisible()
    assert item.accessibleName() == "Add Group"
    assert item.accessibleDescription() == "2 nodes"


def test_mine_is_searched_and_added_like_the_other_entries(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features", "mixed"))
    page.view.actions_.group.trigger()
    workspace.shelf.rename("Group", "Zebra")
    workspace.new(templates.build("quickstart"))
    QTest.keyClicks(page.palette_panel.search, "zeb")
    assert page.palette_panel.shown() == ["mine/Zebra"]
    workspace.select(("deep",))
    QTest.keyClick(page.palette_panel.search, Qt.Key.Key_Return)
    assert {Edge("deep", "zebra"), Edge("zebra", "pool")} <= set(workspace.project.network.edges)
    assert workspace.undo_label == "Add Zebra"
    page.palette_panel.search.setText("conv")
    assert "mine/Zebra" not in page.palette_panel.shown()
    page.palette_panel.search.clear()
    workspace.select(("deep",))
    QTest.mouseDClick(page.palette_panel.item("mine/Zebra"), Qt.MouseButton.LeftButton)
    assert Edge("deep", "zebra2") in workspace.project.network.edges


def test_a_block_of_mine_is_renamed_in_place_and_removed_by_key(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features",))
    page.view.actions_.group.trigger()
    mine = page.palette_panel.mine
    press(page.palette_panel.item("mine/Group"), Qt.Key.Key_F2)
    assert mine.field is not None
    QTest.keyClicks(mine.field, "Stem")
    QTest.keyClick(mine.field, Qt.Key.Key_Return)
    assert mine.field is None
    assert [item.entry.title for item in mine.items] == ["Stem"]
    press(page.palette_panel.item("mine/Stem"), Qt.Key.Key_F2)
    QTest.keyClicks(mine.field, "Other")
    QTest.keyClick(mine.field, Qt.Key.Key_Escape)
    assert [item.entry.title for item in mine.items] == ["Stem"]
    press(page.palette_panel.item("mine/Stem"), Qt.Key.Key_Delete)
    assert mine.items == []
    workspace.shelf.put_back()
    assert [item.entry.title for item in mine.items] == ["Stem"]
    menu = mine.items[0].menu()
    assert [action.text() for action in menu.actions() if action.text()] == ["Rename", "Remove"]


def test_typing_a_groups_title_renames_it_under_the_users_hands(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features", "mixed"))
    page.view.actions_.group.trigger()
    before = workspace.project
    form = page.inspector.form
    line = page.inspector.form.editor("title") if page.inspector.form else None
    assert isinstance(line, QLineEdit)
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, "My stem")
    assert page.inspector.form is form
    assert workspace.selection == ("my_stem",)
    assert page.inspector.name.text() == "my_stem"
    assert page.view.canvas.cards["my_stem"].face.kind_line == "My stem"
    assert page.palette_panel.item("mine/My stem").isVisible()
    QTest.keyClick(line, Qt.Key.Key_Return)
    workspace.undo()
    assert workspace.project == before
    workspace.redo()
    workspace.select(("my_stem",))
    line = page.inspector.form.editor("title")
    assert isinstance(line, QLineEdit)
    line.clear()
    QTest.keyClick(line, Qt.Key.Key_Space)
    assert "empty" in page.inspector.form.message("title")


def test_a_name_that_the_user_chose_stays_when_the_title_changes(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.select(("features",))
    page.view.actions_.group.trigger()
    page.view.editor.rename("group", "stage_one")
    page.view.editor.retitle("stage_one", "Stem")
    assert workspace.selection == ("stage_one",)
    assert workspace.project.network.node("stage_one").settings["title"] == "Stem"


def test_a_long_fix_wraps_and_pushes_nothing_out_of_the_inspector(
    page: BuildPage, workspace: Workspace
) -> None:
    nodes = tuple(Node(name, "activation") for name in ("a-long-first-name", "a-long-second-name"))
    one, two = (node.name for node in nodes)
    workspace.new(Project(network=Network(nodes, (Edge(one, two, 0), Edge(two, one, 0)))))
    page.inspector.setFixedWidth(280)
    QApplication.processEvents()
    links = page.inspector.problems.findChildren(WrappedLink)
    assert any("Remove the wire" in link.text() for link in links)
    inspector = page.inspector.rect()
    for link in links:
        right = link.mapTo(page.inspector, link.rect().topRight()).x()
        assert right < inspector.width()
        assert link.height() >= link.heightForWidth(link.width())


@pytest.mark.parametrize("width", [640, 900, 1400])
def test_a_narrow_strip_cuts_no_number(page: BuildPage, width: int) -> None:
    page.strip.set_device(Device("cpu", "Processor", 8 * 10**9))
    page.strip.setFixedWidth(width)
    for _ in range(3):
        QApplication.processEvents()
    shown: list[QWidget] = [each for each in page.strip.findChildren(QLabel) if each.isVisible()]
    assert page.strip.memory.isVisible()
    shown.append(page.strip.memory)
    assert page.strip.problems.width() >= page.strip.problems.sizeHint().width()
    for label in shown:
        assert label.width() >= label.sizeHint().width(), label
    assert width < 1400 or len(shown) == 8


def test_the_strip_says_when_a_batch_will_not_fit(page: BuildPage, workspace: Workspace) -> None:
    page.set_device(Device("cpu", "Processor", 8_000_000_000))
    assert page.strip.memory.text().endswith("of 7.5 GiB")
    page.set_device(Device("cpu", "Processor", 1_000_000))
    assert page.strip.memory.text().endswith("of 977 KiB, will not fit")
    assert "smaller batch" in page.strip.memory.toolTip()


def test_the_problem_count_leads_to_one_problem_after_the_other(
    page: BuildPage, workspace: Workspace
) -> None:
    workspace.edit_network("Cut", lambda n: edits.disconnect(n, Edge("deep", "pool")))
    nodes = [problem.node for problem in workspace.analysis.problems]
    assert page.strip.problems.text() == f"{len(nodes)} problems"
    for node in nodes:
        page.strip.problems.click()
        assert workspace.selection == ((node,) if node else ())


def test_panels_fold_and_remember_it(page: BuildPage, workspace: Workspace, qtbot: QtBot) -> None:
    page.strip.inspector_button.click()
    assert not page.inspector.isVisible()
    page.hide()
    again = BuildPage(workspace)
    qtbot.addWidget(again)
    again.show()
    assert not again.inspector.isVisible()
    assert again.palette_panel.isVisible()


def test_every_control_has_an_accessible_name(page: BuildPage, workspace: Workspace) -> None:
    workspace.select(("mixed",))
    for widget in page.findChildren(QWidget):
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
            inner = isinstance(widget, QLineEdit) and "spinbox" in widget.objectName()
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            about = (widget, widget.objectName(), widget.parent())
            assert inner or widget.accessibleName() or text, about


def test_a_change_of_scheme_leaves_the_drawing_as_it_was(page: BuildPage) -> None:
    drawn = page.view.canvas.snapshot()
    light = page.view.grab().toImage()
    theme().set_preference("dark")
    try:
        assert page.view.canvas.snapshot() == drawn
        assert page.view.grab().toImage() != light
    finally:
        theme().set_preference("system")


def test_following_edits_loses_no_reference_to_none(page: BuildPage, workspace: Workspace) -> None:
    gc.collect()  # what earlier tests have left goes with the references it holds
    before = sys.getrefcount(None)
    for number in range(300):
        workspace.edit_network(
            "Set", lambda n, c=8 + number % 3: edits.set_setting(n, "features", "channels", c)
        )
        page.view.viewport().repaint()
    assert sys.getrefcount(None) > before - 50


def tab_through(widget: QWidget, count: int) -> list[QWidget]:
    """The next visible widgets that Tab would stop at after ``widget``."""
    found: list[QWidget] = []
    at = widget
    while len(found) < count:
        at = at.nextInFocusChain()
        stops = at.focusPolicy() & Qt.FocusPolicy.TabFocus and at.isVisible() and at.isEnabled()
        if stops and at.focusProxy() is None:
            found.append(at)
    return found


def test_tab_goes_through_the_inspector_as_it_is_shown(
    page: BuildPage, workspace: Workspace
) -> None:
    for name in ("features", "mixed", "head", "mixed"):
        workspace.select((name,))
        QApplication.processEvents()
    form = page.inspector.form
    assert form is not None
    stops: list[QWidget] = [row.editor for row in form._rows.values() if not row.editor.isHidden()]
    assert tab_through(page.inspector.name, len(stops)) == stops


def test_enter_leads_from_a_node_to_its_settings_and_escape_back(
    page: BuildPage, workspace: Workspace, qtbot: QtBot
) -> None:
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    workspace.select(("features",))
    page.view.setFocus()
    QTest.keyClick(page.view, Qt.Key.Key_Return)
    first = line_of(page, "convolutions").parentWidget()
    assert first is not None
    assert QApplication.focusWidget() is first
    line = line_of(page, "channels")
    line.setFocus()
    QTest.keyClicks(line, "3")
    QTest.keyClick(line, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is page.view
    assert workspace.undo_label == ""
    assert workspace.selection == ("features",)


def test_enter_unfolds_the_inspector_to_reach_its_settings(
    page: BuildPage, workspace: Workspace
) -> None:
    page.strip.inspector_button.click()
    workspace.select(("features",))
    QTest.keyClick(page.view, Qt.Key.Key_Return)
    assert page.inspector.isVisible()


def test_the_palette_is_one_stop_of_tab_and_arrows_walk_in_it(
    page: BuildPage, qtbot: QtBot
) -> None:
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    items = page.palette_panel._items
    assert tab_through(page.palette_panel.search, 2) == [items[0], page.view]
    items[0].setFocus()
    QTest.keyClick(items[0], Qt.Key.Key_Down)
    assert QApplication.focusWidget() is items[1]
    assert tab_through(page.palette_panel.search, 1) == [items[1]]
    QTest.keyClick(items[1], Qt.Key.Key_Up)
    QTest.keyClick(items[0], Qt.Key.Key_Up)
    assert QApplication.focusWidget() is page.palette_panel.search
