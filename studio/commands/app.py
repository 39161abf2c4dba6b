"""Opens the app: joins the window with the engine, which loads behind it."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands import shared_cores, system_libraries

if TYPE_CHECKING:
    from PySide6.QtCore import QObject

    from studio.app.window import MainWindow
    from studio.runs.api import Engine

HELP = "open the app, on a project where one is given"

_STARTED = time.perf_counter()


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", nargs="?", type=Path, help="a .studio file to open")
    parser.add_argument("--quickstart", action="store_true", help="open on the quick-start project")
    # For the start-up benchmark: print the milliseconds to the first painted window, and close.
    parser.add_argument("--measure-start", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    if reason := obstacle():
        print(f"studio: {reason}", file=sys.stderr)
        return 1
    # Looking for garbage takes a tenth of the time to the first window, and finds none.
    gc.disable()
    if sys.platform == "win32":
        # Some releases of torch fail to load their libraries on Windows once Qt's are loaded.
        _load_torch_libraries()

    from studio.app import application as qt
    from studio.app.background import Background
    from studio.app.train.controller import TrainingController
    from studio.app.window import MainWindow
    from studio.app.workspace import Workspace
    from studio.project import templates

    application = qt.create(sys.argv[:1])
    workspace = Workspace(templates.build("quickstart"))
    workspace.new(workspace.project, "quickstart")
    window = MainWindow(workspace, TrainingController(), Background())
    _open_first(window, arguments)
    status = [0]

    def end(number: int) -> None:
        status[0] = 128 + number
        unsaved = window.workspace.modified
        if window.close_unasked():
            print("studio: unsaved changes are kept for the next start", file=sys.stderr)
        elif unsaved:
            print("studio: the disk takes no copy of the unsaved changes", file=sys.stderr)

    signals = qt.Signals(end)
    loader = EngineLoader(window)
    window.closed.connect(application.quit)
    window.show()
    _after_first_paint(window, loader, arguments.measure_start)
    application.exec()
    gc.enable()
    loader.join()
    signals.restore()
    return status[0]


def obstacle() -> str:
    """Why no window can be shown, as a sentence with what to do; empty where one can."""
    if os.environ.get("QT_QPA_PLATFORM", "xcb").partition(":")[0] not in ("xcb", "wayland"):
        return ""
    if problem := system_libraries.display_problem():
        return f"{problem} Run studio doctor for what mends it; studio train works without one."
    return ""


def _load_torch_libraries() -> None:
    import ctypes
    import importlib.util

    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    folder = Path(found.origin).parent / "lib"
    if folder.is_dir():
        os.add_dll_directory(str(folder))  # type: ignore[attr-defined,unused-ignore]
        for library in ("c10.dll", "torch_cpu.dll"):
            try:
                ctypes.CDLL(str(folder / library))
            except OSError:
                # The engine's loader says what is wrong with torch, in the window.
                return


def _open_first(window: MainWindow, arguments: argparse.Namespace) -> None:
    """Bring up what was asked for, else the project used last, else the start page."""
    if arguments.project is not None:
        if not window.files.open(arguments.project):
            window.show_page("start")
    elif not arguments.quickstart:
        recent = window.workspace.recent()
        if not (recent and window.files.open(recent[0])):
            window.show_page("start")


def _after_first_paint(window: MainWindow, loader: EngineLoader, measure: bool) -> None:
    from PySide6.QtCore import QTimer

    def painted() -> None:
        gc.freeze()  # what is there by now stays, and need not be looked at again
        gc.enable()
        if measure:
            window.repaint()
            print(f"{(time.perf_counter() - _STARTED) * 1000:.0f}")
            window.close_unasked()
            return
        loader.start()
        window.make_all_pages()

    # A timer of no length fires when the events of showing and painting have been handled.
    QTimer.singleShot(0, window, painted)


class EngineLoader:
    """Imports torch and warms it up on a thread; a timer in the window looks for the outcome."""

    _POLL_MILLISECONDS = 50

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._engine: Engine | None = None
        self._failure = ""
        self._timer: QObject | None = None
        self._thread = threading.Thread(target=self._load, name="studio-engine-loader", daemon=True)

    def start(self) -> None:
        """Begin to load."""
        from PySide6.QtCore import QTimer

        timer = QTimer(self._window)
        timer.setInterval(self._POLL_MILLISECONDS)
        timer.timeout.connect(self._look)
        self._timer = timer
        self._thread.start()
        timer.start()

    def join(self) -> None:
        """Wait for the thread: a process must not end while torch is being imported."""
        if self._thread.is_alive():
            self._thread.join()

    def _load(self) -> None:
        shared_cores.share()
        try:
            from studio.engine import TorchEngine

            # One core stays with the window, or it would stutter while a processor trains.
            engine = TorchEngine(spare_cores=1)
            engine.machine()
            engine.warm_up()
        except ImportError as error:
            self._failure = (
                f"PyTorch cannot be imported: {_one_line(error)}. Building and saving work; for "
                "training run studio doctor, which says the command that mends it."
            )
        except Exception as error:
            self._failure = (
                f"The engine cannot start: {_one_line(error)}. Building and saving work; "
                "run studio doctor to see what is wrong."
            )
        else:
            self._engine = engine

    def _look(self) -> None:
        if self._thread.is_alive():
            return
        from PySide6.QtCore import QTimer

        assert isinstance(self._timer, QTimer)
        self._timer.stop()
        if self._engine is not None:
            self._window.take_engine(self._engine)
        else:
            self._window.engine_failed(self._failure)


def _one_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
