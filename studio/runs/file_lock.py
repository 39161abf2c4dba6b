"""A lock on a file that the system itself lets go of when its process ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 2**30
    """The byte that is locked lies beyond the content: Windows forbids reading locked ones."""

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _lock_shared(descriptor: int) -> None:
        """Windows itself removes no file that is mapped."""

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock belongs to the open file: two windows of one process exclude each other too, and a
        # network home hands it on to the other machines. No pid is compared, so none is mistaken.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _lock_shared(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


class FileLock:
    """Held from ``take`` until ``release`` or the end of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> FileLock | None:
        """The lock on ``path``, which is made if need be; None where another holds it.

        Raises OSError where the file cannot be made.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        try:
            _lock(descriptor)
            # Whoever held it before may have removed the file between the two lines above.
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return cls(path, descriptor)
        except OSError:
            pass
        os.close(descriptor)
        return None

    def write(self, content: bytes) -> None:
        """Let those who cannot take the lock read who holds it; raises OSError."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, content)

    def release(self) -> None:
        """Let go, and remove the file."""
        if self._descriptor < 0:
            return
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = -1
        if sys.platform == "win32":  # which removes no file that is open
            with contextlib.suppress(OSError):
                self.path.unlink()


def can_lock(folder: Path) -> bool:
    """Whether the disk that ``folder`` is on locks files at all; raises OSError where none can be
    made there."""
    probe = FileLock.take(folder / f"probe-{uuid.uuid4().hex}.lock")
    if probe is not None:
        probe.release()
    return probe is not None


def share(descriptor: int, path: Path) -> bool:
    """Keep the open file at ``path`` from ``remove_unused``, together with others, until the last
    copy of ``descriptor`` is closed; a mapping has one. False where it is being removed."""
    try:
        _lock_shared(descriptor)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a disk without locks: a file that is removed stays readable where it is open
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    return False


def remove_unused(path: Path) -> bool:
    """Remove a file unless somebody shares it; whether it is gone."""
    try:
        if sys.platform == "win32":
            path.unlink()
            return True
        descriptor = os.open(path, os.O_RDWR)
        try:
            _lock(descriptor)
            path.unlink()
        finally:
            os.close(descriptor)
    except OSError:
        return not path.exists()
    return True
