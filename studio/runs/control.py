"""The two ends of a run: flags that go in, messages that come out.

The window sets flags and polls; the trainer looks at the flags between two steps and posts. No
call here waits for the other side, except ``wait_while_paused`` on the trainer's.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from studio.runs.api import Message


class RunControl:
    """Pause, resume and stop flags and the queue of messages of one run."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._lock = threading.Lock()  # so that a pause beside a stop cannot hold the run
        self._messages: deque[Message] = deque()

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for."""
        return self._stop.is_set()

    @property
    def paused(self) -> bool:
        """Whether the run is asked to wait."""
        return not self._go.is_set()

    def pause(self) -> None:
        """Ask the run to wait after the step under way, unless it is asked to end."""
        with self._lock:
            if not self._stop.is_set():
                self._go.clear()

    def resume(self) -> None:
        """Ask the run to go on."""
        self._go.set()

    def stop(self) -> None:
        """Ask for an end after the step under way; a paused run wakes up for it."""
        with self._lock:
            self._stop.set()
            self._go.set()

    def wait_while_paused(self) -> float:
        """Return when the run may go on or must stop; the seconds that were waited."""
        start = time.perf_counter()
        self._go.wait()
        return time.perf_counter() - start

    def post(self, message: Message) -> None:
        """Queue ``message`` for the reader."""
        self._messages.append(message)

    def poll(self, limit: int = 100) -> Sequence[Message]:
        """Up to ``limit`` messages in the order they were posted, each of them once."""
        messages: list[Message] = []
        while len(messages) < limit and self._messages:
            messages.append(self._messages.popleft())
        return messages
