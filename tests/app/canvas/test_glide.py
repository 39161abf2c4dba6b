"""Tidying is seen as a movement, and ends where the value has the cards."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from studio.app.canvas import glide
from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import edits


def places(view: CanvasView) -> dict[str, tuple[float, float]]:
    return {name: card.pos().toTuple() for name, card in view.canvas.cards.items()}


def wanted(workspace: Workspace) -> dict[str, tuple[float, float]]:
    return {node.name: (node.x, node.y) for node in workspace.project.network.nodes}


def astray(workspace: Workspace) -> None:
    moved = {n.name: (n.x + 300, n.y + 40) for n in workspace.project.network.nodes[2:4]}
    workspace.edit_network("Move", lambda network: edits.move_nodes(network, moved))


def test_cards_start_where_they_were_and_end_where_the_value_has_them(
    qtbot: QtBot, view: CanvasView, workspace: Workspace
) -> None:
    astray(workspace)
    before = places(view)
    QTest.keyClick(view, Qt.Key.Key_L)
    assert wanted(workspace) != before
    started = places(view)
    assert all(abs(started[name][0] - before[name][0]) < 5 for name in before)
    qtbot.waitUntil(lambda: places(view) == wanted(workspace), timeout=5_000)


def test_the_view_fits_what_the_cards_move_to_and_not_where_they_come_from(
    view: CanvasView, workspace: Workspace
) -> None:
    astray(workspace)
    QTest.keyClick(view, Qt.Key.Key_L)
    zoom = view.zoom
    view.glide.end()
    view.zoom_to_fit()
    assert view.zoom == zoom


def test_an_edit_on_the_way_ends_the_movement(view: CanvasView, workspace: Workspace) -> None:
    astray(workspace)
    QTest.keyClick(view, Qt.Key.Key_L)
    workspace.undo()
    assert places(view) == wanted(workspace)


def test_a_large_network_is_there_at_once(
    view: CanvasView, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glide, "MOST", 2)
    astray(workspace)
    QTest.keyClick(view, Qt.Key.Key_L)
    assert places(view) == wanted(workspace)
