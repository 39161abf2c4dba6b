"""How much memory training will take, from the analysis alone."""

from __future__ import annotations

from dataclasses import dataclass

from studio.project.analysis import Analysis
from studio.project.optimizers import OPTIMIZERS
from studio.project.tracing import kept_between, size


@dataclass(frozen=True, slots=True)
class Forecast:
    """Bytes at the peak of a training step, by what they are for."""

    parameters: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.parameters + self.gradients + self.optimizer + self.activations


def forecast(analysis: Analysis, batch_size: int, optimizer: str) -> Forecast:
    """The memory of a float32 training step at ``batch_size`` with the optimizer of that kind.

    Activations are what autograd keeps from the forward pass until the backward pass has used
    it, plus the pair of gradients under way at the largest feature map.
    """
    weights = 4 * analysis.parameters
    kind = OPTIMIZERS.get(optimizer)
    state = weights * (kind.slots if kind else 2)
    kept = largest = 0
    if analysis.steps:
        kept, keeps_first, _ = kept_between(analysis.steps)
        first = analysis.steps[0].trace.output
        kept += 4 * size(first) if keeps_first and first else 0
        largest = max(step.trace.largest for step in analysis.steps)
    return Forecast(
        weights + 4 * analysis.buffers, weights, state, batch_size * (kept + 2 * 4 * largest)
    )
