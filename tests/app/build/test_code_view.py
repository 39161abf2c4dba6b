"""The code panel shows what an export would write and follows the selection."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from studio.app.build.code_view import IMPORTS, CodeView, definition
from studio.app.build.page import BuildPage
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.source import Source
from studio.project.templates import TEMPLATES, build


@pytest.fixture
def workspace() -> Workspace:
    made = Workspace()
    made.new(build("quickstart"), "quickstart")
    return made


@pytest.fixture
def view(qtbot: QtBot, workspace: Workspace) -> CodeView:
    made = CodeView(workspace)
    qtbot.addWidget(made)
    made.resize(500, 300)
    made.show()
    qtbot.waitExposed(made)
    return made


def marked(view: CodeView) -> set[str]:
    """The lines under a strong mark, without their indentation."""
    marks = view.text.extraSelections()
    strongest = max(mark.format.background().color().alphaF() for mark in marks)
    return {
        mark.cursor.block().text().strip()
        for mark in marks
        if mark.format.background().color().alphaF() == strongest
    }


def test_the_code_is_that_of_the_export_and_follows_an_edit(
    qtbot: QtBot, view: CodeView, workspace: Workspace
) -> None:
    text = view.text.toPlainText() + "\n"
    assert text == IMPORTS + "\n\n" + Source(workspace.project.network, "quickstart").classes
    compile(text, "code", "exec")
    workspace.edit_network("Wider", lambda n: edits.set_setting(n, "features", "channels", 24))
    qtbot.waitUntil(lambda: "self.features = VggBlock(1, 24)" in view.text.toPlainText())


def test_the_lines_of_the_selected_node_are_marked_and_in_view(
    view: CodeView, workspace: Workspace
) -> None:
    workspace.select(["head"])
    assert marked(view) == {"self.head = nn.Linear(64, 10)", "return self.head(x)"}
    line = view.text.toPlainText().split("\n").index("        self.head = nn.Linear(64, 10)")
    first = view.text.verticalScrollBar().value()
    assert first <= line <= first + 25
    workspace.select(["pool"])  # it has no line of its own in __init__
    assert marked(view) == {"x = self.deep(x).mean(dim=(2, 3))"}
    workspace.select([])
    assert view.text.extraSelections() == []


def test_the_class_of_a_selected_block_is_marked_paler(
    view: CodeView, workspace: Workspace
) -> None:
    workspace.select(["deep"])
    texts = {mark.cursor.block().text() for mark in view.text.extraSelections()}
    assert "class ResidualBlock(nn.Module):" in texts
    assert "class VggBlock(nn.Module):" not in texts
    assert marked(view) == {
        "self.deep = ResidualBlock(48, 64)",
        "x = self.deep(x).mean(dim=(2, 3))",
    }


def test_a_problem_is_said_above_the_last_good_code(
    qtbot: QtBot, view: CodeView, workspace: Workspace
) -> None:
    before = view.text.toPlainText()
    workspace.edit_network("Cut", lambda n: edits.remove_nodes(n, ["features"], heal=False))
    qtbot.waitUntil(view.problem.isVisible)
    assert "mixed" in view.problem.text().lower()
    assert view.text.toPlainText() == before
    workspace.undo()
    qtbot.waitUntil(lambda: not view.problem.isVisible())


def test_copying_takes_all_of_it(view: CodeView) -> None:
    view.copy.click()
    assert QGuiApplication.clipboard().text() == view.text.toPlainText() + "\n"


def test_the_page_shows_it_on_demand_and_remembers(qtbot: QtBot, workspace: Workspace) -> None:
    page = BuildPage(workspace)
    qtbot.addWidget(page)
    page.show()
    assert not page.code.isVisible()
    page.strip.code_button.click()
    assert page.code.isVisible()
    assert page.code.text.toPlainText()
    page.hide()
    assert str(QSettings().value("build/code")) == "shown"
    again = BuildPage(workspace)
    qtbot.addWidget(again)
    again.show()
    assert again.code.isVisible()


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - {"cifar_resnet1202", "cifar_plain1202"}))
def test_every_node_of_a_template_is_found_in_its_code(name: str) -> None:
    network = build(name).network
    source = Source(network, "net")
    lines = source.classes.split("\n")
    for node in network.nodes:
        if node.kind in ("input", "output", "auxiliary"):
            assert source.lines(node.name) == ()
            continue
        found = "\n".join(lines[line] for place in source.lines(node.name) for line in place)
        assert found, node.name
        if node.kind not in ("activation", "global_pooling", "flatten"):
            assert f"self.{node.name} = " in found
            assert f"self.{node.name}(" in found
        used = definition(source, node.name)
        if node.kind in ("vgg", "inception", "residual", "conv_unit"):
            assert used is not None
            assert lines[used.start].startswith("class ")
            assert lines[used.stop - 1].startswith("        ")
