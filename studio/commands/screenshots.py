"""Pictures of the real window on real data, for the README: the quick start while it trains."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands import app

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    from studio.app.window import MainWindow

HELP = "take the README's pictures from the real window, light and dark"

_WIDTH, _HEIGHT = 1440, 900
_MOST_BYTES = 400_000
_PATIENCE_SECONDS = 300.0
_SHARE_TRAINED = 0.7
"""The train page is taken under way: its progress bar and pace are part of it."""


class _TookTooLong(Exception):
    pass


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the pictures")
    parser.add_argument("--epochs", type=int, default=12, help="epochs to train (default 12)")


def run(arguments: argparse.Namespace) -> int:
    if reason := app.obstacle():
        print(f"studio: {reason}", file=sys.stderr)
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="training-studio-") as folder:
        try:
            _take_all(arguments.out, Path(folder), arguments.epochs)
        except _TookTooLong as error:
            print(f"studio: {error} Try again on a quieter machine.", file=sys.stderr)
            return 1
    return 0


def _take_all(out: Path, folder: Path, epochs: int) -> None:
    from PySide6.QtCore import QSettings

    from studio.app import application as qt
    from studio.app.background import Background
    from studio.app.build.page import BuildPage
    from studio.app.recovery import Recovery
    from studio.app.shelf import Shelf
    from studio.app.theme.tokens import theme
    from studio.app.train.controller import TrainingController
    from studio.app.window import MainWindow
    from studio.app.workspace import Workspace
    from studio.engine import TorchEngine
    from studio.project import templates
    from studio.project.assign import set_value

    # The pictures show a fresh installation, and leave the user's own settings alone.
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    application = qt.create(sys.argv[:1])
    project = set_value(templates.build("quickstart"), "epochs", str(epochs))
    workspace = Workspace(project, shelf=Shelf(folder / "blocks.json"))
    workspace.new(project, "digits-quickstart")
    workspace.save(folder / "digits-quickstart.studio")
    controller = TrainingController(folder / "runs")
    recovery = Recovery(workspace, folder / "recovery")
    window = MainWindow(
        workspace, controller, Background(), recovery=recovery, queue_folder=folder / "queue"
    )
    window.resize(_WIDTH, _HEIGHT)
    window.show()
    window.make_all_pages()
    engine = TorchEngine(spare_cores=1)
    engine.warm_up()
    window.take_engine(engine)

    def take(page: str, name: str = "") -> None:
        window.show_page(page)
        for scheme in ("light", "dark"):
            theme().set_preference("dark" if scheme == "dark" else "light")
            _settle(application)
            path = out / f"{name or page}-{scheme}.png"
            save(window.grab().toImage(), path)
            print(path)

    try:
        window.show_page("data")
        _wait(application, lambda: _data_is_read(window), "The images were not read in time.")
        take("data")
        window.show_page("build")
        _settle(application)
        workspace.select(("mixed",))
        take("build")
        build = window.page("build")
        assert isinstance(build, BuildPage)
        build.strip.code_button.setChecked(True)
        _settle(application)
        take("build", "code")
        build.strip.code_button.setChecked(False)
        window.train()
        _wait(
            application,
            lambda: controller.progress()[0] >= _SHARE_TRAINED or not controller.busy,
            "The training did not get far enough in time.",
        )
        take("train")
        window.show_page("runs")
        _wait(application, lambda: _run_is_shown(window), "The run was not read in time.")
        take("runs")
    finally:
        window.close_unasked()


def _data_is_read(window: MainWindow) -> bool:
    from studio.app.data_page import DataPage

    page = window.page("data")
    assert isinstance(page, DataPage)
    return page.inspection.status == "ready"


def _run_is_shown(window: MainWindow) -> bool:
    from studio.app.runs.page import RunsPage

    page = window.page("runs")
    assert isinstance(page, RunsPage)
    return page.chosen is not None


def _wait(application: QApplication, until: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise _TookTooLong(otherwise)
        application.processEvents()
        time.sleep(0.01)


def _settle(application: QApplication, seconds: float = 0.8) -> None:
    """Let what was asked for be drawn: animations and the plots' next frame."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.01)


def save(image: QImage, path: Path) -> None:
    """Write a PNG of at most 400 kB: with 256 colors where all of them take more room."""
    from PySide6.QtCore import Qt
    from PySide6.QtGui import QImage

    image.save(str(path), quality=0)
    if path.stat().st_size > _MOST_BYTES:
        flags = Qt.ImageConversionFlag.AvoidDither
        image.convertToFormat(QImage.Format.Format_Indexed8, flags).save(str(path), quality=0)
