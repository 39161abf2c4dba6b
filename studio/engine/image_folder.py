"""A folder of images: class folders, or ``train``/``val``/``test`` folders of class folders.

Classes and extensions are those of torchvision's ImageFolder. Every image is decoded fully once,
since a broken one shows only then.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, UnidentifiedImageError

from studio.engine.pictures import SPLITS, Pictures, Progress, no_progress
from studio.runs.api import WorkFailed

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
MAX_PIXELS = 64_000_000
"""Larger images are refused: a file of 10 kB can claim to be of 80 million pixels."""

_NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid"),
    "test": ("test", "testing"),
}
_CHUNK = 64
_SLOW_IMAGE = 0.0005
"""Seconds. Images that decode faster spend their time in the interpreter, and threads would only
fight for its lock (measured: two threads are 1.4 times slower on 32×32 JPEG)."""

# Pillow only warns of images up to twice its limit; decode_image refuses by our own instead.
Image.MAX_IMAGE_PIXELS = None


class BadImage(Exception):
    """A file that is not a whole image of bearable size; the message says why."""


@dataclass(frozen=True)
class _File:
    path: str
    label: int
    split: str
    stamp: str


@dataclass(frozen=True)
class Listing:
    """The files of a folder, not yet read; ``fingerprint`` changes with names, sizes and times."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[_File, ...]
    fingerprint: str
    warnings: tuple[str, ...]


def list_folder(folder: str | Path) -> Listing:
    """The images of ``folder`` by class and split; raises WorkFailed in words."""
    root = Path(folder).expanduser()
    if not root.exists():
        raise WorkFailed(f"The folder {root} does not exist.", "Choose a folder of images.")
    if not root.is_dir():
        raise WorkFailed(f"{root} is a file.", "Choose the folder that holds the class folders.")
    try:
        return _list(root)
    except OSError as error:
        raise WorkFailed(
            f"The folder {root} cannot be read: {error.strerror}.", "Check its permissions."
        ) from None


def _list(root: Path) -> Listing:
    parts = _split_folders(root)
    classes = _class_names(parts["train"])
    found: list[str] = []
    files: list[_File] = []
    for split, folder in parts.items():
        _check_classes(folder, classes, parts["train"])
        for label, name in enumerate(classes):
            members = _image_files(folder / name, label, split)
            if not members and split == "train":
                raise WorkFailed(
                    f"The class folder {folder / name} has no images "
                    f"({', '.join(EXTENSIONS)} are read).",
                    "Add images to it, or remove the folder.",
                )
            if not members:
                found.append(f"The class {name!r} has no images in {folder}.")
            files.extend(members)
    digest = hashlib.sha256()
    for file in files:
        name = f"{file.split}/{classes[file.label]}/{os.path.basename(file.path)}"
        digest.update(f"{name} {file.stamp}\n".encode())
    return Listing(root, classes, tuple(files), digest.hexdigest(), tuple(found))


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."]
    return [folder / name for name in sorted(names)]


def _split_folders(root: Path) -> dict[str, Path]:
    """The folder of each split; class folders right under ``root`` are all ``train``."""
    parts: dict[str, Path] = {}
    for folder in _subfolders(root):
        for split in SPLITS:
            if folder.name.lower() in _NAMES[split]:
                if split in parts:
                    raise WorkFailed(
                        f"{root} has two folders for the {split} split: {parts[split].name} and "
                        f"{folder.name}.",
                        "Keep one of them.",
                    )
                parts[split] = folder
    if not parts:
        return {"train": root}
    if "train" not in parts:
        raise WorkFailed(
            f"{root} has a {next(iter(parts.values())).name} folder but no train folder.",
            "Put the class folders to learn from into a folder called train.",
        )
    return {split: parts[split] for split in SPLITS if split in parts}


def _class_names(folder: Path) -> tuple[str, ...]:
    classes = tuple(path.name for path in _subfolders(folder))
    if not classes:
        raise WorkFailed(
            f"{folder} has no class folders.",
            "Put the images of each class into a folder of its own, named after the class.",
        )
    if len(classes) < 2:
        raise WorkFailed(
            f"{folder} has only one class folder, {classes[0]!r}.",
            "At least two classes are needed to tell apart.",
        )
    return classes


