"""Everything the pointer can do on the canvas, done with keys alone."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.values import Edge, Network, Project

Key = Qt.Key
NONE = Qt.KeyboardModifier.NoModifier
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier


def press(view: CanvasView, *keys: Key, held: Qt.KeyboardModifier = NONE) -> None:
    for key in keys:
        QTest.keyClick(view, key, held)


def build(workspace: Workspace, *nodes: tuple[str, str, float, float], wires: str = "") -> None:
    """A network of (name, kind, x, y) and of wires like "a>b a>c:1"."""
    network = Network()
    for name, kind, x, y in nodes:
        network, _ = edits.add_node(network, kind, {}, x, y, name)
    for wire in wires.split():
        ends, _, port = wire.partition(":")
        source, target = ends.split(">")
        network = edits.connect(network, source, target, int(port) if port else None)
    workspace.new(Project(network=network))


@pytest.fixture
def branches(view: CanvasView, workspace: Workspace) -> Workspace:
    """Two branches into a concatenate that has a place for a third."""
    build(
        workspace,
        ("input", "input", 0, 0), ("a", "convolution", -200, 150), ("b", "convolution", 200, 150),
        ("c", "convolution", 500, 150), ("join", "concatenate", 0, 320), ("out", "output", 0, 450),
        wires="input>a input>b input>c a>join:0 b>join:1 join>out",
    )  # fmt: skip
    view.zoom_to_fit()
    return workspace


def edges(workspace: Workspace) -> set[Edge]:
    return set(workspace.project.network.edges)


# A wire led by keys ------------------------------------------------------------------------------


def test_a_wire_is_led_to_a_node_and_connected(view: CanvasView, branches: Workspace) -> None:
    branches.select(("c",))
    press(view, Key.Key_W)
    while "join" not in view.tip.text():
        press(view, Key.Key_Down)
    assert branches.undo_label == ""  # nothing is changed before Enter
    press(view, Key.Key_Return)
    assert Edge("c", "join", 2) in edges(branches)
    assert branches.undo_label == "Connect c to join"


def test_the_wire_in_hand_goes_to_the_first_node_behind_that_nothing_feeds(
    view: CanvasView, workspace: Workspace
) -> None:
    build(
        workspace,
        ("input", "input", 0, 0), ("fed", "convolution", 0, 150), ("free", "convolution", 0, 300),
        wires="input>fed",
    )  # fmt: skip
    workspace.select(("input",))
    press(view, Key.Key_W, Key.Key_Return)
    assert Edge("input", "free") in edges(workspace)


def test_the_arrows_lead_a_wire_to_every_node_that_can_take_it_and_to_no_other(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("a",))
    press(view, Key.Key_W)
    seen = set()
    for _ in range(12):
        seen.add(view.tip.text().splitlines()[0])
        press(view, Key.Key_Down)
    allowed = {
        node.name
        for node in branches.project.network.nodes
        if not view.editor.refusal("a", node.name, None)
    }
    assert {text.split(" to ")[1].split(",")[0] for text in seen} == allowed
    assert allowed == {"b", "c", "out"}


def test_a_digit_chooses_the_input_of_a_merge(view: CanvasView, branches: Workspace) -> None:
    branches.select(("c",))
    press(view, Key.Key_W)
    while "join" not in view.tip.text():
        press(view, Key.Key_Down)
    press(view, Key.Key_1)
    assert "input 1, in place of a" in view.tip.text()
    press(view, Key.Key_Return)
    assert {e for e in edges(branches) if e.target == "join"} == {
        Edge("c", "join", 0), Edge("b", "join", 1)
    }  # fmt: skip


def test_escape_lets_go_of_the_wire_and_leaves_no_trace(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("c",))
    drawn = view.canvas.snapshot()
    press(view, Key.Key_W, Key.Key_Down, Key.Key_Escape)
    assert view.canvas.snapshot() == drawn
    assert view.tip.isHidden()
    assert branches.selection == ("c",)
    assert branches.undo_label == ""


def test_an_edit_from_elsewhere_takes_the_wire_out_of_hand(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("c",))
    press(view, Key.Key_W)
    view.editor.remove(("join",))
    assert not view.keys.busy
    press(view, Key.Key_Return)
    assert not any(e.source == "c" for e in edges(branches))


def test_a_wire_is_led_up_to_what_feeds_the_node(view: CanvasView, branches: Workspace) -> None:
    branches.select(("join",))
    press(view, Key.Key_W, held=SHIFT)
    while "c to join" not in view.tip.text():
        press(view, Key.Key_Up)
    press(view, Key.Key_Return)
    assert Edge("c", "join", 2) in edges(branches)


def test_a_wire_led_up_takes_the_place_of_the_one_that_feeds_the_node(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("c",))
    press(view, Key.Key_W, held=SHIFT)
    while "a to c" not in view.tip.text():
        press(view, Key.Key_Up)
    assert view.tip.text().startswith("a to c, in place of input")
    press(view, Key.Key_Return)
    assert {e for e in edges(branches) if e.target == "c"} == {Edge("a", "c")}


def test_no_wire_is_pulled_out_of_an_end(view: CanvasView, branches: Workspace) -> None:
    said: list[str] = []
    branches.refused.connect(said.append)
    branches.select(("out",))
    press(view, Key.Key_W)
    assert not view.keys.busy
    assert said == ["out is an end of the network; nothing comes out of it"]


def test_tab_adds_a_node_at_the_end_of_the_wire_in_hand(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("c",))
    press(view, Key.Key_W)
    press(view, Key.Key_Tab)
    QTest.keyClicks(view.adding.box.field, "dropout")
    QTest.keyClick(view.adding.box.field, Key.Key_Return)
    assert Edge("c", "dropout") in edges(branches)


# A wire that is there ----------------------------------------------------------------------------


def test_ctrl_and_an_arrow_selects_a_wire_of_the_node(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("a",))
    press(view, Key.Key_Down, held=CTRL)
    assert view.canvas.selected_edge == Edge("a", "join", 0)
    assert branches.selection == ()
    branches.select(("a",))
    press(view, Key.Key_Up, held=CTRL)
    assert view.canvas.selected_edge == Edge("input", "a")


def test_from_a_wire_the_arrows_go_to_its_ends_and_to_its_neighbors(
    view: CanvasView, branches: Workspace
) -> None:
    branches.select(("a",))
    press(view, Key.Key_Down, held=CTRL)
    press(view, Key.Key_Right)
    assert view.canvas.selected_edge == Edge("b", "join", 1)
    press(view, Key.Key_Up)
    assert branches.selection == ("b",)
    press(view, Key.Key_Down, held=CTRL)
    press(view, Key.Key_Down)
    assert branches.selection == ("join",)


def test_delete_cuts_the_selected_wire(view: CanvasView, branches: Workspace) -> None:
    branches.select(("a",))
    press(view, Key.Key_Down, held=CTRL)
    press(view, Key.Key_Delete)
    assert {e for e in edges(branches) if e.target == "join"} == {Edge("b", "join", 0)}


@pytest.mark.parametrize("key", [Key.Key_Tab, Key.Key_Return])
def test_a_node_is_added_into_the_selected_wire(
    view: CanvasView, branches: Workspace, key: Key
) -> None:
    branches.select(("join",))
    press(view, Key.Key_Down, held=CTRL)
    press(view, key)
    QTest.keyClicks(view.adding.box.field, "dropout")
    QTest.keyClick(view.adding.box.field, Key.Key_Return)
    assert {Edge("join", "dropout"), Edge("dropout", "out")} <= edges(branches)
    assert Edge("join", "out") not in edges(branches)


def test_the_end_of_the_selected_wire_is_moved(view: CanvasView, branches: Workspace) -> None:
    branches.select(("c",))
    press(view, Key.Key_Up, held=CTRL)
    press(view, Key.Key_W)
    while "out" not in view.tip.text():
        press(view, Key.Key_Down)
    press(view, Key.Key_Return)
    assert Edge("input", "out") in edges(branches)
    assert not any(edge.target == "c" for edge in edges(branches))
    assert branches.undo_label == "Connect input to out"


def test_the_inputs_of_a_merge_change_places(view: CanvasView, branches: Workspace) -> None:
    branches.select(("a",))
    press(view, Key.Key_Down, held=CTRL)
    press(view, Key.Key_Right, held=ALT)
    assert {Edge("b", "join", 0), Edge("a", "join", 1)} <= edges(branches)
    assert view.canvas.selected_edge == Edge("a", "join", 1)
    said: list[str] = []
    branches.refused.connect(said.append)
    press(view, Key.Key_Right, held=ALT)
    assert said == ["a is the last input of join already"]


# Order, reach, the view --------------------------------------------------------------------------


def test_a_node_goes_before_what_feeds_it_and_back(view: CanvasView, workspace: Workspace) -> None:
    before = workspace.project.network
    assert Edge("deep", "pool") in before.edges
    workspace.select(("pool",))
    press(view, Key.Key_Up, held=ALT | SHIFT)
    assert Edge("pool", "deep") in edges(workspace)
    assert workspace.undo_label == "Move pool earlier"
    press(view, Key.Key_Down, held=ALT | SHIFT)
    assert edges(workspace) == set(before.edges)
    assert workspace.selection == ("pool",)


def test_all_before_and_all_behind_are_selected(view: CanvasView, branches: Workspace) -> None:
    branches.select(("a",))
    press(view, Key.Key_Down, held=CTRL | SHIFT)
    assert set(branches.selection) == {"a", "join", "out"}
    branches.select(("join",))
    press(view, Key.Key_Up, held=CTRL | SHIFT)
    assert set(branches.selection) == {"join", "a", "b", "input"}


def test_home_and_end_go_to_where_the_flow_begins_and_ends(
    view: CanvasView, branches: Workspace
) -> None:
    press(view, Key.Key_End)
    assert branches.selection == ("out",)
    press(view, Key.Key_Home)
    assert branches.selection == ("input",)


def test_the_view_is_moved_and_zoomed_without_the_pointer(
    view: CanvasView, branches: Workspace
) -> None:
    view.set_zoom(1.0)
    middle = view.shown_area().center()
    press(view, Key.Key_PageDown)
    assert view.shown_area().center().y() > middle.y() + 300
    press(view, Key.Key_PageUp)
    press(view, Key.Key_PageDown, held=SHIFT)
    assert view.shown_area().center().x() > middle.x() + 300
    press(view, Key.Key_PageUp, held=SHIFT)
    QTest.keyPress(view, Key.Key_Space)
    press(view, Key.Key_Left)
    QTest.keyRelease(view, Key.Key_Space)
    assert view.shown_area().center().x() == pytest.approx(middle.x() - 80, abs=2)
    press(view, Key.Key_Plus)
    assert view.zoom > 1.0
    press(view, Key.Key_Minus, Key.Key_Minus)
    assert view.zoom < 1.0


def test_shift_f_shows_what_is_selected(view: CanvasView, branches: Workspace) -> None:
    view.set_zoom(0.2)
    branches.select(("a", "b"))
    press(view, Key.Key_F, held=SHIFT)
    assert view.zoom == 1.0
    assert view.shown_area().center().x() == pytest.approx(0.0, abs=2)
    branches.select(("out",))
    press(view, Key.Key_Up, held=CTRL)
    press(view, Key.Key_F, held=SHIFT)
    assert view.shown_area().center().y() == pytest.approx(385.0, abs=40)


def test_a_note_is_sized_by_keys(view: CanvasView, workspace: Workspace) -> None:
    name = view.editor.add_comment(300, 300)
    view.commenting.select(name)
    note = workspace.project.network.comments[0]
    press(view, Key.Key_Right, Key.Key_Down, held=ALT | SHIFT)
    after = workspace.project.network.comments[0]
    assert (after.width, after.height) == (note.width + 8, note.height + 8)


# A journey ---------------------------------------------------------------------------------------


def focused() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def test_a_network_is_built_from_nothing_with_keys_alone(
    qtbot: QtBot, view: CanvasView, workspace: Workspace
) -> None:
    workspace.new(Project())
    for words in ("input", "vgg", "residual", "global", "linear", "output"):
        QTest.keyClick(focused(), Key.Key_Tab)
        QTest.keyClicks(focused(), words)
        QTest.keyClick(focused(), Key.Key_Return)
        assert focused() is view
    # A shortcut around the residual block: its wires are drawn by hand.
    kinds = [node.kind for node in workspace.project.network.nodes]
    assert kinds[:3] == ["input", "vgg", "residual"]
    residual = workspace.project.network.nodes[2].name
    QTest.keyClick(focused(), Key.Key_Home)
    while workspace.selection != (residual,):
        QTest.keyClick(focused(), Key.Key_Down)
    QTest.keyClick(focused(), Key.Key_Down, CTRL)
    QTest.keyClick(focused(), Key.Key_Tab)
    QTest.keyClicks(focused(), "add")
    QTest.keyClick(focused(), Key.Key_Return)
    assert workspace.selection == ("add",)
    assert workspace.analysis.problems  # one wire is missing
    QTest.keyClick(focused(), Key.Key_W, SHIFT)
    while not view.tip.text().startswith("vgg to add"):
        QTest.keyClick(focused(), Key.Key_Up)
    QTest.keyClick(focused(), Key.Key_Return)
    assert workspace.analysis.problems == ()
