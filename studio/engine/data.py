"""The data set of a project: read, split, measured and described."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np

from studio.engine import digits, image_folder
from studio.engine.decoding import color_sums
from studio.engine.pictures import SPLITS, Pictures, Progress, no_progress
from studio.engine.pixel_file import Mapped
from studio.project.recipes import IMAGENET_DEVIATION, IMAGENET_MEAN
from studio.project.values import DataSettings
from studio.runs.api import DataReport, WorkFailed

_SAMPLES = 120


@dataclass(frozen=True)
class DataSet:
    """``pixels`` is uint8 ``(N, C, H, W)``, ``labels`` int64 ``(N,)``; ``splits`` holds the
    positions of each split's images. ``mean`` and ``deviation`` are those of the training split
    per channel, in 0..255. ``own`` names the splits that the source brings itself, and ``mapped``
    is where the pixels are on disk, unless they are in memory."""

    title: str
    classes: tuple[str, ...]
    pixels: np.ndarray
    labels: np.ndarray
    splits: dict[str, np.ndarray]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    fingerprint: str
    warnings: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    mapped: Mapped | None = None

    def class_counts(self, split: str) -> dict[str, int]:
        """How many images of each class a split has."""
        counts = np.bincount(self.labels[self.splits[split]], minlength=len(self.classes))
        return dict(zip(self.classes, map(int, counts), strict=False))

    def received(
        self, mean: tuple[float, ...], deviation: tuple[float, ...]
    ) -> tuple[float, float]:
        """Mean and deviation of the training pixels after normalization with these, over all
        channels."""
        shifted = [(a - b) / c for a, b, c in zip(self.mean, mean, deviation, strict=True)]
        scaled = [a / c for a, c in zip(self.deviation, deviation, strict=True)]
        return float(np.mean(shifted)), float(np.mean(scaled))


class DataReader:
    """Reads data sets, and remembers the images it read last as long as they do not change.

    So that looking at the data and then training on it decodes every image once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[object, ...] = ()
        self._pictures: Pictures | None = None

    def read(
        self,
        settings: DataSettings,
        shape: tuple[int, int, int],
        progress: Progress = no_progress,
    ) -> DataSet:
        """The data set at ``shape`` (C, H, W); raises WorkFailed in words."""
        with self._lock:
            pictures = self._read(settings.source, shape, progress)
        splits = split(pictures, settings)
        mean, deviation = measure(pictures.pixels, splits["train"], pictures.sums)
        warnings = list(pictures.warnings)
        if not len(splits["test"]):
            warnings.append("No images are held back for the test: the test share is too small.")
        return DataSet(
            title=pictures.title,
            classes=pictures.classes,
            pixels=pictures.pixels,
            labels=pictures.labels,
            splits=splits,
            mean=mean,
            deviation=deviation,
            fingerprint=pictures.fingerprint,
            warnings=tuple(warnings),
            own=tuple(name for name in SPLITS if name != "train" and name in pictures.given),
            mapped=pictures.mapped,
        )

    def _read(self, source: str, shape: tuple[int, int, int], progress: Progress) -> Pictures:
        if source == "digits":
            return digits.read_digits(shape)
        listing = image_folder.list_folder(source)
        key = (source, shape, listing.fingerprint)
        if self._pictures is None or key != self._key:
            self._pictures = None  # let go of the old images before making room for new ones
            self._pictures = image_folder.read_folder(listing, shape, progress)
            self._key = key
        return self._pictures


def split(pictures: Pictures, settings: DataSettings) -> dict[str, np.ndarray]:
    """The positions of the images of each split, in ascending order.

    Splits that the source does not bring are split off from its training images: of every class
    the wanted share, rounded, as long as one image is left to learn from. Equal settings give
    equal splits. Raises WorkFailed where nothing can be held back for validation.
    """
    pool = pictures.given["train"]
    shares = {"validation": settings.validation_share, "test": settings.test_share}
    wanted = {name: share for name, share in shares.items() if name not in pictures.given}
    generator = np.random.default_rng(settings.split_seed)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in SPLITS}
    for label in range(len(pictures.classes)):
        members = generator.permutation(pool[pictures.labels[pool] == label])
        left = len(members)
        for name, share in wanted.items():
            count = min(round(share * len(members)), left - 1)
            parts[name].append(members[left - count : left])
            left -= count
        parts["train"].append(members[:left])
    splits = {
        name: np.sort(np.concatenate(parts[name]))
        if parts[name]
        else pictures.given.get(name, np.empty(0, np.int64))
        for name in SPLITS
    }
    if not len(splits["validation"]):
        raise WorkFailed(
            f"The {len(pool):,} images are too few to hold some back for validation.",
            "Add images, or raise the validation share.",
        )
    return splits


def measure(
    pixels: np.ndarray, positions: np.ndarray, sums: np.ndarray | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation per channel of the images at ``positions``, exact to rounding.

    With the ``sums`` of all images no pixel is looked at. A channel that is the same everywhere
    gets the deviation 1, so that dividing by it is safe.
    """
    if sums is None:
        chosen = color_sums(pixels[positions].transpose(0, 2, 3, 1))
    else:
        chosen = sums[positions]
    count = len(positions) * pixels.shape[2] * pixels.shape[3]
    mean, deviation = [], []
    # In Python's integers, which have no end: the square of a sum is larger than 64 bits.
    for total, squares in chosen.sum(0).T.tolist():
        variance = (count * squares - total**2) / count**2
        mean.append(total / count)
        deviation.append(math.sqrt(variance) if variance > 0 else 1.0)
    return tuple(mean), tuple(deviation)


def normalization(
    kind: str, mean: tuple[float, ...], deviation: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What to subtract from pixels in 0..255 and then to divide by, per channel.

    ``kind`` is a project's normalization; ``mean`` and ``deviation`` are the training split's.
    """
    channels = len(mean)
    match kind:
        case "none":
            return (0.0,) * channels, (1.0,) * channels
        case "unit":
            return (0.0,) * channels, (255.0,) * channels
        case "symmetric":
            return (127.5,) * channels, (127.5,) * channels
        case "standard":
            return mean, deviation
        case "imagenet" if channels == 3:
            return IMAGENET_MEAN, IMAGENET_DEVIATION
        case "imagenet":
            raise WorkFailed(
                "ImageNet's normalization is for the 3 channels of color images, and the network's "
                f"input has {channels}.",
                "Choose another normalization, or set the input's channels to 3.",
            )
    raise ValueError(f"there is no normalization {kind!r}")


def describe(data: DataSet) -> DataReport:
    """What the data page and ``inspect`` show of ``data``."""
    classes = len(data.classes)
    each = max(1, min(12, _SAMPLES // classes))
    train = data.splits["train"]
    chosen = np.concatenate(
        [train[data.labels[train] == label][:each] for label in range(min(classes, _SAMPLES))]
    )
    return DataReport(
        title=data.title,
        classes=data.classes,
        counts={
            name: tuple(map(int, np.bincount(data.labels[positions], minlength=classes)))
            for name, positions in data.splits.items()
        },
        samples=data.pixels[chosen].transpose(0, 2, 3, 1).copy(),
        labels=tuple(map(int, data.labels[chosen])),
        mean=data.mean,
        deviation=data.deviation,
        warnings=data.warnings,
        own=data.own,
    )
