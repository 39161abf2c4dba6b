"""Grouping with the keys, and a user's block on the canvas and in the boxes that add."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from studio.app.canvas import faces, figures, placing, speech
from studio.app.canvas.figures import Figure
from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import edits, grouping, registry, templates
from studio.project.analysis import analyze
from studio.project.values import Edge, Network, Node
from tests.app.canvas.test_gestures import center, drop

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


def choose(view: CanvasView, *names: str) -> None:
    """Click one card and Shift-click the others."""
    for number, name in enumerate(names):
        modifier = SHIFT if number else Qt.KeyboardModifier.NoModifier
        QTest.mouseClick(view.viewport(), LEFT, modifier, center(view, name))


def overlapping(network: Network) -> list[tuple[str, str]]:
    boxes = {node.name: placing.box_of(node) for node in network.nodes}
    return [(a, b) for a in boxes for b in boxes if a < b and boxes[a].grown(-1.0).meets(boxes[b])]


def test_ctrl_g_makes_one_selected_block_and_one_undo_step(
    view: CanvasView, workspace: Workspace
) -> None:
    before = workspace.project
    choose(view, "features", "mixed")
    QTest.keyClick(view, Qt.Key.Key_G, CTRL)
    assert workspace.selection == ("group",)
    assert {"features", "mixed"}.isdisjoint(view.canvas.cards)
    assert view.canvas.cards["group"].face.kind_line == "Group"
    assert workspace.analysis.problems == ()
    assert workspace.undo_label == "Group 2 nodes"
    workspace.undo()
    assert workspace.project == before


def test_ctrl_shift_g_puts_the_inside_back_where_it_was(
    view: CanvasView, workspace: Workspace
) -> None:
    before = workspace.project.network
    choose(view, "features", "mixed")
    QTest.keyClick(view, Qt.Key.Key_G, CTRL)
    QTest.keyClick(view, Qt.Key.Key_G, CTRL | SHIFT)
    after = workspace.project.network
    assert set(workspace.selection) == {"features", "mixed"}
    assert after.nodes == before.nodes
    assert set(after.edges) == set(before.edges)


def test_a_refusal_names_the_nodes_and_changes_nothing(
    view: CanvasView, workspace: Workspace, qtbot: object
) -> None:
    said: list[str] = []
    workspace.refused.connect(said.append)
    before = workspace.project
    choose(view, "features", "deep")
    QTest.keyClick(view, Qt.Key.Key_G, CTRL)
    assert workspace.project is before
    assert said == [
        "a way leads out of the selection through mixed and shrink and back into it: select those "
        "too"
    ]
    assert workspace.shelf.blocks == ()


def test_ungrouping_a_built_in_block_makes_room_for_its_layers(
    view: CanvasView, workspace: Workspace
) -> None:
    totals = workspace.analysis.parameters, workspace.analysis.macs
    choose(view, "deep")
    QTest.keyClick(view, Qt.Key.Key_G, CTRL | SHIFT)
    assert "deep_conv1" in workspace.selection
    assert (workspace.analysis.parameters, workspace.analysis.macs) == totals
    assert workspace.analysis.problems == ()
    assert overlapping(workspace.project.network) == []


@pytest.mark.parametrize("name", ["quickstart", "googlenet", "resnet18", "mobilenet_v2"])
def test_cards_never_overlap_when_a_block_is_made_or_taken_apart(name: str) -> None:
    workspace = Workspace(templates.build(name))
    editor = CanvasView(workspace).editor
    start = workspace.project.network
    for node in start.nodes:
        editor.group((node.name,))
        assert overlapping(workspace.project.network) == []
        workspace.new(workspace.project)
        if grouping.can_ungroup(node):
            editor.ungroup((workspace.project.network.nodes[start.nodes.index(node)].name,))
            assert overlapping(workspace.project.network) == []
        workspace.new(templates.build(name))


def test_the_menu_offers_what_applies(view: CanvasView, workspace: Workspace) -> None:
    def offered(*names: str) -> list[str]:
        workspace.select(names)
        menu = view.actions_.menu(view.mapToScene(0, 0))
        return [action.text() for action in menu.actions() if action.isEnabled()]

    assert {"Group", "Ungroup"} <= set(offered("features"))
    assert "Group" in offered("shrink", "deep")
    assert "Ungroup" not in offered("shrink")
    assert "Group" not in offered()


def test_a_kept_block_is_dropped_onto_a_wire_and_found_by_tab(
    view: CanvasView, workspace: Workspace
) -> None:
    choose(view, "features", "mixed")
    QTest.keyClick(view, Qt.Key.Key_G, CTRL)
    workspace.shelf.rename("Group", "Stem")
    workspace.new(templates.build("quickstart"))
    node = workspace.project.network.node("deep")
    drop(view, "mine/Stem", node.x, node.y + 64)
    assert {Edge("deep", "stem"), Edge("stem", "pool")} <= set(workspace.project.network.edges)
    workspace.select(())
    QTest.keyClick(view, Qt.Key.Key_Tab)
    QTest.keyClicks(view.adding.box.field, "stem")
    QTest.keyClick(view.adding.box.field, Qt.Key.Key_Return)
    assert workspace.selection == ("stem2",)


def test_a_group_is_copied_pasted_and_duplicated_with_its_inside(
    view: CanvasView, workspace: Workspace
) -> None:
    view.editor.group(("features", "mixed"))
    QTest.keyClick(view, Qt.Key.Key_C, CTRL)
    assert "training-studio-nodes" in QGuiApplication.clipboard().text()
    QTest.keyClick(view, Qt.Key.Key_V, CTRL)
    QTest.keyClick(view, Qt.Key.Key_D, CTRL)
    settings = [n.settings for n in workspace.project.network.nodes if n.kind == "group"]
    assert len(settings) == 3
    assert settings[0] == settings[1] == settings[2]


# The card ----------------------------------------------------------------------------------------


def face_of(network: Network, name: str) -> faces.Face:
    return faces.make(network.node(name), analyze(network).nodes[name], 1, "digits")


def quick_group(*names: str) -> tuple[Network, str]:
    return grouping.group(templates.build("quickstart").network, names, "Stem", "green")


def test_a_card_shows_title_color_and_a_row_for_each_node() -> None:
    face = face_of(*quick_group("features", "mixed"))
    assert (face.kind_line, face.family, face.icon) == ("Stem", "inception", "group")
    assert face.figure == Figure((("VGG block · 16", "Inception block · 48"),))
    assert face.style == "card"
    assert face.chips == ()


def test_a_repeated_group_looks_like_a_stack_with_its_number() -> None:
    network, name = quick_group("features", "mixed")
    face = face_of(edits.set_setting(network, name, "repeats", 3), name)
    assert face.style == "stack"
    assert face.chips == ("×3",)
    assert face.figure == face_of(network, name).figure


def test_a_long_inside_ends_in_a_row_that_counts_the_rest() -> None:
    names = [f"c{number}" for number in range(9)]
    nodes = [Node(name, "convolution") for name in names]
    nodes.insert(1, Node("norm", "batch_norm"))
    order = [node.name for node in nodes]
    network = Network(tuple(nodes), tuple(map(Edge, order, order[1:])))
    grouped, name = grouping.group(network, order)
    kind = registry.lookup("group")
    assert kind is not None
    drawn = figures.read(kind, registry.values(grouped.node(name)), None)
    row = "convolution 3×3 · 64"
    assert drawn == Figure(((row, row, row, "and 6 more"),))


def test_branches_that_meet_in_a_group_are_drawn_as_branches() -> None:
    network, inner = grouping.ungroup(templates.build("quickstart").network, "deep")
    grouped, name = grouping.group(network, inner, "Unit")
    face = face_of(grouped, name)
    assert face.figure == Figure((("3×3 · 64", "3×3 · 64"), ("1×1 · 64",)), "add")
    assert face.shortcut is None


def test_layers_behind_a_merge_are_not_left_out_of_the_figure() -> None:
    network, inner = grouping.ungroup(templates.build("quickstart").network, "mixed")
    grouped, name = grouping.group(network, (*inner, "shrink"), "Unit")
    drawn = face_of(grouped, name).figure
    assert drawn is not None
    assert len(drawn.branches) == 1


def test_a_damaged_group_has_a_card_that_says_so() -> None:
    network = Network((Node("input", "input"), Node("bad", "group", {"inside": {"nodes": 3}})),
                      (Edge("input", "bad"),))  # fmt: skip
    face = face_of(network, "bad")
    assert "its inside cannot be read" in face.problem
    assert face.figure is None


def test_a_screen_reader_hears_the_title_and_the_repeats() -> None:
    network, name = quick_group("features", "mixed")
    network = edits.set_setting(network, name, "repeats", 3)
    text = speech.describe(network, analyze(network), (name,))
    assert text.startswith("stem, your block Stem, 3 blocks, ")
