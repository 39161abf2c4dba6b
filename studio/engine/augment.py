"""Augmentation of whole batches as tensor work on the device.

What is drawn is a pure function of seed, epoch and batch, so that a resumed run draws the same.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from studio.project.values import Recipe

_DRAW = 0x6175  # sets these random numbers apart from those of the order and of mixing
_GRAY = (0.2989, 0.587, 0.114)
"""How bright red, green and blue are (ITU-R BT.601), as torchvision rounds them."""


class Augment:
    """Changes pixels ``(B, C, H, W)`` in 0..255 as the recipe says; ``mean`` is the color per
    channel that cutout covers with."""

    def __init__(self, recipe: Recipe, mean: Tensor) -> None:
        self._recipe = recipe
        self._mean = mean
        self._moves = bool(recipe.crop or recipe.flip or recipe.translate)

    def __call__(self, pixels: Tensor, epoch: int, batch: int) -> Tensor:
        """The pixels of batch number ``batch`` of ``epoch``, as float32 where colors change."""
        draw = _Draw((self._recipe.seed, epoch, batch, _DRAW), len(pixels), pixels.device)
        if self._moves:
            pixels = self._move(pixels, draw)
        if self._recipe.brightness or self._recipe.contrast or self._recipe.saturation:
            pixels = self._color(pixels.float(), draw)
        if self._recipe.cutout:
            pixels = self._cover(pixels.float(), draw)
        return pixels

    def _move(self, pixels: Tensor, draw: _Draw) -> Tensor:
        """Crop, flip and translate: each pixel is read from another place of its image."""
        height, width = pixels.shape[-2:]
        rows, row_is_in = self._sources(height, draw)
        columns, column_is_in = self._sources(width, draw)
        if self._recipe.flip:
            coin = draw.integers(0, 1)
            columns = torch.where(coin, columns.flip(1), columns)
            column_is_in = torch.where(coin, column_is_in.flip(1), column_is_in)
        image = torch.arange(len(pixels), device=pixels.device)[:, None, None]
        # Channels last while indexing: the channels of a pixel move together.
        moved = pixels.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]]
        moved = moved.permute(0, 3, 1, 2)
        if self._recipe.crop:
            is_in = row_is_in[:, None, :, None] & column_is_in[:, None, None, :]
            moved = moved * is_in
        return moved

    def _sources(self, size: int, draw: _Draw) -> tuple[Tensor, Tensor]:
        """Where along an axis each pixel is read, ``(B, size)``, and whether it is in the image."""
        place = torch.arange(size, device=draw.device)[None, :]
        if self._recipe.crop:
            place = place + draw.integers(-self._recipe.crop, self._recipe.crop)
        is_in = (place >= 0) & (place < size)
        if self._recipe.translate:
            far = round(self._recipe.translate * size)
            place = place + draw.integers(-far, far)
        # Mirrored at the border, which is not repeated; any distance comes to some pixel.
        period = max(1, 2 * (size - 1))
        place = place.remainder(period)
        place = torch.minimum(place, period - place) if size > 1 else place * 0
        count = (draw.count, size)
        return place.expand(count), is_in.expand(count)

    def _color(self, pixels: Tensor, draw: _Draw) -> Tensor:
        recipe = self._recipe
        if recipe.brightness:
            pixels = (pixels * draw.around_one(recipe.brightness)).clamp(0, 255)
        if recipe.contrast:
            gray = _gray(pixels).mean(dim=(1, 2, 3), keepdim=True)
            pixels = gray.lerp(pixels, draw.around_one(recipe.contrast)).clamp(0, 255)
        if recipe.saturation and pixels.shape[1] == 3:
            gray = _gray(pixels).expand_as(pixels)
            pixels = gray.lerp(pixels, draw.around_one(recipe.saturation)).clamp(0, 255)
        return pixels

    def _cover(self, pixels: Tensor, draw: _Draw) -> Tensor:
        """Cover a square of each image, whose middle is anywhere in it, with the mean color."""
        side = self._recipe.cutout
        covered = []
        for size in pixels.shape[-2:]:
            first = draw.integers(0, size - 1) - side // 2
            place = torch.arange(size, device=pixels.device)[None, :]
            covered.append((place >= first) & (place < first + side))
        square = covered[0][:, None, :, None] & covered[1][:, None, None, :]
        return torch.where(square, self._mean, pixels)


class _Draw:
    """Random numbers for each image of a batch, on its device."""

    def __init__(self, key: tuple[int, ...], count: int, device: torch.device) -> None:
        self._random = np.random.default_rng(key)
        self.count = count
        self.device = device

    def integers(self, low: int, high: int) -> Tensor:
        """``(B, 1)`` whole numbers from ``low`` to ``high``; booleans for 0 to 1."""
        drawn = self._random.integers(low, high, (self.count, 1), endpoint=True)
        values = drawn.astype(bool) if (low, high) == (0, 1) else drawn
        return torch.from_numpy(values).to(self.device, non_blocking=True)

    def around_one(self, reach: float) -> Tensor:
        """``(B, 1, 1, 1)`` factors between 1 − ``reach`` and 1 + ``reach``."""
        drawn = self._random.uniform(1 - reach, 1 + reach, (self.count, 1, 1, 1))
        return torch.from_numpy(drawn.astype(np.float32)).to(self.device, non_blocking=True)


def _gray(pixels: Tensor) -> Tensor:
    """How bright each pixel is, ``(B, 1, H, W)``."""
    if pixels.shape[1] != 3:
        return pixels.mean(1, keepdim=True)
    red, green, blue = pixels[:, :1], pixels[:, 1:2], pixels[:, 2:]
    return _GRAY[0] * red + _GRAY[1] * green + _GRAY[2] * blue
