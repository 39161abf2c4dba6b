"""Following a run by its folder: growing, gone back, killed, damaged, of another machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from studio.project.values import Chosen, Project, Recipe
from studio.runs.api import (
    EpochDone,
    Failed,
    Finished,
    Message,
    PausedChanged,
    RecipeChanged,
    Stage,
    Started,
    Warned,
    WorkFailed,
)
from studio.runs.ending import span
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.following import FollowedRun
from studio.runs.standing import QUIET_SECONDS, standing
from studio.runs.system import GpuSample, SystemSample
from tests.run_writer import HERE, THERE, Writer


class Follower:
    """A run that is followed, with all that was said of it so far."""

    def __init__(self, run: FollowedRun) -> None:
        self.run = run.start()
        self.said: list[Message] = []

    def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait for ``condition``; fails when it does not come."""
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, self.said
            time.sleep(0.01)
            self.said.extend(self.run.poll())

    def heard(self, kind: type[Message]) -> bool:
        return any(isinstance(message, kind) for message in self.said)

    def until_heard(self, kind: type[Message]) -> None:
        self.until(lambda: self.heard(kind))

    def until_steps(self, count: int) -> None:
        self.until(lambda: len(self.run.telemetry) == count)

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.said if isinstance(message, kind)]


Follow = Callable[..., Follower]


@pytest.fixture
def follow() -> Iterator[Follow]:
    followers: list[Follower] = []

    def begin(path: Path, **settings: object) -> Follower:
        followers.append(Follower(FollowedRun(path, **settings)))  # type: ignore[arg-type]
        return followers[-1]

    yield begin
    for follower in followers:
        follower.run.leave()
        assert follower.run.join(5)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "run")
    yield made
    made.metrics.close()


def assert_same_curves(follower: Follower, folder: RunFolder) -> None:
    """All that the telemetry holds is what is in the folder."""
    curves, telemetry = folder.curves(), follower.run.telemetry
    steps = np.arange(len(telemetry)) + telemetry.first_step
    assert np.array_equal(curves.step, steps)
    for name in ("loss", "accuracy", "learning_rate", "images_per_second", "seconds"):
        expected = getattr(curves, name).astype(np.float32)
        assert np.array_equal(getattr(telemetry, name).values, expected)
    assert np.array_equal(telemetry.gradients.rows, folder.gradients()[1])


def test_a_growing_run_is_followed_from_its_first_step_to_its_result(
    writer: Writer, follow: Follow
) -> None:
    writer.note(total_steps=0)
    follower = follow(writer.folder.path)
    follower.until_heard(Stage)
    assert follower.said == [Stage("Waiting for the first step of digits.")]
    writer.note(total_steps=50)
    writer.steps(0, 7)
    follower.until_heard(Started)
    follower.until_steps(7)
    (started,) = follower.of(Started)
    assert isinstance(started, Started)
    assert (started.device_title, started.total_steps, started.step) == ("CPU, 2 cores", 50, 0)
    assert (started.classes, started.train_images) == (("a", "b"), 640)
    writer.steps(7, 3)
    writer.epoch(1, 10)
    follower.until_heard(EpochDone)
    follower.until_steps(10)
    writer.note(state="paused")
    follower.until(lambda: PausedChanged(True) in follower.said)
    writer.note(state="running")
    follower.until(lambda: PausedChanged(False) in follower.said)
    writer.event(10, "warning", "The disk is full.")
    follower.until_heard(Warned)
    writer.steps(10, 5)
    ended = {"state": "stopped", "epochs_done": 1, "best_epoch": 1, "best_accuracy": 0.7}
    writer.note(**ended, seconds=7.5)
    follower.until_heard(Finished)
    assert follower.said[-1] == Finished("stopped", 1, 1, 0.7, 7.5)
    follower.until(lambda: not follower.run.alive)
    assert_same_curves(follower, writer.folder)
    assert len(follower.of(Started)) == len(follower.of(EpochDone)) == 1


