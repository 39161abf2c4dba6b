"""Carries losses and gradient norms from the device to the curves without making a step wait.

Every step leaves one small tensor on the device. An interval's worth of them is copied to the
host in the background, and read when the next interval ends: by then the copy has long arrived.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from studio.engine.feed import Part
from studio.engine.norms import GradientNorms
from studio.engine.probe import Probe
from studio.engine.team import ALONE, Team
from studio.runs.api import Probed
from studio.runs.metrics import MetricsWriter
from studio.runs.telemetry import Telemetry

INTERVAL = 0.1
"""Seconds between two readings; what the curves lag behind at most twice."""


class Diverged(Exception):
    """The loss or a gradient is no longer a number, from ``step`` on; ``where`` says in words in
    which layer it began, once that is known."""

    def __init__(self, step: int, what: str) -> None:
        super().__init__(f"{what} at step {step}")
        self.step = step
        self.what = what
        self.where = ""


@dataclass(frozen=True)
class _Step:
    step: int
    epoch: int
    images: int
    rate: float
    seconds: float


@dataclass(frozen=True)
class _Block:
    """Steps whose numbers are on their way: ``(n, 2 + M)`` of loss, correct and gradients."""

    steps: list[_Step]
    numbers: Tensor
    arrived: torch.cuda.Event | None


class Stopwatch:
    """Training time in seconds, without pauses."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._start = time.perf_counter() - seconds

    def __call__(self) -> float:
        return time.perf_counter() - self._start

    def leave_out(self, seconds: float) -> None:
        """Do not count the last ``seconds``."""
        self._start += seconds


