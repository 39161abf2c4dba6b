"""Reading, splitting and measuring images, and what is said of bad ones."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits

from studio.engine import decoding, image_folder, pixel_cache
from studio.engine.data import DataReader, describe, measure, normalization, split
from studio.engine.decoding import decode_image
from studio.engine.pictures import Pictures
from studio.project.values import DataSettings
from studio.runs.api import WorkFailed
from tests.engine.helpers import write_images


class Little(NamedTuple):
    """Memory, as psutil has it."""

    available: int


class Room(NamedTuple):
    """A disk, as shutil has it."""

    free: int


def read(folder: Path, shape: tuple[int, int, int] = (3, 8, 8), **settings: float):
    return DataReader().read(DataSettings(str(folder), **settings), shape)


# The digits ---------------------------------------------------------------------------------------


def test_digits_at_their_own_size_are_those_of_scikit_learn() -> None:
    data = DataReader().read(DataSettings(), (1, 8, 8))
    original = load_digits()
    assert np.array_equal(data.pixels[:, 0], np.round(original.images * 255 / 16))
    assert np.array_equal(data.labels, original.target)


def test_digits_are_enlarged_and_their_gray_is_repeated_for_color() -> None:
    gray = DataReader().read(DataSettings(), (1, 32, 32)).pixels
    color = DataReader().read(DataSettings(), (3, 32, 32)).pixels
    assert gray.shape == (1797, 1, 32, 32)
    assert all(np.array_equal(color[:, channel], gray[:, 0]) for channel in range(3))


def test_digits_for_a_strange_channel_count_are_refused_in_words() -> None:
    with pytest.raises(WorkFailed, match="has 4 channels") as caught:
        DataReader().read(DataSettings(), (4, 8, 8))
    assert "1 or 3" in caught.value.advice


# Splits -------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(4, 40), min_size=2, max_size=6),
    shares=st.tuples(st.floats(0.15, 0.45), st.floats(0.05, 0.45)),
    seed=st.integers(0, 1000),
)
def test_splits_part_the_images_by_class_and_share(
    counts: list[int], shares: tuple[float, float], seed: int
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    pictures = Pictures(
        "", tuple(map(str, range(len(counts)))), np.empty((len(labels), 1, 1, 1), np.uint8),
        labels, {"train": np.arange(len(labels))}, "",
    )  # fmt: skip
    chosen = DataSettings(validation_share=shares[0], test_share=shares[1], split_seed=seed)
    parts = split(pictures, chosen)
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(len(labels)))
    for label, count in enumerate(counts):
        for name, share in zip(("validation", "test"), shares, strict=True):
            held = int((labels[parts[name]] == label).sum())
            assert abs(held - share * count) <= 1
        assert (labels[parts["train"]] == label).any()
    again = split(pictures, chosen)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)


def test_another_split_seed_gives_another_split() -> None:
    one = DataReader().read(DataSettings(split_seed=0), (1, 8, 8)).splits["test"]
    other = DataReader().read(DataSettings(split_seed=1), (1, 8, 8)).splits["test"]
    assert len(one) == len(other)
    assert not np.array_equal(one, other)


# Folders ------------------------------------------------------------------------------------------


def test_class_folders_are_read_as_torchvision_reads_them(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    write_images(tmp_path, {"dog": 6, "cat": 5, "Ape": 7}, size=(8, 8))
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    data = read(tmp_path)
    theirs = ImageFolder(str(tmp_path))
    assert data.classes == tuple(theirs.classes)
    assert data.labels.tolist() == theirs.targets
    for ours, (image, _) in zip(data.pixels, theirs, strict=True):
        assert np.array_equal(ours.transpose(1, 2, 0), np.asarray(image))


@pytest.mark.parametrize("name", ["val", "validation", "valid", "Val"])
def test_split_folders_are_kept_and_missing_ones_are_split_off(tmp_path: Path, name: str) -> None:
    write_images(tmp_path / "train", {"a": 20, "b": 20})
    write_images(tmp_path / name, {"a": 3, "b": 4})
    data = read(tmp_path, test_share=0.25)
    assert {split: len(at) for split, at in data.splits.items()} == {
        "train": 30,
        "validation": 7,
        "test": 10,
    }


def test_the_input_size_and_channels_are_the_networks(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 5, "b": 5}, size=(20, 30), suffix=".jpg")
    assert read(tmp_path, (3, 9, 7)).pixels.shape[1:] == (3, 9, 7)
    assert read(tmp_path, (1, 9, 7)).pixels.shape[1:] == (1, 9, 7)


def test_a_16_bit_image_keeps_its_contrast(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 32768], [65535, 257]], np.uint16)).save(path)
    assert decode_image(path, (1, 2, 2)).tolist() == [[[0, 128], [255, 1]]]


def test_broken_images_are_left_out_and_told(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 6, "b": 6}, size=(40, 40), suffix=".jpg")
    whole = (tmp_path / "a" / "002.jpg").read_bytes()
    (tmp_path / "a" / "002.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b" / "001.jpg").write_bytes(b"no image at all")
    data = read(tmp_path)
    assert len(data.pixels) == len(data.labels) == 10
    (warning,) = data.warnings
    assert warning.startswith("2 of 12 images could not be read")
    assert str(tmp_path / "a" / "002.jpg") in warning


def test_a_small_file_that_claims_a_huge_image_is_left_out(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 5, "b": 5})

    def part(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", b"") + part(b"IEND", b"")
    (tmp_path / "a" / "bomb.png").write_bytes(bomb)
    (warning,) = read(tmp_path).warnings
    assert "30000×30000 pixels, which is too large" in warning


def test_images_that_take_long_are_read_by_several_threads_in_the_same_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path, {"a": 100, "b": 100})
    alone = read(tmp_path).pixels
    monkeypatch.setattr(decoding, "_SLOW_IMAGE", 0.0)
    assert np.array_equal(read(tmp_path).pixels, alone)


def test_images_are_decoded_once_until_they_change(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 5, "b": 5})
    reader, chosen = DataReader(), DataSettings(str(tmp_path))
    first = reader.read(chosen, (3, 8, 8))
    assert reader.read(chosen, (3, 8, 8)).pixels is first.pixels
    write_images(tmp_path, {"c": 5})
    assert reader.read(chosen, (3, 8, 8)).classes == ("a", "b", "c")


def _nothing(folder: Path) -> None:
    folder.rmdir()


def _one_class(folder: Path) -> None:
    write_images(folder, {"a": 3})


def _no_classes(folder: Path) -> None:
    (folder / "picture.png").write_bytes(b"")


def _empty_class(folder: Path) -> None:
    write_images(folder, {"a": 3, "b": 3, "c": 0})


def _no_train(folder: Path) -> None:
    write_images(folder / "test", {"a": 3, "b": 3})


def _two_validations(folder: Path) -> None:
    for name in ("train", "val", "valid"):
        write_images(folder / name, {"a": 3, "b": 3})


def _missing_class(folder: Path) -> None:
    write_images(folder / "train", {"a": 3, "b": 3})
    write_images(folder / "test", {"a": 3})


def _extra_class(folder: Path) -> None:
    write_images(folder / "train", {"a": 3, "b": 3})
    write_images(folder / "test", {"a": 3, "b": 3, "z": 1})


def _too_few(folder: Path) -> None:
    write_images(folder, {"a": 1, "b": 1})


def _all_broken(folder: Path) -> None:
    write_images(folder, {"a": 3})
    (folder / "b").mkdir()
    (folder / "b" / "1.png").write_bytes(b"broken")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_nothing, "does not exist"),
        (_one_class, "only one class folder, 'a'"),
        (_no_classes, "has no class folders"),
        (_empty_class, "c has no images"),
        (_no_train, "has a test folder but no train folder"),
        (_two_validations, "two folders for the validation split: val and valid"),
        (_missing_class, "has no folder for the class 'b'"),
        (_extra_class, "has a class 'z' that"),
        (_too_few, "The 2 images are too few"),
        (_all_broken, "None of the images of the class 'b' can be read"),
    ],
)
def test_a_folder_that_cannot_be_learnt_from_is_refused_in_words(
    tmp_path: Path, make, words: str
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    make(folder)
    with pytest.raises(WorkFailed, match=words) as caught:
        read(folder)
    assert caught.value.advice


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("")
    with pytest.raises(WorkFailed, match="is a file"):
        read(tmp_path / "images")


def test_more_images_than_memory_and_disk_have_room_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "images", {"a": 5, "b": 5})
    monkeypatch.setenv(pixel_cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(image_folder.psutil, "virtual_memory", lambda: Little(1000))
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: Room(1000))
    with pytest.raises(WorkFailed, match=r"10 images need .* decoded images need") as caught:
        read(tmp_path / "images")
    assert "STUDIO_CACHE" in caught.value.advice


def test_reading_can_be_given_up(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 100, "b": 100})

    def give_up(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DataReader().read(DataSettings(str(tmp_path)), (3, 8, 8), give_up)


# Numbers ------------------------------------------------------------------------------------------


def test_mean_and_deviation_are_those_of_the_training_images() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 6, 5), np.uint8)
    chosen = np.arange(0, 50, 2)
    mean, deviation = measure(pixels, chosen)
    values = pixels[chosen].astype(np.float64)
    assert mean == pytest.approx(values.mean((0, 2, 3)))
    assert deviation == pytest.approx(values.std((0, 2, 3)))


def test_a_channel_that_is_the_same_everywhere_is_not_divided_by_zero() -> None:
    assert measure(np.full((4, 1, 2, 2), 7, np.uint8), np.arange(4)) == ((7.0,), (1.0,))


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("none", 0.0, 255.0), ("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0), ("standard", -2.0, 3.1)],
)
def test_normalization_brings_the_pixels_to_its_range(kind: str, low: float, high: float) -> None:
    (mean,), (deviation,) = normalization(kind, (100.0,), (50.0,))
    assert ((0 - mean) / deviation, (255 - mean) / deviation) == (low, high)


def test_imagenets_normalization_is_torchvisions_and_for_color_alone() -> None:
    import torch
    from torchvision.transforms import functional

    pixels = torch.arange(48, dtype=torch.uint8).view(3, 4, 4) * 5
    mean, deviation = normalization("imagenet", (1.0,) * 3, (1.0,) * 3)
    got = (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)
    expected = functional.normalize(pixels / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    torch.testing.assert_close(got, expected)
    with pytest.raises(WorkFailed, match="network's input has 1"):
        normalization("imagenet", (1.0,), (1.0,))


def test_the_report_counts_and_shows_what_the_network_receives(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 10, "b": 20})
    data = read(tmp_path, validation_share=0.2, test_share=0.1)
    report = describe(data)
    assert report.counts == {"train": (7, 14), "validation": (2, 4), "test": (1, 2)}
    assert report.samples.shape == (19, 8, 8, 3)
    first = data.splits["train"][0]
    assert np.array_equal(report.samples[0].transpose(2, 0, 1), data.pixels[first])
    assert report.labels == (0,) * 7 + (1,) * 12
