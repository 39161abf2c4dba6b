"""Decoded images as one file that is mapped into memory: read where it is looked at.

The pixels come first, each image as it is decoded; behind them what is known of the images, and at
the very end a mark with a checksum of that. A file without it was not written to its end.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from studio.engine.decoding import Piece
from studio.runs import file_lock
from studio.runs.files import replacing

_MAGIC = b"studio pixels 1\n"
_END = struct.Struct("<16sQ32s")
"""The mark, how many bytes the description has, and the SHA-256 of what is behind the pixels."""
_DESCRIPTION = 64 * 2**20
"""Bytes. A description that claims more is none."""


class _Description(msgspec.Struct, frozen=True):
    key: str
    shape: tuple[int, int, int]  # H, W, C
    images: int
    broken: dict[int, str]


@dataclass(frozen=True, eq=False)
class Decoded:
    """The images of a folder at one size: uint8 ``(N, H, W, C)``, their color sums (see
    ``color_sums``), and the files that could not be read, by position, with the reason. ``mapped``
    is where the pixels are, unless it is memory."""

    pixels: np.ndarray
    sums: np.ndarray
    broken: dict[int, str]
    mapped: Mapped | None = None


class Mapped:
    """Where the images of a file lie, to tell the system which are wanted soon."""

    def __init__(self, view: mmap.mmap, size: int) -> None:
        """``size`` are the bytes of an image."""
        self._view = view
        self._size = size
        self._advises = hasattr(view, "madvise") and hasattr(mmap, "MADV_WILLNEED")

    def expect(self, *, random: bool) -> None:
        """Let the system read what lies behind what is looked at, too, or nothing else."""
        if self._advises:
            self._view.madvise(mmap.MADV_RANDOM if random else mmap.MADV_NORMAL)

    def read_soon(self, positions: np.ndarray) -> None:
        """Let the system begin to read these images, all at once; returns before it has."""
        if not self._advises:
            return
        for position in np.sort(positions).tolist():
            start = position * self._size
            page = start - start % mmap.PAGESIZE
            self._view.madvise(mmap.MADV_WILLNEED, page, start + self._size - page)


def bytes_of(images: int, shape: tuple[int, int, int]) -> int:
    """How large a file of so many images is, but for its description."""
    height, width, channels = shape
    return images * channels * (height * width + 2 * 8)


def collect(pieces: Iterable[Piece], shape: tuple[int, int, int, int]) -> Decoded:
    """The images in memory, at most as many as ``shape`` (N, H, W, C) has room for."""
    pixels = np.empty(shape, np.uint8)
    sums, broken, images = [], {}, 0
    for piece in pieces:
        pixels[images : images + len(piece.pixels)] = piece.pixels
        sums.append(piece.sums)
        broken.update(piece.broken)
        images += len(piece.pixels)
    return Decoded(pixels[:images], np.concatenate(sums), broken)


def write_pixels(
    path: Path, key: str, shape: tuple[int, int, int], pieces: Iterable[Piece]
) -> None:
    """Put images of ``shape`` (H, W, C) into ``path``, which is whole or not there at all.

    ``key`` says which images these are. Raises OSError, and what ``pieces`` raises.
    """
    with replacing(path) as beside, open(beside, "wb") as file:
        sums, broken, images = [], {}, 0
        for piece in pieces:
            file.write(piece.pixels.data)
            sums.append(piece.sums)
            broken.update(piece.broken)
            images += len(piece.pixels)
        table = np.concatenate(sums).astype("<i8").tobytes()
        described = msgspec.json.encode(_Description(key, shape, images, broken))
        digest = hashlib.sha256(table + described).digest()
        file.write(table + described + _END.pack(_MAGIC, len(described), digest))


def open_pixels(path: Path, key: str, shape: tuple[int, int, int]) -> Decoded | None:
    """The images in ``path``; None where it is absent, unfinished, damaged or of other images.

    As long as they are held, ``file_lock.remove_unused`` leaves the file alone.
    """
    try:
        with open(path, "rb") as file:
            if not file_lock.share(file.fileno(), path):
                return None
            return _map(file.fileno(), key, shape)
    except (OSError, ValueError, RecursionError, struct.error, msgspec.MsgspecError):
        return None


def _map(descriptor: int, key: str, shape: tuple[int, int, int]) -> Decoded | None:
    size = os.fstat(descriptor).st_size
    view = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    magic, length, digest = _END.unpack(view[-_END.size :])
    if magic != _MAGIC or length > min(_DESCRIPTION, size):
        return None
    end = size - _END.size - length
    described = view[end : end + length]
    known = msgspec.json.decode(described, type=_Description)
    if (known.key, known.shape) != (key, shape):
        return None
    height, width, channels = shape
    each = height * width * channels
    table = known.images * each
    if known.images < 0 or end != bytes_of(known.images, shape):
        return None
    sums = view[table:end]
    if hashlib.sha256(sums + described).digest() != digest:
        return None
    pixels = np.frombuffer(view, np.uint8, table)
    return Decoded(
        pixels.reshape(known.images, height, width, channels),
        np.frombuffer(sums, "<i8").astype(np.int64).reshape(-1, 2, channels),
        known.broken,
        Mapped(view, each),
    )


def touch(path: Path) -> None:
    """Note that the file was used just now: the ones that were not for longest go first."""
    with contextlib.suppress(OSError):
        os.utime(path)
