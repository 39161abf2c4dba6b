"""Batches: their order, their pixels, and the last one of an epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.engine import images as images_module
from studio.engine.data import DataSet
from studio.engine.feed import Feed, epoch_order

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


def test_images_that_do_not_fit_are_fed_from_host_memory_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resident = list(make(23, 5).batches(0))
    monkeypatch.setattr(images_module, "fits", lambda *facts: False)
    for (images, labels), (other, others) in zip(resident, make(23, 5).batches(0), strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, others)


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
