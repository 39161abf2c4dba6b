"""Images as a source gives them, before they are split; what every source of images returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from studio.engine.pixel_file import Mapped

SPLITS = ("train", "validation", "test")

Progress = Callable[[int, int], None]
"""Called now and then with (images read, images in all); may raise to give up."""


@dataclass(frozen=True)
class Pictures:
    """``pixels`` is uint8 ``(N, C, H, W)`` in 0..255, ``labels`` int64 ``(N,)``. ``sums`` are each
    image's color sums, where they are known, and ``mapped`` is where the pixels are on disk.

    ``given`` holds the images of each split that the source brings itself, as positions; what
    stands under ``train`` is what missing splits are split off from. ``fingerprint`` changes when
    the source does.
    """

    title: str
    classes: tuple[str, ...]
    pixels: np.ndarray
    labels: np.ndarray
    given: dict[str, np.ndarray]
    fingerprint: str
    warnings: tuple[str, ...] = ()
    sums: np.ndarray | None = None
    mapped: Mapped | None = None


def no_progress(done: int, total: int) -> None:
    """For callers that do not show it."""
