"""What the numbers of a run say is wrong with it, with the evidence and what would mend it.

Pure functions of what was recorded. Each looks for one fault and stays silent where it is not
sure: a finding on a healthy run would teach people to pass findings over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from studio.project.analysis import analyze
from studio.project.problems import Fix
from studio.project.values import Project
from studio.runs import remedies
from studio.runs.api import EpochDone, Probed
from studio.runs.makeup import Makeup, makeup, why_vanishing

WINDOW = 50
"""Steps that are looked back on."""
VANISHED = 0.01
"""Of late layers' gradients: below it early layers hardly learn. Healthy networks of 5 to 164
layers, plain ones of 56 among them, have more than 0.5 at their start; ten sigmoid layers 2e-6."""
EXPLODED = 100.0
"""Times what was usual before."""
DEAD = 0.5
"""Of a layer's channels."""
SATURATED = 0.5
"""Of a layer's outputs."""
PROBES = 3
"""So many looks at activations must agree."""
RISEN = 1.5
"""Times the lowest loss so far."""
MOVED = 0.02
"""The share by which the loss must have fallen over an epoch for it to move at all."""
OVERFITTED = 1.15
"""Times the lowest validation loss, while the training loss fell on."""
SMALL_BATCH = 4
_WHY_DEAD = (
    "A ReLU that is always below zero has no gradient and cannot come back. A step that was too "
    "long does that; leaky ReLU always has a slope."
)
UNBALANCED = 10.0
WAITED = 0.3
"""Of a step's time."""


@dataclass(frozen=True)
class Vitals:
    """What is known of a run so far.

    ``gradients`` are norms (steps, layers) of the layers ``layers``, which have ``sizes``
    parameters; those that are norms and biases alone are left out. ``deviation`` is that of the
    pixels as the network receives them, ``mean`` their mean. ``waiting`` is the share of the time
    that the device waited for data.
    """

    project: Project
    loss: np.ndarray
    gradients: np.ndarray
    layers: tuple[str, ...]
    sizes: tuple[int, ...]
    epochs: Sequence[EpochDone] = ()
    probes: Sequence[Probed] = ()
    steps_per_epoch: int = 1
    mean: float | None = None
    deviation: float | None = None
    class_counts: Mapping[str, int] = field(default_factory=dict)
    waiting: float = 0.0
    batch_norm: bool = False
    makeup: Makeup | None = None
    """What the network is made of; found out where it is asked for and not given."""


@dataclass(frozen=True)
class Finding:
    """A fault: ``title`` names it, ``evidence`` says what was seen, ``why`` what it means.

    ``layers`` are those in which it lies, ``remedy`` is an edit of the project that would mend it.
    """

    code: str
    title: str
    evidence: str
    why: str
    layers: tuple[str, ...] = ()
    remedy: Fix | None = None


def examine(vitals: Vitals) -> tuple[Finding, ...]:
    """All findings, the most pressing first."""
    looks = (
        _diverging, _dead, _vanishing, _exploding, _saturated, _too_low, _unnormalized,
        _small_batch, _overfitting, _unbalanced, _starving,
    )  # fmt: skip
    return tuple(finding for look in looks if (finding := look(vitals)) is not None)


# The loss -----------------------------------------------------------------------------------------


def _smoothed(loss: np.ndarray, width: int) -> np.ndarray:
    return np.convolve(loss, np.full(width, 1 / width), "valid")


def _diverging(vitals: Vitals) -> Finding | None:
    """The loss rises, or jumps about far above what it had reached."""
    loss = vitals.loss[np.isfinite(vitals.loss)]
    if len(loss) < 30:
        return None
    means = _smoothed(loss, 10)
    start, lowest, now = float(means[0]), float(means.min()), float(means[-10:].mean())
    rising = now > RISEN * max(lowest, 0.05 * start) and now > 0.6 * start
    if not rising:
        return None
    rate = vitals.project.recipe.learning_rate
    return Finding(
        "rate-high",
        "The learning rate is too high",
        f"The loss is {now:.3g}, after {lowest:.3g} at its lowest and {start:.3g} at the start.",
        "Steps that are too long jump over the valley, and each lands higher on the other side.",
        remedy=remedies.set_rate(rate / 10),
    )


def _too_low(vitals: Vitals) -> Finding | None:
    """Over a whole epoch the loss has hardly moved, and gradients are there to move it."""
    steps = max(30, vitals.steps_per_epoch)
    loss = vitals.loss
    if len(loss) < steps + 10 or not np.isfinite(loss[-10:]).all():
        return None
    start, now = float(loss[:10].mean()), float(loss[-10:].mean())
    spread = float(loss[:steps].std())
    if now < (1 - MOVED) * start or abs(start - now) > 2 * spread:
        return None
    if _weak(vitals) is not None or _agreed(vitals, ("relu",), DEAD, looks=1):
        return None  # the gradient does not get there, however long the steps are
    if _diverging(vitals) or start < 1e-3:
        return None
    rate = vitals.project.recipe.learning_rate
    return Finding(
        "rate-low",
        "The loss barely moves",
        f"After {len(loss):,} steps it is {now:.3g}, from {start:.3g} at the start.",
        "With a learning rate that is too low it takes forever to get down.",
        remedy=remedies.set_rate(rate * 10),
    )


