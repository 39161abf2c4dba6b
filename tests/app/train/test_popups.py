"""What the small windows that ask for a number do with a text that is none."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from studio.app.train.add_epochs import AddEpochs
from studio.app.train.far_change import FarChange
from studio.project.values import Project, Recipe


@pytest.fixture
def anchor(qtbot: QtBot) -> QPushButton:
    button = QPushButton("Ask")
    qtbot.addWidget(button)
    button.show()
    return button


def test_epochs_that_are_none_are_said_and_nothing_is_trained(
    qtbot: QtBot, anchor: QPushButton
) -> None:
    popup = AddEpochs(anchor)
    qtbot.addWidget(popup)
    asked: list[int] = []
    popup.wanted.connect(asked.append)
    popup.open_at(anchor, 3, 3)
    qtbot.keyClicks(popup.field.lineEdit(), "4x")
    qtbot.keyClick(popup.field, Qt.Key.Key_Return)
    assert asked == []
    assert popup.field.text() == "4x"
    assert popup.total.text().startswith("Epochs more must be a whole number")
    assert not popup.button.isEnabled()
    qtbot.keyClick(popup.field.lineEdit(), Qt.Key.Key_Backspace)
    qtbot.keyClick(popup.field, Qt.Key.Key_Return)
    assert asked == [7]


def test_a_rate_that_is_none_is_said_and_not_asked_for(qtbot: QtBot, anchor: QPushButton) -> None:
    popup = FarChange(anchor)
    qtbot.addWidget(popup)
    asked: list[Recipe] = []
    popup.wanted.connect(asked.append)
    popup.open_at(anchor, Project(), Recipe(), Recipe())
    qtbot.keyClicks(popup.rate.lineEdit(), "0.01x")
    qtbot.keyClick(popup.rate, Qt.Key.Key_Return)
    assert asked == []
    assert "must be a number" in popup.news.text()
    assert not popup.button.isEnabled()
    qtbot.keyClick(popup.rate.lineEdit(), Qt.Key.Key_Backspace)
    assert popup.button.isEnabled()
    qtbot.keyClick(popup.rate, Qt.Key.Key_Return)
    assert [recipe.learning_rate for recipe in asked] == [0.01]
