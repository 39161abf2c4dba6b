"""The dialog that writes the command for a training elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton
from pytestqt.qtbot import QtBot

from studio.app.launch_dialog import LaunchDialog
from studio.app.train.beginnings import Parent
from studio.app.train.controller import TrainingController
from studio.app.window import MainWindow
from studio.app.workspace import Workspace
from studio.runs.api import Device
from tests.scripted_engine import ScriptedEngine


@pytest.fixture
def dialog(qtbot: QtBot, workspace: Workspace, controller: TrainingController) -> LaunchDialog:
    made = LaunchDialog(workspace, controller, lambda: None)
    qtbot.addWidget(made)
    made.show()
    return made


def recipe(workspace: Workspace, **fields: Any) -> None:
    workspace.apply("Set", lambda p: replace(p, recipe=replace(p.recipe, **fields)))


def set_number(dialog: LaunchDialog, name: str, value: int) -> None:
    """Type a number, as a user does."""
    field = dialog.form.numbers[name]
    field.lineEdit().selectAll()
    field.lineEdit().insert(str(value))
    field.lineEdit().textEdited.emit(str(value))
    field.finish()


def test_a_project_without_a_file_is_to_be_saved_first(
    workspace: Workspace, controller: TrainingController, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "my digits.studio"
    dialog = LaunchDialog(workspace, controller, lambda: workspace.save(path))
    qtbot.addWidget(dialog)
    dialog.show()
    assert dialog.notice.text() == "The project has no file yet, and the command needs one."
    assert not dialog.copy.isEnabled()
    dialog.save.click()
    assert not dialog.notice.isVisible()
    assert dialog.copy.isEnabled()
    assert f"train '{path}' --out" in dialog.text.toPlainText()
    assert "/runs/my-digits-" in dialog.text.toPlainText()  # the run is called as the file is


def test_unsaved_changes_are_not_trained_and_it_says_so(
    dialog: LaunchDialog, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.save(tmp_path / "a.studio")
    assert not dialog.notice.isVisible()
    recipe(workspace, epochs=3)
    assert dialog.notice.isVisible()
    assert dialog.notice.text() == (
        "There are unsaved changes: the command trains what the file holds."
    )
    assert dialog.copy.isEnabled()


def test_the_command_follows_what_is_typed(
    dialog: LaunchDialog, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.save(tmp_path / "a.studio")
    set_number(dialog, "processes", 4)
    assert "torchrun --standalone --nproc-per-node 4 -m studio" in dialog.text.toPlainText()
    assert "takes 16 of the 64 images" in dialog.note.text()
    assert not dialog.form.host.isVisible()
    set_number(dialog, "machines", 2)
    assert dialog.form.host.isVisible()
    assert dialog.note.text() == "Give the first machine: the processes meet there."
    assert dialog.heading.text() == "Run this in a terminal on each of the 2 machines"
    dialog.form.host.setText("gpu01")
    dialog.form.host.textEdited.emit("gpu01")
    assert "--rdzv-endpoint gpu01:29400" in dialog.text.toPlainText()
    assert "takes 8 of the 64" in dialog.note.text()
    dialog.copy.click()
    assert QGuiApplication.clipboard().text() == dialog.text.toPlainText() + "\n"
    assert dialog.said.text() == "Copied."


def test_a_number_that_is_none_is_said(dialog: LaunchDialog, qtbot: QtBot) -> None:
    field = dialog.form.numbers["machines"].lineEdit()
    field.selectAll()
    qtbot.keyClicks(field, "0")
    assert dialog.said.text() == "machines must lie between 1 and 4,096, not 0"


def test_the_script_is_written_to_a_file(
    dialog: LaunchDialog, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.save(tmp_path / "a.studio")
    assert not dialog.store.isVisible()
    dialog.form.slurm.setChecked(True)
    assert dialog.text.toPlainText().startswith("#!/bin/bash\n#SBATCH --job-name=a\n")
    wishes: list[str] = []

    def choose(*arguments: Any) -> tuple[str, str]:
        wishes.append(arguments[2])
        return str(tmp_path / "job.sbatch"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    dialog.store.click()
    assert wishes == [str(tmp_path / "a.sbatch")]
    assert (tmp_path / "job.sbatch").read_text() == dialog.text.toPlainText() + "\n"
    assert dialog.said.text() == "Saved: sbatch job.sbatch"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "job"), "")
    )
    dialog.store.click()
    assert "its folder does not exist" in dialog.said.text()


def test_a_run_that_is_there_is_gone_on_with(
    dialog: LaunchDialog, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.save(tmp_path / "a.studio")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    dialog.form.run.setText(str(tmp_path / "run"))
    dialog.form.run.textEdited.emit(dialog.form.run.text())
    assert dialog.text.toPlainText().endswith(f"train --resume {tmp_path / 'run'}")
    assert dialog.note.text().startswith("There is a run in this folder already")
    workspace.save(tmp_path / "b.studio")
    assert dialog.form.run.text() == str(tmp_path / "run")  # what was typed stays


def test_own_images_may_lie_elsewhere(
    dialog: LaunchDialog, workspace: Workspace, tmp_path: Path
) -> None:
    assert not dialog.form.images.isVisible()
    workspace.apply("Set", lambda p: replace(p, data=replace(p.data, source="/my/images")))
    assert dialog.form.images.isVisible()
    assert "--data" not in dialog.text.toPlainText()
    dialog.form.images.setText("/scratch/images")
    dialog.form.images.textEdited.emit("/scratch/images")
    assert dialog.text.toPlainText().endswith(" --data /scratch/images")


def test_what_cannot_be_divided_is_warned_of(dialog: LaunchDialog, workspace: Workspace) -> None:
    recipe(workspace, batch_size=3)
    assert "too small" in dialog.note.text()
    assert dialog.note.property("role") == "warning"
    recipe(workspace, batch_size=64, device="mps")
    assert "Apple GPU" in dialog.note.text()
    dialog.form.slurm.setChecked(True)
    recipe(workspace, device="cpu")
    assert "gpus" not in dialog.text.toPlainText()


def test_what_is_typed_is_there_the_next_time(
    dialog: LaunchDialog, workspace: Workspace, controller: TrainingController, qtbot: QtBot
) -> None:
    set_number(dialog, "hours", 3)
    dialog.form.slurm.setChecked(True)
    dialog.form.partition.setText("gpu")
    dialog.form.partition.textEdited.emit("gpu")
    QSettings().setValue("elsewhere/cores", "many")
    again = LaunchDialog(workspace, controller, lambda: None)
    qtbot.addWidget(again)
    assert again.form.slurm.isChecked()
    script = again.text.toPlainText()
    assert "#SBATCH --time=3:00:00" in script
    assert "#SBATCH --partition=gpu" in script
    assert "#SBATCH --cpus-per-task=8" in script


def test_as_many_processes_as_there_are_gpus(
    workspace: Workspace, controller: TrainingController, qtbot: QtBot
) -> None:
    gpus = tuple(Device(f"cuda:{n}", "NVIDIA H200", 1 << 37) for n in range(4))
    controller.set_engine(ScriptedEngine(devices=(*gpus, Device("cpu", "CPU", 1 << 33))))
    dialog = LaunchDialog(workspace, controller, lambda: None)
    qtbot.addWidget(dialog)
    assert dialog.form.numbers["processes"].value == 4


def test_enter_in_a_field_presses_no_button(
    dialog: LaunchDialog, workspace: Workspace, qtbot: QtBot
) -> None:
    qtbot.keyClick(dialog.form.run, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert dialog.said.text() == ""
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_menu_and_train_page_open_it(window: MainWindow) -> None:
    window.actions_.elsewhere.trigger()
    first = window.findChild(LaunchDialog)
    assert first is not None
    first.close()
    page = window.page("train")
    link = next(b for b in page.findChildren(QPushButton) if b.text() == "Train elsewhere …")
    link.click()
    assert any(each.isVisible() for each in window.findChildren(LaunchDialog))


def test_a_branch_stands_in_the_command_as_long_as_it_is_chosen(
    dialog: LaunchDialog, controller: TrainingController
) -> None:
    assert "--branch" not in dialog.text.toPlainText()
    controller.branch_from(Parent(Path("/runs/before/checkpoints/best.safetensors"), "before", 9))
    assert "--branch /runs/before/checkpoints/best.safetensors" in dialog.text.toPlainText()
    controller.branch_from(None)
    assert "--branch" not in dialog.text.toPlainText()
