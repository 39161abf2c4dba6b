"""Work that would hold up the window, done on threads that are always joined.

A timer looks whether a job has ended and calls back on the window's thread, so no Qt signal ever
crosses from a thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QTimer

from studio.runs.api import WorkFailed

T = TypeVar("T")
_log = logging.getLogger(__name__)

Failure = Callable[[str, str], None]
"""Called with what happened and what to do next, two sentences."""


class Job(Generic[T]):
    """One piece of work under way. ``abandon`` drops its result; the thread ends all the same."""

    def __init__(self, work: Callable[[], T], done: Callable[[T], None], failed: Failure) -> None:
        self._work = work
        self._done = done
        self._failed = failed
        self._abandoned = False
        self._result: list[T] = []
        self._failure: tuple[str, str] | None = None
        self._thread = threading.Thread(target=self._run, name="studio-job", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    def abandon(self) -> None:
        """Let the outcome, good or bad, go unheard."""
        self._abandoned = True

    def join(self, seconds: float) -> None:
        """Wait for the thread, at most so long."""
        self._thread.join(seconds)

    def deliver(self) -> None:
        """Call back with the outcome; on the window's thread, after the job has ended."""
        if self._abandoned:
            return
        if self._failure is not None:
            self._failed(*self._failure)
        else:
            self._done(self._result[0])

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except WorkFailed as error:
            self._failure = (error.message, error.advice)
        except Exception as error:
            # A fault of the program: the log gets the traceback, the user a sentence.
            _log.exception("a background job failed")
            self._failure = (
                f"Something went wrong: {error}.".replace("..", "."),
                "Try again; if it stays, save your project and restart Training Studio.",
            )


class Background(QObject):
    """Starts jobs, looks after them, and ends them all when the window closes."""

    _POLL_MILLISECONDS = 30

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job[object]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(self._POLL_MILLISECONDS)
        self._timer.timeout.connect(self._poll)

    def run(self, work: Callable[[], T], done: Callable[[T], None], failed: Failure) -> Job[T]:
        """Do ``work`` on a thread, then call ``done`` with its result, or ``failed``."""
        job = Job(work, done, failed)
        self._jobs.append(job)  # type: ignore[arg-type]  # only the job itself uses T
        job.start()
        self._timer.start()
        return job

    @property
    def busy(self) -> bool:
        """Whether any job is still under way or not yet delivered."""
        return bool(self._jobs)

    def shutdown(self, seconds: float = 10.0) -> bool:
        """Drop all outcomes and wait for the threads; whether all of them ended in time."""
        self._timer.stop()
        deadline = time.monotonic() + seconds
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.abandon()
        for job in jobs:
            job.join(max(0.0, deadline - time.monotonic()))
        return not any(job.alive for job in jobs)

    def _poll(self) -> None:
        ended = [job for job in self._jobs if not job.alive]
        self._jobs = [job for job in self._jobs if job not in ended]
        if not self._jobs:
            self._timer.stop()
        for job in ended:
            job.deliver()
