"""Gestures with the mouse and the keys, on a view without a screen."""

from __future__ import annotations

from itertools import combinations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
)
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from studio.app.canvas import catalog, placing
from studio.app.canvas.gestures import WireGesture
from studio.app.canvas.ink import ink
from studio.app.canvas.scene import PortHit
from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.problems import InsertBefore
from studio.project.values import Edge, Network, Project

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def on_screen(view: CanvasView, x: float, y: float) -> QPoint:
    return view.mapFromScene(QPointF(x, y))


def center(view: CanvasView, name: str) -> QPoint:
    """A place on the card away from its ports."""
    node = view.editor.network.node(name)
    return on_screen(view, node.x - 60, node.y + 4)


def port(view: CanvasView, name: str, side: str = "output") -> QPoint:
    place = view.canvas.port_place(PortHit(name, side, 0))  # type: ignore[arg-type]
    return on_screen(view, place.x, place.y)


def drag(view: CanvasView, start: QPoint, end: QPoint, *, release: bool = True) -> None:
    spot = view.viewport()
    QTest.mousePress(spot, LEFT, NONE, start)
    for part in range(1, 6):
        QTest.mouseMove(spot, start + (end - start) * part / 5)
    if release:
        QTest.mouseRelease(spot, LEFT, NONE, end)


def drop(view: CanvasView, key: str, x: float, y: float, *, let_go: bool = True) -> None:
    """What Qt sends while an entry is dragged from the palette."""
    data = QMimeData()
    data.setData(catalog.MIME, key.encode())
    place, copy = on_screen(view, x, y), Qt.DropAction.CopyAction
    view.dragEnterEvent(QDragEnterEvent(place, copy, data, LEFT, NONE))
    view.dragMoveEvent(QDragMoveEvent(place, copy, data, LEFT, NONE))
    if let_go:
        view.dropEvent(QDropEvent(QPointF(place), copy, data, LEFT, NONE))


def test_a_click_selects_and_shift_adds(view: CanvasView, workspace: Workspace) -> None:
    QTest.mouseClick(view.viewport(), LEFT, NONE, center(view, "features"))
    assert workspace.selection == ("features",)
    QTest.mouseClick(
        view.viewport(), LEFT, Qt.KeyboardModifier.ShiftModifier, center(view, "mixed")
    )
    assert workspace.selection == ("features", "mixed")


def test_dragging_a_card_moves_it_as_one_undo_step(view: CanvasView, workspace: Workspace) -> None:
    before = workspace.project.network
    start = center(view, "features")
    drag(view, start, start + QPoint(150, 60))
    node = workspace.project.network.node("features")
    assert (node.x, node.y) == pytest.approx(
        (before.node("features").x + 150, before.node("features").y + 60), abs=8
    )
    assert workspace.undo_label == "Move features"
    workspace.undo()
    assert workspace.project.network == before


def test_escape_in_the_middle_of_a_move_changes_nothing(
    view: CanvasView, workspace: Workspace
) -> None:
    drawn, value = view.canvas.snapshot(), workspace.project
    start = center(view, "features")
    drag(view, start, start + QPoint(150, 60), release=False)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    workspace.select(())
    assert workspace.project is value
    assert view.canvas.snapshot() == drawn


def test_a_moved_card_lines_up_with_its_neighbor(view: CanvasView, workspace: Workspace) -> None:
    start = center(view, "features")
    drag(view, start, start + QPoint(4, 70))
    assert workspace.project.network.node("features").x == workspace.project.network.node("mixed").x


def test_a_wire_is_pulled_from_port_to_card(view: CanvasView, workspace: Workspace) -> None:
    node = workspace.project.network.node("mixed")
    drop(view, "add", node.x + 330, node.y + 120)
    drag(view, port(view, "mixed"), center(view, "add"))
    assert Edge("mixed", "add", 0) in workspace.project.network.edges
    assert workspace.undo_label == "Connect mixed to add"


