"""What the user reads while the set-up works: one line a stage, with the time it took."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

_TICK = 0.5  # seconds between two repaints of a stage's line on a terminal
_WIDTH = 78


class Failure(Exception):
    """The set-up cannot go on; the text says what happened and what to do."""


def say(text: str) -> None:
    print(text, flush=True)


class Stage:
    """A piece of work shown as one line; on a terminal the line lives while the work goes on."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._detail = ""
        self._live = sys.stdout.isatty()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def detail(self, text: str) -> None:
        """What exactly is being done now; shown on a terminal only."""
        self._detail = text

    def __enter__(self) -> Stage:
        self._start = time.monotonic()
        if self._live:
            self._ticker.start()
        else:
            print(f"{self._title} ...", end="", flush=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._live:
            self._ticker.join()
        outcome = "failed after " if kind else ""
        line = f"{self._title} ... {outcome}{self._elapsed()}"
        if self._live:
            print(f"\r{line:<{_WIDTH}}", flush=True)
        else:
            print(f" {outcome}{self._elapsed()}", flush=True)

    def _tick(self) -> None:
        while not self._over.wait(_TICK):
            line = f"{self._title} ... {self._elapsed()}  {self._detail}"
            print(f"\r{line[:_WIDTH]:<{_WIDTH}}", end="", flush=True)

    def _elapsed(self) -> str:
        seconds = time.monotonic() - self._start
        return (
            f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
        )
