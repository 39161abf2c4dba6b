"""Project files: identity, atomic writing, and refusals in words for anything else."""

from __future__ import annotations

import errno
import json
import os
import random
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from studio.project import codec
from studio.project.codec import ProjectError
from studio.project.templates import TEMPLATES, build
from studio.project.values import Project

FILES = Path(__file__).parent / "files"


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_loading_what_was_saved_gives_the_same_project(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a project.studio"
    codec.save(build(name), path)
    assert codec.load(path) == build(name)
    assert codec.dumps(codec.load(path)) == path.read_bytes()


def test_a_file_of_version_1_still_opens() -> None:
    project = codec.load(FILES / "version1.studio")
    assert project.network.node("from_elsewhere").settings == {"deep": {"list": [1, None, "x"]}}
    assert project.recipe.optimizer.kind == "adam"
    assert codec.loads(codec.dumps(project)) == project


def _changed(**changes: object) -> bytes:
    content = json.loads(codec.dumps(build("quickstart")))
    content.update(changes)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no project file"),
        (b"hello", "no project file"),
        (b"[1, 2]", "no project file"),
        (b"\xff\xfe\x00", "no project file"),
        (b'{"format": "other", "version": 1}', "training-studio"),
        (_changed(version=2), "newer Training Studio"),
        (_changed(version="1"), "version must be"),
        (_changed(version=True), "version must be"),
        (_changed(network=[]), "damaged"),
        (_changed(network={"nodes": [{"name": "a"}], "edges": []}), "kind"),
        (_changed(extra=1), "extra"),
        (_changed(recipe={"epochs": "many"}), "epochs"),
        (_changed(network={"nodes": [{"name": "x" * 5000, "kind": "add"}], "edges": []}), "5,000"),
        (b"[" * 100_000, "no project file"),
        (b'{"format":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "no project file"),
        (_changed(data={"validation_share": 1}).replace(b'e": 1}', b'e": 1e999}'), "out of range"),
        (_changed(data={"validation_share": 1}).replace(b'e": 1}', b'e": NaN}'), "malformed"),
        (b'{"format": "training-studio", "version": ' + b"9" * 6000 + b"}", "project file"),
    ],
)
def test_a_bad_file_is_refused_in_words(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.studio"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=words) as refusal:
        codec.load(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (codec.dumps(build("quickstart"))[:-9], "the project file is damaged: it ends in the"),
        (_changed(data={"folder": 1}), "data has an entry 'folder' that this version does not"),
        (
            _changed(recipe={"epochs": "many"}),
            "recipe.epochs must be a whole number, and is a text",
        ),
        (_changed(network={"nodes": [{"name": "a"}]}), r"network.nodes\[0\] has no entry 'kind'"),
        (_changed(network=[]), "network must be a group of entries, and is a list"),
    ],
)
def test_damage_is_told_without_a_decoders_words(content: bytes, words: str) -> None:
    with pytest.raises(ProjectError, match=words) as refusal:
        codec.loads(content)
    assert not set("`$") & set(str(refusal.value))


def test_a_refusal_to_open_begins_with_a_word_and_keeps_the_file_as_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.studio").write_bytes(codec.dumps(build("lenet5"))[:500])
    with pytest.raises(ProjectError, match=r"^cannot open broken\.studio: the project file is"):
        codec.load(Path("broken.studio"))


def test_missing_files_and_folders_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no file"):
        codec.load(tmp_path / "none.studio")
    with pytest.raises(ProjectError, match="is a folder"):
        codec.load(tmp_path)


def test_nesting_a_thousand_deep_in_a_setting_is_refused() -> None:
    nested = json.loads("[" * 900 + "]" * 900)
    node = {"name": "a", "kind": "add", "settings": {"x": nested}}
    with pytest.raises(ProjectError):
        codec.loads(_changed(network={"nodes": [node], "edges": []}))


@given(st.integers(0, 2**32))
def test_a_mangled_file_never_raises_anything_else(seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(codec.dumps(build("quickstart")))
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(content))
        match chance.randrange(3):
            case 0:
                content[place] = chance.randrange(256)
            case 1:
                del content[place : place + chance.randint(1, 200)]
            case _:
                content[place:place] = bytes(chance.choices(b'{}[]",:0e9-\\nullx', k=5))
    try:
        assert isinstance(codec.loads(bytes(content)), Project)
    except ProjectError as refusal:
        assert str(refusal)


def test_a_failed_save_leaves_the_old_file_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept.studio"
    codec.save(build("lenet5"), path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProjectError, match="disk is full"):
        codec.save(build("vgg11"), path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["kept.studio"]


def test_a_folder_that_does_not_exist_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="folder does not exist"):
        codec.save(build("lenet5"), tmp_path / "none" / "a.studio")
