"""Training in the window, all plots shown and all telemetry on, against the bare loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch

from studio.commands.benchmarks.bare import EPOCHS, bare, speed
from studio.commands.benchmarks.harness import BenchmarkFailed, Goal, Report, interleave
from studio.engine import TorchEngine
from studio.engine.data import DataReader
from studio.engine.devices import choose_device
from studio.project import templates
from studio.project.values import Project
from studio.runs.api import Failed

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from studio.app.window import MainWindow

TITLE = "images per second of quick-start epochs, in the window and without it"
_GOAL_ON_A_PROCESSOR, _GOAL_ON_A_GPU = 0.95, 0.97  # of the bare loop's speed
_SPARE_CORES = 1
"""The app leaves one core to its window; the bare loop is given the same threads."""


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Train the quick-start network both ways, in turns, on the device that ``auto`` picks."""
    project = templates.build("quickstart")
    recipe = msgspec.structs.replace(project.recipe, epochs=EPOCHS)
    project = msgspec.structs.replace(project, recipe=recipe)
    device = choose_device(recipe.device).name
    data = DataReader().read(project.data, (1, 32, 32))
    with tempfile.TemporaryDirectory(prefix="training-studio-") as folder:
        application, window = _open(Path(folder))
        try:
            report = interleave(
                "app",
                {
                    "bare loop": lambda: bare(project, data, torch.device(device), _SPARE_CORES),
                    "in the window": lambda: _in_window(application, window, project),
                },
                baseline="bare loop",
                rounds=rounds,
                unit="images/s",
                progress=progress,
            )
        finally:
            window.close_unasked()
    wanted = _GOAL_ON_A_PROCESSOR if device == "cpu" else _GOAL_ON_A_GPU
    kept = report.ratio("in the window").median >= wanted
    goal = Goal(f"at least {wanted} of the bare loop on {device}", kept)
    return msgspec.structs.replace(report, goals=(goal,))


def _open(folder: Path) -> tuple[QApplication, MainWindow]:
    """The real window on the train page, with the user's settings left alone."""
    from PySide6.QtCore import QSettings

    from studio.app import application as qt
    from studio.app.background import Background
    from studio.app.recovery import Recovery
    from studio.app.train.controller import TrainingController
    from studio.app.window import MainWindow
    from studio.app.workspace import Workspace

    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    application = qt.create(["studio"])
    workspace = Workspace(templates.build("quickstart"))
    window = MainWindow(
        workspace,
        TrainingController(folder / "runs"),
        Background(),
        recovery=Recovery(workspace, folder / "recovery"),
        queue_folder=folder / "queue",
    )
    window.show()
    window.make_all_pages()
    window.show_page("train")
    engine = TorchEngine(spare_cores=_SPARE_CORES)
    engine.warm_up()
    window.take_engine(engine)
    return application, window


def _in_window(application: QApplication, window: MainWindow, project: Project) -> float:
    """Images per second of a run that the window's own control started and its plots follow."""
    from PySide6.QtCore import QEventLoop

    controller = window.controller
    loop = QEventLoop(application)

    def follow(state: str) -> None:
        if state == "idle":
            loop.quit()

    controller.state_changed.connect(follow)
    if controller.start(project, "benchmark"):
        loop.exec()
    controller.state_changed.disconnect(follow)
    if isinstance(controller.result, Failed):
        raise BenchmarkFailed(controller.result.message)
    started = controller.started
    if started is None:
        raise BenchmarkFailed("the run did not start")
    return speed(started.train_images, [epoch.seconds for epoch in controller.epochs])
