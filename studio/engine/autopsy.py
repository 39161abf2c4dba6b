"""Where a divergence began: the step is taken again, from the checkpoint before it, and looked at.

The loop is the trainer's own; only what listens to it is another. On a processor the steps come
out bit for bit as before. A GPU may add up in another order and go another way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from studio.engine.feed import Part
from studio.engine.recorder import Recorder

SECONDS = 60.0
"""What the search may take; then the divergence is told without its place."""


class Found(Exception):
    """The search is over; ``where`` says in words where it began, or is empty."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


class Autopsy(Recorder):
    """Takes the recorder's place in the loop, and ends it with ``Found`` at step ``wanted``."""

    def __init__(
        self, module: nn.Module, first: int, wanted: int, stopped: Callable[[], bool]
    ) -> None:
        self._module = module
        self._wanted = wanted
        self._stopped = stopped
        self._end = time.perf_counter() + SECONDS
        self._place = ""
        self._hooks: list[Any] = []
        self.loss_sum = self.correct = 0.0
        self.images = 0
        if first >= wanted:
            self._arm()

    def see(self, loss: Tensor, correct: Tensor, part: Part) -> None:
        """Note the loss of the step that is looked at."""
        if self._hooks and not self._place and not bool(loss.isfinite()):
            self._place = "in the loss itself"

    def record(self, step: int, epoch: int, rate: float) -> None:
        """Let a step before pass; raise ``Found`` at the one that is looked at."""
        if self._hooks:
            place = self._place or self._bad_gradient()
            for hook in self._hooks:
                hook.remove()
            raise Found(place)
        if time.perf_counter() > self._end or self._stopped():
            raise Found("")
        if step + 1 >= self._wanted:
            self._arm()

    @property
    def due(self) -> bool:
        """Nothing is published."""
        return False

    def drain(self) -> None:
        """The epoch ended before the step came: its place is not known."""
        raise Found("")

    def begin_epoch(self, loss_sum: float, correct: float, images: int) -> None:
        """Nothing is counted."""

    def _arm(self) -> None:
        for name, parameter in self._module.named_parameters():
            if not bool(parameter.isfinite().all()):
                layer = name.rpartition(".")[0]
                self._place = f"in the weights of {layer}, in the step before"
                break
        for name, layer in self._module.named_modules():
            if not list(layer.children()):
                self._hooks.append(layer.register_forward_hook(self._look(name)))

    def _look(self, name: str) -> Callable[..., None]:
        def look(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            if not self._place and not bool(output.isfinite().all()):
                self._place = f"in what {name} gives"

        return look

    def _bad_gradient(self) -> str:
        """The backward pass comes from the end: it began in the last layer that it spoiled."""
        for name, parameter in reversed(list(self._module.named_parameters())):
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
                return f"in the gradient of {name.rpartition('.')[0]}"
        return ""
