"""Batches: their order, their pixels, and the last one of an epoch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.engine import TorchEngine
from studio.engine import images as images_module
from studio.engine.augment import Augment
from studio.engine.data import DataSet
from studio.engine.decoding import Piece, color_sums
from studio.engine.feed import Feed, epoch_order
from studio.engine.pixel_file import Decoded, open_pixels, write_pixels
from studio.engine.team import ALONE, Rows, Team, shard
from studio.project.values import Recipe
from studio.runs.api import Failed, Finished
from tests.engine.helpers import finish, small_project, train, until

CPU = torch.device("cpu")


def numbered(count: int) -> DataSet:
    """Images that hold their own number; those from ``count`` on are for validation."""
    total = count + 5
    pixels = np.broadcast_to(
        np.arange(total, dtype=np.uint8)[:, None, None, None], (total, 2, 3, 3)
    )
    splits = {"train": np.arange(count), "validation": np.arange(count, total)}
    return DataSet("", ("a",), pixels.copy(), np.arange(total), splits, (), (), "")


def make(count: int, batch_size: int, **options: bool) -> Feed:
    return Feed(
        numbered(count), CPU, (10.0, 20.0), (2.0, 4.0), batch_size=batch_size, seed=7, **options
    )


def test_an_epoch_shows_every_training_image_once_in_the_published_order() -> None:
    labels = [batch[1] for batch in make(23, 5).batches(3)]
    assert [len(part) for part in labels] == [5, 5, 5, 5, 3]
    assert torch.cat(labels).tolist() == epoch_order(7, 3, 23).tolist()
    assert sorted(torch.cat(labels).tolist()) == list(range(23))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [epoch_order(*key, 50).tolist() for key in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(order) for order in orders}) == 3


def test_starting_inside_an_epoch_gives_the_rest_of_the_same_batches() -> None:
    feed = make(23, 5)
    whole = list(feed.batches(1))
    rest = list(feed.batches(1, 3))
    assert len(rest) == 2
    for (images, labels), (other, others) in zip(whole[3:], rest, strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, others)


def test_images_are_normalized_per_channel() -> None:
    images, labels = next(make(23, 5).batches(0))
    expected = torch.stack(((labels - 10) / 2, (labels - 20) / 4), 1)
    assert torch.equal(images, expected[:, :, None, None].expand(-1, -1, 3, 3))


@pytest.mark.parametrize(
    ("count", "drop", "steps"), [(21, True, 4), (21, False, 5), (22, True, 5), (20, True, 4)]
)
def test_a_last_batch_of_one_image_is_left_out_only_for_batch_norm(
    count: int, drop: bool, steps: int
) -> None:
    feed = make(count, 5, drop_single=drop)
    assert feed.steps_per_epoch == steps == len(list(feed.batches(0)))


def test_a_split_is_walked_in_order_to_its_last_image() -> None:
    labels = torch.cat([labels for _, labels in make(23, 5).split("validation", 2)])
    assert labels.tolist() == [23, 24, 25, 26, 27]


# Streamed -----------------------------------------------------------------------------------------


class Half(Team):
    """The second of two processes, without the first."""

    rank, size = 1, 2

    def rows(self, count: int) -> Rows:
        return Rows(shard(count, 1, 2), count)

    def positions(self, positions: np.ndarray) -> np.ndarray:
        return positions[1::2]


def colorful(folder: Path | None, count: int = 90) -> DataSet:
    """Random images, in memory or in a file in ``folder``."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 9, 7, 3), np.uint8)
    found = Decoded(pixels, color_sums(pixels), {})
    if folder is not None:
        piece = Piece(found.pixels, found.sums, {}, count)
        write_pixels(folder / "pixels", "key", (9, 7, 3), [piece])
        opened = open_pixels(folder / "pixels", "key", (9, 7, 3))
        assert opened is not None
        found = opened
    splits = {"train": np.arange(0, count, 2), "validation": np.arange(1, count, 2)}
    return DataSet(
        "", ("a",), found.pixels.transpose(0, 3, 1, 2), np.arange(count), splits, (), (), "",
        mapped=found.mapped,
    )  # fmt: skip


def feed_of(data: DataSet, team: Team = ALONE, **recipe: object) -> Feed:
    chosen = Recipe(seed=5, **recipe)  # type: ignore[arg-type]
    return Feed(
        data, CPU, (120.0, 110.0, 100.0), (60.0, 50.0, 40.0), batch_size=8, seed=5,
        augment=lambda mean: Augment(chosen, mean), memory_format=torch.channels_last, team=team,
    )  # fmt: skip


