"""What can be done with a run, and why not where it cannot."""

from __future__ import annotations

from dataclasses import dataclass

from studio.runs.catalog import Entry
from studio.runs.standing import goes_on, obstacle


@dataclass(frozen=True)
class Refusals:
    """A sentence for each thing that cannot be done with a run, empty where it can."""

    show: str
    go_on: str
    extend: str
    branch: str
    export: str


def refusals(entry: Entry, hindrance: str, busy_with: bool, mine: bool, kept: bool) -> Refusals:
    """Why not. ``hindrance`` is why nothing can be trained now; ``busy_with`` says that a run is
    under way here, ``mine`` that it is this one, ``kept`` that this one has checkpoints."""
    info = entry.info
    elsewhere = obstacle(info, entry.quiet)
    if mine and busy_with:
        elsewhere = "It is trained here now."
    show = ""
    if not (info.total_steps or goes_on(entry.standing)):
        show = "It ended before its first step: there are no curves."
    elif busy_with and not mine:
        show = "A run is under way here, and the Train page shows that one. Its curves are below."
    complete = "It has all its epochs. Add some to go on."
    return Refusals(
        show=show,
        go_on=elsewhere or (complete if entry.standing == "completed" else hindrance),
        extend=elsewhere or ("" if kept else "It has no checkpoint to go on from.") or hindrance,
        branch="" if kept else "It has no checkpoint yet to branch from.",
        export="" if info.best_epoch else "It has not finished an epoch yet: there is no model.",
    )
