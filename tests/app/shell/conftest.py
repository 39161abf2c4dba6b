"""A workspace on the quick-start project, a controller, and the whole window around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.theme.tokens import theme
from studio.app.train.controller import TrainingController
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.project import templates
from tests.scripted_engine import Script, ScriptedEngine


@pytest.fixture(autouse=True)
def _dressed(dressed: None) -> None:
    pass


@pytest.fixture(autouse=True)
def _light_again(qapp: QApplication) -> Iterator[None]:
    yield
    theme().set_preference("system")


@pytest.fixture(autouse=True)
def _folders_of_this_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or kept in the user's own folders."""
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(tmp_path / "home"))


def leave(window: MainWindow) -> None:
    """Close without a question."""
    window.close_unasked()


@pytest.fixture
def workspace() -> Workspace:
    made = Workspace()
    made.new(templates.build("quickstart"), "quickstart")
    return made


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[TrainingController]:
    made = TrainingController(tmp_path / "runs")
    yield made
    assert made.shutdown()


@pytest.fixture
def background() -> Iterator[Background]:
    made = Background()
    yield made
    assert made.shutdown()


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(Script(paced=None))


@pytest.fixture
def window(
    qtbot: QtBot,
    workspace: Workspace,
    controller: TrainingController,
    background: Background,
) -> MainWindow:
    made = MainWindow(workspace, controller, background)
    qtbot.addWidget(made, before_close_func=leave)
    made.resize(1280, 800)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], list[str]]:
    """Makes every question answer itself; returns the texts of those that were asked."""
    from PySide6.QtWidgets import QMessageBox

    def prepare(reply: object) -> list[str]:
        asked: list[str] = []

        def execute(box: QMessageBox) -> object:
            asked.append(box.text())
            return reply

        def clicked(box: QMessageBox) -> object:
            return next((b for b in box.buttons() if b.text() == reply), None)

        monkeypatch.setattr(QMessageBox, "exec", execute)
        monkeypatch.setattr(QMessageBox, "clickedButton", clicked)
        return asked

    return prepare
