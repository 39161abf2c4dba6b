"""The app as a process of its own that edits without end, or that takes up what was left behind.

Called as ``python -m tests.journeys.kill edit PROJECT`` or ``... restore`` under any Qt platform;
each edit is printed once it is made, and what was restored before the app is left.
"""

from __future__ import annotations

import sys
import time
from functools import partial

from msgspec.structs import replace
from PySide6.QtWidgets import QPushButton

from studio.app.window import MainWindow
from studio.commands.main import main
from studio.project.values import Project
from tests.journeys.driver import Driver


def window(driver: Driver) -> MainWindow:
    found = driver.window()
    assert isinstance(found, MainWindow)
    return found


def edit(driver: Driver) -> None:
    """One edit after another, each with the next number."""
    driver.wait("the window", lambda: window(driver).isVisible())
    for number in range(1, 100_000):
        driver.ask(partial(_set_epochs, driver, number))
        print(number, flush=True)
        time.sleep(0.01)


def _set_epochs(driver: Driver, epochs: int) -> None:
    def change(project: Project) -> Project:
        return replace(project, recipe=replace(project.recipe, epochs=epochs))

    window(driver).workspace.apply("Set epochs", change)


def restore(driver: Driver) -> None:
    """Press Restore in the message, and say what is there then."""
    driver.wait("the offer", lambda: "left unsaved" in window(driver).messages.text)
    driver.ask(lambda: _press(driver))
    workspace = driver.ask(lambda: window(driver).workspace)
    print(workspace.project.recipe.epochs, workspace.modified, workspace.path, flush=True)
    driver.ask(lambda: window(driver).files.save())


def _press(driver: Driver) -> None:
    button = driver.find(QPushButton, "Restore")
    assert isinstance(button, QPushButton)
    button.click()


if __name__ == "__main__":
    driver = Driver(None)
    thread = driver.run(edit if sys.argv[1] == "edit" else restore)
    status = main(["app", *sys.argv[2:]])
    thread.join()
    print(driver.failure, file=sys.stderr)
    sys.exit(status or bool(driver.failure))
