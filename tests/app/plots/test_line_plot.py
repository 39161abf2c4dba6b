"""Line plots: axes, view, words, files."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from studio.app.plots import saving
from studio.app.plots.bench import PlotFrames
from studio.app.plots.line_plot import MARGIN, LinePlot
from studio.app.plots.lines import ColumnLine, PointsLine, SmoothedLine
from studio.app.plots.scheduler import DrawScheduler
from studio.app.theme.tokens import color, theme
from studio.runs.telemetry import Column

WHOLE = 1000 * (1 + MARGIN)
"""Where the view of a whole run of 1,000 steps ends."""


@pytest.fixture
def column() -> Column:
    column = Column()
    column.extend(np.geomspace(10, 0.01, 400).astype(np.float32))
    return column


@pytest.fixture
def plot(qtbot: QtBot, scheduler: DrawScheduler, column: Column) -> LinePlot:
    plot = LinePlot("Loss", scheduler, floor=0.0)
    qtbot.addWidget(plot)
    plot.resize(500, 300)
    plot.set_run(1000, 100)
    plot.add(ColumnLine("training", column, "plot1", key="training"))
    plot.show()
    qtbot.waitExposed(plot)
    plot.redraw()
    return plot


def axis_words(plot: LinePlot) -> list[str]:
    low, high = plot.view.viewRange()[1]
    return [text for _, text in plot.left_axis.places(low, high, plot.view.height())]


def test_the_view_shows_the_whole_run_from_the_first_step_on(plot: LinePlot) -> None:
    (left, right), (bottom, top) = plot.view.viewRange()
    assert (left, right) == (0, WHOLE)
    assert bottom == 0
    assert top >= 10


def test_a_logarithmic_axis_is_even_in_decades_and_labeled_in_values(plot: LinePlot) -> None:
    plot.set_logarithmic(True)
    plot.redraw()
    bottom, top = plot.view.viewRange()[1]
    assert bottom == pytest.approx(-2, abs=0.01)
    assert top == pytest.approx(1, abs=0.01)
    assert {"0.01", "0.1", "1", "10"} <= set(axis_words(plot))
    # A geometric series is a straight line on it.
    x, y = plot.lines[0].points(0, 1000, 500)
    assert np.corrcoef(x, np.log10(y))[0, 1] < -0.9999


def test_plots_of_one_run_count_alike_whatever_their_width(plot: LinePlot) -> None:
    low, high = plot.view.viewRange()[0]
    axis = plot.step_axis
    assert [text for _, text in axis.places(low, high, 700)] == ["0", "2", "4", "6", "8", "10"]
    assert axis.places(low, high, 700) == axis.places(low, high, 250)
    assert axis.name == "epoch"
    axis.show_in_epochs(False)
    assert axis.name == "step"


def test_the_marker_at_the_end_of_a_run_is_inside_the_view(plot: LinePlot) -> None:
    left, right = plot.view.viewRange()[0]
    assert (right - 1000) / (right - left) * plot.view.width() > 2.5


def test_values_without_a_logarithm_are_left_out(plot: LinePlot, column: Column) -> None:
    column.extend(np.array([0.0, -1.0], np.float32))
    plot.set_logarithmic(True)
    plot.redraw()
    assert np.isfinite(plot.view.viewRange()[1]).all()


def test_limits_set_by_hand_stick_until_reset(qtbot: QtBot, plot: LinePlot, column: Column) -> None:
    plot.hold()
    plot.view.setRange(xRange=(100, 200), yRange=(1, 2), padding=0)
    column.extend(np.full(100, 50, np.float32))
    plot.redraw()
    assert plot.view.viewRange() == [[100, 200], [1, 2]]
    qtbot.mouseDClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(200, 100))
    plot.redraw()
    assert plot.view.viewRange()[0] == [0, WHOLE]


def test_a_wheel_turn_zooms_and_the_keyboard_moves(qtbot: QtBot, plot: LinePlot) -> None:
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Plus)
    left, right = plot.view.viewRange()[0]
    assert right - left == pytest.approx(0.8 * WHOLE)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.view.viewRange()[0][0] == pytest.approx(left + 0.08 * WHOLE)
    assert plot.held
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.view.viewRange()[0] == [0, WHOLE]


def test_the_axis_below_counts_epochs_or_steps(plot: LinePlot) -> None:
    def words() -> list[str]:
        return [text for _, text in plot.step_axis.places(0, 1000, 400)]

    assert words()[-1] == "10"
    plot.step_axis.show_in_epochs(False)
    assert words()[-1] == "1,000"


def test_hovering_tells_the_values_of_that_step(plot: LinePlot, column: Column) -> None:
    texts = plot.hover_texts(200, 0)
    assert texts[0] == "step 200, epoch 2.0"
    assert texts[1] == f"training: {plot.words(float(column.values[199]))}"
    assert plot.hover_texts(900, 0) == []


def test_a_screen_reader_hears_the_current_values(plot: LinePlot) -> None:
    assert plot.accessibleName() == "Plot: Loss"
    assert plot.accessibleDescription() == "Loss: training 0.01."


def test_the_colors_follow_the_scheme(plot: LinePlot) -> None:
    try:
        theme().set_preference("dark")
        picture = plot.grab().toImage()
        assert picture.pixelColor(3, 3) == color("card")
        pixels = {
            picture.pixelColor(x, y).name()
            for x in range(0, picture.width(), 1)
            for y in range(0, picture.height(), 1)
        }
        assert QColor(color("plot1")).name() in pixels
    finally:
        theme().set_preference("light")


def test_smoothed_and_dashed_lines_tell_their_last_values(plot: LinePlot, column: Column) -> None:
    plot.add(SmoothedLine("smooth", column, "plot1", 10, 0, key="smooth"))
    points = PointsLine("validation", "plot2", key="validation", dots=True)
    points.set_points(np.array([100, 200]), np.array([0.5, 0.25]))
    plot.add(points)
    plot.set_marks([(500, "rate × 0.2")])
    plot.redraw()
    assert "validation 0.25" in plot.accessibleDescription()
    assert points.at(150) == 0.5
    assert points.at(50) is None
    assert not plot.grab().isNull()


def test_planned_marks_give_way_to_the_lines_where_they_are_close(plot: LinePlot) -> None:
    marks, far = plot._marks, [(float(step), "rate × 0.1") for step in (100, 200, 300)]
    plot.set_marks([(50.0, "rate 0.2")], planned=far)
    assert [step for step, _ in marks._shown()] == [100, 200, 300, 50]
    plot.set_marks([(50.0, "rate 0.2")], planned=[(float(step), "") for step in range(1, 400, 4)])
    assert [step for step, _ in marks._shown()] == [50]
    plot.view.setXRange(0, 20, padding=0)  # looked at closely there is room for them
    assert [step for step, _ in marks._shown()] == [1, 5, 9, 13, 17]


def test_a_plot_is_saved_as_picture_drawing_and_numbers(plot: LinePlot, tmp_path: Path) -> None:
    saving.save_png(plot, tmp_path / "p.png")
    saving.save_svg(plot, tmp_path / "p.svg")
    saving.save_csv(plot.table(), tmp_path / "p.csv")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "p.svg").read_bytes()
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["line", "step", "value"]
    assert rows[1] == ["training", "1", "10"]
    assert len(rows) == 401


def test_a_place_that_cannot_be_written_is_an_error(plot: LinePlot, tmp_path: Path) -> None:
    for save in (saving.save_png, saving.save_svg):
        with pytest.raises(OSError, match="missing"):
            save(plot, tmp_path / "missing" / "p")


def test_the_frames_of_a_large_plot_can_be_measured(qtbot: QtBot) -> None:
    frames = PlotFrames(points=200_000, frames=3)
    assert min(frames.append(), frames.pan(), frames.zoom()) > 0
    frames.close()


def test_redrawing_loses_no_reference_to_none(plot: LinePlot, column: Column) -> None:
    """PySide6 6.12.0 loses one on every call that returns nothing, and aborts in the end."""
    before = sys.getrefcount(None)
    for _ in range(1000):
        plot.redraw()
    assert sys.getrefcount(None) > before - 500