def test_a_run_of_the_past_tells_its_epochs_at_once(writer: Writer, follow: Follow) -> None:
    writer.steps(0, 50)
    for number in range(1, 6):
        writer.epoch(number, 10 * number)
    writer.note(state="completed", epochs_done=5)
    writer.metrics.close()
    follower = follow(writer.folder.path)
    follower.until_heard(Finished)
    assert [type(message) for message in follower.said] == [Started, Finished]
    assert [epoch.epoch for epoch in follower.run.earlier] == [1, 2, 3, 4, 5]
    assert_same_curves(follower, writer.folder)


def test_the_last_sample_of_the_machine_comes_along(writer: Writer, follow: Follow) -> None:
    gpus = tuple(
        GpuSample(f"GPU-{at}", "H100", 50.0 + at, 1 << 30, 80 << 30, 60.0, 400.0, 700.0)
        for at in range(2)
    )
    for at in (1.0, 2.0):
        sample = SystemSample(at, 30.0, 5 << 30, 16 << 30, process_memory=1 << 30, gpus=gpus)
        writer.metrics.system([sample])
    writer.steps(0, 3)
    follower = follow(writer.folder.path)
    follower.until(lambda: follower.run.sample is not None)
    sample = follower.run.sample
    assert sample is not None
    assert (sample.time, sample.processor, sample.memory_total) == (2.0, 30.0, 16 << 30)
    assert [(gpu.uuid, gpu.utilization, gpu.power) for gpu in sample.gpus] == [
        ("GPU-0", 50.0, 400.0),
        ("GPU-1", 51.0, 400.0),
    ]


def test_following_leaves_the_folder_as_it_is(writer: Writer, follow: Follow) -> None:
    writer.steps(0, 20)
    writer.note(state="completed")
    writer.metrics.close()
    before = {path.name: path.stat().st_mtime_ns for path in writer.folder.path.iterdir()}
    follow(writer.folder.path).until_heard(Finished)
    after = {path.name: path.stat().st_mtime_ns for path in writer.folder.path.iterdir()}
    assert before == after


def test_without_gradients_only_the_numbers_are_read(writer: Writer, follow: Follow) -> None:
    writer.steps(0, 20)
    follower = follow(writer.folder.path, gradients=False)
    follower.until_steps(20)
    assert follower.run.telemetry.gradients.width == 0
    assert len(follower.run.telemetry.loss) == 20


@pytest.mark.parametrize("taken_again", [0, 5, 20])
def test_a_run_that_goes_back_to_its_checkpoint_begins_again(
    writer: Writer, follow: Follow, taken_again: int
) -> None:
    writer.steps(0, 20)
    writer.epoch(1, 10)
    writer.epoch(2, 20)
    follower = follow(writer.folder.path)
    follower.until_steps(20)
    assert len(follower.run.earlier) == 2
    before = follower.run.telemetry
    writer.metrics.rewind(10)
    if taken_again:
        writer.steps(10, taken_again)
    follower.until(lambda: len(follower.of(Started)) == 2)
    follower.until_steps(10 + taken_again)
    assert follower.run.telemetry is not before
    assert_same_curves(follower, writer.folder)
    assert [epoch.epoch for epoch in follower.run.earlier] == [1]


def test_steps_that_are_taken_again_within_an_epoch_are_seen_to_be_others(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 18)
    writer.epoch(1, 10)
    follower = follow(writer.folder.path)
    follower.until_steps(18)
    writer.metrics.rewind(15)
    writer.steps(15, 10)  # the same steps and more, at other times and with other losses
    follower.until_steps(25)
    assert_same_curves(follower, writer.folder)
    assert len(follower.of(Started)) == 2


def test_changes_of_the_recipe_are_told_with_what_the_run_follows(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 12)
    slower = Recipe(learning_rate=0.01, epochs=5)
    writer.metrics.changed(12, "learning rate 0.01", slower)
    writer.steps(12, 3)
    follower = follow(writer.folder.path)
    follower.until_heard(RecipeChanged)
    longer = msgspec.structs.replace(slower, epochs=8, schedule=Chosen("cosine"))
    writer.metrics.changed(15, "cosine decay, 8 epochs", longer)
    assert writer.metrics.commit() == ""
    writer.note(epochs=8, total_steps=80)
    follower.until(lambda: len(follower.of(RecipeChanged)) == 2)
    assert follower.of(RecipeChanged) == [
        RecipeChanged(12, slower, 50, "learning rate 0.01"),
        RecipeChanged(15, longer, 80, "cosine decay, 8 epochs"),
    ]
    assert follower.run.recipe == longer