class Recorder:
    """Gathers the numbers of every step; publishes them to the telemetry and the run folder."""

    def __init__(
        self,
        telemetry: Telemetry,
        metrics: MetricsWriter,
        layers: Mapping[str, Sequence[nn.Parameter]],
        watch: Stopwatch,
        *,
        overflows: bool = False,
        probe: Probe | None = None,
        tell: Callable[[Probed], None] = lambda probed: None,
        waited: Callable[[], float] = lambda: 0.0,
        team: Team = ALONE,
    ) -> None:
        """``overflows``: infinite gradients are part of the precision, and their step left out.

        What ``probe`` finds is handed to ``tell``, with the share of the time for which batches
        were waited for (``waited`` gives seconds so far)."""
        self._probe = probe
        self._tell = tell
        self._waited = waited
        self._looked = (watch(), 0.0)
        self._overflows = overflows
        self._team = team
        self._telemetry = telemetry
        self._metrics = metrics
        self._norms = GradientNorms(layers)
        self._watch = watch
        self._steps: list[_Step] = []
        self._rows: list[Tensor] = []
        self._sent: _Block | None = None
        self._read_at = self._mark = watch()
        self._parts: list[tuple[Tensor, Tensor, Part]] = []
        self.loss_sum = 0.0
        self.correct = 0.0
        self.images = 0

    def see(self, loss: Tensor, correct: Tensor, part: Part) -> None:
        """Note the mean loss of a batch, or of this process's part of it, and how many of its
        images are right. Nothing here waits for the device."""
        self._parts.append((loss.detach(), correct, part))

    def record(self, step: int, epoch: int, rate: float) -> None:
        """Note a step after its backward passes, with the batches seen since the one before."""
        self._rows.append(self._norms.take(*self._over_the_step()))
        images = sum(part.count for _, _, part in self._parts)
        self._parts.clear()
        self._steps.append(_Step(step, epoch, images, rate, self._watch()))

    def _over_the_step(self) -> tuple[Tensor, Tensor]:
        """The step's mean loss and how many of its images are right, over the whole team."""
        loss, correct, part = self._parts[0]
        if len(self._parts) == self._team.size == 1:
            return loss, correct
        loss, correct = loss * (part.share * part.portion), correct * part.counts
        for other, right, part in self._parts[1:]:
            loss = loss + other * (part.share * part.portion)
            correct = correct + right * part.counts
        together = self._team.add_up(torch.stack((loss, correct)))
        return together[0], together[1]

    @property
    def due(self) -> bool:
        """Whether an interval has passed since the last reading."""
        return self._watch() - self._read_at > INTERVAL

    def publish(self) -> None:
        """Read what was sent an interval ago, and send what came since; raises Diverged."""
        sent, self._sent = self._sent, self._send()
        self._read_at = self._watch()
        if sent is not None:
            self._read(sent)
            if self._probe is not None and (probed := self._probe.take(sent.steps[-1].step)):
                self._tell(msgspec.structs.replace(probed, waiting=self._waiting()))

    def _waiting(self) -> float:
        """The share of the time since the last look for which batches were waited for."""
        now, waited = self._watch(), self._waited()
        before, self._looked = self._looked, (now, waited)
        return min(1.0, (waited - before[1]) / max(now - before[0], 1e-9))

    def drain(self) -> None:
        """Read everything, waiting for the device; raises Diverged."""
        self.publish()
        self.publish()

    def begin_epoch(self, loss_sum: float, correct: float, images: int) -> None:
        """Set the sums from which the epoch's means are made: zeros, or what a checkpoint holds.

        Everything before has been drained.
        """
        self.loss_sum, self.correct, self.images = loss_sum, correct, images
        self._mark = self._watch()

    def _send(self) -> _Block | None:
        if not self._rows:
            return None
        numbers, steps = torch.stack(self._rows), self._steps
        self._rows, self._steps = [], []
        if numbers.device.type != "cuda":
            return _Block(steps, numbers, None)
        host = torch.empty(numbers.shape, pin_memory=True)
        host.copy_(numbers, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        return _Block(steps, host, arrived)

    def _read(self, block: _Block) -> None:
        if block.arrived is not None:
            block.arrived.synchronize()  # the one wait for the device; it is an interval behind
        numbers = block.numbers.cpu().numpy()
        loss, correct = numbers[:, 0], numbers[:, 1]
        norms = self._norms.read(numbers[:, 2:])
        if self._overflows:
            norms = np.where(np.isfinite(norms), norms, np.float32(0))  # nothing was learnt of it
        images = np.array([step.images for step in block.steps])
        self.loss_sum += float(loss.astype(np.float64) @ images)
        self.correct += float(correct.sum(dtype=np.float64))
        self.images += int(images.sum())
        end = block.steps[-1].seconds
        speed = float(images.sum()) / max(end - self._mark, 1e-9)
        self._mark = end
        self._write(block.steps, loss, correct / images, norms, speed)
        _check(block.steps, loss, norms)

    def _write(
        self,
        steps: list[_Step],
        loss: np.ndarray,
        accuracy: np.ndarray,
        norms: np.ndarray,
        speed: float,
    ) -> None:
        columns = self._telemetry
        columns.loss.extend(loss)
        columns.accuracy.extend(accuracy.astype(np.float32))
        columns.learning_rate.extend(np.array([step.rate for step in steps], np.float32))
        columns.images_per_second.extend(np.full(len(steps), speed, np.float32))
        columns.seconds.extend(np.array([step.seconds for step in steps], np.float32))
        columns.gradients.extend(norms)  # last: its length says how many steps are published
        self._metrics.steps(
            (s.step, s.epoch, float(loss[at]), float(accuracy[at]), s.rate, speed, s.seconds)
            for at, s in enumerate(steps)
        )
        self._metrics.gradients(steps[0].step, norms)


def _check(steps: list[_Step], loss: np.ndarray, norms: np.ndarray) -> None:
    for what, good in (
        ("the loss", np.isfinite(loss)),
        ("the norm of a gradient", np.isfinite(norms).all(axis=1)),
    ):
        if not good.all():
            raise Diverged(steps[int(good.argmin())].step, what)
