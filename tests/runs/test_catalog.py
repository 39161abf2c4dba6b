"""The list of runs and of a run's checkpoints, as they are chosen from."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest

from studio.project.values import Project, Recipe
from studio.runs.catalog import Catalog
from studio.runs.checkpoints import kept
from studio.runs.folder import RunFolder
from tests.run_writer import HERE, THERE

PAST = msgspec.structs.replace(HERE, state="completed")


def make(path: Path, **known: object) -> RunFolder:
    return RunFolder.create(path, Project(), msgspec.structs.replace(PAST, **known))


def test_runs_at_several_places_are_found_once_and_newest_first(tmp_path: Path) -> None:
    make(tmp_path / "root/old", created="2025")
    make(tmp_path / "root/new", created="2027")
    other = make(tmp_path / "elsewhere/other", created="2026")
    (tmp_path / "root/empty").mkdir()
    damaged = make(tmp_path / "root/damaged")
    (damaged.path / "run.json").write_text("{")
    places = (tmp_path / "root", other.path, tmp_path / "elsewhere", tmp_path / "nowhere")
    names = [entry.folder.name for entry in Catalog().look(places)]
    assert names == ["new", "other", "old"]


def test_only_what_has_changed_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = make(tmp_path / "one"), make(tmp_path / "other")
    read: list[str] = []
    info = RunFolder.info

    def noting(folder: RunFolder) -> object:
        read.append(folder.path.name)
        return info(folder)

    monkeypatch.setattr(RunFolder, "info", noting)
    catalog = Catalog()
    first = catalog.look((tmp_path,))
    assert sorted(read) == ["one", "other"]
    assert catalog.look((tmp_path,)) == first
    assert len(read) == 2
    time.sleep(0.01)
    one.save(msgspec.structs.replace(PAST, epochs_done=3))
    again = catalog.look((tmp_path,))
    assert read[2:] == ["one"]
    assert {entry.folder.name: entry.info.epochs_done for entry in again} == {"one": 3, "other": 0}
    (other.path / "run.json").unlink()
    assert [entry.folder.name for entry in catalog.look((tmp_path,))] == ["one"]


def test_how_runs_stand_is_told_even_if_their_files_stay(tmp_path: Path) -> None:
    RunFolder.create(tmp_path / "far", Project(), THERE)
    killed = msgspec.structs.replace(HERE, process_started=1.0)
    RunFolder.create(tmp_path / "killed", Project(), killed)
    stands = {entry.folder.name: entry.standing for entry in Catalog().look((tmp_path,))}
    assert stands == {"far": "running", "killed": "interrupted"}


def test_five_hundred_runs_are_looked_at_in_a_fraction_of_a_second(tmp_path: Path) -> None:
    for number in range(500):
        make(tmp_path / str(number), layers=tuple(f"block{at}.convolution" for at in range(50)))
    catalog = Catalog()
    catalog.look((tmp_path,))
    begin = time.thread_time()
    assert len(catalog.look((tmp_path,))) == 500
    assert time.thread_time() - begin < 0.1


def checkpoint(run: RunFolder, name: str, place: object) -> Path:
    """A file that begins as checkpoints do."""
    state = json.dumps({"format": "training-studio-checkpoint", "version": 1, "place": place})
    header = json.dumps({"__metadata__": {"state": state, "sha256": ""}}).encode()
    path = run.checkpoint(name)
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_checkpoints_are_listed_by_what_their_headers_say(tmp_path: Path) -> None:
    run = make(tmp_path / "run")
    recipe = msgspec.to_builtins(Recipe(learning_rate=0.01))
    for name, step, done in (("step-0000007", 7, 0), ("step-0000012", 12, 1), ("best", 10, 1)):
        checkpoint(run, name, {"step": step, "epochs_done": done, "seconds": 1.5})
    checkpoint(run, "last", {"step": 20, "epochs_done": 2, "recipe": recipe})
    for name, content in (("short", b"abc"), ("huge", b"\xff" * 64), ("other", b"\2" + bytes(30))):
        run.checkpoint(name).write_bytes(content)
    checkpoint(run, "wrong", "nowhere")
    (run.checkpoints / ".last.safetensors.part").write_bytes(b"half")
    found = kept(run)
    assert [(each.name, each.step, each.epochs_done) for each in found] == [
        ("last", 20, 2),
        ("best", 10, 1),
        ("step-0000012", 12, 1),
        ("step-0000007", 7, 0),
    ]
    assert (found[0].recipe, found[1].recipe) == (Recipe(learning_rate=0.01), None)
