"""The gradient map, read by its pixels and its words."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot

from studio.app.plots.gradient_map import GradientMap
from studio.app.plots.scheduler import DrawScheduler
from studio.app.plots.strip import BlockRows
from studio.app.theme.tokens import color
from studio.runs.telemetry import Telemetry

BLOCKS = (BlockRows("early", "family.vgg", 0, 2), BlockRows("late", "family.residual", 2, 2))


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(("early.a", "early.b", "late.a", "late.b"))


@pytest.fixture
def shown(qtbot: QtBot, scheduler: DrawScheduler, telemetry: Telemetry) -> GradientMap:
    shown = GradientMap(scheduler)
    qtbot.addWidget(shown)
    shown.resize(900, 240)
    shown.plot.set_run(200, 20)
    shown.set_telemetry(telemetry, BLOCKS)
    shown.show()
    qtbot.waitExposed(shown)
    return shown


def pixel(shown: GradientMap, step: float, row: float) -> int:
    place = shown.plot.mapFromScene(shown.plot.view.mapViewToScene(QPointF(step, row)))
    return shown.plot.grab().toImage().pixel(place)


def test_rows_run_from_the_first_layer_at_the_top_and_colors_follow_the_norm(
    shown: GradientMap, telemetry: Telemetry
) -> None:
    norms = np.array([1e-4, 1e-3, 1e-2, 1e-1], np.float32)
    telemetry.gradients.extend(np.tile(norms, (100, 1)))
    shown.redraw()
    assert shown.plot.limits == (-4, -1)
    for row, share in enumerate((0, 1 / 3, 2 / 3, 1)):
        assert pixel(shown, 50, row + 0.5) == shown.plot.color_at(share)
    assert pixel(shown, 150, 0.5) == color("card").rgb()  # not trained yet


def test_a_single_large_norm_stays_visible_however_long_the_run(
    shown: GradientMap, telemetry: Telemetry
) -> None:
    rows = np.full((100_000, 4), 1e-3, np.float32)
    rows[54_321, 2] = 1.0
    telemetry.gradients.extend(rows)
    shown.plot.set_run(100_000, 100)
    shown.redraw()
    assert pixel(shown, 54_321, 2.5) == shown.plot.color_at(1.0)


def test_the_color_scale_grows_and_never_shrinks(shown: GradientMap, telemetry: Telemetry) -> None:
    telemetry.gradients.extend(np.full((10, 4), 0.5, np.float32))
    shown.redraw()
    telemetry.gradients.extend(np.full((10, 4), 2e-3, np.float32))
    shown.redraw()
    assert shown.plot.limits == (-3, 0)
    telemetry.gradients.extend(np.full((170, 4), 0.5, np.float32))
    shown.redraw()
    assert shown.plot.limits == (-3, 0)


def test_zero_and_not_a_number_are_drawn_and_do_no_harm(
    shown: GradientMap, telemetry: Telemetry
) -> None:
    rows = np.full((100, 4), 0.1, np.float32)
    rows[:, 0] = 0
    rows[:, 1] = np.nan
    telemetry.gradients.extend(rows)
    shown.redraw()
    assert pixel(shown, 50, 0.5) == shown.plot.color_at(0)
    assert pixel(shown, 50, 1.5) == color("error").rgb()
    assert not shown.grab().isNull()


def test_hovering_tells_layer_step_and_norm(shown: GradientMap, telemetry: Telemetry) -> None:
    telemetry.gradients.extend(np.full((10, 4), 0.25, np.float32))
    texts = shown.plot.hover_texts(4.5, 2.5)
    assert texts == ["late.a", "step 5, epoch 0.2", "gradient norm 0.25"]
    assert shown.plot.hover_texts(50, 2.5) == []


def test_strip_and_profile_stand_in_line_with_the_rows(shown: GradientMap) -> None:
    top, height = shown.plot.rows_span()
    row = height / 4
    assert shown.strip._at(top + 0.5 * row) == BLOCKS[0]
    assert shown.strip._at(top + 3.5 * row) == BLOCKS[1]
    with_pixels = shown.strip.grab().toImage()
    assert with_pixels.pixelColor(5, round(top + row)) == color("family.vgg")
    assert with_pixels.pixelColor(5, round(top + 3 * row)) == color("family.residual")


@pytest.mark.parametrize(("steps", "now", "start"), [(1, 1, 1), (4, 3.5, 1.5), (60, 50.5, 10.5)])
def test_the_start_is_told_from_now_as_soon_as_there_are_two_steps(
    shown: GradientMap, telemetry: Telemetry, steps: int, now: float, start: float
) -> None:
    rows = np.arange(1, steps + 1, dtype=np.float32)[:, None] * np.ones(4, np.float32)
    telemetry.gradients.extend(rows)
    assert [float(norms[0]) for norms in shown.plot.profile()] == [now, start]


def test_the_words_compare_the_parts_of_the_network(
    shown: GradientMap, telemetry: Telemetry
) -> None:
    telemetry.gradients.extend(np.tile(np.array([1e-4, 1e-4, 1e-1, 1e-1], np.float32), (30, 1)))
    shown.redraw()
    assert shown.profile.comparison() == ("norm in early: 0.001 of late's", True)
    assert "norm in early: 0.001 of late's" in shown.accessibleDescription()


def test_a_thousand_layers_are_one_image_that_draws_within_fifty_milliseconds(
    qtbot: QtBot, scheduler: DrawScheduler
) -> None:
    telemetry = Telemetry(tuple(f"stage.{i}" for i in range(1000)))
    random = np.random.default_rng(0)
    telemetry.gradients.extend(random.random((4000, 1000), np.float32) + 1e-3)
    shown = GradientMap(scheduler)
    qtbot.addWidget(shown)
    shown.resize(900, 300)
    shown.plot.set_run(4000, 100)
    shown.set_telemetry(telemetry, (BlockRows("stage", "family.residual", 0, 1000),))
    shown.show()
    qtbot.waitExposed(shown)
    shown.redraw()
    times = []
    for _ in range(5):
        begin = time.thread_time()
        shown.redraw()
        times.append(time.thread_time() - begin)
    assert sorted(times)[2] < 0.05