def test_a_wire_that_would_close_a_circle_is_refused_at_the_pointer(
    view: CanvasView, workspace: Workspace
) -> None:
    before = workspace.project
    drag(view, port(view, "deep"), center(view, "features"), release=False)
    assert view.tip.isVisible()
    assert "circle" in view.tip.text()
    QTest.mouseRelease(view.viewport(), LEFT, NONE, center(view, "features"))
    assert workspace.project is before
    # The sentence stays to be read, and goes with the next press.
    assert view.tip.isVisible()
    QTest.mouseClick(view.viewport(), LEFT, NONE, center(view, "deep"))
    assert not view.tip.isVisible()


def test_the_end_of_a_wire_can_be_taken_off_its_input(
    view: CanvasView, workspace: Workspace
) -> None:
    start = port(view, "pool", "input")
    drag(view, start, start + QPoint(260, 30))
    assert Edge("deep", "pool", 0) not in workspace.project.network.edges
    assert workspace.undo_label == "Disconnect deep from pool"


def test_a_wire_let_go_over_nothing_asks_what_to_add_there(
    view: CanvasView, workspace: Workspace
) -> None:
    start = port(view, "features")
    drag(view, start, start + QPoint(300, 40))
    assert view.adding.box.isVisible()
    QTest.keyClicks(view.adding.box.field, "conv")
    QTest.keyClick(view.adding.box.field, Qt.Key.Key_Return)
    assert Edge("features", "conv", 0) in workspace.project.network.edges
    assert workspace.selection == ("conv",)


def test_a_rubber_band_selects_what_it_meets(view: CanvasView, workspace: Workspace) -> None:
    first, last = (workspace.project.network.node(n) for n in ("features", "mixed"))
    drag(view, on_screen(view, first.x - 300, first.y - 44), on_screen(view, last.x, last.y))
    assert set(workspace.selection) == {"features", "mixed"}


