"""The data page says what was read, why it was not, and mends the class count in one edit."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from studio.app.background import Background
from studio.app.data_page import DataPage
from studio.app.data_pictures import Histogram, normalized, training_moments
from studio.app.inspection import Inspection
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project.edits import remove_nodes
from studio.project.values import DataSettings
from studio.runs.api import DataReport
from tests.scripted_engine import ScriptedEngine


class TwelveClasses(ScriptedEngine):
    """Reads a data set of twelve classes, and counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[DataSettings] = []

    def inspect(self, data: DataSettings, input_shape: tuple[int, int, int]) -> DataReport:
        self.asked.append(data)
        report = super().inspect(data, input_shape)
        return msgspec.structs.replace(
            report,
            classes=tuple(f"class {number}" for number in range(12)),
            counts={"train": (50,) * 12, "validation": (7,) * 12, "test": (5,) * 12},
            warnings=("2 files could not be read.",),
        )


@pytest.fixture
def page(
    qtbot: QtBot, workspace: Workspace, controller: TrainingController, background: Background
) -> DataPage:
    made = DataPage(workspace, controller, Inspection(workspace, controller, background))
    qtbot.addWidget(made)
    made.resize(1200, 760)
    made.show()
    return made


def _ready(qtbot: QtBot, page: DataPage, controller: TrainingController, engine: object) -> None:
    controller.set_engine(engine)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: page.inspection.status not in ("waiting", "reading"))


def test_before_the_engine_is_there_the_page_says_that_it_loads(page: DataPage) -> None:
    assert page.inspection.status == "waiting"
    assert "engine is loading" in page.empty.sentence.text()


def test_without_an_engine_the_page_says_why(
    page: DataPage, controller: TrainingController
) -> None:
    controller.engine_failed("torch cannot be imported.")
    assert page.inspection.status == "no engine"
    assert page.empty.advice.text() == "torch cannot be imported."


def test_a_share_that_the_folder_decides_itself_cannot_be_edited(
    qtbot: QtBot, page: DataPage, controller: TrainingController, workspace: Workspace
) -> None:
    class OwnTest(ScriptedEngine):
        def inspect(self, data: DataSettings, input_shape: tuple[int, int, int]) -> DataReport:
            own = () if data.source == "digits" else ("test",)
            return msgspec.structs.replace(super().inspect(data, input_shape), own=own)

    form = page.panel.split
    _ready(qtbot, page, controller, OwnTest())
    assert form.editor("test_share").isVisible()
    page.panel.set_source("/somewhere")
    qtbot.waitUntil(lambda: page.inspection.status == "ready")
    assert not form.editor("test_share").isVisible()
    assert form.editor("validation_share").isVisible()
    assert any(label.text() == "in a folder of its own" for label in form.findChildren(QLabel))
    page.panel.set_source("digits")
    qtbot.waitUntil(lambda: form.editor("test_share").isVisible())


def test_what_was_read_is_shown_with_its_totals_and_warnings(
    qtbot: QtBot, page: DataPage, controller: TrainingController
) -> None:
    _ready(qtbot, page, controller, TwelveClasses())
    assert page.report.totals.text() == "744 images: 600 training, 84 validation, 60 test"
    assert "class 11: 62 images" in page.report.bars.accessibleDescription()
    assert page.report.grid.shown == 20
    assert page.report.findChildren(type(page.report.totals))
    assert any(
        "2 files could not" in label.text() for label in page.findChildren(type(page.report.title))
    )


def test_picking_a_class_shows_its_samples_only(
    qtbot: QtBot, page: DataPage, controller: TrainingController, engine: ScriptedEngine
) -> None:
    _ready(qtbot, page, controller, engine)
    qtbot.mouseClick(page.report.bars, Qt.MouseButton.LeftButton, pos=QPoint(40, 3 * 24 + 5))
    assert page.report.grid.shown == 2
    qtbot.keyClick(page.report.bars, Qt.Key.Key_Escape)
    assert page.report.grid.shown == 20


def test_another_class_count_is_mended_by_one_edit(
    qtbot: QtBot, page: DataPage, controller: TrainingController, workspace: Workspace
) -> None:
    _ready(qtbot, page, controller, TwelveClasses())
    assert page.report.fix.isVisible()
    assert page.report.fix.text() == "Set classes to 12"
    qtbot.mouseClick(page.report.fix, Qt.MouseButton.LeftButton)
    assert workspace.analysis.classes == 12
    assert not workspace.analysis.problems
    assert not page.report.fix.isVisible()
    workspace.undo()
    assert workspace.analysis.classes == 10


def test_a_failure_is_said_with_what_to_do(
    qtbot: QtBot, page: DataPage, controller: TrainingController, workspace: Workspace
) -> None:
    refusing = ScriptedEngine(refuse="There is no folder /gone.")
    _ready(qtbot, page, controller, refusing)
    assert page.empty.sentence.text() == "There is no folder /gone."
    assert page.empty.advice.text() == "Choose another folder."
    assert page.empty.button.text() == "Choose a folder"


