"""What assistive technology finds in the drawing, asked for as it asks: through Qt's interfaces."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import templates
from tests.app.canvas.test_random_edits import Clumsy

Text = QAccessible.Text


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    """Someone listens, as when a screen reader runs."""
    QAccessible.setActive(True)
    yield
    QAccessible.setActive(False)


def face(view: CanvasView) -> QAccessibleInterface:
    """The list of what is drawn, found from the canvas downward as a client finds it."""
    viewport = QAccessible.queryAccessibleInterface(view.viewport())
    children = [viewport.child(index) for index in range(viewport.childCount())]
    return next(c for c in children if c.text(Text.Name) == "Nodes, wires and notes")


def items(view: CanvasView) -> dict[str, QAccessibleInterface]:
    found = face(view)
    children = [found.child(index) for index in range(found.childCount())]
    return {child.text(Text.Name): child for child in children}


def test_every_node_wire_and_note_is_there_with_name_role_and_description(
    view: CanvasView, workspace: Workspace
) -> None:
    note = view.editor.add_comment(400, 0)
    view.editor.write_comment(note or "", "a thought")
    network = workspace.project.network
    found = items(view)
    wires = {f"wire from {edge.source} to {edge.target}" for edge in network.edges}
    assert set(found) == {n.name for n in network.nodes} | wires | {f"note {note}"}
    assert {child.role() for child in found.values()} == {QAccessible.Role.ListItem}
    about = found["mixed"].text(Text.Description)
    assert about == ("inception block, output 48 by 16 by 16, fed by features, connected to shrink")
    wire = found["wire from features to mixed"]
    assert wire.text(Text.Description) == "carries 16 by 16 by 16"
    assert found[f"note {note}"].text(Text.Description) == "Note: a thought"


def test_the_state_says_what_is_selected_and_what_has_the_focus(
    view: CanvasView, workspace: Workspace
) -> None:
    workspace.select(("features", "mixed"))
    states = {name: child.state() for name, child in items(view).items()}
    assert {name for name, state in states.items() if state.selected} == {"features", "mixed"}
    assert {name for name, state in states.items() if state.focused} == {"mixed"}
    focus = face(view).focusChild()
    assert focus is not None
    assert focus.text(Text.Name) == "mixed"


def test_a_place_on_the_screen_leads_to_the_card_that_is_drawn_there(
    view: CanvasView, workspace: Workspace
) -> None:
    node = workspace.project.network.node("mixed")
    place = view.viewport().mapToGlobal(view.mapFromScene(QPointF(node.x, node.y)))
    found = face(view).childAt(place.x(), place.y())
    assert found is not None
    assert found.text(Text.Name) == "mixed"
    assert found.rect().contains(place)


def test_a_removed_node_is_gone_and_a_renamed_one_has_its_new_name(
    view: CanvasView, workspace: Workspace
) -> None:
    assert "deep" in items(view)
    view.editor.rename("mixed", "wide")
    view.editor.remove(("deep",))
    assert "deep" not in items(view)
    assert {"wide", "wire from features to wide"} <= set(items(view))
    assert not any("mixed" in name for name in items(view))


def test_each_item_is_found_at_its_own_place_among_its_siblings(view: CanvasView) -> None:
    found = face(view)
    for index in range(found.childCount()):
        child = found.child(index)
        assert found.indexOfChild(child) == index
        parent = child.parent()
        assert parent is not None
        assert parent.text(Text.Name) == found.text(Text.Name)


def test_what_an_edit_did_is_announced(
    view: CanvasView, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(view, "announce", said.append)
    view.editor.remove(("deep",))
    view.editor.disconnect(next(e for e in workspace.project.network.edges if e.source == "mixed"))
    workspace.undo()
    workspace.redo()
    assert said[0] == "Deleted deep"
    assert said[1].startswith("Disconnected mixed from shrink, ")
    assert said[1].endswith(" problems")
    assert said[2] == "Undone: Disconnect mixed from shrink, no problems"
    assert said[3].startswith("Done again: Disconnect mixed from shrink, ")


def test_a_selected_wire_is_told_with_its_input(view: CanvasView, workspace: Workspace) -> None:
    workspace.select(("mixed",))
    QTest.keyClick(view, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert view.accessibleDescription() == "wire from features to mixed, carries 16 by 16 by 16"


def read_all(view: CanvasView) -> None:
    """Walk through everything, as a client does that keeps a copy of the tree."""
    found = face(view)
    for index in range(found.childCount()):
        child = found.child(index)
        assert child.text(Text.Name)
        assert child.text(Text.Description)
        child.state(), child.rect(), child.parent(), found.indexOfChild(child)


def test_a_thousand_edits_are_followed_while_a_client_reads_along(qtbot: QtBot) -> None:
    view = CanvasView(Workspace(templates.build("quickstart")))
    qtbot.addWidget(view)
    view.show()
    clumsy = Clumsy(view, random.Random(11))
    for number in range(1000):
        clumsy.act()
        if len(view.editor.network.nodes) > 60:
            view.workspace.undo()
        if number % 10 == 0:
            read_all(view)
        if number % 100 == 0:
            gc.collect()
    network = view.editor.network
    assert face(view).childCount() == sum(
        map(len, (network.nodes, view.canvas.wires, network.comments))
    )


def test_views_come_and_go_while_a_client_reads(qtbot: QtBot) -> None:
    for _ in range(20):
        view = CanvasView(Workspace(templates.build("quickstart")))
        view.show()
        read_all(view)
        view.workspace.select(("mixed",))
        view.close()
        view.deleteLater()
        del view
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
