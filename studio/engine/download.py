"""torchvision's own download of pretrained weights, which can be watched and stopped.

It runs in a process of its own: a connection that hangs cannot be left from within a thread, and
a process can be ended at any moment. It writes into a folder of its own, so that nothing half
done is ever in torch's cache.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from studio.engine.weights_file import checksum
from studio.runs.api import WorkFailed

Watch = Callable[[str], None]
"""Called every moment with what is going on, in words; what it raises ends the work."""

# A connection without a sign of life for half a minute is given up.
_PROGRAM = """
import socket, sys
from torchvision.models import get_weight
socket.setdefaulttimeout(30)
get_weight(sys.argv[1]).get_state_dict(progress=False, check_hash=True)
"""

_TICK = 0.1
"""Seconds between two looks at the download."""


def watch_nothing(text: str) -> None:
    """A ``Watch`` for whoever does not care."""


def torchvision_weights(name: str) -> Any:
    """torchvision's entry for ``name`` (``ResNet50_Weights.IMAGENET1K_V2``); raises WorkFailed."""
    from torchvision.models import get_weight  # takes a second to import

    try:
        return get_weight(name)
    except (ValueError, KeyError, AttributeError):
        raise WorkFailed(
            f"The torchvision that is installed has no weights {name}.",
            "Update torchvision, or choose other weights.",
        ) from None


def fetch(name: str, watch: Watch = watch_nothing) -> Path:
    """The file of the weights ``name`` in torch's cache, downloaded where it is not there yet.

    Raises WorkFailed where it cannot be, and whatever ``watch`` raises.
    """
    entry = torchvision_weights(name)
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    path = cache / str(entry.url).rpartition("/")[2]
    if not path.is_file():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as folder:
                _download(name, entry, Path(folder), watch)
                arrived = next(Path(folder).rglob(path.name), None)
                if arrived is None:
                    raise _failed(name, entry, "nothing arrived")
                os.replace(arrived, path)
        except OSError as error:
            raise _failed(name, entry, f"{cache}: {error.strerror or error}") from None
    _check_hash(path)
    return path


def _download(name: str, entry: Any, folder: Path, watch: Watch) -> None:
    """Let torchvision download into ``folder``; raises WorkFailed with its reason."""
    whole = round(entry.meta.get("_file_size", 0))
    step = max(1, whole // 20)
    # A session of its own, so that Ctrl-C in the terminal reaches this process alone.
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _PROGRAM, name],
        env={**os.environ, "TORCH_HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as child:
        try:
            said = None
            while said is None:
                done = _arrived(folder) // 2**20 // step * step
                watch(f"Downloading {name}: {min(done, whole):,} of {whole:,} MB")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    _, said = child.communicate(timeout=_TICK)
        finally:
            child.kill()
    if child.returncode:
        raise _failed(name, entry, said.decode(errors="replace"))


def _arrived(folder: Path) -> int:
    """The bytes that are there so far."""
    total = 0
    for path in folder.rglob("*.p*"):
        with contextlib.suppress(OSError):  # renamed since it was listed
            total += path.stat().st_size
    return total


def _failed(name: str, entry: Any, said: str) -> WorkFailed:
    """What went wrong in words, from the last line that the download said."""
    last = (said.strip().splitlines() or ["it ended without a word"])[-1]
    if "No space left" in last:
        return WorkFailed(
            f"{name} could not be downloaded: the disk is full.",
            f"Free some space in {torch.hub.get_dir()}.",
        )
    if "invalid hash" in last:
        reason = "what arrived is not what was sent"
    elif "URLError" in last or "timed out" in last or "TimeoutError" in last:
        reason = "its server cannot be reached"
    else:
        # "urllib.error.HTTPError: HTTP Error 404: Not Found" without the exception's name.
        kind, separator, rest = last.partition(": ")
        reason = rest if separator and " " not in kind else last
    return WorkFailed(
        f"{name} could not be downloaded: {reason.rstrip('.')}.",
        f"Try again with a connection, or get {entry.url} elsewhere and start from that file "
        "(--weights FILE; in the window, Start on the Train page).",
    )


def _check_hash(path: Path) -> None:
    """Hold a file of the cache against the checksum in its name, as its download was."""
    wanted = path.stem.rpartition("-")[2]
    if not checksum(path).startswith(wanted):
        raise WorkFailed(
            f"The downloaded weights {path} are damaged.",
            "Delete that file, and it is downloaded again.",
        )
