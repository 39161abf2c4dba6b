"""A folder of images: class folders, or ``train``/``val``/``test`` folders of class folders.

Classes and extensions are those of torchvision's ImageFolder. Every image is decoded fully once,
since a broken one shows only then.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from studio.engine.decoding import BadImage, Piece, decode_files, decode_image
from studio.engine.pictures import SPLITS, Pictures, Progress, no_progress
from studio.engine.pixel_cache import user_cache
from studio.engine.pixel_file import Decoded, collect
from studio.runs.api import WorkFailed

EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
_NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid"),
    "test": ("test", "testing"),
}
_WORTH_KEEPING = 64 * 2**20
"""Bytes of pixels. Below, decoding takes a second or two and fits anywhere; CIFAR-10, 176 MiB of
small JPEG, takes 7 s, and to open it where it is kept a hundredth of one."""
_SHARE_OF_MEMORY = 0.5
_MOST_OF_MEMORY = 0.8
"""How much of the free memory the images may take where they can be kept on disk, and where they
cannot."""
_ASKED_AGAIN = 20
"""How many broken files are looked at again before kept images are used."""


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


def read_folder(
    listing: Listing, shape: tuple[int, int, int], progress: Progress = no_progress
) -> Pictures:
    """The images of ``listing`` at ``shape`` (C, H, W); broken ones are left out with a warning.

    Many are kept on disk, decoded, and are mapped from there. Raises WorkFailed where they fit
    neither there nor into memory, or none of a class can be read.
    """
    if shape[0] not in (1, 3):
        raise WorkFailed(
            f"The network's input has {shape[0]} channels, but images are gray (1) or color (3).",
            "Set the channels of the input node to 1 or 3.",
        )
    files = listing.files
    decoded = _decoded(listing, shape, progress)
    broken = decoded.broken
    found = list(listing.warnings)
    if broken:
        first = min(broken)
        found.append(
            f"{len(broken):,} of {len(files):,} images could not be read and were left out; the "
            f"first is {files[first].path} ({broken[first]})."
        )
        files = tuple(file for index, file in enumerate(files) if index not in broken)
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
        pixels=decoded.pixels.transpose(0, 3, 1, 2),
        labels=labels,
        given=given,
        fingerprint=listing.fingerprint,
        sums=decoded.sums,
        mapped=decoded.mapped,
        warnings=tuple(found),
    )


def _decoded(listing: Listing, shape: tuple[int, int, int], progress: Progress) -> Decoded:
    """All images that can be read: kept on disk where they are many, else in memory."""
    paths = [file.path for file in listing.files]
    total = len(paths)
    size = total * int(np.prod(shape))
    channels, height, width = shape
    free = int(psutil.virtual_memory().available)

    def pieces() -> Generator[Piece, None, None]:
        done = 0
        with contextlib.closing(decode_files(paths, shape)) as decoding:
            for piece in decoding:
                done += piece.count
                progress(done, total)
                yield piece

    def trusted(kept: Decoded) -> bool:
        # What could not be read then may be by now: a disk that was away, a permission.
        return not any(_readable(paths[index], shape) for index in [*kept.broken][:_ASKED_AGAIN])

    if size > min(_WORTH_KEEPING, _SHARE_OF_MEMORY * free):
        try:
            return user_cache().read(
                listing.fingerprint,
                (height, width, channels),
                total,
                pieces,
                trusted=trusted,
                waiting=lambda: progress(0, total),
            )
        except WorkFailed as error:
            if size > _MOST_OF_MEMORY * free:
                raise WorkFailed(
                    f"The {total:,} images need {size / 2**30:.1f} GiB at the network's input "
                    f"size, and {free / 2**30:.1f} GiB of memory are free. {error.message}",
                    error.advice,
                ) from None
    with contextlib.closing(pieces()) as decoding:
        return collect(decoding, (total, height, width, channels))


def _readable(path: str, shape: tuple[int, int, int]) -> bool:
    try:
        decode_image(path, shape)
    except BadImage:
        return False
    return True
