"""Shows a run on the command line: one line that moves on a terminal, else a line an epoch."""

from __future__ import annotations

import shlex
import shutil
import time
from typing import TextIO

import msgspec

from studio.runs.api import (
    EpochDone,
    Failed,
    Finished,
    Message,
    PausedChanged,
    RecipeChanged,
    RunHandle,
    Stage,
    Started,
    Warned,
)

_WIDEST_BAR = 24
_NARROWEST_BAR = 4
_CLEAR = "\r\x1b[K"
_REFRESH = 0.2
"""Seconds between two updates of the line: a process that trains has better things to do."""


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Progress:
    """Follows one run; ``update`` is called often, and does little unless there is news."""

    def __init__(self, handle: RunHandle, output: TextIO) -> None:
        self._handle = handle
        self._output = output
        self._moving = output.isatty()
        self._started: Started | None = None
        self._begun = time.monotonic()
        self._shown = 0.0
        self._text = ""
        self.finished: Finished | None = None
        self.failed: Failed | None = None

    def update(self) -> None:
        """Take the messages that have come, and move the line."""
        for message in self._handle.poll():
            self._take(message)
        now = time.monotonic()
        if self._moving and self._started and now - self._shown >= _REFRESH:
            self._shown = now
            self._show(self._line(self._started))

    def say(self, text: str) -> None:
        """Print ``text`` on a line of its own."""
        self._output.write(f"{_CLEAR if self._moving else ''}{text}\n")
        self._text = ""
        self._output.flush()

    def close(self) -> None:
        """Take away the moving line."""
        if self._moving and self._text:
            self._output.write(_CLEAR)
            self._output.flush()

    def _take(self, message: Message) -> None:
        match message:
            case Stage():
                if self._moving:
                    self._show(f"{message.text} ...")
                else:
                    self.say(message.text)
            case Started():
                self._started = message
                self._begun = time.monotonic()
                place = f" from step {message.step:,}" if message.step else ""
                numbers = "" if message.precision == "float32" else f" in {message.precision}"
                self.say(
                    f"training{place} on {message.device_title}{numbers}: "
                    f"{message.train_images:,} images, {message.total_steps:,} steps"
                )
            case RecipeChanged():
                if self._started is not None:
                    total = message.total_steps
                    self._started = msgspec.structs.replace(self._started, total_steps=total)
                self.say(f"from step {message.step:,} on: {message.text}")
            case PausedChanged(paused=True):
                folder = shlex.quote(str(self._handle.folder))
                self.say(f"paused, as was asked; to go on: studio ask {folder} resume")
            case PausedChanged():
                self.say("going on")
            case EpochDone():
                if not self._moving:
                    self.say(self._epoch(message))
            case Warned():
                self.say(f"warning: {message.message}")
            case Finished():
                self.finished = message
            case Failed():
                self.failed = message

    def _epoch(self, done: EpochDone) -> str:
        epochs = self._epochs()
        return (
            f"epoch {done.epoch:>{len(str(epochs))}}/{epochs}  "
            f"loss {done.train_loss:.4f}  validation loss {done.validation_loss:.4f}  "
            f"validation accuracy {done.validation_accuracy:.1%}  "
            f"learning rate {done.learning_rate:.4g}  {clock(done.seconds)}"
            f"{'  best' if done.best else ''}"
        )

    def _epochs(self) -> int:
        started = self._started
        return round(started.total_steps / max(1, started.steps_per_epoch)) if started else 0

    def _line(self, started: Started) -> str:
        telemetry = self._handle.telemetry
        step = telemetry.first_step + len(telemetry)
        done = min(1.0, step / max(1, started.total_steps))
        epoch = min(step // max(1, started.steps_per_epoch) + 1, self._epochs())
        parts = [f"{done:4.0%}"]
        if len(telemetry):
            last = len(telemetry) - 1
            recent = slice(max(0, last + 1 - started.steps_per_epoch), last + 1)
            parts += [
                f"loss {telemetry.loss.values[recent].mean():.3f}",
                f"accuracy {telemetry.accuracy.values[recent].mean():.1%}",
                f"{telemetry.images_per_second.values[last]:,.0f} images/s",
            ]
        taken = step - started.step
        if taken > 0:
            left = (time.monotonic() - self._begun) / taken * (started.total_steps - step)
            parts.append(f"{clock(left)} left")
        head, tail = f"epoch {epoch}/{self._epochs()} ", "  ".join(parts)
        return f"{head}{_bar(done, _columns() - len(head) - len(tail) - 3)} {tail}"

    def _show(self, text: str) -> None:
        text = text[: _columns() - 1]
        if text != self._text:
            self._output.write(f"{_CLEAR}{text}")
            self._output.flush()
            self._text = text


def _columns() -> int:
    return shutil.get_terminal_size().columns


def _bar(done: float, room: int) -> str:
    """A bar of at most ``room`` characters, as far as it is of any use."""
    width = min(_WIDEST_BAR, max(_NARROWEST_BAR, room - 2))
    filled = round(done * width)
    return f"[{'#' * filled}{'.' * (width - filled)}]"
