"""Decoded images that are kept on disk: whole, found again, made anew, and never too many."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from studio.engine import decoding, image_folder, pixel_cache, pixel_file
from studio.engine.data import DataReader, DataSet, measure
from studio.engine.decoding import Piece, color_sums, decode_files
from studio.engine.pixel_cache import PixelCache, cache_folder
from studio.engine.pixel_file import Decoded, open_pixels
from studio.project.values import DataSettings
from studio.runs import file_lock
from studio.runs.api import WorkFailed
from studio.runs.file_lock import FileLock
from tests.engine.helpers import until, write_images

SHAPE = (4, 5, 3)
COUNT = 12


class Room(NamedTuple):
    """A disk, as shutil has it."""

    free: int


def images(seed: int = 0, count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), np.uint8)


Pieces = Generator[Piece, None, None]


def pieces(pixels: np.ndarray, broken: dict[int, str] | None = None) -> Pieces:
    """The images in pieces of five."""
    for start in range(0, len(pixels), 5):
        part = pixels[start : start + 5]
        yield Piece(part, color_sums(part), broken or {} if start == 0 else {}, len(part))


def one_piece(pixels: np.ndarray) -> Pieces:
    whole = np.ascontiguousarray(pixels)
    yield Piece(whole, color_sums(whole), {}, len(whole))


def read(folder: Path, seed: int = 0, name: str = "flowers") -> Decoded:
    return PixelCache(folder).read(name, SHAPE, COUNT, lambda: pieces(images(seed)))


def nothing_to_decode() -> Pieces:
    raise AssertionError("the images are kept already")
    yield


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pixels"))


def test_images_are_decoded_once_and_are_the_same_then(tmp_path: Path) -> None:
    broken = {3: "half of it is missing"}
    cache = PixelCache(tmp_path / "new" / "folder")
    first = cache.read("flowers", SHAPE, COUNT, lambda: pieces(images(), broken))
    again = cache.read("flowers", SHAPE, COUNT, nothing_to_decode)
    for found in (first, again):
        assert np.array_equal(found.pixels, images())
        assert np.array_equal(found.sums, color_sums(images()))
        assert found.broken == broken
        assert found.mapped is not None
    assert len(list(cache.folder.iterdir())) == 1  # no lock and no part is left


def test_other_images_and_other_sizes_have_files_of_their_own(tmp_path: Path) -> None:
    first = read(tmp_path)
    other = read(tmp_path, seed=1, name="birds")
    small = PixelCache(tmp_path).read(
        "flowers", (2, 2, 3), 4, lambda: one_piece(images()[:4, :2, :2])
    )
    assert len(files(tmp_path)) == 3
    assert np.array_equal(first.pixels, images(0))
    assert np.array_equal(other.pixels, images(1))
    assert small.pixels.shape == (4, 2, 2, 3)


def test_color_sums_give_the_mean_and_deviation_of_any_images() -> None:
    pixels = images()
    chosen = np.array([0, 3, 4, 11])
    mean, deviation = measure(pixels.transpose(0, 3, 1, 2), chosen, color_sums(pixels))
    values = pixels[chosen].astype(np.float64)
    assert mean == pytest.approx(values.mean((0, 1, 2)), rel=1e-12)
    assert deviation == pytest.approx(values.std((0, 1, 2)), rel=1e-12)


def test_sums_of_the_brightest_large_image_do_not_overflow() -> None:
    pixels = np.full((1, 400, 400, 1), 255, np.uint8)
    assert color_sums(pixels).tolist() == [[[255 * 160_000], [255 * 255 * 160_000]]]


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _unfinished(path: Path) -> None:
    os.truncate(path, COUNT * int(np.prod(SHAPE)))


def _other_sums(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[COUNT * int(np.prod(SHAPE))] ^= 1
    path.write_bytes(bytes(content))


def _huge_description(path: Path) -> None:
    content = path.read_bytes()
    end = pixel_file._END.pack(pixel_file._MAGIC, 2**60, bytes(32))
    path.write_bytes(content[: -len(end)] + end)


def _foreign(path: Path) -> None:
    path.write_bytes(os.urandom(5000))


def _of_other_images(path: Path) -> None:
    other = path.parent / "other"
    read(other, seed=9, name="birds")
    os.replace(files(other)[0], path)


@pytest.mark.parametrize(
    "damage",
    [_cut, _empty, _unfinished, _other_sums, _huge_description, _foreign, _of_other_images],
)
def test_a_damaged_or_foreign_file_is_made_anew(tmp_path: Path, damage: Any) -> None:
    read(tmp_path)
    (path,) = files(tmp_path)
    damage(path)
    found = PixelCache(tmp_path).read("flowers", SHAPE, COUNT, lambda: pieces(images()))
    assert np.array_equal(found.pixels, images())
    assert np.array_equal(read(tmp_path).pixels, images())


@pytest.mark.parametrize("seed", range(5))
def test_damage_behind_the_pixels_is_always_seen(tmp_path: Path, seed: int) -> None:
    read(tmp_path)
    (path,) = files(tmp_path)
    content = path.read_bytes()
    chance = np.random.default_rng(seed)
    pixels = COUNT * int(np.prod(SHAPE))
    for _ in range(100):
        changed = bytearray(content)
        changed[int(chance.integers(pixels, len(content)))] ^= int(chance.integers(1, 256))
        path.write_bytes(bytes(changed))
        assert open_pixels(path, f"flowers {SHAPE}", SHAPE) is None
        path.write_bytes(content[: int(chance.integers(len(content)))])
        assert open_pixels(path, f"flowers {SHAPE}", SHAPE) is None
    path.write_bytes(content)
    assert open_pixels(path, f"flowers {SHAPE}", SHAPE) is not None


# The disk -----------------------------------------------------------------------------------------


class _Full:
    """A file on a disk that takes its first piece and no other."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._writes = 0

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, content: Any) -> None:
        self._writes += 1
        if self._writes > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._file.write(content)


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(path: Path, mode: str) -> Any:
        file = path.open(mode)
        return _Full(file) if "w" in mode else file

    monkeypatch.setattr(pixel_file, "open", opened, raising=False)


