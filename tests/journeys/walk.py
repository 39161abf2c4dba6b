"""The first journey, run as a process of its own: build by hand, train, watch, export, leave.

Called as ``python -m tests.journeys.walk PROJECT FOLDER``; leaves ``seen.json`` and pictures there.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QPushButton, QWidget

from studio.app.canvas.geometry import input_port, output_port
from studio.app.canvas.view import CanvasView
from studio.commands.main import main
from studio.project.values import Edge
from tests.journeys.driver import Driver

seen: dict[str, Any] = {}


def view(driver: Driver) -> CanvasView:
    found = driver.find(CanvasView, "Network canvas")
    assert isinstance(found, CanvasView)
    return found


def on_screen(driver: Driver, x: float, y: float) -> QPoint:
    """A place of the canvas on the screen."""
    canvas = view(driver)
    return canvas.viewport().mapToGlobal(canvas.mapFromScene(QPointF(x, y)))


def output_of(driver: Driver, node: str) -> QPoint:
    canvas = view(driver).canvas
    box = canvas.grid.get(node)
    assert box is not None
    port = output_port(box, canvas.flow)
    return on_screen(driver, port.x, port.y)


def input_of(driver: Driver, node: str) -> QPoint:
    canvas = view(driver).canvas
    box = canvas.grid.get(node)
    assert box is not None
    port = input_port(box, 0, canvas.cards[node].face.ports, canvas.flow)
    return on_screen(driver, port.x, port.y)


def middle_of_wire(driver: Driver, source: str, target: str) -> QPoint:
    start, end = output_of(driver, source), input_of(driver, target)
    return (start + end) / 2


def workspace(driver: Driver) -> Any:
    return driver.window().workspace  # type: ignore[attr-defined]


def network(driver: Driver) -> Any:
    return workspace(driver).project.network


def edges(driver: Driver) -> set[Edge]:
    return set(network(driver).edges)


def build(driver: Driver) -> None:
    """Two blocks dropped on wires, a third wired by hand, settings typed, an undo and a redo."""
    driver.wait("the canvas", lambda: view(driver).isVisible())
    driver.wait("the pages", lambda: driver.window().pages.count() >= 3)  # type: ignore[attr-defined]
    palette = {title: driver.center(QAbstractButton, f"Add {title}")
               for title in ("VGG", "Inception", "Residual")}  # fmt: skip
    driver.drag(palette["VGG"], driver.ask(lambda: middle_of_wire(driver, "input", "pool")))
    driver.wait("VGG in the wire", lambda: {Edge("input", "vgg"), Edge("vgg", "pool")}
                <= edges(driver))  # fmt: skip
    driver.drag(palette["Inception"], driver.ask(lambda: middle_of_wire(driver, "vgg", "pool")))
    driver.wait("Inception in the wire", lambda: Edge("vgg", "mixed") in edges(driver))
    driver.key("f")
    driver.picture("two-blocks")

    def beside() -> QPoint:
        box = view(driver).canvas.grid.get("mixed")
        assert box is not None
        return on_screen(driver, box.right + 190, box.bottom + 130)

    driver.drag(palette["Residual"], driver.ask(beside))
    driver.wait("the residual block", lambda: "residual" in view(driver).canvas.cards)
    driver.key("Escape")  # no, it shall not connect itself
    driver.key("f")
    driver.wait("a problem in words", lambda: [p.code for p in
                driver.window().workspace.analysis.problems] == ["dangling"])  # type: ignore[attr-defined]  # fmt: skip
    seen["dangling"] = driver.ask(
        lambda: driver.window().workspace.analysis.problems[0].message  # type: ignore[attr-defined]
    )
    driver.picture("dangling")
    driver.drag(*driver.ask(lambda: (output_of(driver, "mixed"), input_of(driver, "residual"))))
    driver.wait("the first wire", lambda: Edge("mixed", "residual") in edges(driver))
    driver.drag(*driver.ask(lambda: (output_of(driver, "residual"), input_of(driver, "pool"))))
    driver.wait("the second wire", lambda: Edge("residual", "pool") in edges(driver))
    driver.wait("no problem left", lambda: not driver.window().workspace.analysis.problems)  # type: ignore[attr-defined]


def set_channels(driver: Driver) -> None:
    """Type into the inspector; every key counts at once, and undo takes the field back."""

    def card(name: str) -> QPoint:
        box = view(driver).canvas.grid.get(name)
        assert box is not None
        return on_screen(driver, *box.center)

    for name, channels in (("vgg", 16), ("residual", 32)):
        driver.click(driver.ask(lambda name=name: card(name)))  # type: ignore[misc]
        driver.wait(f"{name} in the inspector", lambda name=name: (
            driver.find(QLineEdit, "Name of the node").text() == name))  # type: ignore[attr-defined,misc]  # fmt: skip
        driver.wait("its form", lambda: driver.find(QWidget, "Channels"))
        field = driver.center(QWidget, "Channels")
        driver.click(field - QPoint(20, 0), times=2)
        driver.key("ctrl+a")
        driver.type(str(channels))
        driver.wait(f"{channels} channels", lambda name=name, channels=channels: network(
            driver).node(name).settings.get("channels") == channels)  # type: ignore[misc]  # fmt: skip
        driver.key("Return")
    shape = driver.ask(lambda: driver.window().workspace.analysis.nodes["residual"].output)  # type: ignore[attr-defined]
    seen["residual_output"] = list(shape)
    driver.key("ctrl+z")
    driver.wait("undo", lambda: "channels" not in network(driver).node("residual").settings)
    driver.key("ctrl+shift+z")
    driver.wait("redo", lambda: network(driver).node("residual").settings["channels"] == 32)
    driver.picture("built")


def arrange(driver: Driver) -> None:
    """A rubber band around two blocks, a group of them that is opened and left, and a note."""

    def corner(name: str, right: bool) -> QPoint:
        box = view(driver).canvas.grid.get(name)
        assert box is not None
        side, end = (box.right + 30, box.bottom - 10) if right else (box.left - 40, box.top + 10)
        return on_screen(driver, side, end)

    driver.key("Escape")
    driver.key("l")
    driver.wait("the tidy column", lambda: network(driver).node("residual").x
                == network(driver).node("mixed").x)  # fmt: skip
    driver.key("f")
    before = driver.ask(lambda: network(driver))
    time.sleep(0.4)  # the cards are on their way
    driver.drag(*driver.ask(lambda: (corner("mixed", right=False), corner("residual", right=True))))
    driver.wait("both selected", lambda: set(workspace(driver).selection) == {"mixed", "residual"})
    driver.picture("band")
    driver.key("ctrl+g")
    driver.wait("the group", lambda: "group" in view(driver).canvas.cards)
    body = driver.ask(lambda: on_screen(driver, *view(driver).canvas.grid.get("group").center))  # type: ignore[union-attr]
    driver.click(body, times=2)
    driver.wait("its inside", lambda: workspace(driver).level.path == ("group",))
    driver.picture("inside")
    driver.key("shift+o")
    driver.wait("the network again", lambda: workspace(driver).level.path == ())
    driver.key("ctrl+z")
    driver.wait("the two blocks again", lambda: network(driver) == before)
    driver.key("shift+l")
    driver.wait("the flow to the right", lambda: network(driver).flow == "right")
    driver.picture("to-the-right")
    driver.key("ctrl+z")
    driver.move(driver.ask(lambda: corner("vgg", right=True) + QPoint(60, 0)))
    driver.key("n")
    driver.wait("the note's field", lambda: view(driver).commenting.field.isVisible())
    driver.type("wide enough")
    driver.key("ctrl+Return")
    driver.wait("the note", lambda: [c.text for c in network(driver).comments] == ["wide enough"])
    driver.picture("arranged")


def train(driver: Driver) -> None:
    """Press Train, watch the plots fill, pause, go on, and wait for the end."""
    driver.wait("the engine", lambda: driver.window().controller.engine is not None, 120)  # type: ignore[attr-defined]
    driver.click_on(QPushButton, "Train")
    controller = driver.ask(lambda: driver.window().controller)  # type: ignore[attr-defined]
    driver.key("ctrl+3")
    driver.wait("an epoch", lambda: len(controller.epochs) >= 1, 300)
    driver.picture("training")
    driver.click_on(QAbstractButton, "Pause")
    driver.wait("the pause", lambda: controller.state == "paused")
    seen["paused_epochs"] = driver.ask(lambda: len(controller.epochs))
    driver.click_on(QAbstractButton, "Resume")
    driver.wait("going on", lambda: controller.state == "running")
    driver.wait("the end", lambda: controller.state == "idle", 500)
    seen["accuracies"] = driver.ask(lambda: [e.validation_accuracy for e in controller.epochs])
    seen["run"] = driver.ask(lambda: str(controller.run.folder))
    driver.picture("trained")


def export(driver: Driver, target: Path) -> None:
    """Write the Python file through the dialog."""
    driver.click_on(QAbstractButton, "Export the model")
    driver.wait("the dialog", lambda: driver.find(QLineEdit, "File to write"))
    driver.click_on(QLineEdit, "File to write")
    driver.key("ctrl+a")
    driver.type(str(target))
    driver.click_on(QPushButton, "Export")
    driver.wait("the file", lambda: target.exists() and target.with_suffix(".pt").exists(), 60)
    driver.wait("the report", lambda: driver.find(QPushButton, "Open its folder"), 60)
    driver.picture("exported")
    driver.click_on(QPushButton, "Close")


def journey(driver: Driver) -> None:
    build(driver)
    set_channels(driver)
    arrange(driver)
    train(driver)
    export(driver, FOLDER / "network.py")
    driver.key("ctrl+s")
    driver.wait("the saved file", lambda: not driver.window().workspace.modified)  # type: ignore[attr-defined]


if __name__ == "__main__":
    PROJECT, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])
    hands = Driver(FOLDER)
    thread = hands.run(journey)
    status = main(["app", str(PROJECT)])
    thread.join()
    (FOLDER / "seen.json").write_text(json.dumps({**seen, "failure": hands.failure}))
    sys.exit(1 if hands.failure else status)
