"""A workspace on the quick-start network, and a canvas that shows it."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import templates


@pytest.fixture
def workspace(qapp: object) -> Workspace:
    return Workspace(templates.build("quickstart"))


@pytest.fixture
def view(qtbot: QtBot, workspace: Workspace) -> CanvasView:
    canvas = CanvasView(workspace)
    qtbot.addWidget(canvas)
    canvas.resize(1000, 900)
    # Keys reach shortcuts in the active window alone, which a window manager takes its time for.
    with qtbot.waitActive(canvas, timeout=10_000):
        canvas.show()
        canvas.activateWindow()
    canvas.setFocus()
    canvas.set_zoom(1.0)
    return canvas
