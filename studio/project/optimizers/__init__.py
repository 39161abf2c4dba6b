"""The optimizers a recipe can choose, in the lecture's notation; the engine builds torch's."""

from __future__ import annotations

from studio.project.optimizers.adaptive import ADAGRAD, ADAM, ADAMW, RMSPROP
from studio.project.optimizers.descent import MOMENTUM, SGD
from studio.project.optimizers.kind import OptimizerKind, Rule
from studio.project.optimizers.muon import MUON

__all__ = ["OPTIMIZERS", "OptimizerKind", "Rule"]

OPTIMIZERS: dict[str, OptimizerKind] = {
    kind.kind: kind for kind in (SGD, MOMENTUM, RMSPROP, ADAM, ADAMW, ADAGRAD, MUON)
}
