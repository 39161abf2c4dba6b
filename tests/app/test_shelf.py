"""The user's own blocks: kept across projects and restarts, and never lost to a damaged file."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from studio.app.canvas.editor import Editor
from studio.app.shelf import Shelf
from studio.app.workspace import Workspace
from studio.project import edits, shelf, templates
from studio.project.blocks.group import GROUP, MAX_TITLE
from studio.project.shelf import OwnBlock

INSIDE = next(s.initial for s in GROUP.settings if s.name == "inside")


@pytest.fixture
def path(tmp_path: Path, qapp: object) -> Path:
    return tmp_path / "config" / "blocks.json"


def a_workspace(path: Path) -> Workspace:
    return Workspace(templates.build("quickstart"), shelf=Shelf(path))


def titles(kept: Shelf) -> list[str]:
    return [block.title for block in kept.blocks]


def put(kept: Shelf, *names: str) -> None:
    """Blocks that differ in their one node."""
    for name in names:
        inside = json.loads(json.dumps(INSIDE).replace('"identity"', f'"{name}"'))
        for node in inside["nodes"]:
            node["kind"] = "identity" if node["name"] == name else node["kind"]
        kept.keep({"title": name.title(), "inside": inside})


def test_a_group_is_kept_and_there_again_after_a_restart(path: Path) -> None:
    first = a_workspace(path)
    Editor(first).group(("features", "mixed"))
    again = Shelf(path)
    assert titles(again) == ["Group"]
    entry = again.entries[0]
    assert (entry.title, entry.kind, entry.hint) == ("Group", "group", "2 nodes")
    assert entry.settings["inside"] == first.project.network.node("group").settings["inside"]


def test_a_second_group_gets_a_title_of_its_own(path: Path) -> None:
    workspace = a_workspace(path)
    Editor(workspace).group(("features",))
    Editor(workspace).group(("deep",))
    assert titles(workspace.shelf) == ["Group", "Group 2"]
    assert workspace.project.network.node("group_2").settings["title"] == "Group 2"


def test_the_same_group_made_again_is_kept_once_under_its_title(path: Path) -> None:
    workspace = a_workspace(path)
    Editor(workspace).group(("features", "mixed"))
    Editor(workspace).retitle("group", "Stem")
    workspace.undo()
    workspace.undo()
    Editor(workspace).group(("features", "mixed"))
    assert titles(workspace.shelf) == ["Stem"]
    assert workspace.project.network.node("stem").settings["title"] == "Stem"


def test_what_a_new_group_is_called_is_taken_over_until_something_else_is_selected(
    path: Path,
) -> None:
    workspace = a_workspace(path)
    editor = Editor(workspace)
    editor.group(("features", "mixed"))
    for typed in ("S", "St", "Ste", "Stem"):
        editor.retitle(workspace.selection[0], typed)
    workspace.edit_network("Set", lambda n: edits.set_setting(n, "stem", "color", "green"))
    assert [(b.title, b.color) for b in workspace.shelf.blocks] == [("Stem", "green")]
    workspace.select(("head",))
    assert [(b.title, b.color) for b in Shelf(path).blocks] == [("Stem", "green")]
    workspace.select(("stem",))
    editor.retitle("stem", "Other")
    assert titles(workspace.shelf) == ["Stem"]


def test_a_title_that_is_taken_gets_a_number_while_it_is(path: Path) -> None:
    workspace = a_workspace(path)
    put(workspace.shelf, "attention")
    editor = Editor(workspace)
    editor.group(("features",))
    editor.retitle(workspace.selection[0], "Attention")
    assert titles(workspace.shelf) == ["Attention", "Attention 2"]
    editor.retitle(workspace.selection[0], "Attentions")
    assert titles(workspace.shelf) == ["Attention", "Attentions"]


def test_a_block_is_renamed_and_a_taken_or_empty_title_refused(path: Path, qtbot: QtBot) -> None:
    kept = Shelf(path)
    put(kept, "one", "two")
    assert kept.rename("One", "Uno")
    assert titles(Shelf(path)) == ["Uno", "Two"]
    with qtbot.waitSignal(kept.refused) as refusal:
        assert not kept.rename("Uno", "two")
    assert "already called two" in refusal.args[0]
    with qtbot.waitSignal(kept.refused):
        assert not kept.rename("Uno", "  ")
    assert kept.rename("Uno", "UNO")


def test_what_is_removed_can_be_put_back_where_it_was(path: Path, qtbot: QtBot) -> None:
    kept = Shelf(path)
    put(kept, "one", "two", "three")
    with qtbot.waitSignal(kept.removed):
        kept.remove("Two")
    assert titles(Shelf(path)) == ["One", "Three"]
    kept.put_back()
    kept.put_back()
    assert titles(kept) == titles(Shelf(path)) == ["One", "Two", "Three"]


def test_two_windows_keep_each_others_blocks(path: Path) -> None:
    one, other = Shelf(path), Shelf(path)
    put(one, "one")
    put(other, "two")
    os.utime(path, ns=(1, 1))  # a clock too coarse to tell two writes apart is not what is tested
    put(one, "three")
    assert sorted(titles(Shelf(path))) == ["One", "Three", "Two"]


def test_a_removal_is_not_undone_by_what_another_window_wrote(path: Path) -> None:
    one = Shelf(path)
    put(one, "one", "two")
    other = Shelf(path)
    put(other, "three")
    one.remove("One")
    assert sorted(titles(Shelf(path))) == ["Three", "Two"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "format"),
        (b'{"format": "other"}', "format"),
        (b'{"format": "training-studio-blocks", "version": 2, "blocks": []}', "version 2"),
        (b'{"format": "training-studio-blocks", "version": 1, "blocks": 3}', "no list"),
        (b'{"format": "training-studio-blocks", "version": 1, "blocks": [3]}', "block 1"),
    ],
)
def test_a_damaged_file_is_told_and_kept_aside(content: bytes, words: str, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    kept = Shelf(path)
    assert kept.blocks == ()
    assert words in kept.complaint
    put(kept, "one")
    aside = next(path.parent.glob("blocks-damaged-*.json"))
    assert aside.read_bytes() == content
    assert aside.name in kept.complaint
    assert titles(Shelf(path)) == ["One"]


def test_what_can_be_read_of_a_damaged_file_is_there(path: Path) -> None:
    kept = Shelf(path)
    put(kept, "one", "two", "three")
    content = json.loads(path.read_text())
    content["blocks"][1]["inside"]["edges"] = []
    path.write_text(json.dumps(content))
    again = Shelf(path)
    assert titles(again) == ["One", "Three"]
    assert "block 2 in it cannot be read" in again.complaint


def test_a_folder_that_cannot_be_written_is_told(
    tmp_path: Path, qtbot: QtBot, qapp: object
) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = Shelf(tmp_path / "file" / "blocks.json")
    with qtbot.waitSignal(kept.failed) as told:
        put(kept, "one")
    assert "not kept" in told.args[0]
    assert titles(kept) == ["One"]


@given(st.lists(st.sampled_from(["A", "a", "A 2", "x" * MAX_TITLE]), max_size=8))
def test_titles_stay_apart_and_short_enough(wishes: list[str]) -> None:
    blocks: list[OwnBlock] = []
    for wish in wishes:
        blocks.append(OwnBlock(shelf.free_title(blocks, wish), "violet", 1, {}))
    assert len({block.title.casefold() for block in blocks}) == len(blocks)
    assert all(len(block.title) <= MAX_TITLE for block in blocks)


@given(st.integers(0, 2**32))
def test_a_mangled_file_never_raises(seed: int) -> None:
    chance = random.Random(seed)
    whole = shelf.dumps([OwnBlock("A", "violet", 1, INSIDE), OwnBlock("B", "blue", 3, INSIDE)])
    assert [block.title for block in shelf.loads(whole)[0]] == ["A", "B"]
    content = bytearray(whole)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(content))
        match chance.randrange(3):
            case 0:
                content[place] = chance.randrange(256)
            case 1:
                del content[place : place + chance.randint(1, 60)]
            case _:
                content[place:place] = bytes(chance.choices(b'{}[]",:0e9-\\nullx', k=4))
    for block in shelf.loads(bytes(content))[0]:
        assert block.entry.title
