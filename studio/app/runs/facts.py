"""The main numbers of a run."""

from __future__ import annotations

from studio.app.canvas import texts
from studio.app.train.run_words import of_all, percent
from studio.runs.folder import RunInfo

Fact = tuple[str, str, str]
"""A name, its value, and the value in full where it is rounded."""


def facts(info: RunInfo) -> tuple[Fact, ...]:
    """What is known of the run, the most wanted first; what is not known is left out."""
    found: list[Fact] = []
    if info.best_epoch:
        best = f"{percent(info.best_accuracy)}, epoch {info.best_epoch:,}"
        name = "Best since the branch" if info.parent else "Best validation accuracy"
        found.append((name, best, "Validation accuracy" if info.parent else ""))
    if info.epochs:
        found.append(("Trained", of_all(info.epochs_done, info.epochs), f"{info.step:,} steps"))
    if info.seconds:
        found.append(("Training time", duration(info.seconds), "Without the pauses"))
    found.append(("Parameters", texts.count(info.parameters), f"{info.parameters:,}"))
    if info.train_images:
        held_back = f" + {texts.count(info.validation_images)} to check"
        images = f"{texts.count(info.train_images)}{held_back if info.validation_images else ''}"
        tip = f"{info.train_images:,} to learn from, {info.validation_images:,} to check with"
        found.append(("Images", images, tip))
    if info.data:
        found.append(("Data", f"{info.data}, {len(info.classes):,} classes", ""))
    size = " × ".join(str(side) for side in info.input_shape)
    found.append(("Input", size, ""))
    tip = f"Python {info.python}, torch {info.torch}, {info.platform}"
    found.append(("Seed", str(info.seed), tip if info.torch else ""))
    return tuple(found)


def duration(seconds: float) -> str:
    """A training time: "41 s", "12 min 5 s", "3 h 12 min", "2 days 5 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    hours, minutes = divmod(whole // 60, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} days {hours % 24} h"
