"""Mixup and CutMix: two images in one, and both of their classes asked for.

What is drawn is a pure function of seed, epoch and batch, so that a resumed run draws the same.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from studio.engine.loss import Targets
from studio.project.values import Recipe

_DRAW = 0x6D69  # sets these random numbers apart from those of the order and of augmentation


class Mixing:
    """Blends the images of a batch as the recipe says, or leaves them as they are."""

    def __init__(self, recipe: Recipe) -> None:
        self._mixup, self._cutmix = recipe.mixup, recipe.cutmix
        self._seed = recipe.seed

    def __call__(
        self, images: Tensor, labels: Tensor, epoch: int, batch: int
    ) -> tuple[Tensor, Targets]:
        """Images ``(B, C, H, W)`` and what is asked for of batch number ``batch`` of ``epoch``.

        The batch in reverse order gives the other images: the order is random as it is.
        """
        if not (self._mixup or self._cutmix):
            return images, Targets(labels)
        draw = np.random.default_rng((self._seed, epoch, batch, _DRAW))
        cuts = bool(self._cutmix) and (not self._mixup or draw.random() < 0.5)
        alpha = self._cutmix if cuts else self._mixup
        share = float(draw.beta(alpha, alpha))
        others = images.flip(0)
        if cuts:
            images, share = _paste(images, others, share, draw)
        else:
            images = others.lerp_(images, share)
        return images, Targets(labels, labels.flip(0), share)


def _paste(
    images: Tensor, others: Tensor, share: float, draw: np.random.Generator
) -> tuple[Tensor, float]:
    """``images`` with a rectangle of ``others``, and the share that is left of them.

    The rectangle has 1 − ``share`` of the area where it lies within the image; its center is
    anywhere, so that a part of it may be cut off.
    """
    height, width = images.shape[-2:]
    side = math.sqrt(1 - share)
    y, x = draw.integers(height), draw.integers(width)
    top, bottom = _span(int(y), height, int(height * side))
    left, right = _span(int(x), width, int(width * side))
    images = images.clone()
    images[..., top:bottom, left:right] = others[..., top:bottom, left:right]
    return images, 1 - (bottom - top) * (right - left) / (height * width)


def _span(center: int, size: int, length: int) -> tuple[int, int]:
    return max(0, center - length // 2), min(size, center - length // 2 + length)