def test_a_disk_that_fills_up_is_told_and_nothing_is_left_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_the_disk(monkeypatch)
    with pytest.raises(WorkFailed, match="The disk is full: the cache of decoded images") as caught:
        read(tmp_path)
    assert str(tmp_path) in caught.value.message
    assert "STUDIO_CACHE" in caught.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_not_even_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: Room(1000))
    with pytest.raises(WorkFailed, match="decoded images need") as caught:
        PixelCache(tmp_path).read("flowers", SHAPE, COUNT, nothing_to_decode)
    assert caught.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkFailed, match="cache of decoded images could not be written"):
        read(tmp_path / "file" / "cache")


def test_a_disk_that_locks_nothing_is_told_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "_lock", refuse)
    with pytest.raises(WorkFailed, match="cannot be locked"):
        read(tmp_path)


def test_what_was_not_used_for_longest_makes_room_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("oldest, in use", "old", "newer", "newest")
    held = []
    where: dict[str, Path] = {}
    for age, name in enumerate(names):
        before = {*files(tmp_path)}
        found = read(tmp_path, name=name)
        (where[name],) = {*files(tmp_path)} - before
        os.utime(where[name], (age, age))
        if name == "oldest, in use":
            held.append(found)
        del found
    size = where["old"].stat().st_size
    # Room for three files, of which the new one is one; two must go, and the oldest cannot.
    monkeypatch.setattr(pixel_cache, "_SHARE_OF_DISK", 1.0)
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: Room(-size - 10))
    read(tmp_path, name="wanted")
    left = [name for name in names if where[name].exists()]
    assert left == ["oldest, in use", "newest"]
    assert np.array_equal(held[0].pixels, images())
    held.clear()
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: Room(0))
    read(tmp_path, name="one more")
    assert [name for name in names if where[name].exists()] == ["newest"]


def test_a_file_that_was_used_is_young_again(tmp_path: Path) -> None:
    read(tmp_path)
    (path,) = files(tmp_path)
    os.utime(path, (1, 1))
    read(tmp_path)
    assert time.time() - path.stat().st_mtime < 60


