"""A picture of a run's curves, read from its folder, whether the run goes on or not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.runs.api import EpochDone, WorkFailed
from studio.runs.files import explain_write_error, write_whole
from studio.runs.folder import RunFolder
from studio.runs.metrics import Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TRAIN, _VALIDATION = "#2f6fde", "#d9662b"
_POINTS = 800
_MOST_NAMES = 40


def save_curves(folder: Path, path: Path) -> None:
    """Write the picture of the run in ``folder`` to ``path`` (PNG); raises WorkFailed."""
    content = draw_curves(folder)
    try:
        write_whole(path, content)
    except OSError as error:
        raise WorkFailed(explain_write_error(error, str(path)), "Choose another place.") from None


def draw_curves(folder: Path, dots_per_inch: int = 110) -> bytes:
    """Loss, accuracy, learning rate and gradient magnitudes of the run in ``folder``, as PNG.

    Training values of single steps are drawn as the band between their smallest and largest in
    each part of the axis, so no spike is lost. Raises WorkFailed where there are no curves.
    """
    # Imported here: matplotlib takes half a second, and training does without it.
    from matplotlib.figure import Figure

    run = RunFolder.open(folder)
    curves, epochs = run.curves(), run.epochs()
    if not len(curves.step):
        raise WorkFailed(f"There are no curves yet in {folder}.", "Wait for the first step.")
    names, gradients = run.gradients()
    scale = _epochs_per_step(run, curves)
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    (loss, accuracy), (rate, heat) = figure.subplots(2, 2)
    figure.suptitle(run.info().title)
    _draw_loss(loss, curves, epochs, scale)
    _draw_accuracy(accuracy, curves, epochs, scale)
    _draw_rate(rate, curves, scale)
    _draw_gradients(figure, heat, names, gradients, scale)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=dots_per_inch)
    return content.getvalue()


def _epochs_per_step(run: RunFolder, curves: Curves) -> float:
    """One over the steps of an epoch, to label axes in epochs."""
    return 1 / max(1, run.info().steps_per_epoch or len(curves.step))


def _style(axes: Axes, title: str, unit: str = "") -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel("epoch")
    axes.set_ylabel(unit)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _band(axes: Axes, values: np.ndarray, scale: float, color: str, label: str) -> None:
    """The range and the mean of ``values`` in each of at most ``_POINTS`` parts."""
    edges = np.unique(np.linspace(0, len(values), min(_POINTS, len(values)) + 1).astype(int))[:-1]
    counts = np.diff(np.append(edges, len(values)))
    middles = (edges + (counts - 1) / 2) * scale
    low, high = np.fmin.reduceat(values, edges), np.fmax.reduceat(values, edges)
    axes.fill_between(middles, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(middles, np.add.reduceat(values, edges) / counts, color=color, linewidth=0.7,
              alpha=0.6, label=label)  # fmt: skip


def _epoch_axis(epochs: tuple[EpochDone, ...], scale: float) -> list[float]:
    return [done.step * scale for done in epochs]


def _draw_loss(axes: Axes, curves: Curves, epochs: tuple[EpochDone, ...], scale: float) -> None:
    from matplotlib.ticker import LogFormatter

    _style(axes, "Loss", "cross entropy")
    _band(axes, curves.loss, scale, _TRAIN, "training, each step")
    if epochs:
        at = _epoch_axis(epochs, scale)
        axes.plot(at, [done.train_loss for done in epochs], color=_TRAIN, marker=".",
                  label="training, mean of the epoch")  # fmt: skip
        axes.plot(at, [done.validation_loss for done in epochs], color=_VALIDATION, marker=".",
                  label="validation")  # fmt: skip
    if np.all(curves.loss[np.isfinite(curves.loss)] > 0):
        axes.set_yscale("log")
        # Plain numbers; those between the powers of ten only where they do not crowd.
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
    axes.legend(fontsize=8, frameon=False)


def _draw_accuracy(axes: Axes, curves: Curves, epochs: tuple[EpochDone, ...], scale: float) -> None:
    _style(axes, "Accuracy", "%")
    _band(axes, curves.accuracy * 100, scale, _TRAIN, "training, each step")
    if epochs:
        at = _epoch_axis(epochs, scale)
        axes.plot(at, [done.train_accuracy * 100 for done in epochs], color=_TRAIN, marker=".",
                  label="training, mean of the epoch")  # fmt: skip
        axes.plot(at, [done.validation_accuracy * 100 for done in epochs], color=_VALIDATION,
                  marker=".", label="validation")  # fmt: skip
        best = max(epochs, key=lambda done: done.validation_accuracy)
        axes.axhline(best.validation_accuracy * 100, color=_VALIDATION, linewidth=0.6,
                     linestyle=":")  # fmt: skip
    axes.legend(fontsize=8, frameon=False, loc="lower right")


def _draw_rate(axes: Axes, curves: Curves, scale: float) -> None:
    _style(axes, "Learning rate")
    axes.plot(curves.step * scale, curves.learning_rate, color=_TRAIN, linewidth=1.2,
              drawstyle="steps-post")  # fmt: skip
    axes.set_ylim(bottom=0)


def _draw_gradients(
    figure: Figure, axes: Axes, names: tuple[str, ...], norms: np.ndarray, scale: float
) -> None:
    """A row for each layer, in forward order from the top; color is the logarithm of the norm."""
    _style(axes, "Gradient magnitude of each layer (L2 norm)")
    axes.grid(visible=False)
    if not norms.size:
        return
    columns = min(_POINTS, len(norms))
    edges = np.linspace(0, len(norms), columns, endpoint=False).astype(int)
    counts = np.diff(np.append(edges, len(norms)))
    means = np.add.reduceat(norms, edges, axis=0) / counts[:, None]
    with np.errstate(divide="ignore"):
        logarithms: np.ndarray[Any, Any] = np.log10(means.T)
    known = logarithms[np.isfinite(logarithms)]
    image = axes.imshow(
        np.ma.masked_invalid(logarithms),
        aspect="auto",
        interpolation="nearest",
        cmap="viridis",
        extent=(0, len(norms) * scale, len(names) - 0.5, -0.5),
        vmin=float(known.min()) if known.size else 0,
        vmax=float(known.max()) if known.size else 1,
    )
    each = max(1, -(-len(names) // _MOST_NAMES))
    axes.set_yticks(range(0, len(names), each), names[::each], fontsize=6)
    bar = figure.colorbar(image, ax=axes, pad=0.01)
    bar.set_label("power of 10", fontsize=8)
