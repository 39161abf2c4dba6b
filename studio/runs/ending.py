"""What there is to say of a run that has ended, or that is not heard of."""

from __future__ import annotations

from studio.runs.api import Failed, Finished
from studio.runs.folder import RunInfo
from studio.runs.standing import Standing


def last_words(info: RunInfo, standing: Standing, kept: bool) -> Finished | Failed:
    """The last message of a run by what ``run.json`` says; ``kept``: it has a checkpoint."""
    saved = "Its last checkpoint is kept." if kept else ""
    if standing == "interrupted":
        return Failed(
            f"Process {info.process}, which trained this network, is gone without a word.",
            "Continue the run from its last checkpoint." if kept else "",
            saved,
        )
    if standing == "failed":
        return Failed(info.message or "The training failed.", "", saved, diverged=info.diverged)
    return Finished(
        reason=standing,
        epochs=info.epochs_done,
        best_epoch=info.best_epoch,
        best_accuracy=info.best_accuracy,
        seconds=info.seconds,
    )


def span(seconds: float) -> str:
    """A time without a sign of life, roughly: "3 minutes", "5 hours", "2 days"."""
    for unit, length in (("day", 86_400), ("hour", 3_600)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}s"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
