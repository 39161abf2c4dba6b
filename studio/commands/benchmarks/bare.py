"""The training loop that anyone would write: what ours is measured against."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch.nn import functional

from studio.engine.data import DataSet, normalization
from studio.engine.devices import synchronize, use_threads
from studio.engine.evaluation import measure as validate
from studio.engine.feed import Feed
from studio.engine.module import build_module, has_batch_norm
from studio.engine.optimizers import build_optimizer
from studio.project.values import Project

EPOCHS = 3
"""Epochs a measurement trains; the first warms up, the others count."""


def bare(project: Project, data: DataSet, device: torch.device, spare_cores: int) -> float:
    """Images per second of the bare loop, on a thread of its own as the engine's is.

    torch keeps threads to compute with for every thread that calls it, so that a loop on the main
    thread would be another case.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(_loop, project, data, device, spare_cores).result()


def _loop(project: Project, data: DataSet, device: torch.device, spare_cores: int) -> float:
    """What anyone would write, with the same network, batches and optimizer, and nothing else."""
    use_threads(spare_cores)
    recipe = project.recipe
    module = build_module(project.network, recipe.seed, str(device))
    optimizer = build_optimizer(recipe, module.parameters())
    mean, deviation = normalization(project.data.normalization, data.mean, data.deviation)
    feed = Feed(
        data,
        device,
        mean,
        deviation,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        drop_single=has_batch_norm(module),
    )
    seconds = []
    for epoch in range(EPOCHS):
        start = time.perf_counter()
        module.train()
        for images, labels in feed.batches(epoch):
            loss = functional.cross_entropy(module(images), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        validate(module, feed.split("validation", max(32, recipe.batch_size)), lambda: False)
        synchronize(device)
        seconds.append(time.perf_counter() - start)
    return speed(len(data.splits["train"]), seconds)


def speed(images: int, seconds: list[float]) -> float:
    """Images per second over all epochs but the first, which warms up."""
    return images / statistics.mean(seconds[1:])
