"""A copy of the curves that another machine writes, whole at one moment, on a disk of our own.

SQLite's write-ahead log works through memory that reader and writer share, which two machines do
not have: reading a shared disk directly may show half of a commit, or disturb the writer
(https://www.sqlite.org/wal.html, "use of shared memory"). A copy disturbs nobody. The log's frames
have checksums, so a frame that was caught half written is none, and the file itself changes only
in checkpoints, whose pages the log still holds until its header changes.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from studio.runs.api import WorkFailed

_HEADER = 32
"""Bytes of the log's header, with the salt that changes when the log starts over."""

_ATTEMPTS = 10
_PAUSE = 0.01
"""Seconds after the first attempt that failed, more after each that follows."""

_State = tuple[int, int, bytes]
"""Time of the last change and size of the file, and the log's header."""


class Snapshot:
    """The copy of the curves at ``path``; gone with ``close``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = tempfile.TemporaryDirectory(
            prefix="training-studio-", ignore_cleanup_errors=True
        )
        self._copied: _State | None = None

    def refresh(self) -> Path:
        """Bring the copy up to date and say where it is; raises WorkFailed.

        The file is copied again only when it has changed; the log, of a few megabytes, always.
        """
        copy = Path(self._folder.name) / self._path.name
        try:
            for attempt in range(_ATTEMPTS):
                time.sleep(attempt * _PAUSE)
                state = self._state()
                copy.with_name(f"{copy.name}-shm").unlink(missing_ok=True)
                if state != self._copied:
                    self._copied = None
                    shutil.copyfile(self._path, copy)
                self._copy_log(copy)
                if self._state() == state:
                    self._copied = state
                    return copy
        except FileNotFoundError:
            raise WorkFailed(
                f"There are no curves yet in {self._path.parent}.", "Wait for the first step."
            ) from None
        except OSError as error:
            raise WorkFailed(
                f"The run's curves in {self._path} cannot be copied: {error.strerror or error}.",
                "Look whether the disk is still connected, and has room.",
            ) from None
        raise WorkFailed(
            f"The run's curves in {self._path} change faster than they can be read.",
            "Wait: it is tried again.",
        )

    def close(self) -> None:
        """Remove the copy."""
        self._folder.cleanup()

    def _state(self) -> _State:
        state = self._path.stat()
        header = b""
        with contextlib.suppress(FileNotFoundError), open(self._log(self._path), "rb") as log:
            header = log.read(_HEADER)
        return state.st_mtime_ns, state.st_size, header

    def _copy_log(self, copy: Path) -> None:
        try:
            shutil.copyfile(self._log(self._path), self._log(copy))
        except FileNotFoundError:
            self._log(copy).unlink(missing_ok=True)

    @staticmethod
    def _log(path: Path) -> Path:
        return path.with_name(f"{path.name}-wal")
