"""The receptive field over a sample image: what it says, follows the pointer and shows."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.app.build.field_picture import FieldPicture
from studio.app.build.inspector import Inspector
from studio.app.workspace import Workspace
from studio.project.analysis import analyze
from studio.project.seeing import look
from studio.project.values import Network, Project
from tests.project.networks import chain

NETWORK = chain(
    ("stem", "convolution", {"channels": 4, "kernel": 3}),
    ("down", "pooling", {}),
    ("deep", "convolution", {"channels": 4, "kernel": 15}),
    ("mean", "global_pooling", {}),
    ("head", "linear", {}),
)


def shown(qtbot: QtBot, network: Network, name: str) -> FieldPicture:
    picture = FieldPicture()
    qtbot.addWidget(picture)
    picture.resize(240, 260)
    analysis = analyze(network)
    picture.show_view(lambda position: look(analysis, name, position), (32, 32))
    picture.show()
    qtbot.waitExposed(picture)
    return picture


def point(picture: FieldPicture, x: float, y: float) -> None:
    """Move the pointer to a share of the drawing's width and height."""
    canvas = picture.canvas
    side = canvas.height()
    place = QPointF(x * side, y * side)
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, place, canvas.mapToGlobal(place), none, none,
                        Qt.KeyboardModifier.NoModifier)  # fmt: skip
    QApplication.sendEvent(canvas, event)


def test_it_says_what_the_middle_position_sees(qtbot: QtBot, qapp: QApplication) -> None:
    picture = shown(qtbot, NETWORK, "stem")
    assert picture.words.text() == "Position 17, 17 of 32 × 32 sees 3 × 3 px."


def test_it_says_how_far_the_field_reaches_beyond_the_image(
    qtbot: QtBot, qapp: QApplication
) -> None:
    picture = shown(qtbot, NETWORK, "deep")
    # Position 8 sees 1 to 15 of the halved map: pixels 2 to 31, and one more on each side.
    assert picture.words.text() == (
        "Position 9, 9 of 16 × 16 sees 32 × 32 px. Reaches 1 px beyond the image."
    )


def test_a_vector_sees_together(qtbot: QtBot, qapp: QApplication) -> None:
    picture = shown(qtbot, NETWORK, "head")
    assert picture.words.text().startswith("Its values see ")


def test_the_pointer_chooses_the_position_and_leaving_returns_to_the_middle(
    qtbot: QtBot, qapp: QApplication
) -> None:
    picture = shown(qtbot, NETWORK, "stem")
    middle = picture.words.text()
    point(picture, 0.01, 0.01)
    assert picture.canvas.view is not None
    assert picture.canvas.view.position == (0, 0)
    assert picture.words.text().endswith("Reaches 1 px beyond the image.")
    point(picture, 0.99, 0.5)
    assert picture.canvas.view.position[1] == 31
    assert picture.canvas.view.position[0] in (15, 16)
    QApplication.sendEvent(picture.canvas, QEvent(QEvent.Type.Leave))
    assert picture.words.text() == middle


def test_what_is_not_seen_of_the_sample_is_veiled(qtbot: QtBot, qapp: QApplication) -> None:
    picture = shown(qtbot, NETWORK, "stem")
    red = QImage(32, 32, QImage.Format.Format_RGB32)
    red.fill(QColor(255, 0, 0))
    picture.set_sample(red)
    drawn = picture.canvas.grab().toImage()
    side = picture.canvas.height()
    ratio = drawn.height() / side
    middle = drawn.pixelColor(QPoint(round(side * 0.516 * ratio), round(side * 0.516 * ratio)))
    corner = drawn.pixelColor(QPoint(round(side * 0.2 * ratio), round(side * 0.3 * ratio)))
    assert middle.saturation() > 250
    assert corner.saturation() < 200


@pytest.mark.parametrize(("name", "there"), [("stem", True), ("input", False), ("output", False)])
def test_the_inspector_shows_it_for_what_lies_between_input_and_output(
    qtbot: QtBot, qapp: QApplication, name: str, there: bool
) -> None:
    workspace = Workspace(Project(network=NETWORK))
    inspector = Inspector(workspace)
    qtbot.addWidget(inspector)
    inspector.show()
    qtbot.waitExposed(inspector)
    workspace.select((name,))
    assert inspector.field.isHidden() != there
    workspace.select(("stem", "deep"))
    assert inspector.field.isHidden()


def test_without_a_shape_there_is_no_picture(qtbot: QtBot, qapp: QApplication) -> None:
    broken = chain(("a", "convolution", {"kernel": 99, "padding": 0}))
    workspace = Workspace(Project(network=broken))
    inspector = Inspector(workspace)
    qtbot.addWidget(inspector)
    inspector.show()
    qtbot.waitExposed(inspector)
    workspace.select(("a",))
    assert inspector.field.isHidden()
