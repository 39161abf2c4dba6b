"""How much memory training will take, from the analysis alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.project.analysis import Analysis
from studio.project.footprint import SINGLE, Arithmetic, Kept
from studio.project.optimizers import OPTIMIZERS
from studio.project.settings import SettingError, complete
from studio.project.tracing import size
from studio.project.values import Chosen, Recipe


@dataclass(frozen=True, slots=True)
class Forecast:
    """Bytes at the peak of a training step, by what they are for."""

    parameters: int
    gradients: int
    optimizer: int
    activations: int
    scratch: int

    @property
    def total(self) -> int:
        """The peak: what the optimizer needs for its step comes when the activations are gone."""
        lasting = self.parameters + self.gradients + self.optimizer
        return lasting + max(self.activations, self.scratch)


def forecast(analysis: Analysis, recipe: Recipe, arithmetic: Arithmetic) -> Forecast:
    """The memory of a training step as ``recipe`` takes it.

    Activations are those at the peak of the backward pass: what autograd has kept from the
    forward pass and not yet used, and the pair of gradients under way at the node it has reached.
    ``arithmetic`` is what the recipe's precision comes to on the device (``precision.resolve``).
    """
    weights = SINGLE * analysis.parameters
    slots, scratch = _state(recipe.optimizer)
    activations = _activations(analysis, recipe.batch_size, arithmetic)
    buffers = SINGLE * analysis.buffers
    return Forecast(weights + buffers, weights, weights * slots, activations, weights * scratch)


def _state(optimizer: Chosen) -> tuple[int, int]:
    """The values for each parameter that the optimizer keeps, and needs while it steps."""
    kind = OPTIMIZERS.get(optimizer.kind)
    try:
        values = complete(kind.settings, optimizer.settings, kind.title) if kind else {}
    except SettingError:
        values = {}
    if kind is None:
        return 2, 0
    return kind.slots + bool(values.get("momentum")), kind.scratch


def _activations(analysis: Analysis, batch: int, arithmetic: Arithmetic) -> int:
    """The most bytes of activations at any time of the backward pass of ``batch`` samples."""
    steps = analysis.steps
    if not steps:
        return 0
    kept = Kept(steps, arithmetic)
    first = steps[0].trace.output
    images = SINGLE * size(first) if first else 0
    return kept.casts + batch * (images + max(kept.peaks()))


def largest_batch(need: Callable[[int], Forecast], room: int, most: int) -> int:
    """The largest batch of at most ``most`` images whose ``need`` fits into ``room`` bytes.

    0 where not even one image does.
    """
    fits, too_many = 0, most + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if need(middle).total <= room:
            fits = middle
        else:
            too_many = middle
    return fits
