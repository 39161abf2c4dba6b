"""A thread that does the latest of what it is asked to do: the writer behind the recovery copy."""

from __future__ import annotations

import threading
from collections.abc import Callable

PAUSE_SECONDS = 0.25
"""Work asked for within this time is done once."""
RETRY_SECONDS = 4.0


class Latest:
    """Does the newest work some time after it was asked for; what it replaces is never done.

    Work that raises OSError is tried again until other work takes its place. The thread begins
    with the first work and ends in ``close``.
    """

    def __init__(self, pause: float = PAUSE_SECONDS, retry: float = RETRY_SECONDS) -> None:
        self._pause = pause
        self._retry = retry
        self._changed = threading.Condition()
        self._work: Callable[[], None] | None = None
        self._busy = False
        self._closing = False
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None

    @property
    def failure(self) -> OSError | None:
        """Why the last attempt failed; None after one that succeeded."""
        return self._failure

    @property
    def settled(self) -> bool:
        """Whether all that was asked for is done."""
        return self._work is None and not self._busy

    def ask(self, work: Callable[[], None]) -> None:
        """Let ``work`` be done next, in place of what waits."""
        with self._changed:
            self._work = work
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="studio-latest", daemon=True)
            self._thread.start()

    def forget(self) -> None:
        """Let go of what waits, and return when nothing is under way."""
        with self._changed:
            self._work = None
            self._changed.wait_for(lambda: not self._busy)

    def close(self) -> bool:
        """Do what waits at once, once, and end the thread; whether nothing is left undone."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        return self.settled

    def _run(self) -> None:
        while (work := self._next()) is not None:
            failure = None
            try:
                work()
            except OSError as error:
                failure = error
            with self._changed:
                self._busy, self._failure = False, failure
                if failure is not None and self._work is None:
                    self._work = work
                self._changed.notify_all()
                if failure is not None:
                    if self._closing:
                        return
                    self._changed.wait_for(lambda: self._closing, self._retry)

    def _next(self) -> Callable[[], None] | None:
        """What to do, after the pause; None at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._closing or self._work is not None)
                if self._work is None:
                    return None
                self._changed.wait_for(lambda: self._closing, self._pause)
                if self._work is not None:  # it may have been forgotten meanwhile
                    work, self._work = self._work, None
                    self._busy = True
                    return work