def test_a_drop_on_a_wire_inserts_and_makes_room(view: CanvasView, workspace: Workspace) -> None:
    before = workspace.project.network
    wire = view.canvas.wires[Edge("features", "mixed")].route.points
    drop(view, "vgg", wire[0].x + 3, (wire[0].y + wire[-1].y) / 2)
    network = workspace.project.network
    assert {Edge("features", "vgg"), Edge("vgg", "mixed")} <= set(network.edges)
    assert Edge("features", "mixed") not in network.edges
    assert workspace.undo_label == "Add VGG block"
    boxes = list(view.canvas.grid.boxes())
    assert not any(a.meets(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    workspace.undo()
    assert workspace.project.network == before


def test_the_wire_under_a_drag_is_marked_and_a_drag_that_leaves_leaves_no_trace(
    view: CanvasView, workspace: Workspace
) -> None:
    drawn = view.canvas.snapshot()
    wire = view.canvas.wires[Edge("features", "mixed")]
    middle = (wire.route.points[0].y + wire.route.points[-1].y) / 2
    drop(view, "vgg", wire.route.points[0].x, middle, let_go=False)
    assert wire.hovered
    assert view.canvas.snapshot() != drawn
    view.dragLeaveEvent(QDragLeaveEvent())
    assert not wire.hovered
    assert view.canvas.snapshot() == drawn


def test_a_block_dropped_beside_offers_to_connect_itself_to_the_selected_node(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("features",))
    node = workspace.project.network.node("features")
    drop(view, "residual", node.x + 330, node.y + 220)
    assert view.offer.ends == ("features", "residual")
    assert Edge("features", "residual") not in workspace.project.network.edges
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert Edge("features", "residual") in workspace.project.network.edges
    assert view.offer.ends is None


def test_an_offer_goes_when_its_block_is_wired_by_hand(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("features",))
    node = workspace.project.network.node("features")
    drop(view, "residual", node.x + 330, node.y + 220)
    assert view.offer.ends is not None
    workspace.edit_network("Wire", lambda n: edits.connect(n, "mixed", "residual"))
    assert view.offer.ends is None


def test_nothing_is_offered_that_would_not_fit(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("pool",))
    node = workspace.project.network.node("pool")
    drop(view, "residual", node.x + 330, node.y)
    assert view.offer.ends is None


def test_the_label_at_the_source_makes_room_for_an_offered_wire(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("features",))
    node = workspace.project.network.node("features")
    drop(view, "residual", node.x + 330, node.y + 220)
    assert view.canvas.cards["features"].label_aside
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert not view.canvas.cards["features"].label_aside


def test_the_view_follows_a_card_that_was_dropped_at_its_edge(
    view: CanvasView, workspace: Workspace
) -> None:
    area = view.shown_area()
    drop(view, "inception", area.right() - 20, area.center().y())
    box = view.canvas.grid.get(workspace.selection[0])
    assert box is not None
    assert view.shown_area().contains(QRectF(box.left, box.top, box.width, box.height))


def test_a_fix_puts_its_layer_where_it_covers_nothing(
    view: CanvasView, workspace: Workspace
) -> None:
    def branch(network: Network) -> Network:
        network, wide = edits.add_node(network, "inception", {}, 500.0, 200.0)
        network, narrow = edits.add_node(network, "inception", {"c1": 8}, 950.0, 200.0)
        network, total = edits.add_node(network, "add", {}, 720.0, 360.0)
        for source in (wide, narrow):
            network = edits.connect(network, "features", source)
            network = edits.connect(network, source, total)
        return network

    workspace.edit_network("Branch", branch)
    fix = workspace.analysis.nodes["add"].problems[0].fix
    assert fix is not None
    assert isinstance(fix.mend, InsertBefore)
    view.editor.apply_fix(fix)
    boxes = list(view.canvas.grid.boxes())
    assert not any(a.meets(b) for a, b in combinations(boxes, 2))
    network = workspace.project.network
    new = next(n for n in network.nodes if Edge(n.name, "add", fix.mend.port) in network.edges)
    source = next(e.source for e in network.edges if e.target == new.name)
    assert new.x == network.node(source).x
    assert view.canvas.wires[Edge(source, new.name)].route.free


def test_escape_dismisses_the_offer(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("features",))
    node = workspace.project.network.node("features")
    drop(view, "residual", node.x + 330, node.y + 220)
    QTest.keyClick(view, Qt.Key.Key_Escape)
    assert view.offer.ends is None
    assert workspace.selection == ("residual",)


def test_a_block_dropped_close_below_a_free_output_is_connected_at_once(
    view: CanvasView, workspace: Workspace
) -> None:
    node = workspace.project.network.node("mixed")
    drop(view, "residual", node.x + 360, node.y - 200)
    new = workspace.project.network.node("residual")
    drop(view, "pooling", new.x + 10, new.y + 130)
    assert workspace.project.network.edges[-1] == Edge("residual", "pool2")
    workspace.undo()
    assert not any(n.name == "pool2" for n in workspace.project.network.nodes)


def test_delete_joins_the_ends_and_keeps_the_keyboard_near(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("mixed",))
    view.actions_.delete.trigger()
    assert Edge("features", "shrink") in workspace.project.network.edges
    assert workspace.selection == ("features",)
    assert workspace.undo_label == "Delete mixed"


def test_a_clicked_wire_is_deleted_alone(view: CanvasView, workspace: Workspace) -> None:
    wire = view.canvas.wires[Edge("features", "mixed")].route.points
    place = on_screen(view, wire[0].x, (wire[0].y + wire[-1].y) / 2)
    QTest.mouseClick(view.viewport(), LEFT, NONE, place)
    assert view.canvas.selected_edge == Edge("features", "mixed")
    view.actions_.delete.trigger()
    assert Edge("features", "mixed") not in workspace.project.network.edges
    assert len(workspace.project.network.nodes) == 8


def test_copy_and_paste_go_through_the_clipboard_as_text(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("features", "mixed"))
    view.actions_.copy.trigger()
    assert '"training-studio-nodes"' in QGuiApplication.clipboard().text()
    view.actions_.paste.trigger()
    network = workspace.project.network
    assert len(network.nodes) == 10
    assert workspace.selection == ("features2", "mixed2")
    assert Edge("features2", "mixed2") in network.edges
    assert workspace.undo_label == "Paste 2 nodes"


def test_pasting_a_text_that_holds_no_nodes_says_so(
    view: CanvasView, workspace: Workspace, qtbot: QtBot
) -> None:
    QGuiApplication.clipboard().setText("hello")
    with qtbot.waitSignal(workspace.refused) as told:
        view.actions_.paste.trigger()
    assert told.args == ["The clipboard holds no nodes. Copy some on a canvas first."]


def test_duplicate_copies_the_wires_among_the_nodes(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("mixed", "shrink"))
    view.actions_.duplicate.trigger()
    assert Edge("mixed2", "shrink2") in workspace.project.network.edges
    assert workspace.undo_label == "Duplicate 2 nodes"


def test_nodes_added_one_after_the_other_stand_in_a_column(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.new(Project())
    for key in ("input", "convolution", "batch_norm", "linear", "output"):
        entry = catalog.by_key(key)
        assert entry is not None
        view.editor.add_after_selection(entry, 0.0, 0.0)
    network = workspace.project.network
    assert len(network.edges) == 4
    assert len({round(node.x) for node in network.nodes}) == 1


def test_copies_cover_no_card(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("features", "mixed"))
    for _ in range(4):
        view.actions_.duplicate.trigger()
    view.actions_.copy.trigger()
    view.actions_.paste.trigger()
    boxes = [placing.box_of(node) for node in workspace.project.network.nodes]
    assert len(boxes) == 18
    assert not any(one.meets(other) for one, other in combinations(boxes, 2))


def test_arrow_keys_walk_along_the_wires(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("input",))
    for expected in ("features", "mixed", "shrink"):
        QTest.keyClick(view, Qt.Key.Key_Down)
        assert workspace.selection == (expected,)
    QTest.keyClick(view, Qt.Key.Key_Up)
    assert workspace.selection == ("mixed",)


def test_a_name_is_edited_in_place(view: CanvasView, workspace: Workspace, qtbot: QtBot) -> None:
    workspace.select(("mixed",))
    view.actions_.rename.trigger()
    view.renaming.selectAll()
    QTest.keyClicks(view.renaming, "wide")
    QTest.keyClick(view.renaming, Qt.Key.Key_Return)
    assert workspace.selection == ("wide",)
    assert not view.renaming.isVisible()
    workspace.select(("wide",))
    view.actions_.rename.trigger()
    with qtbot.waitSignal(workspace.refused):
        QTest.keyClicks(view.renaming, "input")
        QTest.keyClick(view.renaming, Qt.Key.Key_Return)
    QTest.keyClick(view.renaming, Qt.Key.Key_Escape)
    assert workspace.project.network.node("wide")


def test_tab_opens_the_search_and_enter_adds_after_the_selection(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("features",))
    QTest.keyClick(view, Qt.Key.Key_Tab)
    assert view.adding.box.isVisible()
    QTest.keyClicks(view.adding.box.field, "res")
    QTest.keyClick(view.adding.box.field, Qt.Key.Key_Return)
    assert not view.adding.box.isVisible()
    assert {Edge("features", "residual"), Edge("residual", "mixed")} <= set(
        workspace.project.network.edges
    )


def test_tab_walks_through_what_can_be_added_and_around(view: CanvasView) -> None:
    QTest.keyClick(view, Qt.Key.Key_Tab)
    box = view.adding.box
    QTest.keyClicks(box.field, "pool")
    assert box.list.count() > 2
    QTest.keyClick(box.field, Qt.Key.Key_Tab)
    assert box.list.currentRow() == 1
    for _ in range(2):
        QTest.keyClick(box.field, Qt.Key.Key_Backtab)
    assert box.list.currentRow() == box.list.count() - 1
    QTest.keyClick(box.field, Qt.Key.Key_Tab)
    assert box.list.currentRow() == 0
    assert box.isVisible()


def test_connect_wires_the_selected_nodes_without_a_mouse(
    view: CanvasView, workspace: Workspace
) -> None:
    node = workspace.project.network.node("mixed")
    drop(view, "residual", node.x + 400, node.y)
    workspace.select(("residual", "features"))
    view.actions_.connect_nodes.trigger()
    assert Edge("features", "residual") in workspace.project.network.edges


def test_the_fix_on_a_note_is_applied_by_a_click(view: CanvasView, workspace: Workspace) -> None:
    node = workspace.project.network.node("mixed")
    drop(view, "residual", node.x + 420, node.y)
    workspace.select(())
    note = next(note for note in view.notes.items if note.node == "residual")
    place = on_screen(view, note.box.left + 30, note.box.bottom - 16)
    QTest.mouseClick(view.viewport(), LEFT, NONE, place)
    assert not any(n.name == "residual" for n in workspace.project.network.nodes)


@pytest.mark.parametrize("zoom", [0.3, 0.6, 1.0, 2.0])
def test_notes_are_as_large_on_screen_at_every_zoom_and_cover_nothing(
    view: CanvasView, workspace: Workspace, zoom: float
) -> None:
    node = workspace.project.network.node("mixed")
    for number in range(3):
        entry = catalog.by_key("residual")
        assert entry is not None
        view.editor.add(entry, node.x + 420, node.y - 200 + 120 * number)
    view.set_zoom(1.0)
    before = {note.node: note.box.width for note in view.notes.items}
    view.set_zoom(zoom)
    assert len(before) == 3
    boxes = [note.box for note in view.notes.items]
    assert [box.width * zoom for box in boxes] == pytest.approx(list(before.values()))
    assert not any(a.meets(b) for a, b in combinations(boxes, 2))
    assert not any(a.meets(b) for a in boxes for b in view.canvas.grid.boxes())


def test_a_refusal_shows_on_wire_and_card_and_leaves_the_card_in_sight(
    view: CanvasView, workspace: Workspace
) -> None:
    drag(view, port(view, "deep"), center(view, "features"), release=False)
    card = view.canvas.cards["features"]
    assert card.refused
    assert isinstance(view._gesture, WireGesture)
    assert view._gesture._item.pen().color() == ink().wire_refused.color()
    box = view.canvas.grid.get("features")
    assert box is not None
    area = view.mapFromScene(QRectF(box.left, box.top, box.width, box.height)).boundingRect()
    assert not view.tip.geometry().intersects(area)
    QTest.mouseRelease(view.viewport(), LEFT, NONE, center(view, "features"))
    assert not card.refused


def test_zoom_keeps_the_place_under_the_pointer(view: CanvasView) -> None:
    spot = QPointF(300, 200)
    before = view.mapToScene(spot.toPoint())
    view.zoom_by(1.44, spot)
    after = view.mapToScene(spot.toPoint())
    assert (after - before).manhattanLength() < 4


def test_fit_shows_every_card(view: CanvasView, workspace: Workspace) -> None:
    view.set_zoom(3.0)
    view.actions_.fit.trigger()
    content = view.canvas.content()
    assert content is not None
    assert view.shown_area().contains(content)


def test_the_selection_is_told_to_screen_readers(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("shrink",))
    assert view.accessibleDescription().startswith("shrink, pooling, output 48 by 8 by 8")


def test_the_menu_shows_shortcuts_and_offers_the_fix_first(
    view: CanvasView, workspace: Workspace
) -> None:
    node = workspace.project.network.node("mixed")
    drop(view, "residual", node.x + 420, node.y)
    menu = view.actions_.menu(QPointF())
    assert menu.actions()[0].text() == "Remove it"
    assert view.actions_.duplicate in menu.actions()
    assert view.actions_.duplicate.shortcut().toString() == "Ctrl+D"
    menu.close()


def test_a_click_near_a_port_selects_the_card(view: CanvasView, workspace: Workspace) -> None:
    QTest.mouseClick(view.viewport(), LEFT, NONE, port(view, "features") - QPoint(0, 3))
    assert workspace.selection == ("features",)
    QTest.mouseClick(view.viewport(), LEFT, NONE, port(view, "deep", "input") + QPoint(4, 8))
    assert workspace.selection == ("deep",)


def test_an_end_dropped_on_a_wire_listens_to_what_feeds_it(
    view: CanvasView, workspace: Workspace
) -> None:
    route = view.canvas.wires[Edge("features", "mixed")].route
    middle = route.points[len(route.points) // 2]
    drop(view, "auxiliary", middle.x, middle.y)
    assert Edge("features", "aux") in workspace.project.network.edges
    assert Edge("features", "mixed") in workspace.project.network.edges
    assert workspace.analysis.problems == ()