def threads() -> int:
    return sum(thread.name == "images" for thread in threading.enumerate())


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No images fit; in the end no thread is left."""
    monkeypatch.setattr(images_module, "fits", lambda *facts: False)
    yield
    assert threads() == 0


@pytest.mark.parametrize("place", ["in memory", "in a file"])
@pytest.mark.parametrize("team", [ALONE, Half()], ids=["alone", "in a team"])
@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize("recipe", [{}, {"crop": 2, "flip": True, "brightness": 0.3, "cutout": 3}])
def test_streamed_batches_are_the_resident_ones_bit_for_bit(
    place: str, team: Team, start: int, recipe: dict[str, object], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    resident = feed_of(colorful(None), team, **recipe)
    expected = [*resident.batches(2, start), *resident.split("validation", 16)]
    monkeypatch.setattr(images_module, "fits", lambda *facts: False)
    streamed = feed_of(colorful(tmp_path if place == "in a file" else None), team, **recipe)
    got = [*streamed.batches(2, start), *streamed.split("validation", 16)]
    assert len(got) == len(expected) > 4
    for (images, labels), (other, others) in zip(expected, got, strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, others)
        assert other.is_contiguous(memory_format=torch.channels_last)
    assert threads() == 0


def test_images_on_disk_that_fit_into_memory_are_taken_without_a_thread(tmp_path: Path) -> None:
    data = colorful(tmp_path)
    feed = feed_of(data)
    expected = list(feed_of(colorful(None)).batches(0))
    for (images, _), (other, _) in zip(expected, feed.batches(0), strict=True):
        assert torch.equal(images, other)
        assert threads() == 0


def test_images_are_streamed_from_disk_when_half_the_free_memory_would_not_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Memory:
        available = 1000

    monkeypatch.setattr(images_module.psutil, "virtual_memory", Memory)
    assert images_module.fits(499, CPU, True)
    assert not images_module.fits(501, CPU, True)
    assert images_module.fits(10**9, CPU)  # they are in memory already


def test_a_walk_past_the_end_of_an_epoch_has_no_batches(streams: None) -> None:
    assert list(feed_of(colorful(None)).batches(0, 6)) == []


@pytest.mark.parametrize("taken", [0, 1, 2])
def test_batches_that_are_left_leave_no_thread(streams: None, taken: int) -> None:
    feed = feed_of(colorful(None))
    walk = feed.parts(0)
    for _ in range(taken):
        next(walk)
    assert threads() == min(taken, 1)
    del walk
    assert threads() == 0


def test_a_feed_that_is_closed_ends_its_threads_and_can_be_used_again(streams: None) -> None:
    feed = feed_of(colorful(None))
    walks = [feed.batches(0), feed.batches(1)]
    first = [next(walk) for walk in walks]
    assert threads() == 2
    feed.close()
    assert threads() == 0
    assert torch.equal(next(feed.batches(1))[0], first[1][0])


def test_what_the_thread_fails_of_is_raised_where_the_batch_is_taken(
    streams: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = colorful(tmp_path)
    feed = feed_of(data)
    asked = 0

    def fail(positions: np.ndarray) -> None:
        nonlocal asked
        asked += 1
        if asked == 6:
            raise OSError("the disk is gone")

    monkeypatch.setattr(data.mapped, "read_soon", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        list(feed.batches(0))


def test_the_time_that_training_waits_for_a_slow_disk_is_counted(
    streams: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = colorful(tmp_path)
    feed = feed_of(data)
    monkeypatch.setattr(data.mapped, "read_soon", lambda positions: time.sleep(0.05))
    assert len(list(feed.parts(0))) == 6
    assert 0.25 < feed.seconds < 5


def test_training_with_streamed_images_takes_the_same_steps(
    streams: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = small_project(crop=1, flip=True)
    streamed, messages = train(project, tmp_path / "streamed")
    assert isinstance(messages[-1], Finished)
    with monkeypatch.context() as patch:
        patch.setattr(images_module, "fits", lambda *facts: True)
        resident, _ = train(project, tmp_path / "resident")
    assert streamed.telemetry.loss.values.tolist() == resident.telemetry.loss.values.tolist()
    assert len(resident.telemetry) == 18


def test_a_run_that_is_stopped_or_fails_leaves_no_thread(
    streams: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TorchEngine().start(small_project(epochs=1000), tmp_path / "stopped")
    until(lambda: len(run.telemetry) > 5)
    run.stop()
    finish(run)
    assert threads() == 0

    def explode(self: object, *arguments: object) -> None:
        raise ArithmeticError("it breaks")

    monkeypatch.setattr("studio.engine.recorder.Recorder.record", explode)
    _, messages = train(small_project(), tmp_path / "failed")
    assert isinstance(messages[-1], Failed)
    assert threads() == 0
