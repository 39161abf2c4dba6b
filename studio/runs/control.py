"""The two ends of a run: flags that go in, messages that come out.

The window sets flags and polls; the trainer looks at the flags between two steps and posts. No
call here waits for the other side, except ``wait_while_paused`` on the trainer's.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from studio.project.values import Recipe
from studio.runs.api import Message


class RunControl:
    """Pause, resume and stop flags and the queue of messages of one run."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._lock = threading.Lock()  # so that a pause beside a stop cannot hold the run
        self._messages: deque[Message] = deque()
        self._recipe: Recipe | None = None
        self._keep = False
        self._last_epoch = False

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

    @property
    def asked(self) -> bool:
        """Whether a checkpoint or a change of the recipe was asked for."""
        return self._keep or self._recipe is not None

    def change(self, recipe: Recipe) -> None:
        """Ask for this recipe's learning rate, course and epochs from the next step on."""
        self._recipe = recipe

    def take_change(self) -> Recipe | None:
        """The recipe that was asked for, once."""
        recipe, self._recipe = self._recipe, None
        return recipe

    def keep(self) -> None:
        """Ask for a checkpoint after the step under way."""
        self._keep = True

    def take_keep(self) -> bool:
        """Whether a checkpoint was asked for, once."""
        wanted, self._keep = self._keep, False
        return wanted

    def stop_after_epoch(self, wanted: bool = True) -> None:
        """Ask for an end after the epoch under way, or take that back."""
        self._last_epoch = wanted

    @property
    def last_epoch(self) -> bool:
        """Whether the epoch under way shall be the last one."""
        return self._last_epoch

    def wait_while_paused(self, timeout: float | None = None) -> float:
        """Return when the run may go on or must stop, or after ``timeout`` seconds; those that
        were waited."""
        start = time.perf_counter()
        self._go.wait(timeout)
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
