"""When checkpoints are written, and what happens when the disk does not take them."""

from __future__ import annotations

import time
from collections.abc import Callable

from safetensors import SafetensorError

from studio.engine.checkpoint import Checkpoint, copy_checkpoint, write_checkpoint
from studio.runs.files import explain_write_error
from studio.runs.folder import RunFolder

INTERVAL = 30.0
"""Seconds between two checkpoints inside an epoch: what a power failure costs at most."""


class Keeper:
    """Writes ``last`` and ``best``. A failed write is told once and tried again in time."""

    def __init__(
        self, folder: RunFolder | None, warn: Callable[[str], None], interval: float = INTERVAL
    ) -> None:
        """Without a ``folder`` nothing is written: another process of the team does it."""
        self._folder = folder
        self._warn = warn
        self._interval = interval
        self._tried_at = time.perf_counter()
        self.problem = ""
        """Why the last write failed, as a sentence; empty where it did not."""
        self.kept_step: int | None = None
        """The step of the last checkpoint that is safely on disk."""

    @property
    def due(self) -> bool:
        """Whether an interval has passed since the last checkpoint."""
        return time.perf_counter() - self._tried_at > self._interval

    def keep(self, saved: Checkpoint, best: bool = False) -> None:
        """Write ``saved`` as the last checkpoint, and as the best one before that if it is."""
        if self._folder is None:
            self.kept_step, self._tried_at = saved.place.step, time.perf_counter()
            return
        last = self._folder.checkpoint("last")
        try:
            if best:
                # In this order a kill in between loses nothing: the run goes on from the older
                # last one and comes to the same best one again.
                write_checkpoint(self._folder.checkpoint("best"), saved)
                copy_checkpoint(self._folder.checkpoint("best"), last)
            else:
                write_checkpoint(last, saved)
        except (OSError, SafetensorError) as error:
            before, self.problem = self.problem, explain_write_error(error, "the checkpoint")
            if not before:
                self._warn(f"{self.problem} Training goes on, and writing is tried again.")
        else:
            self.problem = ""
            self.kept_step = saved.place.step
        self._tried_at = time.perf_counter()

    def set_aside(self, step: int) -> bool:
        """Let the last checkpoint, of ``step``, stay when others follow; whether it does."""
        if self._folder is None or self.problem:
            return False
        try:
            kept = self._folder.checkpoint(f"step-{step:07}")
            copy_checkpoint(self._folder.checkpoint("last"), kept)
        except OSError as error:
            self._warn(explain_write_error(error, "the checkpoint"))
            return False
        return True
