"""Files that are whole or absent, for writers that need a path, and what to say when they fail."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from studio.project.codec import sync_folder


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes ``path``'s place when the block succeeds.

    A crash at any moment leaves the old file or the new one. Whatever the block or the disk
    raises is passed on, and the file beside is removed.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        os.chmod(beside, 0o644)  # safetensors makes files that only their owner may read
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Put ``content`` into ``path`` in one piece; raises OSError."""
    with replacing(path) as beside:
        beside.write_bytes(content)


def remove_leftovers(folder: Path) -> None:
    """Remove what writes that were killed left beside."""
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            path.unlink()


def explain_write_error(error: BaseException, what: str) -> str:
    """A sentence for an error while writing ``what`` ("the checkpoint", say).

    torch, safetensors and SQLite each hide a full disk in words of their own.
    """
    text = str(error)
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT) or any(
        words in text
        for words in ("No space left", "unexpected pos", "disk is full", "os error 28")
    ):
        return f"The disk is full: {what} could not be written."
    if code in (errno.EACCES, errno.EPERM, errno.EROFS) or any(
        words in text for words in ("readonly database", "os error 13", "os error 30")
    ):
        return f"There is no permission to write {what}."
    if code == errno.ENOENT or any(
        words in text for words in ("os error 2)", "unable to open database")
    ):
        return f"The folder is gone: {what} could not be written."
    reason = getattr(error, "strerror", None) or text or type(error).__name__
    return f"{what[:1].upper()}{what[1:]} could not be written: {reason}."
