"""The Start card and the gallery's pretrained buttons, as a user uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.recovery import Recovery
from studio.app.start_page import StartPage
from studio.app.train.controller import TrainingController
from studio.app.train.start_card import StartCard
from studio.app.workspace import Workspace
from studio.project import templates
from studio.project.pretrained import PRETRAINED
from tests.scripted_engine import Script, ScriptedEngine

V1 = "torchvision:ResNet50_Weights.IMAGENET1K_V1"
V2 = "torchvision:ResNet50_Weights.IMAGENET1K_V2"


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    return Workspace(templates.build("resnet50", classes=5))


@pytest.fixture
def controller(qtbot: QtBot, tmp_path: Path) -> TrainingController:
    return TrainingController(tmp_path / "runs")


@pytest.fixture
def background(qtbot: QtBot) -> Iterator[Background]:
    made = Background()
    yield made
    assert made.shutdown()


@pytest.fixture
def card(
    qtbot: QtBot, workspace: Workspace, controller: TrainingController, background: Background
) -> StartCard:
    made = StartCard(workspace, controller, background)
    qtbot.addWidget(made)
    workspace.changed.connect(lambda: made.show_project(workspace.project))
    made.resize(284, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


def choose(card: StartCard, word: str) -> None:
    """Pick an entry as a user does."""
    card.choice.set_value(word)
    card.choice._chosen()


def pick_file(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (path, ""))


def test_it_starts_at_random_and_says_so(card: StartCard) -> None:
    assert card.choice.value == "random"
    assert card.state.text() == "Every weight starts at random, from the seed."
    assert not card.version.isVisible()
    assert not card.normalize.isVisible()


def test_pretrained_weights_bring_their_normalization_in_one_undo_step(
    card: StartCard, workspace: Workspace
) -> None:
    choose(card, "torchvision")
    assert workspace.project.recipe.weights == V2
    assert workspace.project.data.normalization == "imagenet"
    assert "ResNet50_Weights.IMAGENET1K_V2: 98 MB" in card.state.text()
    assert "The last layer starts at random, since it is for 5 classes." in card.state.text()
    workspace.undo()
    assert workspace.project.recipe.weights == ""
    assert workspace.project.data.normalization == "standard"
    assert card.choice.value == "random"
    assert not workspace.undo_label


def test_the_older_version_can_be_chosen(card: StartCard, workspace: Workspace) -> None:
    choose(card, "torchvision")
    assert card.version.isVisible()
    card.version.set_value("IMAGENET1K_V1")
    card.version._chosen()
    assert workspace.project.recipe.weights == V1
    assert "IMAGENET1K_V1" in card.state.text()


def test_a_normalization_that_does_not_fit_is_offered_to_be_mended(
    qtbot: QtBot, card: StartCard, workspace: Workspace
) -> None:
    choose(card, "torchvision")
    workspace.apply("Set", lambda p: replace(p, data=replace(p.data, normalization="unit")))
    assert card.normalize.text() == "Use ImageNet's mean, deviation"
    qtbot.mouseClick(card.normalize, Qt.MouseButton.LeftButton)
    assert workspace.project.data.normalization == "imagenet"
    assert not card.normalize.isVisible()


def test_a_network_that_torchvision_lacks_is_refused_in_words_and_the_choice_returns(
    card: StartCard, workspace: Workspace
) -> None:
    workspace.new(templates.build("cifar_resnet20"))
    said: list[str] = []
    workspace.refused.connect(said.append)
    choose(card, "torchvision")
    assert len(said) == 1
    assert "none that torchvision has weights for" in said[0]
    assert card.choice.value == "random"


def test_a_file_is_read_behind_the_window_and_its_report_shown(
    qtbot: QtBot,
    card: StartCard,
    workspace: Workspace,
    controller: TrainingController,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pick_file(monkeypatch, str(tmp_path / "mine.pth"))
    choose(card, "file")
    assert workspace.project.recipe.weights == str(tmp_path / "mine.pth")
    assert card.state.text() == "mine.pth, read when the training starts."
    controller.set_engine(ScriptedEngine(Script(paced=None)))
    qtbot.waitUntil(lambda: card.state.text().startswith("All 12 tensors"))
    assert card.normalize.text() == "Use [0, 1]"
    pick_file(monkeypatch, "")
    qtbot.mouseClick(card.other, Qt.MouseButton.LeftButton)
    assert workspace.project.recipe.weights == str(tmp_path / "mine.pth")


def test_a_file_that_does_not_fit_is_told_at_once(
    qtbot: QtBot,
    card: StartCard,
    controller: TrainingController,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    controller.set_engine(ScriptedEngine(Script(paced=None), refuse="w.pt does not fit."))
    pick_file(monkeypatch, "/w.pt")
    choose(card, "file")
    qtbot.waitUntil(lambda: "does not fit" in card.state.text())
    assert card.state.text() == "w.pt does not fit. Choose another file."
    assert card.state.property("role") == "error"
    choose(card, "random")
    assert card.state.property("role") == "small"


def test_a_file_dialog_that_is_left_changes_nothing(
    card: StartCard, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pick_file(monkeypatch, "")
    choose(card, "file")
    assert card.choice.value == "random"
    assert not workspace.undo_label


def test_every_control_has_a_name_and_says_why(card: StartCard) -> None:
    for widget in (card.choice, card.version, card.state):
        assert widget.accessibleName()
    for widget in (card.choice, card.version, card.other, card.normalize):
        assert widget.toolTip()
    assert "ImageNet" in card.choice.toolTip()


def test_the_gallery_offers_pretrained_weights_where_there_are_some(
    qtbot: QtBot, workspace: Workspace, tmp_path: Path
) -> None:
    page = StartPage(workspace, Recovery(workspace, tmp_path))
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    qtbot.waitExposed(page)
    offered = {name for name, card in page.gallery.cards.items() if card.pretrained is not None}
    assert offered == set(PRETRAINED)
    chosen: list[tuple[str, str]] = []
    page.pretrained.connect(lambda name: chosen.append(("pretrained", name)))
    page.template.connect(lambda name: chosen.append(("plain", name)))
    card = page.gallery.cards["googlenet"]
    assert card.pretrained is not None
    assert "50 MB" in card.pretrained.toolTip()
    qtbot.mouseClick(card.pretrained, Qt.MouseButton.LeftButton)
    assert chosen == [("pretrained", "googlenet")]
