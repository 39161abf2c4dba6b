"""Several processes that train one network: parts of batches, equal curves, one run folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studio.engine import pixel_cache
from studio.engine.checkpoint import read_checkpoint
from studio.engine.team import ALONE, Wishes, shard
from studio.project import codec
from studio.project.values import Chosen, DataSettings, Node, Project, Recipe
from studio.runs.folder import RunFolder
from tests.engine.helpers import chain, small_project, train, until, with_recipe, write_images
from tests.engine.test_branching import exploding
from tests.engine.test_training import plain_project

TOLERANCE = 1e-5
"""Relative, of the losses: float32 adds up in another order (measured: 2e-7)."""


@given(st.integers(1, 400), st.integers(1, 9))
def test_every_image_of_a_batch_is_in_one_process_or_in_all(count: int, size: int) -> None:
    parts = [shard(count, rank, size) for rank in range(size)]
    if count < 2 * size:
        assert all(part.tolist() == list(range(count)) for part in parts)
    else:
        assert sorted(np.concatenate(parts).tolist()) == list(range(count))
        assert min(map(len, parts)) >= 2
        assert max(map(len, parts)) - min(map(len, parts)) <= 3


@given(st.integers(1, 400), st.integers(1, 9))
def test_a_part_in_reverse_pairs_the_images_that_the_whole_batch_pairs(
    count: int, size: int
) -> None:
    for rank in range(size):
        part = shard(count, rank, size)
        assert np.array_equal(part[::-1], count - 1 - part)


def test_alone_what_is_wished_is_done_at_once() -> None:
    wishes = Wishes(publish=True, stop=True)
    assert ALONE.agree(7, wishes) is wishes


def command(*arguments: str, processes: int = 2, restarts: int = 0) -> list[str]:
    """torchrun, as a user types it."""
    return [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
        str(processes), "--max-restarts", str(restarts), "-m", "studio", "train", *arguments,
    ]  # fmt: skip


def together(*arguments: str, processes: int = 2) -> str:
    """What a training by several processes prints; it must succeed."""
    done = subprocess.run(
        command(*arguments, processes=processes), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def saved(project: Project, folder: Path) -> str:
    path = folder / "net.studio"
    codec.save(project, path)
    return str(path)


def losses(folder: Path) -> np.ndarray:
    return RunFolder(folder).curves().loss


def everything(**recipe: object) -> Project:
    """Batches that no number of processes divides, and all that draws by image."""
    settings = {
        "batch_size": 53, "sync_batch_norm": True, "crop": 1, "flip": True, "brightness": 0.2,
        "mixup": 0.4, "accumulate": 2, "clip_norm": 1.0, **recipe,
    }  # fmt: skip
    return plain_project(**settings)


def test_two_processes_draw_the_curves_of_one(tmp_path: Path) -> None:
    project = everything()
    train(project, tmp_path / "one")
    said = together(saved(project, tmp_path), "--out", str(tmp_path / "two"))
    assert said.count("epoch 1/3") == 1  # one of them speaks
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=TOLERANCE)
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    assert two.gradients()[1] == pytest.approx(one.gradients()[1], rel=1e-3)
    for mine, theirs in zip(one.epochs(), two.epochs(), strict=True):
        # The same images are validated, each once: the accuracy is equal to the last digit.
        assert mine.validation_accuracy == theirs.validation_accuracy
        assert mine.train_accuracy == pytest.approx(theirs.train_accuracy, rel=TOLERANCE)
        assert mine.validation_loss == pytest.approx(theirs.validation_loss, rel=TOLERANCE)
    assert two.info().state == "completed"
    assert (one.info().processes, two.info().processes) == (1, 2)
    assert not list((tmp_path / "two").rglob(".*.part"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    [
        {"batch_size": 269, "accumulate": 1},  # the last batch has 3 images: each process has all
        {"averaging": 0.9, "schedule": Chosen("plateau", {"patience": 0}), "label_smoothing": 0.1},
        {"class_weighting": "balanced", "optimizer": Chosen("adam"), "learning_rate": 0.003},
    ],
)
def test_the_curves_are_equal_with_other_recipes(tmp_path: Path, recipe: dict[str, object]) -> None:
    project = everything(**recipe)
    train(project, tmp_path / "one")
    together(saved(project, tmp_path), "--out", str(tmp_path / "two"))
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    for mine, theirs in zip(one.epochs(), two.epochs(), strict=True):
        assert mine.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-3)


@pytest.mark.slow
def test_a_team_shares_the_images_that_one_of_it_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 256  # 400 images of 192 KiB: enough to be kept on disk
    folder = write_images(tmp_path / "images", {"a": 200, "b": 200})
    network = chain(
        Node("input", "input", {"channels": 3, "height": side, "width": side}),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output", {"classes": 2}),
    )
    recipe = Recipe(epochs=1, batch_size=50, device="cpu", flip=True)
    project = Project(network, DataSettings(str(folder)), recipe)
    monkeypatch.setenv(pixel_cache.VARIABLE, str(tmp_path / "cache"))
    together(saved(project, tmp_path), "--out", str(tmp_path / "two"))
    (kept,) = (tmp_path / "cache").iterdir()
    made = kept.stat().st_ino
    train(project, tmp_path / "one")
    assert kept.stat().st_ino == made
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=TOLERANCE)


@pytest.mark.slow
def test_a_team_is_rolled_back_together(tmp_path: Path) -> None:
    project = exploding(divergence="roll_back", epochs=3)
    said = together(saved(project, tmp_path), "--out", str(tmp_path / "run"))
    assert "rolled back to step" in said
    assert "It began in " in said
    assert np.isfinite(losses(tmp_path / "run")).all()
    assert len(losses(tmp_path / "run")) == 27


@pytest.mark.slow
def test_a_foreign_run_is_not_taken_over_by_a_restart(tmp_path: Path) -> None:
    train(small_project(epochs=1), tmp_path / "run")
    before = (tmp_path / "run/run.json").read_bytes()
    done = subprocess.run(
        command(saved(small_project(epochs=2), tmp_path), "--out", str(tmp_path / "run"),
                restarts=1),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode != 0
    assert "already exists" in done.stderr
    assert (tmp_path / "run/run.json").read_bytes() == before


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_processes(tmp_path: Path) -> None:
    project = everything(epochs=4)
    train(project, tmp_path / "one")
    first = with_recipe(project, epochs=2)
    together(saved(first, tmp_path), "--out", str(tmp_path / "run"), processes=3)
    together("--resume", str(tmp_path / "run"), "--epochs", "4", processes=2)
    assert losses(tmp_path / "run") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    assert RunFolder(tmp_path / "run").info().epochs_done == 4


@pytest.mark.slow
def test_dropout_goes_on_bit_for_bit_with_as_many_processes(tmp_path: Path) -> None:
    project = small_project(epochs=2)
    path = saved(project, tmp_path)
    together(path, "--out", str(tmp_path / "whole"))
    together(path, "--epochs", "1", "--out", str(tmp_path / "cut"))
    random = read_checkpoint(tmp_path / "cut/checkpoints/last.safetensors").random
    assert not torch.equal(random["cpu"], random["cpu.1"])
    together("--resume", str(tmp_path / "cut"), "--epochs", "2")
    assert np.array_equal(losses(tmp_path / "cut"), losses(tmp_path / "whole"))


@pytest.mark.slow
def test_without_synchronized_norms_the_saved_statistics_are_the_leaders(tmp_path: Path) -> None:
    project = everything(sync_batch_norm=False)
    together(saved(project, tmp_path), "--out", str(tmp_path / "run"))
    train(project, tmp_path / "one")
    # Other statistics, and so another curve: but of the same kind.
    ours, alone = losses(tmp_path / "run"), losses(tmp_path / "one")
    assert not np.allclose(ours, alone, rtol=TOLERANCE)
    assert ours == pytest.approx(alone, rel=0.3)


@pytest.mark.slow
def test_a_killed_process_is_replaced_and_the_run_goes_on(tmp_path: Path) -> None:
    project = plain_project(batch_size=8, epochs=12, sync_batch_norm=True)
    train(project, tmp_path / "one")
    out = tmp_path / "run"
    running = subprocess.Popen(
        command(saved(project, tmp_path), "--out", str(out), restarts=2),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until((out / "checkpoints/last.safetensors").exists, 120)
        workers = psutil.Process(running.pid).children()
        assert len(workers) == 2
        victim = next(w for w in workers if w.pid != RunFolder(out).info().process)
        os.kill(victim.pid, signal.SIGKILL)
        _, errors = running.communicate(timeout=240)
    finally:
        if running.poll() is None:
            running.kill()
    assert running.returncode == 0, errors[-3000:]
    assert RunFolder(out).info().state == "completed"
    assert losses(out)[:400] == pytest.approx(losses(tmp_path / "one")[:400], rel=1e-3)


@pytest.mark.slow
def test_all_stop_at_the_same_step_with_a_checkpoint(tmp_path: Path) -> None:
    project = plain_project(batch_size=8, epochs=500)
    out = tmp_path / "run"
    running = subprocess.Popen(
        command(saved(project, tmp_path), "--out", str(out)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until((out / "checkpoints/last.safetensors").exists, 120)
        time.sleep(0.3)
        os.kill(running.pid, signal.SIGTERM)
        running.communicate(timeout=120)
    finally:
        if running.poll() is None:
            running.kill()
    info = RunFolder(out).info()
    assert info.state == "stopped"
    assert read_checkpoint(out / "checkpoints/last.safetensors").place.step == info.step
    assert len(losses(out)) == info.step


def test_without_a_run_folder_the_processes_are_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "WORLD_SIZE": "2", "RANK": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "studio", "train", "quickstart"],
        capture_output=True, text=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--out" in done.stderr
