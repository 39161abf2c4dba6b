"""What the data has to say about a node is marked on its card, and mended there."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.app.build.page import BuildPage
from studio.app.workspace import Workspace
from studio.project import edits, templates
from studio.project.fit import fit_problems


@pytest.fixture
def page(qtbot: QtBot, qapp: QApplication) -> BuildPage:
    page = BuildPage(Workspace(templates.build("quickstart")))
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    qtbot.waitExposed(page)
    return page


def test_a_count_of_classes_that_the_data_does_not_have_marks_the_output(page: BuildPage) -> None:
    workspace = page.workspace
    findings = fit_problems(workspace.project, 7, 1000)
    assert len(findings) == 1
    face = page.view.canvas.cards["output"].face
    assert not face.problem
    page.set_findings(findings)
    face = page.view.canvas.cards["output"].face
    assert "7 classes" in face.problem
    assert face.fix == "Set classes to 7"
    workspace.select(("output",))
    assert "7 classes" in page.view.accessibleDescription()


def test_the_mark_survives_an_edit_and_goes_with_the_finding(page: BuildPage) -> None:
    workspace = page.workspace
    page.set_findings(fit_problems(workspace.project, 7, 1000))
    workspace.edit_network("Set", lambda n: edits.set_setting(n, "features", "channels", 24))
    assert page.view.canvas.cards["output"].face.problem
    assert not page.view.canvas.cards["features"].face.problem
    page.set_findings(())
    assert not page.view.canvas.cards["output"].face.problem


def test_its_fix_leaves_no_problem(page: BuildPage) -> None:
    workspace = page.workspace
    finding = fit_problems(workspace.project, 7, 1000)[0]
    assert finding.fix is not None
    page.view.editor.apply_fix(finding.fix)
    assert fit_problems(workspace.project, 7, 1000) == ()
    assert not workspace.analysis.problems


def test_a_finding_of_no_node_marks_none(page: BuildPage) -> None:
    findings = fit_problems(page.workspace.project, 10, 3)
    assert findings[0].node == ""
    page.set_findings(findings)
    assert not any(card.face.problem for card in page.view.canvas.cards.values())
