"""Where a divergence began: the step is taken again, from the checkpoint before it, and looked at.

The loop is the trainer's own; only what listens to it is another. On a processor the steps come
out bit for bit as before. A GPU may add up in another order and go another way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from studio.engine.checkpoint import not_finite
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
        """Let a step before pass; raise ``Found`` at the one that is looked at, or at the next
        where only the update of that one spoiled something."""
        if place := self._place or self._bad_gradient() or self._bad_state():
            self._give(place)
        late = time.perf_counter() > self._end or self._stopped()
        if late or (self._hooks and step > self._wanted):
            self._give("")
        if step + 1 >= self._wanted and not self._hooks:
            self._arm()

    @property
    def due(self) -> bool:
        """Nothing is published."""
        return False

    def drain(self) -> None:
        """The epoch ends, or a checkpoint is due: what the last update spoiled shows now."""
        self._give(self._place or self._bad_state())

    def begin_epoch(self, loss_sum: float, correct: float, images: int) -> None:
        """Nothing is counted."""

    def _give(self, place: str) -> None:
        for hook in self._hooks:
            hook.remove()
        raise Found(place)

    def _bad_state(self) -> str:
        """A layer's weights or running statistics, the first that the last update spoiled."""
        layer, _, part = not_finite(self._module).rpartition(".")
        if not part:
            return ""
        what = "running statistics" if part.startswith("running_") else "weights"
        return f"in the {what} of {layer}"

    def _arm(self) -> None:
        for name, layer in self._module.named_modules():
            if not list(layer.children()):
                self._hooks.append(layer.register_forward_hook(self._look(name)))

    def _look(self, name: str) -> Callable[..., None]:
        def look(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            if not self._place and not bool(output.isfinite().all()):
                self._place = f"in what {name} gives"

        return look

    def _bad_gradient(self) -> str:
        """The backward pass comes from the end: it began in the last layer that it spoiled. One of
        finite numbers may have a norm that float32 does not hold."""
        if not self._hooks:
            return ""
        gradients = [
            (name.rpartition(".")[0], parameter.grad)
            for name, parameter in reversed(list(self._module.named_parameters()))
            if parameter.grad is not None
        ]
        for layer, gradient in gradients:
            if not bool(gradient.isfinite().all()):
                return f"in the gradient of {layer}"
        for layer, gradient in gradients:
            if not bool(gradient.norm().isfinite()):
                return f"in the gradient of {layer}, whose norm is too large for float32"
        return ""
