"""Plots need the application before a color or a font is asked for."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from studio.app.plots.scheduler import DrawScheduler


@pytest.fixture
def scheduler(qtbot: QtBot) -> DrawScheduler:
    """A scheduler as the dashboard has one."""
    return DrawScheduler()
