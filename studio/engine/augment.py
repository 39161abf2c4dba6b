"""Augmentation of whole batches as tensor work on the device.

What is drawn is a pure function of seed, epoch and batch, so that a resumed run draws the same.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from studio.engine.team import Rows
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

    def __call__(self, pixels: Tensor, epoch: int, batch: int, rows: Rows | None = None) -> Tensor:
        """The pixels of batch number ``batch`` of ``epoch``, as float32 where colors change.

        ``rows`` says which of the batch's images they are, where a team divides it: each image
        is changed alike, whichever process has it.
        """
        rows = rows or Rows(np.arange(len(pixels)), len(pixels))
        draw = _Draw((self._recipe.seed, epoch, batch, _DRAW), rows, pixels.device)
        if self._moves:
            pixels = self._move(pixels, draw)
        if self._recipe.brightness or self._recipe.contrast or self._recipe.saturation:
            pixels = self._color(pixels.float(), draw)
        if self._recipe.cutout:
            pixels = self._cover(pixels.float(), draw)
        return pixels

    def _move(self, pixels: Tensor, draw: _Draw) -> Tensor:
        """Translate, crop and flip: each image is cut out of a larger one.

        ``(B, H, W, C)`` meanwhile, in which a row of an image is one piece of memory.
        """
        pixels = pixels.permute(0, 2, 3, 1).contiguous()
        height, width = pixels.shape[1:3]
        if self._recipe.translate:
            far = [min(round(self._recipe.translate * n), n - 1) for n in (height, width)]
            pixels = _cut_out(_mirrored(pixels, *far), height, width, draw)
        if crop := self._recipe.crop:
            padded = functional.pad(pixels, (0, 0, crop, crop, crop, crop))
            pixels = _cut_out(padded, height, width, draw)
        if self._recipe.flip:
            pixels = _flipped(pixels, draw)
        return pixels.permute(0, 3, 1, 2)

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
            first = _send(draw.integers(0, size - 1) - side // 2, pixels.device)[:, None]
            place = torch.arange(size, device=pixels.device)[None, :]
            covered.append((place >= first) & (place < first + side))
        square = covered[0][:, None, :, None] & covered[1][:, None, None, :]
        return torch.where(square, self._mean, pixels)


class _Draw:
    """Random numbers for each image of a batch."""

    def __init__(self, key: tuple[int, ...], rows: Rows, device: torch.device) -> None:
        self._random = np.random.default_rng(key)
        self._rows = rows
        self.device = device

    def integers(self, low: int, high: int) -> np.ndarray:
        """``(B,)`` whole numbers from ``low`` to ``high``, on the processor."""
        drawn = self._random.integers(low, high, self._rows.count, endpoint=True)
        return np.asarray(drawn[self._rows.chosen])

    def around_one(self, reach: float) -> Tensor:
        """``(B, 1, 1, 1)`` factors between 1 − ``reach`` and 1 + ``reach``."""
        drawn = self._random.uniform(1 - reach, 1 + reach, (self._rows.count, 1, 1, 1))
        return _send(drawn[self._rows.chosen].astype(np.float32), self.device)


def _send(numbers: np.ndarray, device: torch.device) -> Tensor:
    """``numbers``, one or a few for each image, on the device."""
    return torch.from_numpy(numbers).to(device, non_blocking=True)


def _mirrored(pixels: Tensor, rows: int, columns: int) -> Tensor:
    """``pixels`` with so many more on each side, mirrored at the border, which is not repeated."""
    for axis, more in ((1, rows), (2, columns)):
        size = pixels.shape[axis]
        place = torch.arange(-more, size + more, device=pixels.device).abs()
        place = torch.minimum(place, 2 * (size - 1) - place)
        pixels = pixels.index_select(axis, place)
    return pixels


def _cut_out(pixels: Tensor, height: int, width: int, draw: _Draw) -> Tensor:
    """A part of this size of each image, at a place of its own."""
    tops = draw.integers(0, pixels.shape[1] - height)
    lefts = draw.integers(0, pixels.shape[2] - width)
    # torch copies many a view for Apple's GPUs, and this one is a hundred times the images.
    cut = _cut_windows if pixels.device.type == "mps" else _cut_rows
    return cut(pixels, height, width, tops, lefts)


def _cut_rows(
    pixels: Tensor, height: int, width: int, tops: np.ndarray, lefts: np.ndarray
) -> Tensor:
    """Copy row by row, as whole pieces of memory: number by number, as an index with an entry for
    each does, takes ten times as long on a processor."""
    count, rows, columns, channels = pixels.shape
    corners = _send((np.arange(count) * rows + tops) * columns + lefts, pixels.device)
    down = torch.arange(0, height * columns, columns, device=pixels.device)
    # What a row of a part would be from each pixel on: a view, whose rows overlap.
    starts = count * rows * columns - width + 1
    windows = pixels.as_strided((starts, width * channels), (channels, 1))
    cut = windows.index_select(0, (corners[:, None] + down).flatten())
    return cut.view(count, height, width, channels)


def _cut_windows(
    pixels: Tensor, height: int, width: int, tops: np.ndarray, lefts: np.ndarray
) -> Tensor:
    """The same by an index, number by number."""
    windows = pixels.unfold(1, height, 1).unfold(2, width, 1)  # all parts, as a view
    places = [_send(each, pixels.device) for each in (np.arange(len(pixels)), tops, lefts)]
    return windows[tuple(places)].permute(0, 2, 3, 1).contiguous()


def _flipped(pixels: Tensor, draw: _Draw) -> Tensor:
    """Each image, or by a coin its mirror image.

    Only those that are asked for are mirrored, and how many these are is known without the device.
    """
    coins = draw.integers(0, 1).astype(bool)
    turned = np.flatnonzero(coins)
    place = np.arange(len(coins))
    place[turned] = len(coins) + np.arange(len(turned))
    mirrored = pixels.index_select(0, _send(turned, pixels.device)).flip(2)
    return torch.cat((pixels, mirrored)).index_select(0, _send(place, pixels.device))


def _gray(pixels: Tensor) -> Tensor:
    """How bright each pixel is, ``(B, 1, H, W)``."""
    if pixels.shape[1] != 3:
        return pixels.mean(1, keepdim=True)
    red, green, blue = pixels[:, :1], pixels[:, 1:2], pixels[:, 2:]
    return _GRAY[0] * red + _GRAY[1] * green + _GRAY[2] * blue
