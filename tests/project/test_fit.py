"""What is refused before the first step because the run or its batches are too short for it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from studio.engine.data import DataSet
from studio.engine.feed import Feed
from studio.engine.module import build_module
from studio.engine.team import shard
from studio.project import edits, rates, schedules, templates
from studio.project.assign import set_value
from studio.project.course import LENGTH, too_long
from studio.project.edits import EditRefused
from studio.project.fit import fit_problems, steps_per_epoch
from studio.project.presets import PRESETS, Preset
from studio.project.problems import Problem
from studio.project.recipes import recipe_problems
from studio.project.templates import TEMPLATES
from studio.project.values import Chosen, Edge, Network, Node, Project, Recipe


def norm_project(side: int, **recipe: object) -> Project:
    """A batch norm over maps of this side, before a classifier of two."""
    size = {"channels": 3, "height": side, "width": side}
    nodes = (
        Node("input", "input", size),
        Node("conv", "convolution", {"channels": 4}),
        Node("bn", "batch_norm"),
        Node("flatten", "flatten"),
        Node("head", "linear"),
        Node("output", "output", {"classes": 2}),
    )
    edges = tuple(Edge(a.name, b.name) for a, b in itertools.pairwise(nodes))
    return Project(Network(nodes, edges), recipe=Recipe(**recipe))  # type: ignore[arg-type]


def with_recipe(recipe: Recipe) -> Project:
    return replace(norm_project(1), recipe=recipe)


def mended(project: Project, problem: Problem) -> Project:
    assert problem.fix is not None
    return edits.mend(project, problem.fix)


@pytest.mark.parametrize("side", [1, 2])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_batch_is_refused_where_torch_cannot_take_its_deviation(side: int, batch: int) -> None:
    project = norm_project(side, batch_size=batch)
    module = build_module(project.network, 0).train()
    images = torch.randn(batch, 3, side, side)
    if side * batch == 1:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            module(images)
    else:
        module(images)
    found = fit_problems(project, 2, 40)
    assert bool(found) == (side * batch == 1)


def test_the_refusal_names_the_norm_and_its_fix_lets_the_run_begin() -> None:
    project = norm_project(1, batch_size=1, accumulate=8)
    (found,) = fit_problems(project, 2, 40)
    assert (found.node, found.code) == ("bn", "batch")
    assert "batch norm 'bn'" in found.message
    project = mended(project, found)
    assert project.recipe.batch_size == 2
    assert fit_problems(project, 2, 40) == ()


def test_a_single_image_in_all_has_no_fix() -> None:
    (found,) = fit_problems(norm_project(1, batch_size=1), 2, 1)
    assert found.fix is None
    assert "two images at least" in found.message


def test_a_frozen_batch_norm_takes_a_batch_of_one() -> None:
    project = norm_project(1, batch_size=1)
    project = replace(project, recipe=rates.set_rate(project.recipe, "bn", 0.0))
    assert fit_problems(project, 2, 40) == ()


def test_cifar_resnet_on_tiny_images_is_refused_a_batch_of_one() -> None:
    project = templates.build("cifar_resnet20", (3, 4, 4), 2)
    project = replace(project, recipe=replace(project.recipe, batch_size=1))
    (found,) = fit_problems(project, 2, 40)
    assert found.node.startswith("stage3")


@pytest.mark.parametrize("size", [2, 3, 4, 7])
def test_no_process_of_a_team_has_a_single_image_of_a_larger_batch(size: int) -> None:
    assert all(len(shard(n, rank, size)) > 1 for n in range(2, 60) for rank in range(size))


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("images", [8, 9, 12, 17, 33])
def test_the_steps_of_an_epoch_are_the_feeds_and_none_holds_a_single_image(
    images: int, accumulate: int
) -> None:
    project = norm_project(1, batch_size=4, accumulate=accumulate)
    data = DataSet(
        pixels=np.zeros((images, 3, 1, 1), np.uint8),
        labels=np.zeros(images, np.int64),
        classes=("a", "b"),
        splits={"train": np.arange(images)},
        title="",
        mean=(0.0,) * 3,
        deviation=(1.0,) * 3,
        fingerprint="",
    )
    feed = Feed(
        data, torch.device("cpu"), (0.0,) * 3, (1.0,) * 3,
        batch_size=4, drop_single=True, accumulate=accumulate,
    )  # fmt: skip
    assert steps_per_epoch(project, images) == feed.steps_per_epoch
    assert min(len(labels) for _, labels in feed.batches(0)) > 1


# The course of the learning rate -----------------------------------------------------------------


def lengths(recipe: Recipe) -> tuple[Problem, ...]:
    found = recipe_problems(with_recipe(recipe))
    return tuple(each for each in found if each.code == LENGTH)


@pytest.mark.parametrize(
    ("recipe", "says", "fix"),
    [
        (Recipe(epochs=3, schedule=Chosen("step", {"every": 50})), "every 50", "every 1 epoch"),
        (Recipe(epochs=12, schedule=Chosen("step", {"every": 12})), "every 12", "every 4 epochs"),
        (Recipe(epochs=2, schedule=Chosen("multi_step", {"at": "10, 20"})), "epoch 10", "to 1"),
        (Recipe(epochs=9, schedule=Chosen("multi_step", {"at": "6, 11"})), "epoch 11", "to 5, 7"),
        (Recipe(epochs=9, schedule=Chosen("restarts", {"first": 9})), "after 9", "3 epochs"),
        (Recipe(epochs=9, schedule=Chosen("plateau", {"patience": 7})), "patience of 7", "to 3"),
        (Recipe(epochs=1, schedule=Chosen("step", {"every": 1})), "has 1 epoch", "constant"),
        (Recipe(epochs=9, warmup=4.0, schedule=Chosen("step", {"every": 6})),
         "has 5 epochs behind the warm-up", "every 2 epochs"),
        (Recipe(epochs=5, warmup=5.0), "warm-up takes 5 epochs", "to 1 epoch"),
    ],
)  # fmt: skip
def test_steps_longer_than_the_run_are_refused_and_mended(
    recipe: Recipe, says: str, fix: str
) -> None:
    (found,) = lengths(recipe)
    assert says in found.message
    assert found.fix is not None
    assert fix in found.fix.text
    assert found.message.endswith(found.fix.text[1:])  # the button's words, for who sees no button
    recipe = mended(with_recipe(recipe), found).recipe
    assert lengths(recipe) == ()


@pytest.mark.parametrize("at", ["5", "8"])
def test_the_last_step_that_is_taken_is_not_refused(at: str) -> None:
    recipe = Recipe(epochs=9, schedule=Chosen("multi_step", {"at": at}))
    assert lengths(recipe) == ()
    assert schedules.rate(recipe, 9 * 7 - 1, 7) < recipe.learning_rate


@pytest.mark.parametrize("patience", [0, 2, 5])
def test_a_patience_is_refused_from_where_no_epoch_can_have_a_lower_rate(patience: int) -> None:
    def falls(epochs: int) -> bool:
        recipe = Recipe(epochs=epochs, schedule=Chosen("plateau", {"patience": patience}))
        state = schedules.plateau.Plateau()
        for _ in range(epochs - 1):  # after the last one nothing is trained
            state = schedules.after_epoch(recipe, state, 1.0, 0.5)
        return state.factor < 1

    for epochs in range(1, 12):
        recipe = Recipe(epochs=epochs, schedule=Chosen("plateau", {"patience": patience}))
        assert bool(lengths(recipe)) == (not falls(epochs)), epochs


@pytest.mark.parametrize("warmup", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("kind", sorted(schedules.SCHEDULES))
def test_what_nobody_set_follows_the_run_and_is_never_refused(kind: str, warmup: float) -> None:
    for epochs in (1, 2, 3, 4, 9, 40, 300):
        recipe = Recipe(epochs=epochs, schedule=Chosen(kind), warmup=min(warmup, epochs / 2))
        assert lengths(recipe) == ()
        if kind in ("step", "multi_step") and schedules.span(recipe) > 1:
            assert schedules.drops(recipe, 10)
            assert schedules.rate(recipe, epochs * 10 - 1, 10) < recipe.learning_rate


def test_the_defaults_are_those_of_the_default_run() -> None:
    for kind in schedules.SCHEDULES.values():
        declared = {setting.name: setting.initial for setting in kind.settings}
        assert schedules.settings_of(Recipe(schedule=Chosen(kind.kind))) == declared


def test_the_textbook_preset_steps_at_half_and_three_quarters_of_any_run() -> None:
    (preset,) = (each for each in PRESETS if each.name == "textbook")
    recipe = preset.apply(Recipe())
    assert schedules.settings_of(recipe)["at"] == "20, 30"
    assert schedules.settings_of(replace(recipe, epochs=8))["at"] == "4, 6"


def test_a_run_made_longer_keeps_the_steps_behind_it() -> None:
    recipe = Recipe(epochs=9, schedule=Chosen("multi_step"))
    longer = replace(schedules.pinned(recipe), epochs=20)
    past = range(9 * 10)
    assert [schedules.rate(longer, s, 10) for s in past] == [
        schedules.rate(recipe, s, 10) for s in past
    ]


@pytest.mark.parametrize("epochs", [None, 1, 2, 5])
@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_can_be_trained_for_any_number_of_epochs(
    name: str, epochs: int | None
) -> None:
    recipe = templates.build(name).recipe
    assert too_long(replace(recipe, epochs=epochs or recipe.epochs)) == ()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_can_be_trained_for_any_number_of_epochs(preset: Preset) -> None:
    recipe = preset.apply(Recipe())
    assert all(too_long(replace(recipe, epochs=n)) == () for n in (recipe.epochs, 1, 2, 5))


def test_a_warm_up_in_steps_that_does_not_end_is_refused_once_the_images_are_known() -> None:
    project = norm_project(2, batch_size=64, epochs=2, warmup=500.0, warmup_unit="steps")
    assert lengths(project.recipe) == ()
    (found,) = fit_problems(project, 2, 1079)
    assert "500 steps and the run 34" in found.message
    project = mended(project, found)
    assert project.recipe.warmup == 3
    assert fit_problems(project, 2, 1079) == ()


def test_a_step_that_a_warm_up_in_steps_pushes_behind_the_end_is_refused() -> None:
    schedule = Chosen("multi_step", {"at": "3"})
    project = norm_project(
        2, batch_size=64, epochs=4, warmup=20.0, warmup_unit="steps", schedule=schedule
    )
    (found,) = fit_problems(project, 2, 1079)
    assert "epoch 3" in found.message
    assert fit_problems(mended(project, found), 2, 1079) == ()


def test_class_weights_that_are_set_hold_and_must_be_as_many_as_the_classes() -> None:
    project = set_value(norm_project(2), "class_weights", "1,2,3")
    assert project.recipe.class_weighting == "given"
    (found,) = fit_problems(project, 2, 1000)
    assert "3 class weights, and the data has 2 classes" in found.message
    assert set_value(project, "class_weights", "1,2").recipe.class_weights == "1, 2"


def test_class_weights_beside_balanced_ones_are_refused_in_words() -> None:
    project = set_value(norm_project(2), "class_weighting", "balanced")
    with pytest.raises(EditRefused, match="class_weighting=given"):
        set_value(project, "class_weights", "1,2")