def _check_classes(folder: Path, classes: tuple[str, ...], train: Path) -> None:
    names = {path.name for path in _subfolders(folder)}
    if missing := sorted(set(classes) - names):
        raise WorkFailed(
            f"{folder} has no folder for the class {missing[0]!r} that {train} has.",
            "Give both folders the same class folders.",
        )
    if extra := sorted(names - set(classes)):
        raise WorkFailed(
            f"{folder} has a class {extra[0]!r} that {train} does not have.",
            "Give both folders the same class folders.",
        )


def _image_files(folder: Path, label: int, split: str) -> list[_File]:
    files: list[_File] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(EXTENSIONS):
                path = os.path.join(place, name)
                status = os.stat(path)
                files.append(_File(path, label, split, f"{status.st_size} {status.st_mtime_ns}"))
    return files


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


def read_folder(
    listing: Listing, shape: tuple[int, int, int], progress: Progress = no_progress
) -> Pictures:
    """The images of ``listing`` at ``shape`` (C, H, W); broken ones are left out with a warning.

    Raises WorkFailed where the images do not fit into memory, or none of a class can be read.
    """
    if shape[0] not in (1, 3):
        raise WorkFailed(
            f"The network's input has {shape[0]} channels, but images are gray (1) or color (3).",
            "Set the channels of the input node to 1 or 3.",
        )
    files = listing.files
    _check_memory(len(files) * int(np.prod(shape)), len(files))
    channels, height, width = shape
    # Each image lies in memory as it is decoded, and as networks take it: color by color.
    pixels = np.empty((len(files), height, width, channels), np.uint8).transpose(0, 3, 1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which nobody needs here
        broken = _decode_all(files, pixels, progress)
    found = list(listing.warnings)
    if broken:
        first = min(broken)
        found.append(
            f"{len(broken):,} of {len(files):,} images could not be read and were left out; the "
            f"first is {files[first].path} ({broken[first]})."
        )
        kept = np.setdiff1d(np.arange(len(files)), np.fromiter(broken, np.int64))
        pixels = pixels[kept]
        files = tuple(files[index] for index in kept)
    labels = np.array([file.label for file in files], np.int64)
    splits = np.array([file.split for file in files])
    given = {name: np.flatnonzero(splits == name) for name in SPLITS if (splits == name).any()}
    counts = np.bincount(labels[given.get("train", [])], minlength=len(listing.classes))
    if not counts.all():
        name = listing.classes[int(counts.argmin())]
        raise WorkFailed(
            f"None of the images of the class {name!r} can be read. {found[-1]}",
            "Replace the broken files.",
        )
    return Pictures(
        title=listing.root.resolve().name,
        classes=listing.classes,
        pixels=pixels,
        labels=labels,
        given=given,
        fingerprint=listing.fingerprint,
        warnings=tuple(found),
    )


def _check_memory(size: int, count: int) -> None:
    available = int(psutil.virtual_memory().available)
    if size > 0.8 * available:
        raise WorkFailed(
            f"The {count:,} images need {size / 2**30:.1f} GiB at the network's input size, and "
            f"{available / 2**30:.1f} GiB of memory are free.",
            "Make the input smaller, or use fewer images.",
        )


def _decode_all(files: Sequence[_File], pixels: np.ndarray, progress: Progress) -> dict[int, str]:
    """Decode all files into ``pixels``; the positions that could not be read, with the reason."""
    shape = (pixels.shape[1], pixels.shape[2], pixels.shape[3])
    broken: dict[int, str] = {}

    def decode(start: int) -> int:
        stop = min(start + _CHUNK, len(files))
        for index in range(start, stop):
            try:
                pixels[index] = decode_image(files[index].path, shape)
            except BadImage as error:
                broken[index] = str(error)
        return stop - start

    begin = time.perf_counter()
    done = decode(0)
    slow = (time.perf_counter() - begin) / max(1, done) > _SLOW_IMAGE
    starts = range(done, len(files), _CHUNK)
    pool = ThreadPoolExecutor((os.cpu_count() or 1) if slow else 1)
    try:
        for count in pool.map(decode, starts):
            done += count
            progress(done, len(files))
    finally:
        pool.shutdown(cancel_futures=True)
    return broken