def test_the_cache_is_bounded_however_large_the_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_cache, "_LARGEST", 3000)
    for name in ("a", "b", "c", "d"):
        read(tmp_path, name=name)
    assert len(files(tmp_path)) == 2  # of 1,500 bytes each
    # A single one that is larger is kept all the same, alone.
    monkeypatch.setattr(pixel_cache, "_LARGEST", 100)
    read(tmp_path, name="e")
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", "/home/ada/.cache/training-studio"),
        ({"XDG_CACHE_HOME": "/fast"}, "linux", "/fast/training-studio"),
        ({"XDG_CACHE_HOME": "not/absolute"}, "linux", "/home/ada/.cache/training-studio"),
        ({}, "darwin", "/home/ada/Library/Caches/Training Studio"),
        ({"LOCALAPPDATA": "/local"}, "win32", "/local/Training Studio/Cache"),
        ({}, "win32", "/home/ada/AppData/Local/Training Studio/Cache"),
        ({"STUDIO_CACHE": "/scratch", "XDG_CACHE_HOME": "/fast"}, "linux", "/scratch"),
    ],
)
def test_the_cache_is_where_the_system_and_the_user_want_it(
    environment: dict[str, str], platform: str, expected: str
) -> None:
    assert cache_folder(environment, platform, Path("/home/ada")) == Path(expected)


# Several processes --------------------------------------------------------------------------------

PROGRAM = """
import sys, time
from pathlib import Path
import numpy as np
from studio.engine.decoding import Piece, color_sums
from studio.engine.pixel_cache import PixelCache
folder, log, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
def decode():
    with open(log, "a") as file:
        file.write("decoded\\n")
    for start in range(0, 12, 4):
        pixels = np.full((4, 4, 5, 3), start, np.uint8)
        yield Piece(pixels, color_sums(pixels), {}, 4)
        time.sleep(pause)
found = PixelCache(folder).read("flowers", (4, 5, 3), 12, decode)
print(found.pixels.sum())
"""