def _overfitting(vitals: Vitals) -> Finding | None:
    """The validation loss has risen for some epochs while the training loss fell on."""
    epochs = [epoch for epoch in vitals.epochs if np.isfinite(epoch.validation_loss)]
    if len(epochs) < 4:
        return None
    best = min(range(len(epochs)), key=lambda at: epochs[at].validation_loss)
    since = len(epochs) - 1 - best
    low, now = epochs[best].validation_loss, epochs[-1].validation_loss
    recent = [epoch.validation_loss for epoch in epochs[-3:]]
    fell = epochs[-1].train_loss < 0.9 * epochs[best].train_loss
    if since < 3 or now < OVERFITTED * low or min(recent) <= low * 1.05 or not fell:
        return None
    return Finding(
        "overfitting",
        "The network learns its images by heart",
        f"The validation loss is {now:.3g}, after {low:.3g} in epoch {epochs[best].epoch}, while "
        f"the training loss fell to {epochs[-1].train_loss:.3g}.",
        "What it still learns holds for the training images alone. The best checkpoint is kept; "
        "weight decay, augmentation, dropout or more images would let it go on.",
        remedy=remedies.decay_weights(vitals.project.recipe),
    )


# The gradients ------------------------------------------------------------------------------------


def _per_value(vitals: Vitals) -> np.ndarray | None:
    """The root mean square of each layer's gradient over the window, in forward order."""
    rows = vitals.gradients[-WINDOW:]
    if len(rows) < 20 or rows.shape[1] < 4 or len(vitals.sizes) != rows.shape[1]:
        return None
    sizes = np.sqrt(np.maximum(1, np.array(vitals.sizes, np.float64)))
    middle = np.median(np.where(np.isfinite(rows), rows, 0.0), axis=0) / sizes
    return middle if bool((middle > 0).any()) else None