def test_a_network_without_input_asks_for_one(page: DataPage, workspace: Workspace) -> None:
    workspace.edit_network("Remove", lambda network: remove_nodes(network, ["input"]))
    page.inspection.retry()
    assert "no input" in page.empty.sentence.text()


def test_normalization_needs_no_new_reading(
    qtbot: QtBot, page: DataPage, controller: TrainingController, workspace: Workspace
) -> None:
    engine = TwelveClasses()
    _ready(qtbot, page, controller, engine)
    page.panel.normalization.edited.emit("unit")
    assert workspace.project.data.normalization == "unit"
    qtbot.wait(400)
    assert len(engine.asked) == 1
    assert "deviation" in page.panel.after.accessibleDescription()
    assert page.panel.after.accessibleDescription().endswith("from 0 to 1.")


def test_typing_shares_reads_once_they_rest(
    qtbot: QtBot, page: DataPage, controller: TrainingController, workspace: Workspace
) -> None:
    engine = TwelveClasses()
    _ready(qtbot, page, controller, engine)
    for share in (0.1, 0.15, 0.25):
        page.panel.split.edited.emit("validation_share", share)
    qtbot.waitUntil(lambda: len(engine.asked) == 2)
    qtbot.waitUntil(lambda: page.inspection.status == "ready")
    assert engine.asked[-1].validation_share == 0.25
    workspace.undo()
    assert workspace.project.data.validation_share == 0.2


def test_shares_that_leave_nothing_to_train_with_are_marked_at_the_field(
    page: DataPage, workspace: Workspace
) -> None:
    page.panel.split.edited.emit("validation_share", 0.9)
    assert "more than 95 %" in page.panel.split.message("validation_share")


def test_a_dropped_folder_becomes_the_source(
    page: DataPage, workspace: Workspace, tmp_path: Path
) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, mime,
        Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    page.dropEvent(event)
    assert workspace.project.data.source == str(tmp_path)
    page.panel.digits.click()
    assert workspace.project.data.source == "digits"


@pytest.mark.parametrize(
    ("normalization", "low", "high"),
    [("none", 0, 255), ("unit", 0, 1), ("symmetric", -1, 1), ("standard", -2, 1.984375)],
)
def test_normalized_values_lie_in_the_range_of_the_lecture(
    normalization: str, low: float, high: float
) -> None:
    samples = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    report = DataReport("ramp", ("a",), {}, samples, (0,), (128.0,), (64.0,))
    values = normalized(report, normalization)
    assert values.min() == pytest.approx(low)
    assert values.max() == pytest.approx(high)


def test_standard_normalization_brings_each_channel_to_zero_mean_and_unit_deviation() -> None:
    random = np.random.default_rng(0)
    samples = random.integers(0, 256, (64, 8, 8, 3)).astype(np.uint8)
    mean = samples.mean(axis=(0, 1, 2))
    deviation = samples.std(axis=(0, 1, 2))
    report = DataReport("noise", ("a",), {}, samples, (0,) * 64, tuple(mean), tuple(deviation))
    values = normalized(report, "standard")
    assert values.mean(axis=(0, 1, 2)) == pytest.approx(np.zeros(3), abs=1e-5)
    assert values.std(axis=(0, 1, 2)) == pytest.approx(np.ones(3), abs=1e-5)


def test_a_histogram_of_one_value_does_not_divide_by_nothing(qtbot: QtBot) -> None:
    histogram = Histogram("After", "accent")
    qtbot.addWidget(histogram)
    histogram.show_values(np.full((4, 4), 7.0, np.float32), 7.0, 0.0)
    histogram.resize(300, 96)
    assert not histogram.grab().isNull()
    assert "mean 7, deviation 0" in histogram.accessibleDescription()


@pytest.mark.parametrize("normalization", ["none", "unit", "symmetric", "standard"])
def test_the_moments_are_those_of_the_whole_training_split(normalization: str) -> None:
    random = np.random.default_rng(3)
    images = random.integers(0, 256, (40, 8, 8, 3)) * np.array([0.2, 0.5, 1.0])
    images = images.astype(np.uint8)
    mean, deviation = images.mean(axis=(0, 1, 2)), images.std(axis=(0, 1, 2))
    whole = DataReport("noise", ("a",), {}, images, (0,) * 40, tuple(mean), tuple(deviation))
    values = normalized(whole, normalization).astype(np.float64)
    # The samples shown are only a few of the images; the numbers do not follow them.
    few = DataReport("noise", ("a",), {}, images[:3], (0,) * 3, tuple(mean), tuple(deviation))
    assert training_moments(few, normalization) == pytest.approx(
        (values.mean(), values.std()), rel=1e-4, abs=1e-5
    )
