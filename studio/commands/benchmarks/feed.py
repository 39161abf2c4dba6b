"""Batches with random crop and flip, against a DataLoader with torchvision's transforms."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from studio.commands.benchmarks.harness import Goal, Report, interleave
from studio.engine.augment import Augment
from studio.engine.data import DataSet
from studio.engine.decoding import Piece, color_sums
from studio.engine.devices import use_threads
from studio.engine.feed import Feed
from studio.engine.pixel_file import Decoded, Mapped, open_pixels, write_pixels
from studio.project.values import Recipe

TITLE = "images per second of 32×32 batches, cropped and flipped at random"
_IMAGES, _BATCH, _SIDE, _PADDING = 4096, 128, 32, 4
_GOAL = 8.0  # times the best DataLoader


class _Pictures(Dataset[Any]):
    """Images one by one, as a DataLoader wants them: PIL images, or tensors."""

    def __init__(self, pixels: np.ndarray, *, tensors: bool) -> None:
        from torchvision.transforms import v2

        self._items: list[Any] = (
            list(torch.from_numpy(pixels))
            if tensors
            else [Image.fromarray(each.transpose(1, 2, 0)) for each in pixels]
        )
        self._transform = v2.Compose(
            [
                v2.RandomCrop(_SIDE, padding=_PADDING),
                v2.RandomHorizontalFlip(),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * 3, [0.25] * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, at: int) -> tuple[Any, int]:
        return self._transform(self._items[at]), at % 10


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Walk one epoch each way, in turns."""
    use_threads(0)
    shape = (_IMAGES, 3, _SIDE, _SIDE)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        return _measure(pixels, _mapped(pixels, Path(folder)), rounds, progress)


def _measure(
    pixels: np.ndarray, kept: Decoded, rounds: int, progress: Callable[[int, int], None]
) -> Report:
    feed = _feed(pixels)
    # From a file, as a set larger than memory is; here it stays in the system's memory meanwhile.
    streamed = _feed(kept.pixels.transpose(0, 3, 1, 2), kept.mapped)
    cases: dict[str, Callable[[], float]] = {
        "feed": lambda: _speed(feed.batches(0)),
        # As in the app, which leaves a core to the window, and on a machine that is busy.
        "feed, one thread": lambda: _on_one_thread(feed),
        "streamed": lambda: _speed(streamed.batches(0)),
        "streamed, one thread": lambda: _on_one_thread(streamed),
    }
    for tensors, workers in ((False, 0), (False, 2), (True, 0), (True, 2)):
        loader = DataLoader(
            _Pictures(pixels, tensors=tensors),
            _BATCH,
            shuffle=True,
            num_workers=workers,
            persistent_workers=workers > 0,
        )
        name = f"DataLoader, {'tensors' if tensors else 'PIL'}, {workers} workers"
        cases[name] = lambda loader=loader: _speed(loader)  # type: ignore[misc]
    report = interleave(
        "feed", cases, baseline="feed", rounds=rounds, unit="images/s", progress=progress
    )
    goals = []
    for name in ("feed", "streamed"):
        ratio = _best(report, name) / _best(report, "DataLoader")
        text = f"{name}: {ratio:.1f} times the best DataLoader, at least {_GOAL:g}"
        goals.append(Goal(text, ratio >= _GOAL))
    return msgspec.structs.replace(report, goals=tuple(goals))


def _best(report: Report, name: str) -> float:
    return max(case.median for case in report.cases if case.name.startswith(name))


def _mapped(pixels: np.ndarray, folder: Path) -> Decoded:
    """The same images in a file in ``folder``."""
    rows = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    shape = (_SIDE, _SIDE, 3)
    write_pixels(folder / "images", "", shape, [Piece(rows, color_sums(rows), {}, len(rows))])
    found = open_pixels(folder / "images", "", shape)
    assert found is not None
    return found


def _feed(pixels: np.ndarray, mapped: Mapped | None = None) -> Feed:
    splits = {"train": np.arange(_IMAGES), "validation": np.arange(0), "test": np.arange(0)}
    names = tuple(map(str, range(10)))
    labels = np.arange(_IMAGES) % 10
    data = DataSet("random pixels", names, pixels, labels, splits, (), (), "", mapped=mapped)
    recipe = Recipe(crop=_PADDING, flip=True)
    return Feed(
        data,
        torch.device("cpu"),
        (127.5,) * 3,
        (63.75,) * 3,
        batch_size=_BATCH,
        augment=lambda mean: Augment(recipe, mean),
        memory_format=torch.channels_last,
        streamed=mapped is not None,
    )


def _on_one_thread(feed: Feed) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _speed(feed.batches(0))
    finally:
        torch.set_num_threads(threads)


def _speed(batches: Iterable[Any]) -> float:
    start = time.perf_counter()
    images = sum(len(labels) for _, labels in batches)
    return images / (time.perf_counter() - start)
