"""Image files as pixels: one by one, or many by several threads, in bounded memory."""

from __future__ import annotations

import io
import os
import time
import warnings
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

MAX_PIXELS = 64_000_000
"""Larger images are refused: a file of 10 kB can claim to be of 80 million pixels."""

_CHUNK = 64
"""Images that are decoded, and then written, as one piece; fewer of large ones."""
_CHUNK_BYTES = 8 * 2**20
_SLOW_IMAGE = 0.0005
"""Seconds. Images that decode faster spend their time in the interpreter, and threads would only
fight for its lock (measured: two threads are 1.4 times slower on 32×32 JPEG)."""
_AHEAD = 2
"""Pieces for each thread that may wait for the one that takes them."""

# Pillow only warns of images up to twice its limit; decode_image refuses by our own instead.
Image.MAX_IMAGE_PIXELS = None


class BadImage(Exception):
    """A file that is not a whole image of bearable size; the message says why."""


def decode_image(path: str | Path, shape: tuple[int, int, int]) -> np.ndarray:
    """One image as uint8 ``(C, H, W)`` of exactly ``shape``; raises BadImage.

    The whole image is stretched to the size; a large JPEG is decoded at the smallest scale that
    still has twice the wanted size.
    """
    channels, height, width = shape
    try:
        # In one read: Pillow's many small ones would each hand over the interpreter.
        with open(path, "rb") as file:
            content = io.BytesIO(file.read())
        with Image.open(content) as image:
            _refuse_large(image)
            image.draft(None, (2 * width, 2 * height))
            picture: Image.Image = image
            if image.mode.startswith("I"):  # 16 bits a pixel, which convert() would clip
                picture = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
            picture = picture.convert("RGB" if channels == 3 else "L")
            if picture.size != (width, height):
                picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            pixels = np.asarray(picture)
    except BadImage:
        raise
    except UnidentifiedImageError:  # whose own words name an object in memory
        raise BadImage("it is no image of a kind that can be read") from None
    except Exception as error:  # Pillow's decoders raise whatever a broken file makes them
        raise BadImage(str(error) or type(error).__name__) from None
    return pixels.transpose(2, 0, 1) if channels == 3 else pixels[np.newaxis]


def _refuse_large(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise BadImage(f"it has {image.width}×{image.height} pixels, which is too large")


@dataclass(frozen=True)
class Piece:
    """Some files that follow each other: ``pixels`` uint8 ``(n, H, W, C)`` of those that could be
    read, their color sums, the positions of the others with the reason, and how many there were.
    """

    pixels: np.ndarray
    sums: np.ndarray
    broken: dict[int, str]
    count: int


def decode_files(paths: Sequence[str], shape: tuple[int, int, int]) -> Generator[Piece, None, None]:
    """All images in their order at ``shape`` (C, H, W), piece by piece.

    Close it where it is left early: its threads end then.
    """
    channels, height, width = shape
    step = max(1, min(_CHUNK, _CHUNK_BYTES // (channels * height * width)))

    def decode(start: int) -> Piece:
        stop = min(start + step, len(paths))
        pixels = np.empty((stop - start, height, width, channels), np.uint8)
        broken: dict[int, str] = {}
        for index in range(start, stop):
            try:
                image = decode_image(paths[index], shape)
                pixels[index - start - len(broken)] = image.transpose(1, 2, 0)
            except BadImage as error:
                broken[index] = str(error)
        pixels = pixels[: stop - start - len(broken)]
        return Piece(pixels, color_sums(pixels), broken, stop - start)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which nobody needs here
        begin = time.perf_counter()
        first = decode(0)
        slow = (time.perf_counter() - begin) / max(1, first.count) > _SLOW_IMAGE
        yield first
        workers = (os.cpu_count() or 1) if slow else 1
        pool = ThreadPoolExecutor(workers)
        waiting: deque[Future[Piece]] = deque()
        try:
            for start in range(first.count, len(paths), step):
                waiting.append(pool.submit(decode, start))
                if len(waiting) > _AHEAD * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def color_sums(pixels: np.ndarray) -> np.ndarray:
    """Sums and sums of squares of each image's colors, int64 ``(N, 2, C)``, for uint8 pixels
    ``(N, H, W, C)``. Mean and deviation of any split are made of them without its pixels."""
    count, _, _, channels = pixels.shape
    sums = np.empty((count, 2, channels), np.int64)
    step = max(1, _CHUNK_BYTES // max(1, pixels[:1].size))
    for start in range(0, count, step):
        part = pixels[start : start + step].reshape(-1, pixels[0].size // channels, channels)
        planes = part.transpose(0, 2, 1).astype(np.int32, order="C")
        sums[start : start + step, 0] = planes.sum(2, dtype=np.int64)
        np.multiply(planes, planes, out=planes)
        sums[start : start + step, 1] = planes.sum(2, dtype=np.int64)
    return sums
