"""How a run stands, seen from outside: by its folder, and by the signs of life that it gives."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Literal

from studio.runs.folder import RunInfo

Standing = Literal["running", "paused", "silent", "completed", "stopped", "failed", "interrupted"]
"""``silent``: a run of another machine of which nothing has been heard for a while; it may be
over. ``interrupted``: a run of this machine whose process is gone."""

QUIET_SECONDS = 120.0
"""How long a run of another machine may write nothing before it is called silent."""

GONE_SECONDS = 900.0
"""How long it may write nothing before it may be continued elsewhere. Validating many images takes
minutes, in which nothing is written, and two processes must never write one run."""

Signs = tuple[tuple[int, int], ...]
"""Time of the last change in nanoseconds, and bytes, of each file that a living run writes."""

_WRITTEN = ("run.json", "metrics.sqlite", "metrics.sqlite-wal")


def is_here(info: RunInfo) -> bool:
    """Whether the run's process is, or was, one of this machine."""
    return info.machine == socket.gethostname()


def standing(info: RunInfo, quiet: float) -> Standing:
    """How the run stands whose files last changed ``quiet`` seconds ago.

    Of another machine's process nothing is known but what it writes.
    """
    if info.state not in ("running", "paused"):
        return info.state
    if is_here(info):
        return "interrupted" if info.interrupted else info.state
    return info.state if quiet < QUIET_SECONDS else "silent"


def goes_on(standing: Standing) -> bool:
    """Whether the run is under way, as far as can be told."""
    return standing in ("running", "paused", "silent")


def quiet_for(folder: Path) -> float:
    """For how many seconds nothing was written in a run folder."""
    return max(0.0, time.time() - last_sign(signs(folder)))


def obstacle(info: RunInfo, quiet: float) -> str:
    """Why a run cannot be continued here whose files last changed ``quiet`` seconds ago, in
    words; empty where it can."""
    stands = standing(info, quiet)
    place = "" if is_here(info) else f" on {info.machine or 'another machine'}"
    who = f"process {info.process}{place}"
    if stands == "running":
        return f"It is trained by {who} now. Stop it there first."
    if info.state == "paused" and goes_on(stands):
        return f"It is paused in {who}. Stop it there first, or branch from its checkpoint."
    if stands == "silent" and quiet < GONE_SECONDS:
        return (
            f"It may still be trained by {who}. If nothing is heard of it for "
            f"{GONE_SECONDS / 60:.0f} minutes it can be continued here."
        )
    return ""


def signs(folder: Path) -> Signs:
    """The signs of life in a run folder; two that differ mean that something was written."""
    found = []
    for name in _WRITTEN:
        try:
            state = (folder / name).stat()
        except OSError:
            found.append((0, 0))
        else:
            found.append((state.st_mtime_ns, state.st_size))
    return tuple(found)


def last_sign(seen: Signs) -> float:
    """When something was last written, in seconds since 1970."""
    return max(time for time, _ in seen) / 1e9
