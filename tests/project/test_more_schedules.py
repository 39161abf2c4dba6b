"""Schedules over the whole run, warm-up, plateau and drawn ones, against torch and scipy."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator

from studio.project import schedules
from studio.project.lists import Numbers
from studio.project.recipes import recipe_problems
from studio.project.schedules import SCHEDULES, rate
from studio.project.schedules.drawn import DRAWN, POINTS, value
from studio.project.schedules.plateau import PLATEAU, Plateau
from studio.project.settings import SettingError, complete
from studio.project.values import Chosen, Project, Recipe

EPOCHS, PER_EPOCH = 12, 7
TOTAL = EPOCHS * PER_EPOCH
lr = torch.optim.lr_scheduler


def torchs(make: Callable[[torch.optim.Optimizer], Any], count: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = make(optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return rates


def recipe(kind: str, settings: dict[str, Any], **more: Any) -> Recipe:
    return Recipe(learning_rate=0.1, schedule=Chosen(kind, settings), epochs=EPOCHS, **more)


def every_step(recipe: Recipe) -> list[float]:
    return [rate(recipe, step, PER_EPOCH) for step in range(TOTAL)]


def every_epoch(recipe: Recipe) -> list[float]:
    return [rate(recipe, epoch * PER_EPOCH + 3, PER_EPOCH) for epoch in range(EPOCHS)]


PER_STEP: list[tuple[str, dict[str, Any], Callable[[torch.optim.Optimizer], Any]]] = [
    ("cosine", {"end": 0.1}, lambda o: lr.CosineAnnealingLR(o, TOTAL, 0.01)),
    ("polynomial", {"power": 3.0}, lambda o: lr.PolynomialLR(o, TOTAL, 3.0)),
    ("one_cycle", {}, lambda o: lr.OneCycleLR(o, 0.1, TOTAL, cycle_momentum=False)),
    (
        "one_cycle",
        {"shape": "line", "three_phases": True, "rise": 0.4, "divide": 10, "divide_end": 100},
        lambda o: lr.OneCycleLR(
            o, 0.1, TOTAL, pct_start=0.4, anneal_strategy="linear", div_factor=10,
            final_div_factor=100, three_phase=True, cycle_momentum=False,
        ),
    ),
    ("restarts", {"first": 2, "end": 0.1},
     lambda o: lr.CosineAnnealingWarmRestarts(o, 2 * PER_EPOCH, 1, 0.01)),
    ("restarts", {"first": 1, "longer": 2},
     lambda o: lr.CosineAnnealingWarmRestarts(o, PER_EPOCH, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "settings", "make"), PER_STEP)
def test_a_schedule_that_changes_at_every_step_is_torchs(
    kind: str, settings: dict[str, Any], make: Callable[[torch.optim.Optimizer], Any]
) -> None:
    assert every_step(recipe(kind, settings)) == pytest.approx(torchs(make, TOTAL), abs=1e-9)


PER_EPOCH_CASES: list[tuple[str, dict[str, Any], Callable[[torch.optim.Optimizer], Any]]] = [
    ("multi_step", {"at": "3, 8, 9", "factor": 0.3}, lambda o: lr.MultiStepLR(o, [3, 8, 9], 0.3)),
    ("cosine", {"per": "epoch"}, lambda o: lr.CosineAnnealingLR(o, EPOCHS)),
    ("polynomial", {"per": "epoch"}, lambda o: lr.PolynomialLR(o, EPOCHS)),
    ("restarts", {"first": 5, "per": "epoch"}, lambda o: lr.CosineAnnealingWarmRestarts(o, 5)),
]


@pytest.mark.parametrize(("kind", "settings", "make"), PER_EPOCH_CASES)
def test_a_schedule_that_changes_once_an_epoch_is_torchs(
    kind: str, settings: dict[str, Any], make: Callable[[torch.optim.Optimizer], Any]
) -> None:
    assert every_epoch(recipe(kind, settings)) == pytest.approx(torchs(make, EPOCHS), abs=1e-9)


@pytest.mark.parametrize(("unit", "length"), [("steps", 10.0), ("epochs", 2.0)])
def test_a_warm_up_is_torchs_linear_one_with_the_schedule_behind_it(
    unit: str, length: float
) -> None:
    steps = round(length * (PER_EPOCH if unit == "epochs" else 1))
    warmed = recipe("cosine", {}, warmup=length, warmup_unit=unit, warmup_start=0.2)
    expected = torchs(
        lambda o: lr.SequentialLR(
            o,
            [lr.LinearLR(o, 0.2, total_iters=steps), lr.CosineAnnealingLR(o, TOTAL - steps)],
            [steps],
        ),
        TOTAL,
    )
    assert every_step(warmed) == pytest.approx(expected, abs=1e-9)


LOSSES = [2.0, 1.5, 1.6, 1.49999, 1.55, 1.7, 1.2, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 0.5, 0.6, 0.6]


@pytest.mark.parametrize("watches", ["loss", "accuracy"])
@pytest.mark.parametrize(("patience", "cooldown"), [(0, 0), (2, 0), (1, 2)])
def test_a_plateau_lowers_when_torchs_does(watches: str, patience: int, cooldown: int) -> None:
    given = {"watches": watches, "factor": 0.5, "patience": patience, "cooldown": cooldown,
             "least": 0.1, "threshold": 0.001}  # fmt: skip
    chosen = Recipe(learning_rate=0.1, schedule=Chosen("plateau", given))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = lr.ReduceLROnPlateau(
        optimizer, "min" if watches == "loss" else "max", 0.5, patience, threshold=0.001,
        cooldown=cooldown, min_lr=0.01,
    )  # fmt: skip
    state = Plateau()
    for number in LOSSES:
        measured = number if watches == "loss" else 3 - number
        state = schedules.after_epoch(chosen, state, number, 3 - number)
        scheduler.step(measured)
        assert rate(chosen, 0, 10, state.factor) == pytest.approx(optimizer.param_groups[0]["lr"])
    assert state.factor < 1
    assert complete(PLATEAU.settings, given, "")  # all of it is declared


def test_other_schedules_learn_nothing_from_the_run() -> None:
    assert schedules.after_epoch(Recipe(), Plateau(), 1.0, 0.5) == Plateau()


heights = st.floats(0.001, 10)
drawn_points = st.lists(st.tuples(st.integers(1, 99), heights), max_size=6).map(
    lambda inner: sorted(dict(inner).items())
)


@given(drawn_points, heights, heights, st.sampled_from(["linear", "logarithmic"]))
def test_a_smooth_drawn_curve_is_scipys_and_stays_between_its_points(
    inner: list[tuple[int, float]], first: float, last: float, scale: str
) -> None:
    points = [(0.0, first), *((place / 100, height) for place, height in inner), (1.0, last)]
    values = complete(
        DRAWN.settings, {"points": POINTS.text(points), "between": "curve", "scale": scale}, ""
    )
    x, y = np.array(points).T
    wanted = np.log(y) if scale == "logarithmic" else y
    at = np.linspace(0, 1, 41)
    expected = PchipInterpolator(x, wanted)(at) if len(x) > 2 else np.interp(at, x, wanted)
    ours = np.array([value(values, share) for share in at])
    ours = np.log(ours) if scale == "logarithmic" else ours
    assert ours == pytest.approx(expected, rel=1e-6, abs=1e-6)
    for (a, low), (b, high) in pairwise(zip(x, wanted, strict=True)):
        inside = ours[(at >= a) & (at <= b)]
        assert (inside >= min(low, high) - 1e-6).all()
        assert (inside <= max(low, high) + 1e-6).all()


def test_a_drawn_schedule_passes_its_points_from_the_first_step_to_the_last() -> None:
    drawn = every_step(recipe("drawn", {"points": "0:0.1, 0.5:1, 1:0.02"}))
    assert drawn[0] == pytest.approx(0.01)
    assert drawn[-1] == pytest.approx(0.002)
    assert max(drawn) == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("kind", sorted(SCHEDULES))
@pytest.mark.parametrize("per_epoch", [1, 2, 5])
@pytest.mark.parametrize("epochs", [1, 2, 9])
def test_every_schedule_gives_a_rate_of_at_most_the_start_in_the_shortest_runs(
    kind: str, per_epoch: int, epochs: int
) -> None:
    short = Recipe(learning_rate=0.5, schedule=Chosen(kind), epochs=epochs, warmup=0.5)
    rates = [rate(short, step, per_epoch) for step in range(per_epoch * epochs)]
    assert all(0 <= each <= 0.5 + 1e-9 for each in rates)


def test_drops_are_where_the_rate_falls() -> None:
    for kind, settings in (("step", {"every": 4}), ("multi_step", {"at": "3, 8"})):
        stepped = recipe(kind, settings, warmup=1.0)
        rates = every_step(stepped)
        falls = [step for step in range(1, TOTAL) if rates[step] < rates[step - 1]]
        assert [step for step, _ in schedules.drops(stepped, PER_EPOCH)] == falls


@pytest.mark.parametrize(
    ("setting", "bad", "words"),
    [
        (schedules.MILESTONES, "30, x", "numbers with commas"),
        (schedules.MILESTONES, "30, 20", "rise"),
        (schedules.MILESTONES, "2.5", "whole numbers"),
        (schedules.MILESTONES, "", "no number"),
        (schedules.MILESTONES, 5, "must be a text"),
        (POINTS, "0:1", "2 to 50"),
        (POINTS, "0:1, 0.5:1", "end at 1"),
        (POINTS, "0:1, 0.5:1, 0.5:2, 1:1", "left to right"),
        (POINTS, "0:1, 1:-1", "heights from 0"),
        (POINTS, "0:1, 1:nan", "heights from 0"),
        (POINTS, "0:1, 1", "pairs"),
    ],
)  # fmt: skip
def test_lists_refuse_what_they_do_not_take(setting: Numbers, bad: object, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        setting.check(bad)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Recipe(warmup=15.0), "warm-up takes 15 epochs"),
        (Recipe(averaging=0.9, averaging_start=15), "averaging begins"),
        (Recipe(class_weighting="given"), "class weights are to be given"),
        (Recipe(optimizer=Chosen("momentum", {"nesterov": True, "dampening": 0.1})), "dampening"),
        (Recipe(schedule=Chosen("multi_step", {"at": "9, 3"})), "must rise"),
        (Recipe(accumulate=0), "accumulate must lie"),
    ],
)
def test_what_does_not_go_together_is_refused_in_words(wrong: Recipe, words: str) -> None:
    (problem,) = recipe_problems(Project(recipe=wrong))
    assert words in problem.message
