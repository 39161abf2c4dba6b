"""Batches on their way to an NVIDIA GPU; left out where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.engine import images as images_module
from studio.engine.augment import Augment
from studio.engine.data import DataSet
from studio.engine.decoding import Piece, color_sums
from studio.engine.feed import Feed
from studio.engine.pixel_file import Decoded, open_pixels, write_pixels
from studio.project.values import Recipe

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture
def guard() -> Iterator[None]:
    """Lets torch wait for the GPU again after a test that forbids it."""
    yield
    torch.cuda.set_sync_debug_mode("default")


def streamed_and_resident(
    monkeypatch: pytest.MonkeyPatch, mapped: bool, tmp_path: Path
) -> tuple[Feed, Feed]:
    """Two feeds of the same images to the GPU, with batches of several megabytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (700, 96, 96, 3), np.uint8)
    found = Decoded(pixels, color_sums(pixels), {})
    if mapped:
        piece = Piece(found.pixels, found.sums, {}, len(pixels))
        write_pixels(tmp_path / "file", "key", (96, 96, 3), [piece])
        opened = open_pixels(tmp_path / "file", "key", (96, 96, 3))
        assert opened is not None
        found = opened
    splits = {"train": np.arange(650), "validation": np.arange(650, 700)}
    data = DataSet(
        "", ("a",), found.pixels.transpose(0, 3, 1, 2), np.arange(700), splits, (), (), "",
        mapped=found.mapped,
    )  # fmt: skip
    recipe = Recipe(crop=4, flip=True, brightness=0.2)

    def make() -> Feed:
        return Feed(
            data, torch.device("cuda:0"), (120.0,) * 3, (60.0,) * 3, batch_size=64, seed=1,
            augment=lambda mean: Augment(recipe, mean), memory_format=torch.channels_last,
        )  # fmt: skip

    resident = make()
    monkeypatch.setattr(images_module, "fits", lambda *facts: False)
    return make(), resident


@pytest.mark.parametrize("mapped", [True, False])
def test_streamed_batches_are_the_resident_ones_while_the_gpu_is_busy(
    monkeypatch: pytest.MonkeyPatch, mapped: bool, tmp_path: Path
) -> None:
    streamed, resident = streamed_and_resident(monkeypatch, mapped, tmp_path)
    weights = torch.randn(4096, 4096, device="cuda:0")
    sums = []
    for feed in (resident, streamed):
        for epoch in range(3):
            for images, labels in feed.batches(epoch):
                # Work that lies before the use of the batch: a buffer that is filled again too
                # early, or memory that is given back too early, would show.
                for _ in range(5):
                    weights @ weights
                sums.append((images.double().cpu(), labels.cpu()))
    half = len(sums) // 2
    assert half == 33
    for (images, labels), (other, others) in zip(sums[:half], sums[half:], strict=True):
        assert torch.equal(images, other)
        assert torch.equal(labels, others)


def test_batches_wait_on_the_gpu_while_the_host_runs_ahead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    streamed, resident = streamed_and_resident(monkeypatch, True, tmp_path)
    weights = torch.randn(4096, 4096, device="cuda:0")
    totals = []
    for feed in (resident, streamed):
        found = []
        for images, labels in feed.batches(0):
            for _ in range(20):
                weights @ weights
            found.append((images * labels[:, None, None, None]).double().sum())
            del images
        totals.append(torch.stack(found).cpu())
    assert torch.equal(*totals)


@pytest.mark.parametrize("which", [0, 1], ids=["streamed", "resident"])
def test_making_a_batch_does_not_wait_for_the_gpu(
    which: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, guard: None
) -> None:
    feed = streamed_and_resident(monkeypatch, True, tmp_path)[which]
    count = 0
    for number, (images, _) in enumerate(feed.batches(0)):
        if number == 2:  # the first ones load kernels and make room
            torch.cuda.set_sync_debug_mode("error")
        count += len(images)
    torch.cuda.set_sync_debug_mode("default")
    assert count == 650
