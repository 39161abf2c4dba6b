"""Lets torch's threads sleep while they wait, where other processes want the cores too."""

from __future__ import annotations

import os
import time

LOOK_SECONDS = 0.1
BUSY_CORES = 0.5
"""What others use at least for the cores to count as shared."""

_CHOSEN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""What a user may have set; then it stays."""


def share() -> None:
    """Look whether others are at work, and if so let waiting threads sleep.

    To be called before torch is imported, whose OpenMP reads the environment once. Its threads wait
    for each other many times in a step. By default they spin: on idle cores that is up to 1.5 times
    as fast for small networks. But where another process takes a core, the thread that waits burns
    the time of the one that is waited for, and a step was measured to take seven times as long. The
    numbers that come out are the same.
    """
    if not any(name in os.environ for name in _CHOSEN) and others_busy() > BUSY_CORES:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"


def others_busy() -> float:
    """How many cores other processes use, looked at for a tenth of a second."""
    import psutil

    own = psutil.Process()
    before, started = sum(own.cpu_times()[:2]), time.perf_counter()
    cores = psutil.cpu_percent(interval=LOOK_SECONDS) / 100 * (psutil.cpu_count() or 1)
    seconds = time.perf_counter() - started
    return float(cores - (sum(own.cpu_times()[:2]) - before) / seconds)
