"""The button that finds a learning rate, against the scripted engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.train.controller import TrainingController
from studio.app.train.rate_finder import RateFinder
from studio.app.workspace import Workspace
from studio.project import assign, templates
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    return Workspace(templates.build("quickstart"))


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    background = Background()
    yield background
    assert background.shutdown()


@pytest.fixture
def controller(qtbot: QtBot, tmp_path: Path) -> TrainingController:
    return TrainingController(tmp_path / "runs")


@pytest.fixture
def finder(
    qtbot: QtBot, workspace: Workspace, controller: TrainingController, background: Background
) -> RateFinder:
    finder = RateFinder(workspace, controller, background)
    qtbot.addWidget(finder)
    return finder


def searched(qtbot: QtBot, finder: RateFinder, controller: TrainingController) -> None:
    controller.set_engine(ScriptedEngine())
    finder.find_button.click()
    assert finder.find_button.text() == "Stop searching"
    qtbot.waitUntil(lambda: finder.search is not None, timeout=5_000)


def test_before_the_engine_is_there_nothing_can_be_searched(finder: RateFinder) -> None:
    assert not finder.find_button.isEnabled()


def test_the_curve_and_the_suggestion_are_shown_and_used_as_one_step(
    qtbot: QtBot, finder: RateFinder, controller: TrainingController, workspace: Workspace
) -> None:
    before = workspace.project
    searched(qtbot, finder, controller)
    assert not finder.curve.isHidden()
    assert finder.use_button.text() == "Use 0.0067"
    assert "0.0067" in finder.curve.accessibleDescription()
    assert workspace.project == before
    finder.use_button.click()
    assert workspace.project.recipe.learning_rate == 0.0067
    assert workspace.undo_label == "Use the found learning rate"
    assert finder.use_button.isHidden()
    assert not finder.curve.isHidden()  # the rate itself was not what the search hung on
    workspace.undo()
    assert workspace.project == before
    assert not finder.use_button.isHidden()


def test_another_batch_size_takes_the_answer_away(
    qtbot: QtBot, finder: RateFinder, controller: TrainingController, workspace: Workspace
) -> None:
    searched(qtbot, finder, controller)
    workspace.apply("Set batch", lambda project: assign.set_value(project, "batch_size", "32"))
    assert finder.search is None
    assert finder.curve.isHidden()


def test_why_a_search_failed_is_said(
    qtbot: QtBot, finder: RateFinder, controller: TrainingController
) -> None:
    controller.set_engine(ScriptedEngine(refuse="The data is gone."))
    finder.find_button.click()
    qtbot.waitUntil(lambda: "The data is gone." in finder.said.text(), timeout=5_000)
    assert finder.find_button.text() == "Find a rate"


def test_the_curve_grows_while_it_is_searched(
    qtbot: QtBot, finder: RateFinder, controller: TrainingController
) -> None:
    engine = ScriptedEngine()
    engine.seconds_a_rate = 0.03
    controller.set_engine(engine)
    finder.find_button.click()
    finder.find_button.click()  # a double click begins the search and does not end it
    qtbot.waitUntil(lambda: " of 60 rates, at most " in finder.said.text(), timeout=5_000)
    assert finder.search is None
    assert not finder.curve.isHidden()
    assert not finder.curve.grab().isNull()
    first, last = finder.curve._axis
    assert (round(first, 2), round(last, 2)) == (-13.82, 0.0)  # 1e-6 to 1, the whole of it
    assert finder.use_button.isHidden()
    qtbot.waitUntil(lambda: finder.search is not None, timeout=10_000)
    assert finder.use_button.text() == "Use 0.0067"


def test_a_search_is_stopped_by_its_button(
    qtbot: QtBot, finder: RateFinder, controller: TrainingController
) -> None:
    engine = ScriptedEngine()
    engine.seconds_a_rate = 0.05
    controller.set_engine(engine)
    finder.find_button.click()
    qtbot.wait(QApplication.doubleClickInterval() + 100)
    qtbot.waitUntil(lambda: not finder.curve.isHidden(), timeout=5_000)
    finder._begun -= 10.0
    finder.find_button.click()
    qtbot.waitUntil(lambda: finder.said.text() == "The search was stopped.", timeout=5_000)
    assert finder.find_button.text() == "Find a rate"
    assert finder.curve.isHidden()
