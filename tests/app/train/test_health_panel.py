"""The panel of findings: what it shows, when it looks, and what its buttons do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from studio.app.train import remedy
from studio.app.train.controller import TrainingController
from studio.app.train.health_panel import HealthPanel
from studio.app.workspace import Workspace
from studio.project import edits, templates
from studio.runs.api import Probed
from studio.runs.remedies import set_rate
from tests.scripted_engine import Script, ScriptedEngine, ScriptedRun


@pytest.fixture
def workspace(qtbot: QtBot) -> Workspace:
    return Workspace(templates.build("small_sigmoid"))


@pytest.fixture
def controller(qtbot: QtBot, tmp_path: Path) -> TrainingController:
    return TrainingController(tmp_path / "runs")


@pytest.fixture
def panel(qtbot: QtBot, workspace: Workspace, controller: TrainingController) -> HealthPanel:
    panel = HealthPanel(workspace, controller)
    qtbot.addWidget(panel)
    panel.resize(900, 200)
    return panel


def begin(workspace: Workspace, controller: TrainingController) -> ScriptedRun:
    names = tuple(row.name for row in workspace.analysis.layers if row.parameters)
    engine = ScriptedEngine(Script(paced=None, layers=names))
    controller.set_engine(engine)
    controller.start(workspace.project)
    engine.runs[0].begin()
    controller._poll()
    return engine.runs[0]


def feed(run: ScriptedRun, loss: np.ndarray, slope: float) -> None:
    """Steps with that loss, and norms of which each layer's is ``slope`` times the last one's."""
    columns = run.telemetry
    width = len(columns.layers)
    columns.loss.extend(loss.astype(np.float32))
    rows = np.geomspace(1.0, slope ** (width - 1), width)[None].repeat(len(loss), 0)
    columns.gradients.extend(rows.astype(np.float32))


def texts(panel: HealthPanel) -> str:
    return " ".join(
        label.text() for label in panel.findChildren(QLabel) if label.isVisibleTo(panel)
    )


def button(panel: HealthPanel, start: str) -> QPushButton:
    return next(b for b in panel.findChildren(QPushButton) if b.text().startswith(start))


HEALTHY = 2.3 * np.exp(-np.arange(100) / 50)


def test_a_healthy_run_shows_nothing(
    panel: HealthPanel, workspace: Workspace, controller: TrainingController
) -> None:
    run = begin(workspace, controller)
    feed(run, HEALTHY, 1.0)
    panel.look()
    assert panel.findings == ()
    assert panel.isHidden()
    controller.shutdown()


def test_a_finding_has_evidence_a_way_to_its_layer_and_a_remedy_that_can_be_undone(
    panel: HealthPanel, workspace: Workspace, controller: TrainingController
) -> None:
    run = begin(workspace, controller)
    feed(run, HEALTHY, 10.0)
    panel.look()
    assert [finding.code for finding in panel.findings] == ["vanishing"]
    assert not panel.isHidden()
    assert "Early layers learn almost nothing" in texts(panel)
    wanted: list[str] = []
    panel.node_wanted.connect(wanted.append)
    button(panel, "Show ").click()
    assert wanted == [panel.findings[0].layers[0].partition(".")[0]]
    before = workspace.project
    button(panel, "Use ReLU").click()
    chosen = {n.settings.get("activation") for n in workspace.project.network.nodes}
    assert "sigmoid" not in chosen
    panel.look()  # it was mended: a line ticks it off, and it is not told again of this run
    assert panel.findings == ()
    assert not panel.isHidden()
    assert texts(panel).strip() == (
        "Early layers learn almost nothing. Use ReLU in 3 nodes: done. It holds for the next run."
    )
    workspace.undo()
    assert workspace.project == before
    assert [finding.code for finding in panel.findings] == ["vanishing"]  # taken back, it is again
    assert "done" not in texts(panel)
    workspace.redo()
    controller.shutdown()
    assert "Train to try it." in texts(panel)
    controller.start(workspace.project, "another")
    assert panel.isHidden()  # another run begins
    controller.shutdown()


def test_a_remedy_that_the_open_project_has_is_not_offered(
    panel: HealthPanel, workspace: Workspace, controller: TrainingController
) -> None:
    run = begin(workspace, controller)
    feed(run, HEALTHY, 10.0)
    panel.look()
    before = workspace.project
    fix = panel.findings[0].remedy
    assert fix is not None
    workspace.apply("By hand", lambda project: edits.mend(project, fix))
    assert [finding.code for finding in panel.findings] == ["vanishing"]
    assert "Your project has it already" in texts(panel)
    assert not any(b.text() == fix.text for b in panel.findChildren(QPushButton) if b.isVisible())
    workspace.undo()
    assert workspace.project == before
    assert "already" not in texts(panel)
    workspace.new(templates.build("quickstart"))
    assert "The open project is another network" in texts(panel)
    assert not any(
        b.text().startswith("Show ")
        for b in panel.findChildren(QPushButton)
        if b.isVisibleTo(panel)
    )  # what it has not can not be shown on its canvas
    panel._mend(panel.findings[0])
    assert workspace.project == templates.build("quickstart")
    controller.shutdown()


@pytest.mark.parametrize(("other", "expected"), [
    ("small_sigmoid", "offered"), ("quickstart", "foreign"),
])  # fmt: skip
def test_a_learning_rate_is_offered_to_the_network_that_asked_for_it_alone(
    other: str, expected: str
) -> None:
    run = templates.build("small_sigmoid")
    assert remedy.standing(set_rate(0.0123), run, templates.build(other)) == expected


def test_several_findings_are_counted_and_unfolded(
    panel: HealthPanel, workspace: Workspace, controller: TrainingController
) -> None:
    run = begin(workspace, controller)
    feed(run, np.concatenate([HEALTHY, np.linspace(1, 9, 60)]), 10.0)
    for step in range(3):
        controller._take(Probed(step, ("block1.act1",), ("sigmoid",), (0.9,)))
    panel.look()
    assert [f.code for f in panel.findings] == ["rate-high", "vanishing", "saturated"]
    assert panel.more.text() == "2 more"
    assert "saturated" not in texts(panel)
    panel.more.click()
    assert "saturated" in texts(panel)
    panel.more.click()
    assert "saturated" not in texts(panel)
    controller.shutdown()


def test_the_next_run_begins_without_findings(
    panel: HealthPanel, workspace: Workspace, controller: TrainingController
) -> None:
    run = begin(workspace, controller)
    feed(run, HEALTHY, 10.0)
    panel.look()
    assert panel.findings
    controller.shutdown()
    controller.start(workspace.project)
    assert panel.isHidden()
    controller.shutdown()
