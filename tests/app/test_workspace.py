"""The workspace: undo, merging, saving, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.templates import build
from studio.project.values import Network


@pytest.fixture
def workspace(qapp: object) -> Workspace:
    return Workspace(build("quickstart"))


def channels(value: int) -> Callable[[Network], Network]:
    return lambda network: edits.set_setting(network, "features", "channels", value)


def test_undo_and_redo_walk_the_same_values(workspace: Workspace) -> None:
    values = [workspace.project]
    for number in (8, 24, 48):
        assert workspace.edit_network(f"Set to {number}", channels(number))
        values.append(workspace.project)
    for value in reversed(values[:-1]):
        workspace.undo()
        assert workspace.project is value
    for value in values[1:]:
        workspace.redo()
        assert workspace.project is value
    assert (workspace.undo_label, workspace.redo_label) == ("Set to 48", "")


def test_edits_with_the_same_merge_key_are_one_step(workspace: Workspace) -> None:
    before = workspace.project
    for number in (1, 12, 128):
        workspace.edit_network("Set channels", channels(number), merge="a")
    workspace.end_merge()
    workspace.edit_network("Set channels", channels(20), merge="a")
    workspace.undo()
    assert workspace.project.network.node("features").settings["channels"] == 128
    workspace.undo()
    assert workspace.project is before


def test_a_merged_edit_that_ends_where_it_began_leaves_no_step(workspace: Workspace) -> None:
    before = workspace.project
    start = before.network.node("features").settings["channels"]
    for number in (9, 99, start):
        workspace.edit_network("Set channels", channels(number), merge="a")
    assert workspace.project is before
    assert workspace.undo_label == ""
    assert not workspace.modified


def test_an_undone_edit_is_not_merged_into(workspace: Workspace) -> None:
    workspace.edit_network("Set", channels(10), merge="a")
    workspace.edit_network("Move", lambda n: edits.move_nodes(n, {"deep": (5.0, 5.0)}))
    workspace.undo()
    workspace.edit_network("Set", channels(11), merge="a")
    workspace.undo()
    assert workspace.project.network.node("features").settings["channels"] == 10


def test_a_refused_edit_changes_nothing_and_says_why(workspace: Workspace, qtbot: object) -> None:
    before = workspace.project
    said: list[str] = []
    workspace.refused.connect(said.append)
    assert not workspace.edit_network("Wire", lambda n: edits.connect(n, "deep", "deep"))
    assert workspace.project is before
    assert said == ["deep cannot feed itself"]
    assert workspace.undo_label == ""


def test_the_selection_follows_undo_and_forgets_what_is_gone(workspace: Workspace) -> None:
    workspace.select(["deep", "nobody"])
    assert workspace.selection == ("deep",)
    workspace.edit_network("Remove", lambda n: edits.remove_nodes(n, ["deep"]))
    assert workspace.selection == ()
    workspace.undo()
    assert workspace.selection == ("deep",)


def test_saving_and_opening_keep_the_project_and_its_state(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert not workspace.modified
    workspace.edit_network("Set", channels(9))
    assert workspace.modified
    assert workspace.save(tmp_path / "mine")
    assert not workspace.modified
    assert (workspace.title, workspace.path) == ("mine", (tmp_path / "mine.studio").resolve())
    workspace.undo()
    assert workspace.modified
    workspace.redo()
    assert not workspace.modified
    other = Workspace()
    assert other.open(tmp_path / "mine.studio")
    assert other.project == workspace.project
    assert other.recent()[0] == workspace.path


def test_a_broken_file_is_announced_and_the_project_kept(
    workspace: Workspace, tmp_path: Path
) -> None:
    said: list[str] = []
    workspace.failed.connect(said.append)
    (tmp_path / "bad.studio").write_text("{")
    before = workspace.project
    assert not workspace.open(tmp_path / "bad.studio")
    assert workspace.project is before
    assert "no project file" in said[0]


def test_a_failed_save_is_announced_and_stays_unsaved(workspace: Workspace, tmp_path: Path) -> None:
    said: list[str] = []
    workspace.failed.connect(said.append)
    workspace.edit_network("Set", channels(9))
    assert not workspace.save(tmp_path / "no" / "where.studio")
    assert workspace.modified
    assert "could not be saved" in said[0]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from("srmud"), st.integers(1, 200)), max_size=60))
def test_undoing_everything_gives_the_beginning(qapp: object, steps: list[tuple[str, int]]) -> None:
    workspace = Workspace(build("quickstart"))
    start = workspace.project
    for action, number in steps:
        match action:
            case "s":
                workspace.edit_network("Set", channels(number), merge="set")
            case "r":
                name = start.network.nodes[number % len(start.network.nodes)].name
                workspace.edit_network("Remove", lambda n, name=name: _remove(n, name))
            case "m":
                workspace.apply("Seed", lambda p, n=number: replace(
                    p, recipe=replace(p.recipe, seed=n)))  # fmt: skip
            case "u":
                workspace.undo()
            case _:
                workspace.redo()
    end = workspace.project
    count = 0
    while workspace.undo_label:
        workspace.undo()
        count += 1
    assert workspace.project == start
    for _ in range(count):
        workspace.redo()
    assert workspace.project == end


def _remove(network: Network, name: str) -> Network:
    return edits.remove_nodes(network, [name])


def test_a_thousand_edits_are_taken_back_and_done_again_by_name(workspace: Workspace) -> None:
    values = [workspace.project]
    for number in range(1000):
        assert workspace.edit_network(f"Set channels to {number + 1}", channels(number + 1))
        values.append(workspace.project)
    for number in reversed(range(1000)):
        assert workspace.undo_label == f"Set channels to {number + 1}"
        workspace.undo()
        assert workspace.project is values[number]
    assert workspace.undo_label == ""
    for number in range(1000):
        workspace.redo()
        assert workspace.project is values[number + 1]
    assert workspace.redo_label == ""
