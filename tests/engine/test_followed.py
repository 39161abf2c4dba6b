"""What another process trains is followed to its end, and what real runs leave is read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from studio.engine import TorchEngine
from studio.engine.checkpoint import read_checkpoint
from studio.project import codec
from studio.runs.api import Failed, Finished, Message, RecipeChanged, Started
from studio.runs.changes import recipe_now
from studio.runs.checkpoints import kept
from studio.runs.folder import RunFolder
from studio.runs.following import FollowedRun
from tests.engine.helpers import finish, small_project, train, until


def followed(path: Path, timeout: float = 60) -> tuple[FollowedRun, list[Message]]:
    """The run in ``path`` read to its end, and all that was said of it."""
    run = FollowedRun(path).start()
    assert run.join(timeout)
    return run, list(run.poll(100_000))


def assert_same_curves(run: FollowedRun, folder: RunFolder) -> None:
    curves = folder.curves()
    for name in ("loss", "accuracy", "learning_rate", "images_per_second", "seconds"):
        expected = getattr(curves, name).astype(np.float32)
        assert np.array_equal(getattr(run.telemetry, name).values, expected)
    assert np.array_equal(run.telemetry.gradients.rows, folder.gradients()[1])


@pytest.mark.slow
def test_a_second_process_is_followed_from_before_its_first_step_to_its_end(tmp_path: Path) -> None:
    project, out = tmp_path / "small.studio", tmp_path / "run"
    codec.save(small_project(), project)
    command = [sys.executable, "-m", "studio", "train", str(project), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        until(lambda: (out / "project.studio").exists() and (out / "run.json").exists())
        run = FollowedRun(out).start()
        assert run.alive
        assert run.info.process == process.pid
        assert process.wait(60) == 0
    assert run.join(20)
    said = list(run.poll(1000))
    folder = RunFolder.open(out)
    assert_same_curves(run, folder)
    assert len(run.telemetry) == 18
    assert sum(isinstance(message, Started) for message in said) == 1
    last = said[-1]
    assert isinstance(last, Finished)
    info = folder.info()
    assert (last.reason, last.epochs, last.best_accuracy) == ("completed", 2, info.best_accuracy)


@pytest.mark.slow
def test_a_process_that_is_killed_is_noticed(tmp_path: Path) -> None:
    project, out = tmp_path / "small.studio", tmp_path / "run"
    codec.save(small_project(epochs=100_000), project)
    command = [sys.executable, "-m", "studio", "train", str(project), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        until(lambda: (out / "metrics.sqlite").exists())
        run = FollowedRun(out).start()
        until(lambda: len(run.telemetry) > 0)
        process.kill()
        process.wait(10)
    assert run.join(20)
    last = run.poll(100_000)[-1]
    assert isinstance(last, Failed)
    assert last.message.startswith(f"Process {process.pid}, which trained this network, is gone")


def test_a_run_that_was_extended_is_read_with_its_new_length(tmp_path: Path) -> None:
    train(small_project(epochs=1), tmp_path / "run")
    finish(TorchEngine().resume(tmp_path / "run", epochs=3))
    run, said = followed(tmp_path / "run")
    assert_same_curves(run, RunFolder.open(tmp_path / "run"))
    (changed,) = [message for message in said if isinstance(message, RecipeChanged)]
    assert (changed.step, changed.total_steps, changed.text) == (9, 27, "3 epochs")
    assert run.recipe == small_project(epochs=3).recipe


def test_what_a_run_follows_after_a_change_is_what_its_checkpoint_says(tmp_path: Path) -> None:
    project = small_project(epochs=400)
    run = TorchEngine().start(project, tmp_path / "run")
    until(lambda: len(run.telemetry) > 0)
    run.change(replace(project.recipe, learning_rate=0.002))
    until(lambda: any(isinstance(message, RecipeChanged) for message in run.poll()))
    run.keep()
    until(lambda: any((tmp_path / "run/checkpoints").glob("step-*.safetensors")))
    run.stop()
    finish(run)
    folder = RunFolder.open(tmp_path / "run")
    found = kept(folder)
    assert [each.name for each in found][:1] == ["last"]
    for each in found:
        place = read_checkpoint(each.path).place
        assert (each.step, each.epochs_done, each.recipe) == (
            place.step,
            place.epochs_done,
            place.recipe,
        )
    info = folder.info()
    assert recipe_now(folder, project.recipe, info.epochs) == found[0].recipe
    assert found[0].recipe == replace(project.recipe, learning_rate=0.002)
