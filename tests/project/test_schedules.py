"""Schedules against torch's own schedulers and the lecture's formula; settings' bounds."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from msgspec.structs import replace

from studio.project.optimizers import OPTIMIZERS
from studio.project.recipes import recipe_problems
from studio.project.registry import kinds, register
from studio.project.schedules import SCHEDULES, curve, rate
from studio.project.settings import Choice, Flag, Integer, Real, SettingError
from studio.project.values import Chosen, DataSettings, Project, Recipe


def torchs_rates(make: object, epochs: int) -> list[float]:
    """The rate of each epoch as a scheduler of torch gives it."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    scheduler = make(optimizer)  # type: ignore[operator]
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return rates


def ours(schedule: Chosen, epochs: int) -> list[float]:
    recipe = Recipe(learning_rate=0.1, schedule=schedule, epochs=epochs)
    return [rate(recipe, epoch * 7 + 3, 7) for epoch in range(epochs)]


def test_step_decay_is_torchs_step_lr() -> None:
    expected = torchs_rates(lambda o: torch.optim.lr_scheduler.StepLR(o, 4, 0.3), 20)
    assert ours(Chosen("step", {"every": 4, "factor": 0.3}), 20) == pytest.approx(expected)


def test_exponential_decay_is_torchs_with_the_lectures_constant() -> None:
    gamma = math.exp(-0.2)
    expected = torchs_rates(lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma), 20)
    assert ours(Chosen("exponential", {"k": 0.2}), 20) == pytest.approx(expected)


def test_exponential_decay_may_run_within_the_epoch() -> None:
    recipe = Recipe(learning_rate=2.0, schedule=Chosen("exponential", {"k": 0.5, "per": "step"}))
    assert rate(recipe, 15, 10) == pytest.approx(2.0 * math.exp(-0.5 * 1.5))


@pytest.mark.parametrize("kind", sorted(SCHEDULES))
def test_what_is_drawn_is_what_is_applied(kind: str) -> None:
    recipe = Recipe(schedule=Chosen(kind), epochs=9)
    for epoch, value in curve(recipe, 13, points=10_000):
        assert value == rate(recipe, round(epoch * 13), 13)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (Recipe(epochs=0), "epochs must lie between 1"),
        (Recipe(batch_size=-4), "batch must lie between 1"),
        (Recipe(learning_rate=-0.1), "above 0"),
        (Recipe(learning_rate=float("nan")), "learning rate"),
        (Recipe(device="tpu"), "one of auto"),
        (Recipe(optimizer=Chosen("lion")), "no optimizer 'lion'"),
        (Recipe(optimizer=Chosen("momentum", {"momentum": 2})), "at most 0.9999"),
        (Recipe(optimizer=Chosen("momentum", {"momentum": 0, "nesterov": True})), "Nesterov"),
        (Recipe(schedule=Chosen("step", {"every": 0})), "between 1"),
    ],
)
def test_a_wrong_recipe_is_refused_in_words(recipe: Recipe, words: str) -> None:
    messages = [problem.message for problem in recipe_problems(Project(recipe=recipe))]
    assert len(messages) == 1
    assert words in messages[0]


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    data = DataSettings(validation_share=0.6, test_share=0.5)
    assert "95 %" in recipe_problems(replace(Project(), data=data))[0].message


def test_every_declaration_takes_its_own_default_and_shows_it() -> None:
    owners = [*kinds(), *OPTIMIZERS.values(), *SCHEDULES.values()]
    for owner in owners:
        for setting in owner.settings:
            assert setting.check(setting.initial) == setting.initial
            assert setting.show(setting.initial)
            if not isinstance(setting, Choice):
                shown = setting.show(setting.initial)
                wanted = setting.initial
                real = isinstance(wanted, float)
                assert setting.parse(shown) == (pytest.approx(wanted) if real else wanted)


def test_a_second_kind_of_the_same_name_is_refused() -> None:
    with pytest.raises(ValueError, match="two kinds"):
        register(kinds()[0])


@pytest.mark.parametrize(
    ("setting", "bad"),
    [
        (Integer(name="n", title="N", default=1, minimum=0, maximum=9), [10, -1, 1.5, "1", True]),
        (Real(name="r", title="R", default=1, minimum=0, maximum=9, above=True),
         [0, 9.1, float("nan"), float("inf"), 10**400, "1", False, None]),
        (Flag(name="f", title="F", default=True), [1, "true", None]),
        (Choice(name="c", title="C", default="a", choices=(("a", "A"),)), ["A", 1, None, []]),
    ],
)  # fmt: skip
def test_settings_refuse_what_they_do_not_take(setting: Integer, bad: list[object]) -> None:
    for value in bad:
        with pytest.raises(SettingError):
            setting.check(value)
