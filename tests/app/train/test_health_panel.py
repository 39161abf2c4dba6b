"""The panel of findings: what it shows, when it looks, and what its buttons do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from studio.app.train.controller import TrainingController
from studio.app.train.health_panel import HealthPanel
from studio.app.workspace import Workspace
from studio.project import templates
from studio.runs.api import Probed
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
    said: list[str] = []
    controller.message.connect(said.append)
    button(panel, "Use ReLU").click()
    chosen = {n.settings.get("activation") for n in workspace.project.network.nodes}
    assert "sigmoid" not in chosen
    assert "next run" in said[-1]
    assert panel.isHidden()
    panel.look()
    assert panel.isHidden()  # it was mended, and is not told again of the run under way
    workspace.undo()
    assert workspace.project == before
    assert not panel.isHidden()  # taken back, the fault is there again
    controller.shutdown()


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