def _weak(vitals: Vitals) -> tuple[int, float] | None:
    """How many layers count as early ones, and the share that they get of the late ones'
    gradient; None where they get enough."""
    sizes = _per_value(vitals)
    if sizes is None:
        return None
    part = max(1, len(sizes) // 4)
    early, late = float(np.median(sizes[:part])), float(np.median(sizes[-part:]))
    if late <= 0 or early >= VANISHED * late:
        return None
    return part, early / late


def _vanishing(vitals: Vitals) -> Finding | None:
    """Early layers' gradients against those of the late ones. Where ReLUs have died, that is why,
    and they are what is told."""
    weak = _weak(vitals)
    if weak is None or _agreed(vitals, ("relu",), DEAD, looks=1) or _cut_off(vitals):
        return None
    part, share = weak
    much = f"1/{_rounded(1 / share):,.0f}" if share > 1e-9 else "next to nothing"
    return Finding(
        "vanishing",
        "Early layers learn almost nothing",
        f"A single weight of {vitals.layers[0]} gets {much} of the gradient that one of "
        f"{vitals.layers[-1]} gets, on average.",
        why_vanishing(_made(vitals)),
        vitals.layers[:part],
        remedies.let_gradients_through(vitals.project.network),
    )


def _exploding(vitals: Vitals) -> Finding | None:
    """The whole gradient against what it was before."""
    rows = vitals.gradients
    if len(rows) < 40 or not rows.shape[1]:
        return None
    whole = np.sqrt((np.where(np.isfinite(rows), rows, np.inf).astype(np.float64) ** 2).sum(axis=1))
    usual = float(np.median(whole[5:-10]))
    now = float(np.median(whole[-5:]))
    if not now > EXPLODED * max(usual, 1e-12):
        return None
    worst = int(np.argmax(rows[-1]))
    return Finding(
        "exploding",
        "The gradients explode",
        f"Their norm is {now:.3g}, and was {usual:.3g} before; it is largest in "
        f"{vitals.layers[worst]}.",
        "One such step throws away what was learnt. A lower learning rate keeps the weights where "
        "gradients are small.",
        (vitals.layers[worst],),
        remedies.set_rate(vitals.project.recipe.learning_rate / 10),
    )


# The activations ----------------------------------------------------------------------------------


def _agreed(
    vitals: Vitals, kinds: Sequence[str], limit: float, looks: int = PROBES
) -> dict[str, float]:
    """The layers whose share was above the limit at each of the last looks, with the least one."""
    probes = vitals.probes[-looks:]
    if len(probes) < looks:
        return {}
    shares: dict[str, list[float]] = {}
    for probe in probes:
        for name, kind, share in zip(probe.layers, probe.kinds, probe.shares, strict=True):
            if kind in kinds and share > limit:
                shares.setdefault(name, []).append(share)
    return {name: min(found) for name, found in shares.items() if len(found) == looks}


def _dead(vitals: Vitals) -> Finding | None:
    """ReLUs most of whose channels are zero for every image that was looked at."""
    found = _agreed(vitals, ("relu",), DEAD)
    if not found:
        return _cut_off(vitals)
    worst = max(found, key=lambda name: found[name])
    share = f"{found[worst]:.0%}".replace("%", " %")
    return Finding(
        "dead",
        "ReLUs have died",
        f"In {_listed(found)} most channels are zero for every image; in {worst} {share} are.",
        _WHY_DEAD,
        tuple(found),
        remedies.set_activation(vitals.project.network, found, "leaky_relu"),
    )


def _cut_off(vitals: Vitals) -> Finding | None:
    """The same by the gradients alone, where nobody looked at the activations: many small slopes
    make a gradient small, and only ReLUs make it zero."""
    weak = _weak(vitals)
    if vitals.probes or weak is None or weak[1] > 0 or not _made(vitals).relu:
        return None
    usual = np.median(vitals.gradients[-WINDOW:], axis=0)
    layers = {name: 0.0 for name, norm in zip(vitals.layers, usual, strict=True) if norm == 0}
    return Finding(
        "dead",
        "ReLUs have died",
        f"The gradient in {_listed(layers)} is exactly zero.",
        _WHY_DEAD,
        tuple(layers),
        remedies.set_activation(vitals.project.network, layers, "leaky_relu"),
    )


def _made(vitals: Vitals) -> Makeup:
    return vitals.makeup or makeup(analyze(vitals.project.network))


def _saturated(vitals: Vitals) -> Finding | None:
    """Sigmoids and tanhs most of whose outputs lie at an end of their range."""
    found = _agreed(vitals, ("sigmoid", "tanh"), SATURATED)
    if not found:
        return None
    worst = max(found, key=lambda name: found[name])
    share = f"{found[worst]:.0%}".replace("%", " %")
    return Finding(
        "saturated",
        "Activations are saturated",
        f"In {worst} {share} of the outputs lie at the ends of the range.",
        "There the curve is flat: the gradient is nearly zero, and earlier layers stand still.",
        tuple(found),
        remedies.set_activation(vitals.project.network, found, "relu"),
    )


# The data and the batch ---------------------------------------------------------------------------


def _unnormalized(vitals: Vitals) -> Finding | None:
    """Pixels far from zero mean and unit deviation."""
    mean, deviation = vitals.mean, vitals.deviation
    if mean is None or deviation is None or (abs(mean) <= 3 and deviation <= 5):
        return None
    return Finding(
        "unnormalized",
        "The input is not normalized",
        f"Pixels reach the network with mean {mean:.3g} and deviation {deviation:.3g}.",
        "Large inputs make large gradients in the first layer, so that the others must make do "
        "with a tiny learning rate.",
        remedy=remedies.normalize(),
    )


def _small_batch(vitals: Vitals) -> Finding | None:
    """Batch norm over a handful of images."""
    batch = vitals.project.recipe.batch_size
    if not vitals.batch_norm or batch >= SMALL_BATCH or len(vitals.loss) < 10:
        return None
    return Finding(
        "small-batch",
        "Batch norm sees too few images",
        f"It takes mean and deviation over {batch} image{'s' if batch > 1 else ''} at a time.",
        "So few say little about all, and what it learns to expect in training does not hold "
        "afterwards. Group norm does not depend on the batch.",
        remedy=remedies.set_batch(32),
    )


def _unbalanced(vitals: Vitals) -> Finding | None:
    """A class that has many times as many images as another."""
    counts = {name: count for name, count in vitals.class_counts.items() if count > 0}
    if len(counts) < 2:
        return None
    most, fewest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] < UNBALANCED * counts[fewest]:
        return None
    return Finding(
        "unbalanced",
        "Some classes have few images",
        f"{most} has {counts[most]:,} images to learn from, and {fewest} {counts[fewest]:,}.",
        "A network that always answers with the frequent class is right most of the time. Add "
        "images of the rare ones, or look at recall and not at accuracy alone.",
        remedy=remedies.weigh_classes(vitals.project.recipe),
    )


def _starving(vitals: Vitals) -> Finding | None:
    """The device waits for images."""
    if vitals.waiting <= WAITED or len(vitals.loss) < 30:
        return None
    share = f"{vitals.waiting:.0%}".replace("%", " %")
    return Finding(
        "starving",
        "The device waits for images",
        f"{share} of the training time goes by before a batch is there.",
        "Preparing images takes longer than learning from them: smaller images, fewer "
        "augmentations or a faster disk would help.",
    )


def _rounded(value: float) -> float:
    """To two digits."""
    return float(f"{value:.2g}")


def _listed(names: Mapping[str, float]) -> str:
    listed = list(names)
    if len(listed) <= 3:
        return " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1])))
    return f"{', '.join(listed[:3])} and {len(listed) - 3} more"
