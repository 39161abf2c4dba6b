"""What is asked of a run under way: another course, a checkpoint, an end after the epoch."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace

from studio.engine import TorchEngine
from studio.engine.checkpoint import read_checkpoint
from studio.project import live, schedules
from studio.project.values import Chosen, Recipe
from studio.runs.api import EpochDone, Finished, RecipeChanged, Stage
from studio.runs.folder import RunFolder
from tests.engine.helpers import finish, small_project, until
from tests.engine.test_training import state, stop_after


def begin(folder: Path, **recipe: object):  # type: ignore[no-untyped-def]
    """A run of 270 steps an epoch that is a few steps old."""
    settings = {"batch_size": 4, "epochs": 3, **recipe}
    project = small_project(**settings)
    run = TorchEngine().start(project, folder)
    until(lambda: len(run.telemetry) > 5)
    return project, run


def test_the_rate_its_course_and_the_epochs_change_on_the_way(tmp_path: Path) -> None:
    project, run = begin(tmp_path / "run", learning_rate=0.05)
    wanted = replace(
        project.recipe, learning_rate=0.01, schedule=Chosen("exponential", {"k": 0.5}), epochs=4,
        batch_size=999,
    )  # fmt: skip
    run.change(wanted)
    messages = finish(run)
    (changed,) = [m for m in messages if isinstance(m, RecipeChanged)]
    assert changed.text == "learning rate 0.01, exponential decay, 4 epochs"
    assert changed.total_steps == 4 * 270
    assert changed.recipe.batch_size == 4  # only what can change did
    assert isinstance(messages[-1], Finished)
    assert messages[-1].epochs == 4
    rates = run.telemetry.learning_rate.values
    assert set(rates[: changed.step]) == {np.float32(0.05)}
    expected = [schedules.rate(changed.recipe, step, 270) for step in range(changed.step, 1080)]
    assert np.array_equal(rates[changed.step :], np.array(expected, np.float32))
    info = RunFolder(tmp_path / "run").info()
    assert (info.epochs, info.total_steps) == (4, 1080)
    assert RunFolder(tmp_path / "run").project() == project  # as it was begun
    with contextlib.closing(sqlite3.connect(tmp_path / "run/metrics.sqlite")) as file:
        events = file.execute("select * from events").fetchall()
    assert any("changed" in event and changed.text in event for event in events)


def test_a_changed_run_that_is_stopped_and_resumed_equals_one_that_never_was(
    tmp_path: Path,
) -> None:
    project, run = begin(tmp_path / "cut")
    wanted = replace(project.recipe, learning_rate=0.01, epochs=2)
    run.change(wanted)
    until(lambda: any(isinstance(m, RecipeChanged) for m in run.poll(1000)))
    stop_after(run, len(run.telemetry) + 20)
    place = read_checkpoint(tmp_path / "cut/checkpoints/last.safetensors").place
    assert place.recipe is not None
    resumed = TorchEngine().resume(tmp_path / "cut")
    last = finish(resumed)[-1]
    assert isinstance(last, Finished)
    assert last.epochs == 2
    changed_at = next(
        int(step) for step, rate in enumerate(resumed.telemetry.learning_rate.values)
        if rate == np.float32(0.01)
    )  # fmt: skip

    # The same change at the same step, in a run that is not interrupted.
    from studio.engine.trainer import Trainer

    answer = Trainer._answer
    whole = TorchEngine()

    def at_the_step(self: Trainer, step: int) -> None:
        if step == changed_at:
            self.control.change(wanted)
            answer(self, step)

    try:
        Trainer._answer = at_the_step  # type: ignore[method-assign]
        from studio.runs.control import RunControl

        asked = RunControl.asked
        RunControl.asked = property(lambda self: True)  # type: ignore[assignment, method-assign]
        finish(whole.start(project, tmp_path / "whole"))
    finally:
        Trainer._answer = answer  # type: ignore[method-assign]
        RunControl.asked = asked  # type: ignore[method-assign]
    one, other = state(tmp_path / "whole"), state(tmp_path / "cut")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_checkpoint_is_kept_when_asked_for(tmp_path: Path) -> None:
    _, run = begin(tmp_path / "run")
    run.keep()
    last = tmp_path / "run/checkpoints/last.safetensors"
    until(last.exists)
    assert read_checkpoint(last).place.step > 0
    messages = finish(run)
    assert any(isinstance(m, Stage) and "is kept" in m.text for m in messages)


def test_the_run_ends_after_the_epoch_and_can_go_on(tmp_path: Path) -> None:
    _, run = begin(tmp_path / "run")
    run.stop_after_epoch()
    messages = finish(run)
    assert [m.epoch for m in messages if isinstance(m, EpochDone)] == [1]
    last = messages[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.epochs) == ("stopped", 1)
    resumed = finish(TorchEngine().resume(tmp_path / "run"))[-1]
    assert isinstance(resumed, Finished)
    assert (resumed.reason, resumed.epochs) == ("completed", 3)


def test_an_end_after_the_epoch_can_be_taken_back(tmp_path: Path) -> None:
    _, run = begin(tmp_path / "run")
    run.stop_after_epoch()
    run.stop_after_epoch(False)
    last = finish(run)[-1]
    assert isinstance(last, Finished)
    assert last.reason == "completed"


def test_what_differs_is_told_in_words_and_nothing_else_is_taken_over() -> None:
    one = Recipe(epochs=3, learning_rate=0.1)
    assert live.differences(one, one) == ()
    other = replace(one, epochs=5, batch_size=7, seed=3)
    assert live.differences(one, other) == ("5 epochs",)
    assert live.take_over(one, other) == replace(one, epochs=5)
