"""The learning-rate range test (Smith 2017, section 3.3): the loss while the rate grows.

It is done on a module of its own, built from the recipe's seed; the project, its runs and torch's
own generator are as before afterwards.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.nn import functional

from studio.engine.checks import check_data, check_project
from studio.engine.data import DataReader, normalization
from studio.engine.feed import Batch, Feed
from studio.engine.module import build_module, has_batch_norm, training_logits
from studio.engine.optimizers import build_optimizer, set_learning_rate
from studio.engine.precision import Precision
from studio.engine.pretrained import load_weights
from studio.project import heads
from studio.project.precision import resolve
from studio.project.values import Project
from studio.runs.api import Device, RateSearch, WorkFailed

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 120
SMOOTHING = 0.9
"""Of the moving average of the losses, which is corrected for its start at zero."""
WORSE = 4.0
"""Times the lowest loss: there the test ends."""


def find_rate(
    project: Project,
    reader: DataReader,
    device: Device,
    stopped: Callable[[], bool] = lambda: False,
) -> RateSearch:
    """Train some steps, each with a higher rate, and suggest one; raises WorkFailed.

    The suggestion lies where the smoothed loss falls steepest over the logarithm of the rate.
    """
    analysis = check_project(project)
    assert analysis.input_shape is not None
    data = reader.read(project.data, analysis.input_shape)
    check_data(data, project)
    recipe, place = project.recipe, torch.device(device.name)
    module = build_module(project.network, recipe.seed, device.name).train()
    if recipe.weights:
        load_weights(module, project, lambda text: None)
    precision = Precision(resolve(recipe, analysis, device.fastest, device.name), place)
    optimizer = build_optimizer(recipe, module.parameters(), may_skip=precision.overflows)
    feed = Feed(
        data,
        place,
        *normalization(project.data.normalization, data.mean, data.deviation),
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        drop_single=has_batch_norm(module),
    )
    auxiliary = tuple(heads.weights(analysis).values())
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    average = lowest = math.inf
    mean = 0.0
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices):  # dropout draws from torch's own generator
        torch.manual_seed(recipe.seed)
        for step, ((images, labels), rate) in enumerate(zip(_endless(feed), rates, strict=False)):
            if stopped():
                raise WorkFailed("The search for a learning rate was stopped.")
            set_learning_rate(optimizer, float(rate))
            with precision.autocast():
                outputs, *others = training_logits(module, images)
                loss = total = functional.cross_entropy(outputs, labels)
                for weight, other in zip(auxiliary, others, strict=True):
                    total = total + weight * functional.cross_entropy(other, labels)
            optimizer.zero_grad()
            precision.backward(total, optimizer)
            precision.step(optimizer)
            now = loss.item()  # the test looks at every loss, and so waits for the device
            if not math.isfinite(now):
                break
            mean = SMOOTHING * mean + (1 - SMOOTHING) * now
            average = mean / (1 - SMOOTHING ** (step + 1))
            losses.append(average)
            lowest = min(lowest, average)
            if step > 10 and average > WORSE * lowest:
                break
    if len(losses) < 10:
        raise WorkFailed(
            "The loss is no finite number from the first steps on.",
            "Normalize the input, or look at how the weights start.",
        )
    tried = tuple(float(rate) for rate in rates[: len(losses)])
    return RateSearch(tried, tuple(losses), suggest(tried, losses))


def suggest(rates: tuple[float, ...], losses: list[float]) -> float:
    """The rate at which the loss falls steepest before its lowest point, to two digits."""
    end = int(np.argmin(losses)) + 1
    if end < 5:
        return float(f"{rates[max(0, end - 1)] / 10:.2g}")
    slopes = np.gradient(np.array(losses[:end]), np.log(rates[:end]))
    # The first losses are averages over few steps.
    steepest = 3 + int(np.argmin(slopes[3:])) if end > 6 else int(np.argmin(slopes))
    return float(f"{rates[steepest]:.2g}")


def _endless(feed: Feed) -> Iterator[Batch]:
    for epoch in itertools.count():
        yield from feed.batches(epoch)