def another(folder: Path, log: Path, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder), str(log), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_at_once_decode_once(tmp_path: Path) -> None:
    folder, log = tmp_path / "cache", tmp_path / "log"
    both = [another(folder, log, 0.3) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    expected = (0 + 4 + 8) * 4 * int(np.prod(SHAPE))
    assert [int(out) for out, _ in said] == [expected, expected]
    assert log.read_text().splitlines() == ["decoded"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_what_a_killed_process_left_is_taken_for_nothing_and_removed(tmp_path: Path) -> None:
    folder, log = tmp_path / "cache", tmp_path / "log"
    process = another(folder, log, 30)
    until(lambda: any(folder.glob(".*.part")) if folder.exists() else False)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert any(folder.glob(".*.part"))
    read(folder, name="birds")  # of other images: it removes what was left, too
    assert not any(folder.glob(".*.part"))
    assert np.array_equal(read(folder).pixels, images())


@pytest.mark.slow
def test_what_another_process_is_writing_is_not_removed(tmp_path: Path) -> None:
    folder, log = tmp_path / "cache", tmp_path / "log"
    process = another(folder, log, 0.7)
    until(lambda: any(folder.glob(".*.part")) if folder.exists() else False)
    read(folder, name="birds")
    assert process.poll() is None
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert int(out) == (0 + 4 + 8) * 4 * int(np.prod(SHAPE))


def test_waiting_for_another_process_can_be_given_up(tmp_path: Path) -> None:
    tmp_path.mkdir(exist_ok=True)
    asked = []

    def give_up() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt

    read(tmp_path)
    (path,) = files(tmp_path)
    path.unlink()
    lock = FileLock.take(path.with_suffix(".lock"))
    assert lock is not None
    with pytest.raises(KeyboardInterrupt):
        PixelCache(tmp_path).read("flowers", SHAPE, COUNT, nothing_to_decode, waiting=give_up)
    lock.release()
    assert np.array_equal(read(tmp_path).pixels, images())


# Folders of images --------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that keeps every folder of images, however small."""
    monkeypatch.setenv(pixel_cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(image_folder, "_WORTH_KEEPING", 0)
    return tmp_path / "cache"


def folder_of(tmp_path: Path) -> Path:
    return write_images(tmp_path / "images", {"a": 90, "b": 60})


def load(folder: Path) -> DataSet:
    return DataReader().read(DataSettings(str(folder)), (3, 8, 8))


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the images are kept already")

    monkeypatch.setattr(image_folder, "decode_files", refuse)


def test_a_folder_is_the_same_set_from_memory_from_a_new_file_and_from_an_old_one(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(tmp_path)
    (folder / "a" / "002.png").write_bytes(b"no image")
    with monkeypatch.context() as patch:
        patch.setattr(image_folder, "_WORTH_KEEPING", 2**40)
        inside = load(folder)
    fresh = load(folder)
    forbid_decoding(monkeypatch)
    kept = load(folder)
    assert inside.mapped is None
    for other in (fresh, kept):
        assert other.mapped is not None
        assert np.array_equal(other.pixels, inside.pixels)
        assert np.array_equal(other.labels, inside.labels)
        assert (other.mean, other.deviation) == (inside.mean, inside.deviation)
        assert other.warnings == inside.warnings
        assert other.fingerprint == inside.fingerprint
    assert "1 of 150 images could not be read" in kept.warnings[0]


def test_a_folder_that_changed_is_decoded_again(tmp_path: Path, cache: Path) -> None:
    folder = folder_of(tmp_path)
    load(folder)
    write_images(folder, {"c": 10})
    assert load(folder).classes == ("a", "b", "c")
    assert len(files(cache)) == 2


def test_a_file_that_can_be_read_by_now_is_taken_in(tmp_path: Path, cache: Path) -> None:
    folder = folder_of(tmp_path)
    path = folder / "b" / "007.png"
    content, times = path.read_bytes(), path.stat()
    # As when a disk is away for a moment: size and time stay as they are.
    path.write_bytes(bytes(len(content)))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert len(load(folder).labels) == 149
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    found = load(folder)
    assert len(found.labels) == 150
    assert found.warnings == ()


def test_where_the_cache_cannot_be_written_images_that_fit_are_held_in_memory(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_the_disk(monkeypatch)
    found = load(folder_of(tmp_path))
    assert found.mapped is None
    assert len(found.pixels) == 150


def test_small_folders_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pixel_cache.VARIABLE, str(tmp_path / "cache"))
    assert load(folder_of(tmp_path)).mapped is None
    assert not (tmp_path / "cache").exists()


def test_reading_into_the_cache_can_be_given_up_and_leaves_nothing(
    tmp_path: Path, cache: Path
) -> None:
    def give_up(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        DataReader().read(DataSettings(str(folder_of(tmp_path))), (3, 8, 8), give_up)
    assert list(cache.iterdir()) == []


def test_decoding_runs_only_a_little_ahead_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []

    def decode(path: str, shape: tuple[int, int, int]) -> np.ndarray:
        decoded.append(path)
        return np.zeros(shape, np.uint8)

    monkeypatch.setattr(decoding, "decode_image", decode)
    monkeypatch.setattr(decoding, "_SLOW_IMAGE", 0.0)
    names = [f"{number}" for number in range(64 * 200)]
    before = threading.active_count()
    walk = decode_files(names, (3, 4, 4))
    taken = [next(walk) for _ in range(3)]
    time.sleep(0.2)
    workers = os.cpu_count() or 1
    assert len(decoded) <= 64 * (3 + decoding._AHEAD * workers + 1)
    walk.close()
    assert threading.active_count() == before
    assert sum(piece.count for piece in taken) == 64 * 3
    assert sum(piece.count for piece in decode_files(names, (3, 4, 4))) == len(names)


def test_a_mapped_file_is_left_alone_until_it_is_let_go_of(tmp_path: Path) -> None:
    found: Decoded | None = read(tmp_path)
    (path,) = files(tmp_path)
    assert not file_lock.remove_unused(path)
    found = None
    assert file_lock.remove_unused(path)
    assert not path.exists()
    assert found is None
    assert open_pixels(path, "", SHAPE) is None
