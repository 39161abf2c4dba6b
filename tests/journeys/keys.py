"""A network built on an empty canvas with the keyboard alone, run as a process of its own.

Called as ``python -m tests.journeys.keys PROJECT FOLDER``; leaves ``seen.json`` and pictures there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QWidget

from studio.app.canvas.view import CanvasView
from studio.commands.main import main
from tests.journeys.driver import Driver

seen: dict[str, Any] = {}


def view(driver: Driver) -> CanvasView:
    found = driver.find(CanvasView, "Network canvas")
    assert isinstance(found, CanvasView)
    return found


def names(driver: Driver) -> list[str]:
    return [node.name for node in view(driver).editor.network.nodes]


def add(driver: Driver, word: str) -> None:
    """Tab, a word, Enter: behind what is selected."""
    before = driver.ask(lambda: len(names(driver)))
    driver.key("Tab")
    driver.wait("the search", lambda: view(driver).adding.box.field.hasFocus())
    driver.type(word)
    driver.key("Return")
    driver.wait(word, lambda: len(names(driver)) == before + 1 and view(driver).hasFocus())


def journey(driver: Driver) -> None:
    driver.wait("the canvas", lambda: view(driver).isVisible())
    driver.wait("the window to be active", lambda: driver.window().isActiveWindow())

    def focused() -> QWidget | None:
        return QApplication.focusWidget()

    for _ in range(40):  # as far as it takes from where the window puts the focus
        if driver.ask(lambda: focused() is view(driver)):
            break
        driver.key("shift+Tab")
    driver.wait("the focus on the canvas", lambda: focused() is view(driver))
    for word in ("input", "vgg", "residual", "global", "linear", "output"):
        add(driver, word)
    driver.picture("built")
    # A second path around the residual block.
    driver.key("Home")
    for _ in range(2):
        driver.key("Down")
    driver.wait("the residual block", lambda: view(driver).workspace.selection == ("residual",))
    driver.key("ctrl+Down")
    driver.wait("its wire", lambda: view(driver).canvas.selected_edge is not None)
    driver.picture("wire")
    add(driver, "add")
    seen["problems"] = driver.ask(lambda: len(view(driver).workspace.analysis.problems))
    driver.key("shift+w")
    for _ in range(8):
        if driver.ask(lambda: view(driver).tip.text().startswith("vgg to add")):
            break
        driver.key("Up")
    driver.picture("led")
    driver.key("Return")
    driver.wait("no problems", lambda: not view(driver).workspace.analysis.problems)
    driver.key("question")
    driver.wait("the sheet", lambda: QApplication.activeWindow() is not driver.window())
    driver.key("Escape")
    driver.key("ctrl+s")
    driver.wait("it is saved", lambda: not view(driver).workspace.modified)


if __name__ == "__main__":
    PROJECT, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])
    hands = Driver(FOLDER)
    thread = hands.run(journey)
    status = main(["app", str(PROJECT)])
    thread.join()
    (FOLDER / "seen.json").write_text(json.dumps({**seen, "failure": hands.failure}))
    sys.exit(1 if hands.failure else status)
