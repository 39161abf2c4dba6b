"""Decoded images that are kept on disk, for the next start and for sets larger than memory."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path

from studio.engine.decoding import Piece
from studio.engine.pixel_file import Decoded, bytes_of, open_pixels, touch, write_pixels
from studio.runs import file_lock
from studio.runs.api import WorkFailed
from studio.runs.file_lock import FileLock
from studio.runs.files import explain_write_error

VARIABLE = "STUDIO_CACHE"
"""The environment variable that names another folder for the cache."""

_LARGEST = 100 * 2**30
"""Bytes that all files together may have, unless a single one has more."""
_SHARE_OF_DISK = 0.5
"""How much of what is free, with the cache itself counted as free, the cache may have."""
_PIXELS, _LOCK = ".pixels", ".lock"
_LOOK = 0.1
"""Seconds between two looks whether another process has written what is waited for."""


def cache_folder(environment: Mapping[str, str], platform: str, home: Path) -> Path:
    """Where this user's cache is: where ``STUDIO_CACHE`` says, else the system's own place.

    ``platform`` is as ``sys.platform`` has it.
    """
    if chosen := environment.get(VARIABLE):
        return Path(chosen).expanduser()
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData/Local") / "Training Studio" / "Cache"
    if platform == "darwin":
        return home / "Library/Caches/Training Studio"
    # A relative path is to be ignored, says the XDG Base Directory Specification.
    given = Path(environment.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else home / ".cache") / "training-studio"


def user_cache() -> PixelCache:
    """The cache of the user who runs this process."""
    return PixelCache(cache_folder(os.environ, sys.platform, Path.home()))


class PixelCache:
    """A folder of decoded images. What is damaged or was left unfinished is made anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(
        self,
        fingerprint: str,
        shape: tuple[int, int, int],
        count: int,
        decode: Callable[[], Generator[Piece, None, None]],
        *,
        trusted: Callable[[Decoded], bool] = lambda decoded: True,
        waiting: Callable[[], None] = lambda: None,
    ) -> Decoded:
        """The ``count`` images of a folder with this fingerprint, of ``shape`` (H, W, C).

        They are decoded where they are not kept yet, or are not ``trusted``: by one of the
        processes that want them, while the others wait and call ``waiting``, which may raise.
        Raises WorkFailed in words where they cannot be kept, and what the callables raise.
        """
        text = f"{fingerprint} {shape}"
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        path = self.folder / f"{key}{_PIXELS}"

        def kept() -> Decoded | None:
            found = open_pixels(path, text, shape)
            return found if found is not None and trusted(found) else None

        while (found := kept()) is None:
            with self._locked(key) as alone:
                if not alone:
                    waiting()
                    time.sleep(_LOOK)
                elif kept() is None:  # nobody wrote it in the meantime
                    with contextlib.suppress(OSError):
                        path.unlink(missing_ok=True)
                    self._make_room(bytes_of(count, shape), key)
                    self._write(path, text, shape, decode)
        touch(path)
        return found

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[bool]:
        """Whether this process alone writes what belongs to ``key``."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock.take(self.folder / f"{key}{_LOCK}")
            lockable = lock is not None or file_lock.can_lock(self.folder)
        except OSError as error:
            raise self._refused(error) from None
        if not lockable:
            raise WorkFailed(
                f"Files in {self.folder}, where decoded images are kept, cannot be locked.",
                f"Set the environment variable {VARIABLE} to a folder on a disk of this machine.",
            )
        try:
            yield lock is not None
        finally:
            if lock is not None:
                lock.release()

    def _write(
        self,
        path: Path,
        text: str,
        shape: tuple[int, int, int],
        decode: Callable[[], Generator[Piece, None, None]],
    ) -> None:
        try:
            with contextlib.closing(decode()) as pieces:
                write_pixels(path, text, shape, pieces)
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> WorkFailed:
        return WorkFailed(
            f"{explain_write_error(error, 'the cache of decoded images')} It is in {self.folder}.",
            f"Make room there, or set the environment variable {VARIABLE} to a folder on a disk "
            "with more.",
        )

    def _make_room(self, wanted: int, key: str) -> None:
        """Remove what was not used for longest until ``wanted`` bytes more may be written; raises
        WorkFailed where there is no room for them. This process holds the lock of ``key``."""
        self._remove_leftovers(key)
        kept = sorted(self._kept())
        held = sum(size for _, size, _ in kept)
        free = shutil.disk_usage(self.folder).free
        limit = min(_SHARE_OF_DISK * (free + held), max(_LARGEST, wanted))
        for _, size, each in kept:
            if held + wanted <= limit:
                break
            if file_lock.remove_unused(each):
                held -= size
        if held + wanted > limit:
            raise WorkFailed(
                f"The decoded images need {wanted / 2**30:.1f} GiB on disk, and "
                f"{max(0.0, limit - held) / 2**30:.1f} GiB can be had in {self.folder}.",
                f"Make room there, set the environment variable {VARIABLE} to a folder on a "
                "larger disk, or make the input smaller.",
            )

    def held(self) -> int:
        """Bytes of all that is kept."""
        return sum(size for _, size, _ in self._kept())

    def _kept(self) -> Iterator[tuple[float, int, Path]]:
        """When each file was used last, its bytes, and where it is."""
        for path in self.folder.glob(f"*{_PIXELS}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path

    def _remove_leftovers(self, own: str) -> None:
        """Remove what processes that were killed left unfinished; not what is being written."""
        for part in self.folder.glob(f".*{_PIXELS}.*.part"):
            key = part.name[1:].partition(".")[0]
            with contextlib.suppress(OSError):
                lock = None if key == own else FileLock.take(self.folder / f"{key}{_LOCK}")
                if key == own or lock is not None:
                    part.unlink(missing_ok=True)
                if lock is not None:
                    lock.release()
