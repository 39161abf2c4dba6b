"""Layer rates: which factor holds, wrong names, and what becomes of them when nodes change."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.project import codec, edits, grouping, presets, rates, templates
from studio.project.analysis import analyze
from studio.project.assign import set_value
from studio.project.edits import EditRefused
from studio.project.recipes import RECIPE_SETTINGS, recipe_problems
from studio.project.values import Network, Project, Recipe

PROJECT = templates.build("quickstart")
PROJECT_ANALYSIS = analyze(PROJECT.network)


def with_rates(**factors: float) -> Recipe:
    return replace(PROJECT.recipe, node_rates=factors)


def test_the_longest_name_that_a_layer_is_in_holds() -> None:
    factors = {"stage1": 0.5, "stage1.0.conv1": 0.0}
    assert rates.factor_of(factors, "stage1.0.conv1.weight") == 0.0
    assert rates.factor_of(factors, "stage1.1.conv1.weight") == 0.5
    assert rates.factor_of(factors, "stage12.conv1") == 1.0


def test_wrong_names_and_a_network_that_learns_nothing_are_problems_in_words() -> None:
    first = rates.places(PROJECT_ANALYSIS)[0]
    everything = dict.fromkeys(rates.places(PROJECT_ANALYSIS), 0.0)
    for factors, words in (
        ({first: 0.1}, ""),
        ({"nowhere": 0.1}, "no node 'nowhere'"),
        ({first: -1.0}, "at least 0"),
        (everything, "every layer is frozen"),
    ):
        project = replace(PROJECT, recipe=replace(PROJECT.recipe, node_rates=factors))
        messages = [problem.message for problem in recipe_problems(project)]
        assert bool(messages) == bool(words)
        assert all(words in message for message in messages)


def learning(network: Network) -> list[str]:
    return [name for name in rates.places(analyze(network)) if "." not in name]


def test_a_rename_takes_the_rate_along_and_a_removal_takes_it_away() -> None:
    name = learning(PROJECT.network)[0]
    recipe = with_rates(**{name: 0.1, f"{name}.inner": 0.0})
    renamed = edits.rename(PROJECT.network, name, "first")
    followed = rates.follow(recipe, (), PROJECT.network, renamed)
    assert followed.node_rates == {"first": 0.1, "first.inner": 0.0}
    removed = edits.remove_nodes(renamed, ["first"])
    assert rates.follow(followed, (), renamed, removed).node_rates == {}


def test_grouping_and_ungrouping_keep_the_rate_of_what_is_inside() -> None:
    name = learning(PROJECT.network)[-1]
    recipe = with_rates(**{name: 0.3})
    grouped, group = grouping.group(PROJECT.network, [name])
    inside = rates.follow(recipe, (), PROJECT.network, grouped)
    assert inside.node_rates == {f"{group}.{name}": 0.3}
    apart, _ = grouping.ungroup(grouped, group)
    assert rates.follow(inside, (), grouped, apart).node_rates == {name: 0.3}


def test_a_rename_inside_an_opened_block_follows_its_path() -> None:
    name = learning(PROJECT.network)[0]
    recipe = with_rates(**{f"group.{name}": 0.3, name: 0.5})
    renamed = edits.rename(PROJECT.network, name, "first")
    followed = rates.follow(recipe, ("group",), PROJECT.network, renamed)
    assert followed.node_rates == {"group.first": 0.3, name: 0.5}


def test_an_edit_that_moves_no_node_changes_no_rate() -> None:
    recipe = with_rates(**{learning(PROJECT.network)[0]: 0.1})
    moved = edits.move_nodes(PROJECT.network, {PROJECT.network.nodes[0].name: (5.0, 5.0)})
    assert rates.follow(recipe, (), PROJECT.network, moved) is recipe


# Presets, --set and files ------------------------------------------------------------------------


@pytest.mark.parametrize("preset", presets.PRESETS, ids=lambda each: each.name)
def test_a_preset_makes_a_sound_recipe_is_recognized_and_keeps_what_is_the_users(
    preset: presets.Preset,
) -> None:
    mine = replace(PROJECT.recipe, seed=7, device="cpu", weights="x.pt", flip=True)
    made = preset.apply(mine)
    assert presets.matching(made) == preset.name
    assert (made.seed, made.device, made.weights, made.flip) == (7, "cpu", "x.pt", True)
    sound = replace(PROJECT, recipe=replace(made, weights=""))
    assert recipe_problems(sound) == ()
    assert presets.matching(replace(made, epochs=made.epochs + 1)) == presets.CUSTOM
    assert preset.apply(made) == made


@pytest.mark.parametrize("setting", RECIPE_SETTINGS, ids=lambda each: each.name)
def test_every_setting_of_the_recipe_can_be_given_by_key_and_text(setting: object) -> None:
    name, initial = setting.name, setting.initial  # type: ignore[attr-defined]
    text = setting.show(initial)  # type: ignore[attr-defined]
    if not hasattr(setting, "choices"):
        assert getattr(set_value(PROJECT, name, text).recipe, name) == initial


def test_presets_and_layer_rates_can_be_given_by_key_and_text() -> None:
    node = learning(PROJECT.network)[0]
    project = set_value(PROJECT, "preset", "modern")
    assert presets.matching(project.recipe) == "modern"
    project = set_value(project, f"rate.{node}", "0.25")
    assert project.recipe.node_rates == {node: 0.25}
    assert set_value(project, f"rate.{node}", "none").recipe.node_rates == {}
    project = set_value(project, "schedule", "multi_step")
    project = set_value(project, "schedule.at", "30,60 ,80")
    assert project.recipe.schedule.settings == {"at": "30, 60, 80"}
    with pytest.raises(EditRefused, match="quick, textbook"):
        set_value(PROJECT, "preset", "best")


def test_an_old_file_is_saved_as_it_was_and_a_new_choice_comes_back(tmp_path: Path) -> None:
    old = codec.load(Path(__file__).parent / "files" / "version1.studio")
    assert set(codec.msgspec.json.decode(codec.dumps(old))["recipe"]) == {
        "optimizer", "learning_rate", "schedule", "batch_size", "epochs", "device", "precision",
        "seed", "weights",
    }  # fmt: skip
    new = replace(old, recipe=replace(old.recipe, mixup=0.2, node_rates={"a": 0.0}))
    codec.save(new, tmp_path / "new.studio")
    assert codec.load(tmp_path / "new.studio") == new
    assert isinstance(old, Project)
