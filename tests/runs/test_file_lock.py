"""Locks that the system lets go of by itself."""

from __future__ import annotations

import os
from pathlib import Path

from studio.runs.file_lock import FileLock, can_lock, remove_unused, share


def test_a_lock_is_held_by_one_until_it_is_released(tmp_path: Path) -> None:
    first = FileLock.take(tmp_path / "a.lock")
    assert first is not None
    assert FileLock.take(tmp_path / "a.lock") is None
    first.write(b"held")
    assert (tmp_path / "a.lock").read_bytes() == b"held"
    first.release()
    again = FileLock.take(tmp_path / "a.lock")
    assert again is not None
    again.release()
    assert not (tmp_path / "a.lock").exists()


def test_a_probe_leaves_nothing_behind(tmp_path: Path) -> None:
    assert can_lock(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_shared_file_is_removed_when_the_last_has_let_go(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    path.write_bytes(b"content")
    descriptors = [os.open(path, os.O_RDONLY) for _ in range(2)]
    if os.name != "nt":  # where a file that is merely open is no hindrance
        assert all(share(descriptor, path) for descriptor in descriptors)
        assert not remove_unused(path)
        os.close(descriptors.pop())
        assert not remove_unused(path)
    for descriptor in descriptors:
        os.close(descriptor)
    assert remove_unused(path)
    assert not path.exists()


def test_a_file_that_was_removed_or_replaced_is_not_shared(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    path.write_bytes(b"old")
    descriptor = os.open(path, os.O_RDONLY)
    (tmp_path / "other").write_bytes(b"new")
    os.replace(tmp_path / "other", path)
    assert not share(descriptor, path)
    path.unlink()
    assert not share(descriptor, path)
    os.close(descriptor)
