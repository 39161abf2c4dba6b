"""Small projects and data sets that train in a fraction of a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from studio.engine import TorchEngine
from studio.engine.session import TrainingRun
from studio.project.values import Chosen, DataSettings, Edge, Network, Node, Project, Recipe
from studio.runs.api import Message

SHAPE = (1, 8, 8)


def chain(*nodes: Node) -> Network:
    """The nodes one behind the other."""
    return Network(nodes, tuple(Edge(a.name, b.name) for a, b in pairwise(nodes)))


def small_network(classes: int = 10, shape: tuple[int, int, int] = SHAPE) -> Network:
    """One block with batch norm, dropout and a linear layer: everything that has a state."""
    channels, height, width = shape
    return chain(
        Node("input", "input", {"channels": channels, "height": height, "width": width}),
        Node("features", "vgg", {"channels": 6, "convolutions": 1}),
        Node("flatten", "flatten"),
        Node("drop", "dropout", {"rate": 0.3}),
        Node("head", "linear"),
        Node("output", "output", {"classes": classes}),
    )


def small_project(**recipe: Any) -> Project:
    """The small network on the digits at 8×8, two epochs of nine steps."""
    settings = {"epochs": 2, "batch_size": 128, "device": "cpu", "optimizer": Chosen("momentum")}
    return Project(small_network(), DataSettings(), Recipe(**{**settings, **recipe}))


def with_recipe(project: Project, **changes: Any) -> Project:
    """``project`` with another recipe."""
    recipe = msgspec.structs.replace(project.recipe, **changes)
    return msgspec.structs.replace(project, recipe=recipe)


def finish(run: TrainingRun, timeout: float = 60) -> list[Message]:
    """All messages of ``run``, which must end in time."""
    assert run.join(timeout), "the run did not end"
    return list(run.poll(10_000))


def train(project: Project, folder: Path) -> tuple[TrainingRun, list[Message]]:
    """Train to the end; the run and its messages."""
    run = TorchEngine().start(project, folder)
    return run, finish(run)


def until(condition: Callable[[], bool], timeout: float = 30) -> None:
    """Wait for ``condition``; fails when it does not come."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def write_images(
    folder: Path, names: dict[str, int], size: tuple[int, int] = (10, 12), suffix: str = ".png"
) -> Path:
    """Class folders of random color images; ``names`` maps a class to its number of images."""
    generator = np.random.default_rng(0)
    for name, count in names.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = generator.integers(0, 256, (*size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03}{suffix}")
    return folder
