"""The export dialog writes beside the work, reports what it wrote, and says what failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.export_dialog import FORMATS, ExportDialog
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project import codec, templates
from studio.runs.api import ExportReport, WorkFailed
from studio.runs.folder import RunFolder, RunInfo
from tests.scripted_engine import ScriptedEngine


class Remembering(ScriptedEngine):
    """Notes what was exported; of a project file it notes the classes, since the file goes away."""

    def __init__(self, refuse: str = "") -> None:
        super().__init__()
        self.refusal = refuse
        self.exported: list[tuple[str, str, str]] = []

    def export(
        self,
        source: Path,
        format: str,
        path: Path,
        checkpoint: str = "best",
        weights: bool = True,
    ) -> ExportReport:
        if self.refusal:
            raise WorkFailed(self.refusal, "Choose another place.")
        what = "run" if source.is_dir() else f"{len(codec.load(source).network.nodes)} nodes"
        self.exported.append((what, format, checkpoint))
        return ExportReport(format, (str(path),), 38_400, 3e-7, "Reloaded on 8 images.")


@pytest.fixture
def engine() -> Remembering:
    return Remembering()


@pytest.fixture
def dialog(
    qtbot: QtBot,
    workspace: Workspace,
    controller: TrainingController,
    background: Background,
    engine: Remembering,
    tmp_path: Path,
) -> ExportDialog:
    QSettings().setValue("folder/export", str(tmp_path))
    controller.set_engine(engine)
    made = ExportDialog(workspace, controller, background)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_path_follows_the_format_until_it_is_typed(
    qtbot: QtBot, dialog: ExportDialog, tmp_path: Path
) -> None:
    assert dialog.path.text() == str(tmp_path / "quickstart.py")
    dialog.choose_format("safetensors")
    assert dialog.path.text() == str(tmp_path / "quickstart.safetensors")
    dialog.path.clear()
    qtbot.keyClicks(dialog.path, "/tmp/mine.bin")
    dialog.choose_format("onnx")
    assert dialog.path.text() == "/tmp/mine.bin"


def test_an_untrained_project_is_exported_with_fresh_weights_and_reported(
    qtbot: QtBot, dialog: ExportDialog, engine: Remembering, workspace: Workspace
) -> None:
    dialog.choose_format("state-dict")
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Written" in dialog.outcome.text())
    nodes = len(workspace.project.network.nodes)
    assert engine.exported == [(f"{nodes} nodes", "state-dict", "best")]
    assert "37.5 KiB" in dialog.outcome.text()
    assert "quickstart_state_dict.pt" in dialog.outcome.text()
    assert "3e-07" in dialog.outcome.text()
    assert dialog.reveal.isVisible()
    assert dialog.write.isEnabled()
    qtbot.waitUntil(lambda: _cut_off(dialog) == [])


def _cut_off(dialog: ExportDialog) -> list[str]:
    """The texts that have less height than their lines need."""
    return [
        label.text()
        for label in dialog.findChildren(QLabel)
        if label.isVisible() and label.height() < label.heightForWidth(label.width())
    ]


def test_a_failure_is_a_sentence_in_the_dialog(
    qtbot: QtBot, dialog: ExportDialog, engine: Remembering
) -> None:
    engine.refusal = "The disk is full."
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "disk is full" in dialog.outcome.text())
    assert dialog.outcome.text() == "The disk is full. Choose another place."
    assert not dialog.reveal.isVisible()


def test_an_empty_path_is_refused_before_anything_is_done(
    qtbot: QtBot, dialog: ExportDialog, engine: Remembering
) -> None:
    dialog.path.clear()
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    assert "no file to write to" in dialog.outcome.text()
    assert not engine.exported


def test_a_trained_run_is_offered_first_with_its_checkpoints(
    qtbot: QtBot, dialog: ExportDialog, controller: TrainingController, workspace: Workspace
) -> None:
    from tests.scripted_engine import Script

    engine = ScriptedEngine(Script(paced=None))
    controller.engine = engine
    assert not dialog.checkpoint.isEnabled()
    controller.start(workspace.project, "mine")
    engine.runs[0].begin()
    engine.runs[0].advance(17)
    qtbot.waitUntil(lambda: len(controller.epochs) == 1)
    controller.stop()
    qtbot.waitUntil(lambda: controller.state == "idle")
    assert dialog.model.itemText(0).startswith("Trained: mine-")
    assert dialog.checkpoint.isEnabled()


def _finished_run(root: Path, name: str, accuracy: float, created: str) -> Path:
    info = RunInfo(state="completed", title=name, created=created, best_epoch=3,
                   best_accuracy=accuracy)  # fmt: skip
    return RunFolder.create(root / name, templates.build("lenet5"), info).path


def test_earlier_runs_are_offered_and_the_newest_of_this_project_is_chosen(
    qtbot: QtBot,
    workspace: Workspace,
    controller: TrainingController,
    background: Background,
    engine: Remembering,
) -> None:
    root = controller.runs_root
    root.mkdir()
    _finished_run(root, "quickstart-20260101-000000", 0.91, "2026-01-01")
    newest = _finished_run(root, "quickstart-20260102-000000", 0.92, "2026-01-02")
    _finished_run(root, "cats-20260103-000000", 0.93, "2026-01-03")
    controller.set_engine(engine)
    dialog = ExportDialog(workspace, controller, background)
    qtbot.addWidget(dialog)
    dialog.show()
    assert [dialog.model.itemText(row) for row in range(4)] == [
        "Trained: cats-20260103-000000, 93.0 %",
        "Trained: quickstart-20260102-000000, 92.0 %",
        "Trained: quickstart-20260101-000000, 91.0 %",
        "This project as it starts, untrained",
    ]
    assert dialog.model.currentData() == newest
    assert not dialog.untrained.isVisible()
    dialog.model.setCurrentIndex(0)
    assert Path(dialog.path.text()).name == "cats.py"
    dialog.model.setCurrentIndex(3)
    assert dialog.untrained.isVisible()


def test_a_file_that_is_there_is_replaced_only_when_asked_twice(
    qtbot: QtBot, dialog: ExportDialog, engine: Remembering, tmp_path: Path
) -> None:
    (tmp_path / "quickstart.pt").touch()  # the weights of another Python file
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    assert "quickstart.pt is there already" in dialog.outcome.text()
    assert not engine.exported
    assert dialog.write.text() == "Replace"
    dialog.choose_format("safetensors")
    assert dialog.write.text() == "Export"
    dialog.choose_format("python")
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    assert dialog.write.text() == "Replace"
    assert not engine.exported
    qtbot.mouseClick(dialog.write, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Written" in dialog.outcome.text())
    assert len(engine.exported) == 1


def test_torchvision_is_offered_for_its_own_models_alone(
    dialog: ExportDialog, workspace: Workspace
) -> None:
    button = dialog.formats["torchvision"]
    assert not button.isEnabled()
    workspace.new(templates.build("resnet18"), "resnet18")
    assert button.isEnabled()
    dialog.choose_format("torchvision")
    workspace.new(templates.build("quickstart"), "quickstart")
    assert not button.isEnabled()
    assert dialog.chosen_format().key == "python"


def test_every_format_of_the_command_line_is_offered() -> None:
    contract = {"state-dict", "safetensors", "torch-export", "onnx", "python", "torchvision"}
    assert {entry.key for entry in FORMATS} == contract