def test_a_change_behind_the_checkpoint_is_void_once_the_run_went_back(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 20)
    writer.metrics.changed(5, "learning rate 0.01", Recipe(learning_rate=0.01))
    writer.metrics.changed(15, "learning rate 3", Recipe(learning_rate=3.0))
    assert writer.metrics.commit() == ""
    follower = follow(writer.folder.path)
    follower.until(lambda: len(follower.of(RecipeChanged)) == 2)
    writer.metrics.rewind(10)
    writer.event(10, "resumed")
    follower.until(lambda: len(follower.of(RecipeChanged)) == 3)
    texts = [change.text for change in follower.of(RecipeChanged)]  # type: ignore[union-attr]
    assert texts == ["learning rate 0.01", "learning rate 3", "learning rate 0.01"]
    assert follower.run.recipe.learning_rate == 0.01


def test_a_change_by_a_run_that_kept_no_recipe_is_told_in_its_words(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 12)
    writer.event(12, "changed", "9 epochs")
    writer.note(epochs=9, total_steps=90)
    follower = follow(writer.folder.path)
    follower.until_heard(RecipeChanged)
    (change,) = follower.of(RecipeChanged)
    assert change == RecipeChanged(12, Recipe(epochs=9), 90, "9 epochs")


def test_a_branch_begins_at_the_step_of_its_first_row(writer: Writer, follow: Follow) -> None:
    writer.steps(30, 4)
    follower = follow(writer.folder.path)
    follower.until_steps(4)
    assert follower.run.telemetry.first_step == 30
    writer.steps(40, 2)  # the curves in between were lost: what is whole is shown
    follower.until(lambda: follower.run.telemetry.first_step == 40)
    follower.until_steps(2)


# How it ends --------------------------------------------------------------------------------------


def test_a_run_whose_process_is_gone_is_told_with_what_can_be_done(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 12)
    writer.folder.checkpoint("last").write_bytes(b"weights")
    follower = follow(writer.folder.path)
    follower.until_steps(12)
    writer.note(process_started=1.0)
    follower.until_heard(Failed)
    (failed,) = follower.of(Failed)
    assert isinstance(failed, Failed)
    assert failed.message == (
        f"Process {os.getpid()}, which trained this network, is gone without a word."
    )
    assert failed.advice == "Continue the run from its last checkpoint."
    assert len(follower.run.telemetry) == 12


def test_a_failed_run_tells_its_own_reason(writer: Writer, follow: Follow) -> None:
    writer.steps(0, 3)
    writer.note(state="failed", message="The loss is not a number. Lower the rate.")
    follower = follow(writer.folder.path)
    follower.until_heard(Failed)
    assert follower.said[-1] == Failed("The loss is not a number. Lower the rate.", "", "")


def test_leaving_ends_the_reading_at_once(writer: Writer, follow: Follow) -> None:
    follower = follow(writer.folder.path)
    follower.run.leave()
    assert follower.run.join(2)
    assert not follower.run.alive


def test_nothing_that_is_asked_of_it_reaches_the_run(writer: Writer, follow: Follow) -> None:
    writer.steps(0, 3)
    follower = follow(writer.folder.path)
    follower.until_steps(3)
    run = follower.run
    run.pause()
    run.resume()
    run.stop_after_epoch()
    run.keep()
    run.change(Recipe())
    run.stop()
    writer.steps(3, 2)
    follower.until_steps(5)
    assert writer.folder.info() == writer.info


# What is damaged ----------------------------------------------------------------------------------


def test_what_is_no_run_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="is not a run folder"):
        FollowedRun(tmp_path)
    folder = RunFolder.create(tmp_path / "run", Project(), HERE)
    (folder.path / "project.studio").write_text("{")
    with pytest.raises(WorkFailed):
        FollowedRun(folder.path)


def test_a_run_json_that_breaks_on_the_way_is_told_once_and_looked_at_again(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 3)
    follower = follow(writer.folder.path)
    follower.until_steps(3)
    (writer.folder.path / "run.json").write_text("{")
    follower.until_heard(Warned)
    writer.steps(3, 2)
    writer.note(state="running")
    follower.until_steps(5)
    assert len(follower.of(Warned)) == 1


