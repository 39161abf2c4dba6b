"""Images of random pixels, so that a benchmark needs no data set, and a reader that gives them."""

from __future__ import annotations

import dataclasses

import numpy as np

from studio.engine.data import DataReader, DataSet
from studio.engine.pictures import Progress, no_progress
from studio.project.values import DataSettings

_CLASSES = 10


def random_images(shape: tuple[int, int, int], count: int) -> DataSet:
    """``count`` training images ``(C, H, W)`` of 10 classes, and one of each to validate with."""
    total = count + _CLASSES
    pixels = np.random.default_rng(0).integers(0, 256, (total, *shape), np.uint8)
    splits = {
        "train": np.arange(count),
        "validation": np.arange(count, total),
        "test": np.arange(0),
    }
    channels = shape[0]
    names = tuple(map(str, range(_CLASSES)))
    middle, deviation = (127.5,) * channels, (73.9,) * channels  # of numbers drawn from 0..255
    labels = np.arange(total) % _CLASSES
    return DataSet("random pixels", names, pixels, labels, splits, middle, deviation, "")


def cut(data: DataSet, count: int) -> DataSet:
    """``data`` with ``count`` training images at most, and as many to validate with as it has
    classes: what is compared are steps, and nobody else validates."""
    train = np.sort(np.random.default_rng(0).permutation(data.splits["train"])[:count])
    validation = data.splits["validation"][: len(data.classes)]
    splits = {**data.splits, "train": train, "validation": validation}
    return dataclasses.replace(data, splits=splits)


class Given(DataReader):
    """Reads nothing: ``data`` is there."""

    def __init__(self, data: DataSet) -> None:
        super().__init__()
        self.data = data

    def read(
        self,
        settings: DataSettings,
        shape: tuple[int, int, int],
        progress: Progress = no_progress,
    ) -> DataSet:
        return self.data
