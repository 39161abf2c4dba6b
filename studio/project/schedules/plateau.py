"""Reduce on plateau: the one schedule that waits for what the run says."""

from __future__ import annotations

import msgspec

from studio.project.schedules.kind import ScheduleKind, end_line
from studio.project.settings import Choice, Integer, Real, Values


class Plateau(msgspec.Struct, frozen=True):
    """What is known after an epoch: the factor that now holds, the best value so far, and how
    many epochs it has waited for a better one, and rests after a fall."""

    factor: float = 1.0
    best: float | None = None
    waited: int = 0
    resting: int = 0


PLATEAU = ScheduleKind(
    kind="plateau",
    title="on plateau",
    help="Multiplies the learning rate by a factor k < 1 when the validation has not become "
    "better for some epochs. When that will be depends on the run.",
    formula=lambda values: (
        "α ← max(k α, α₁)" if values["least"] else "α ← k α",
        "after n epochs without progress",
        *end_line(values, "least"),
    ),
    settings=(
        Choice(name="watches", title="Watches", default="loss",
               choices=(("loss", "validation loss"), ("accuracy", "validation accuracy")),
               help="Which number has to become better."),
        Real(name="factor", title="Factor k", default=0.2, minimum=0.0, maximum=1.0, above=True,
             help="What the learning rate is multiplied by, below 1."),
        Integer(name="patience", title="Patience n", default=3, minimum=0, maximum=100_000,
                unit="epochs", help="How many epochs without progress are waited for."),
        Real(name="threshold", title="Progress is", default=1e-4, minimum=0.0, maximum=1.0,
             logarithmic=True,
             help="By what share the number has to be better than the best one so far."),
        Integer(name="cooldown", title="Rest", default=0, minimum=0, maximum=100_000,
                unit="epochs", help="How many epochs after a fall are not counted."),
        Real(name="least", title="Not below", default=0.0, minimum=0.0, maximum=1.0,
             unit="of α₀", help="How far the learning rate falls at most."),
    ),
    factor=lambda values, now: 1.0,
    depends=True,
)  # fmt: skip


def after_epoch(values: Values, before: Plateau, loss: float, accuracy: float) -> Plateau:
    """What is known after one more epoch with this validation ``loss`` and ``accuracy``."""
    if values["watches"] == "loss":
        measured = loss
        better = before.best is None or loss < before.best * (1 - values["threshold"])
    else:
        measured = accuracy
        better = before.best is None or accuracy > before.best * (1 + values["threshold"])
    best = measured if better else before.best
    waited = 0 if better else before.waited + 1
    resting = before.resting
    if resting:
        resting -= 1
        waited = 0
    if waited <= values["patience"]:
        return Plateau(before.factor, best, waited, resting)
    factor = max(before.factor * values["factor"], values["least"])
    return Plateau(factor, best, 0, values["cooldown"])
