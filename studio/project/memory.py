"""How much memory training will take, from the analysis alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from studio.project import rates
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
    weights = SINGLE * (analysis.parameters + analysis.buffers)
    copies = 2 if recipe.averaging else 1
    learning = rates.trainable(analysis, recipe.node_rates)
    kept, scratch = _state(recipe.optimizer, analysis, learning)
    activations = _activations(analysis, recipe.batch_size, arithmetic)
    return Forecast(
        weights * copies, SINGLE * learning, SINGLE * kept, activations, SINGLE * scratch
    )


def _state(optimizer: Chosen, analysis: Analysis, learning: int) -> tuple[int, int]:
    """The values that the optimizer keeps for ``learning`` parameters, and needs as it steps."""
    kind = OPTIMIZERS.get(optimizer.kind)
    if kind is None:
        return 2 * learning, 0
    try:
        values = complete(kind.settings, optimizer.settings, kind.title)
    except SettingError:
        values = complete(kind.settings, {}, kind.title)
    kept = kind.slots(values) * learning
    if not kind.by_matrix:
        return kept, round(kind.scratch * learning)
    matrices = [row for row in analysis.layers if row.kind in ("convolution", "linear")]
    if values["ends"]:
        ends = {id(row): row.parameters for row in (*matrices[:1], *matrices[-1:])}
        kept = min(2 * learning, kept + sum(ends.values()))
        matrices = matrices[1:-1]
    alike: Counter[tuple[int, int]] = Counter()
    for row in matrices:
        alike[row.output[0], row.parameters] += row.parameters
    return kept, round(kind.scratch * max(alike.values(), default=0))


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
