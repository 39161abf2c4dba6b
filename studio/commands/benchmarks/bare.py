"""The training loop that anyone would write: what ours is measured against."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch.nn import functional

from studio.engine.data import DataSet, normalization
from studio.engine.devices import find_machine, synchronize, use_threads
from studio.engine.evaluation import measure as validate
from studio.engine.feed import Feed
from studio.engine.memory_format import memory_format
from studio.engine.module import build_module, has_batch_norm
from studio.engine.optimizers import build_optimizer
from studio.engine.precision import Precision
from studio.project.analysis import analyze
from studio.project.precision import resolve
from studio.project.values import Project

EPOCHS = 3
"""Epochs that a measurement trains at least; the first warms up, the others count."""


def bare(project: Project, data: DataSet, device: torch.device, spare_cores: int) -> float:
    """Images per second of the bare loop, whole epochs."""
    epochs = _on_a_thread(project, data, device, spare_cores)
    return speed(len(data.splits["train"]), [epoch.seconds for epoch in epochs])


def bare_step(project: Project, data: DataSet, device: torch.device, spare_cores: int) -> float:
    """Seconds of a step of the bare loop, without what is done between two epochs."""
    epochs = _on_a_thread(project, data, device, spare_cores)
    return step_seconds([epoch.ends for epoch in epochs])


class _Epoch(NamedTuple):
    seconds: float
    ends: list[float]
    """When each step was over."""


def _on_a_thread(
    project: Project, data: DataSet, device: torch.device, spare_cores: int
) -> list[_Epoch]:
    """The loop on a thread of its own, as the engine's is: torch keeps threads to compute with for
    every thread that calls it, so that a loop on the main thread would be another case."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_loop, project, data, device, spare_cores).result()


def _loop(project: Project, data: DataSet, device: torch.device, spare_cores: int) -> list[_Epoch]:
    """What anyone would write, with the same network, batches and optimizer, and nothing else."""
    use_threads(spare_cores)
    recipe = project.recipe
    module = build_module(project.network, recipe.seed, str(device))
    layout = memory_format(recipe.channels_last, module, device)  # as the run has it
    module.to(memory_format=layout)
    optimizer = build_optimizer(recipe, module)
    mean, deviation = normalization(project.data.normalization, data.mean, data.deviation)
    feed = Feed(
        data,
        device,
        mean,
        deviation,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        drop_single=has_batch_norm(module),
        memory_format=layout,
    )
    # The same numbers as the run that it is compared with.
    fastest = next(d.fastest for d in find_machine().devices if d.name == str(device))
    chosen = resolve(recipe, analyze(project.network), fastest, str(device))
    precision = Precision(chosen, device)
    kind = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(chosen)
    epochs = []
    for epoch in range(recipe.epochs):
        start, ends = time.perf_counter(), []
        module.train()
        for images, labels in feed.batches(epoch):
            with torch.autocast(device.type, kind, enabled=kind is not None):
                loss = functional.cross_entropy(module(images), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            ends.append(time.perf_counter())
        split = feed.split("validation", max(32, recipe.batch_size))
        validate(module, split, lambda: False, precision.autocast)
        synchronize(device)
        epochs.append(_Epoch(time.perf_counter() - start, ends))
    return epochs


def speed(images: int, seconds: list[float]) -> float:
    """Images per second in the median of all epochs but the first, which warms up."""
    return images / statistics.median(seconds[1:])


def step_seconds(epochs: Iterable[Sequence[float]]) -> float:
    """Seconds of a step in the median of all epochs but the first, given when their steps ended."""
    each = [(ends[-1] - ends[0]) / (len(ends) - 1) for ends in epochs]
    return statistics.median(each[1:])
