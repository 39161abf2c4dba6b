"""The learning-rate range test (Smith 2017, section 3.3): the loss while the rate grows.

It is done on a module of its own, built from the recipe's seed; the project, its runs and torch's
own generator are as before afterwards.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch

from studio.engine.assembly import assemble
from studio.engine.checks import check_data, check_project
from studio.engine.clipping import clip
from studio.engine.data import DataReader
from studio.engine.feed import Feed, Part
from studio.engine.module import training_logits
from studio.engine.optimizers import set_learning_rate
from studio.engine.pretrained import load_weights
from studio.project import heads
from studio.project.precision import resolve
from studio.project.values import Project
from studio.runs.api import Device, RateSearch, WorkFailed

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 120
SMOOTHING = 0.9
"""Of the moving average of the losses, which is corrected for its start at zero."""
FALLEN = 0.02
"""The share by which the loss must have fallen for a suggestion."""
WORSE = 4.0
"""Times the lowest loss: there the test ends."""


def find_rate(
    project: Project,
    reader: DataReader,
    device: Device,
    stopped: Callable[[], bool] = lambda: False,
    tell: Callable[[RateSearch], None] = lambda so_far: None,
) -> RateSearch:
    """Train some steps, each with a higher rate, and suggest one; raises WorkFailed.

    The suggestion lies where the smoothed loss falls steepest over the logarithm of the rate.
    ``tell`` is called after each step with what was found so far.
    """
    analysis = check_project(project)
    assert analysis.input_shape is not None
    data = reader.read(project.data, analysis.input_shape)
    check_data(data, project)
    recipe, place = project.recipe, torch.device(device.name)
    tools = assemble(project, data, resolve(recipe, analysis, device.fastest, device.name), place)
    module, optimizer, precision = tools.module.train(), tools.optimizer, tools.precision
    for norm in tools.fixed:
        norm.eval()
    if recipe.weights:
        load_weights(module, project, lambda text: None)
    auxiliary = tuple(heads.weights(analysis).values())
    rates = np.geomspace(LOWEST, HIGHEST, STEPS)
    losses: list[float] = []
    average = lowest = math.inf
    mean = 0.0
    devices = [place] if place.type == "cuda" else []
    # Dropout draws from torch's own generator.
    with contextlib.closing(tools.feed), torch.random.fork_rng(devices):
        torch.manual_seed(recipe.seed)
        for step, (parts, rate) in enumerate(zip(_steps(tools.feed), rates, strict=False)):
            if stopped():
                raise WorkFailed("The search for a learning rate was stopped.")
            now = 0.0
            for epoch, part in parts:
                images, targets = tools.mixing(part.images, part.labels, epoch, part.number)
                with precision.autocast():
                    outputs, *others = training_logits(module, images)
                    loss = total = tools.loss(outputs, targets)
                    for weight, other in zip(auxiliary, others, strict=True):
                        total = total + weight * tools.loss(other, targets)
                precision.backward(part.share * total)
                now += part.share * loss.item()  # every loss is looked at: it waits for the device
            set_learning_rate(optimizer, float(rate))
            precision.unscale(optimizer)
            clip(list(module.parameters()), recipe)
            precision.step(optimizer)
            optimizer.zero_grad()
            if not math.isfinite(now):
                break
            mean = SMOOTHING * mean + (1 - SMOOTHING) * now
            average = mean / (1 - SMOOTHING ** (step + 1))
            losses.append(average)
            lowest = min(lowest, average)
            tell(RateSearch(tuple(map(float, rates[: step + 1])), tuple(losses), 0.0, STEPS))
            if step > 10 and average > WORSE * lowest:
                break
    if len(losses) < 10:
        raise WorkFailed(
            "The loss is no finite number from the first steps on.",
            "Normalize the input, or look at how the weights start.",
        )
    tried = tuple(float(rate) for rate in rates[: len(losses)])
    return RateSearch(tried, tuple(losses), suggest(tried, losses), STEPS)


def suggest(rates: tuple[float, ...], losses: list[float]) -> float:
    """The rate at which the loss falls steepest before its lowest point, to two digits; 0 where
    it falls nowhere."""
    end = int(np.argmin(losses)) + 1
    if end < 8 or losses[end - 1] > (1 - FALLEN) * losses[0]:
        return 0.0  # it falls at no rate
    slopes = np.gradient(np.array(losses[:end]), np.log(rates[:end]))
    # The first losses are averages over few steps.
    steepest = 3 + int(np.argmin(slopes[3:]))
    return float(f"{rates[steepest]:.2g}")


def _steps(feed: Feed) -> Iterator[list[tuple[int, Part]]]:
    """The parts of step after step, each with its epoch, without an end."""
    for epoch in itertools.count():
        parts: list[tuple[int, Part]] = []
        for part in feed.parts(epoch):
            parts.append((epoch, part))
            if part.completes:
                yield parts
                parts = []