def test_damaged_curves_are_told_and_the_result_comes_all_the_same(
    writer: Writer, follow: Follow
) -> None:
    writer.steps(0, 30)
    writer.note(state="completed", epochs_done=5)
    writer.metrics.close()
    content = bytearray(writer.folder.metrics.read_bytes())
    content[100:] = b"\xaa" * (len(content) - 100)
    writer.folder.metrics.write_bytes(content)
    follower = follow(writer.folder.path)
    follower.until_heard(Finished)
    assert [type(message) for message in follower.said] == [Warned, Started, Finished]
    assert "cannot be read" in follower.said[0].message  # type: ignore[union-attr]


def test_gradients_of_another_width_are_told_in_words(writer: Writer, follow: Follow) -> None:
    writer.steps(0, 3)
    writer.metrics.gradients(1, np.zeros((1, 5), np.float32))
    assert writer.metrics.commit() == ""
    follower = follow(writer.folder.path)
    follower.until_heard(Warned)
    assert "damaged" in follower.of(Warned)[0].message  # type: ignore[union-attr]


# Another machine ----------------------------------------------------------------------------------


def test_a_run_of_another_machine_is_followed_by_what_it_writes(
    tmp_path: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.runs.following.FAR_SECONDS", 0.05)
    writer = Writer(tmp_path / "run", THERE)
    writer.steps(0, 20)
    follower = follow(writer.folder.path)
    follower.until_steps(20)
    assert follower.run.standing == "running"
    writer.steps(20, 10)
    follower.until_steps(30)
    assert_same_curves(follower, writer.folder)
    writer.note(state="completed", epochs_done=5)
    writer.metrics.close()
    follower.until_heard(Finished)


def test_a_silent_run_of_another_machine_is_said_to_be_maybe_over_and_still_looked_at(
    tmp_path: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.runs.following.FAR_SECONDS", 0.05)
    writer = Writer(tmp_path / "run", THERE)
    writer.steps(0, 20)
    late = [5 * 60.0]
    follower = follow(writer.folder.path, clock=lambda: time.time() + late[0])
    follower.until_heard(Stage)
    assert follower.run.standing == "silent"
    assert follower.run.alive
    (stage,) = follower.of(Stage)
    assert stage == Stage(
        "Nothing was written for 5 minutes: the run may be over, or far-away or the disk is not "
        "connected. It is still looked for."
    )
    late[0] = 0.0
    writer.steps(20, 5)
    follower.until_steps(25)
    follower.until(lambda: follower.run.standing == "running")


def test_a_copy_taken_while_another_writes_is_always_whole(
    tmp_path: Path, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits and checkpoints of the log fall between any two reads of the copy."""
    monkeypatch.setattr("studio.runs.following.FAR_SECONDS", 0.001)
    writer = Writer(tmp_path / "run", THERE)
    writer.steps(0, 1)
    follower = follow(writer.folder.path)
    for first in range(1, 6001, 40):
        writer.steps(first, 40)
        if first % 200 == 1:
            with sqlite3.connect(writer.folder.metrics) as other:
                other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            other.close()
    follower.until_steps(6001)
    assert_same_curves(follower, writer.folder)
    assert len(follower.of(Started)) == 1
    assert follower.of(Warned) == []
    writer.metrics.close()


@pytest.mark.parametrize(
    ("info", "quiet", "expected"),
    [
        (HERE, 1e9, "running"),
        (msgspec.structs.replace(HERE, process_started=1.0), 0.0, "interrupted"),
        (THERE, 0.0, "running"),
        (msgspec.structs.replace(THERE, state="paused"), 0.0, "paused"),
        (THERE, QUIET_SECONDS, "silent"),
        (msgspec.structs.replace(THERE, state="failed"), 1e9, "failed"),
    ],
)
def test_how_a_run_stands_is_told_from_its_process_or_its_last_sign(
    info: RunInfo, quiet: float, expected: str
) -> None:
    assert standing(info, quiet) == expected


def test_spans_are_told_roughly() -> None:
    seconds = (20, 170, 3_600, 7_300, 200_000)
    assert [span(each) for each in seconds] == [
        "1 minute", "3 minutes", "60 minutes", "2 hours", "2 days"
    ]  # fmt: skip
