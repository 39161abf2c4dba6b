"""Notes, tags, alignment and repeats on the canvas, with pointer and keys."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from studio.app.canvas import speech
from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project.values import Comment
from tests.app.canvas.test_groups import choose

ALT = Qt.KeyboardModifier.AltModifier
CTRL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


def notes(workspace: Workspace) -> dict[str, Comment]:
    return {comment.name: comment for comment in workspace.project.network.comments}


def written(view: CanvasView, at: QPointF, text: str) -> str:
    """A new note with its text, as the user makes one."""
    view.note_wanted.emit(at)
    name = view.commenting.field.name
    QTest.keyClicks(view.commenting.field, text)
    QTest.keyClick(view.commenting.field, Qt.Key.Key_Return, CTRL)
    return name


def middle(view: CanvasView, name: str) -> QPoint:
    box = view.canvas.comments[name].box
    return view.mapFromScene(QPointF(*box.center))


def test_a_note_is_written_where_it_is_added_as_one_undo_step(
    view: CanvasView, workspace: Workspace
) -> None:
    before = workspace.project
    name = written(view, QPointF(300.0, 40.0), "try 5x5")
    assert notes(workspace)[name].text == "try 5x5"
    assert (notes(workspace)[name].x, notes(workspace)[name].y) == (300.0, 40.0)
    assert not view.commenting.field.isVisible()
    assert workspace.undo_label == "Add a note"
    workspace.undo()
    assert workspace.project == before


def test_a_new_note_left_empty_is_none(view: CanvasView, workspace: Workspace) -> None:
    before = workspace.project
    view.note_wanted.emit(QPointF(300.0, 40.0))
    QTest.keyClick(view.commenting.field, Qt.Key.Key_Escape)
    assert workspace.project == before
    assert not workspace.undo_label


def test_n_adds_a_note_and_its_letters_go_into_the_text(
    view: CanvasView, workspace: Workspace
) -> None:
    QTest.keyClick(view, Qt.Key.Key_N)
    field = view.commenting.field
    assert field.isVisible()
    QTest.keyClicks(field, "norm, no rest")  # n and r are keys of the canvas
    QTest.keyClick(field, Qt.Key.Key_Return)
    QTest.keyClicks(field, "two")
    QTest.keyClick(field, Qt.Key.Key_Return, CTRL)
    assert [c.text for c in notes(workspace).values()] == ["norm, no rest\ntwo"]


def test_a_note_is_dragged_sized_by_its_corner_and_edited_by_a_double_click(
    view: CanvasView, workspace: Workspace
) -> None:
    name = written(view, QPointF(260.0, 40.0), "text")
    start = middle(view, name)
    QTest.mousePress(view.viewport(), LEFT, NONE, start)
    QTest.mouseMove(view.viewport(), start + QPoint(10, 20))
    QTest.mouseMove(view.viewport(), start + QPoint(30, 50))
    QTest.mouseRelease(view.viewport(), LEFT, NONE, start + QPoint(30, 50))
    moved = notes(workspace)[name]
    assert (moved.x, moved.y) == (290.0, 90.0)
    assert workspace.undo_label == "Move a note"
    box = view.canvas.comments[name].box
    corner = view.mapFromScene(QPointF(box.right - 5, box.bottom - 5))
    QTest.mousePress(view.viewport(), LEFT, NONE, corner)
    QTest.mouseMove(view.viewport(), corner + QPoint(40, 60))
    QTest.mouseRelease(view.viewport(), LEFT, NONE, corner + QPoint(40, 60))
    larger = notes(workspace)[name]
    assert (larger.width, larger.height) == (moved.width + 40, moved.height + 60)
    QTest.mouseDClick(view.viewport(), LEFT, NONE, middle(view, name))
    assert view.commenting.field.toPlainText() == "text"
    QTest.keyClicks(view.commenting.field, "other")
    view.setFocus()  # a click elsewhere keeps what was written
    assert notes(workspace)[name].text == "other"


def test_a_note_is_reached_moved_and_deleted_with_the_keys(
    view: CanvasView, workspace: Workspace
) -> None:
    first = written(view, QPointF(260.0, 40.0), "upper")
    second = written(view, QPointF(260.0, 340.0), "lower")
    workspace.select(("features",))
    assert view.canvas.selected_comment is None
    QTest.keyClick(view, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert view.canvas.selected_comment == first
    QTest.keyClick(view, Qt.Key.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert view.canvas.selected_comment == second
    before = notes(workspace)[second]
    for _ in range(3):
        QTest.keyClick(view, Qt.Key.Key_Right, ALT)
    assert notes(workspace)[second].x == before.x + 24
    network, analysis = workspace.project.network, workspace.analysis
    assert speech.describe(network, analysis, (), second) == "Note: lower"
    QTest.keyClick(view, Qt.Key.Key_Delete)
    assert set(notes(workspace)) == {first}
    assert len(view.canvas.cards) == len(network.nodes)


def test_a_note_is_copied_cut_pasted_and_duplicated_with_the_keys(
    view: CanvasView, workspace: Workspace
) -> None:
    name = written(view, QPointF(260.0, 40.0), "text")
    QTest.keyClick(view, Qt.Key.Key_D, CTRL)
    copies = notes(workspace)
    assert [c.text for c in copies.values()] == ["text", "text"]
    assert copies["note"] != copies["note2"]
    view.commenting.select(name)
    QTest.keyClick(view, Qt.Key.Key_X, CTRL)
    assert set(notes(workspace)) == {"note2"}
    QTest.keyClick(view, Qt.Key.Key_V, CTRL)
    assert {c.text for c in notes(workspace).values()} == {"text"}
    assert len(notes(workspace)) == 2


def test_alt_and_a_digit_tag_the_selection_and_alt_0_takes_the_tag_away(
    view: CanvasView, workspace: Workspace
) -> None:
    choose(view, "features", "mixed")
    QTest.keyClick(view, Qt.Key.Key_2, ALT)
    assert {n.name for n in workspace.project.network.nodes if n.tag == "triangle"} == {
        "features", "mixed",
    }  # fmt: skip
    assert view.canvas.cards["mixed"].face.tag == "triangle"
    assert "tagged orange triangle" in speech.describe_node(
        workspace.project.network, workspace.analysis, workspace.project.network.node("mixed")
    )
    QTest.keyClick(view, Qt.Key.Key_0, ALT)
    assert not any(n.tag for n in workspace.project.network.nodes)


def test_r_asks_for_a_number_and_makes_a_stage(view: CanvasView, workspace: Workspace) -> None:
    choose(view, "features")
    QTest.keyClick(view, Qt.Key.Key_R)
    field = view.repeating
    assert field.isVisible()
    QTest.keyClicks(field, "4")
    QTest.keyClick(field, Qt.Key.Key_Return)
    (name,) = workspace.selection
    node = workspace.project.network.node(name)
    assert (node.kind, node.settings["repeats"]) == ("group", 4)
    assert not field.isVisible()
    QTest.keyClick(view, Qt.Key.Key_R)
    assert field.value() == 4
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert workspace.project.network.node(name) == node


def test_the_menu_of_a_selection_aligns_and_tags_and_of_a_note_colors(
    view: CanvasView, workspace: Workspace
) -> None:
    name = written(view, QPointF(260.0, 40.0), "text")
    menu = view.actions_.menu(QPointF())
    titles = [action.text() for action in menu.actions()]
    assert titles[0].startswith("Edit the note")
    assert titles[-1] == "Delete note"
    colors = next(action.menu() for action in menu.actions() if action.text() == "Color")
    next(a for a in colors.actions() if a.text() == "Sky").trigger()
    assert notes(workspace)[name].color == "sky"
    menu.close()
    choose(view, "features", "mixed")
    menu = view.actions_.menu(QPointF())
    align = next(action.menu() for action in menu.actions() if action.text() == "Align")
    workspace.project.network.node("mixed")
    next(a for a in align.actions() if a.text() == "Left edges").trigger()
    boxes = [view.canvas.grid.get(name) for name in ("features", "mixed")]
    assert boxes[0].left == boxes[1].left
    menu.close()
