"""One process of ``studio bench peers``: trains the same network in one of several ways.

Called as ``python -m studio.commands.benchmarks.peer NAME TASK``; prints images per second.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import torch
from torch.utils.data import IterableDataset

from studio.commands.benchmarks.bare import bare
from studio.commands.benchmarks.loop import with_telemetry
from studio.commands.benchmarks.random_images import Given, cut, random_images
from studio.engine import TorchEngine
from studio.engine.assembly import Assembly, assemble
from studio.engine.data import DataReader, DataSet
from studio.engine.devices import choose_device, use_threads
from studio.engine.feed import Batch, Feed
from studio.project.analysis import analyze
from studio.project.precision import resolve
from studio.project.templates import build
from studio.project.values import Chosen, DataSettings, Project, Recipe

SHAPE = (3, 32, 32)
EPOCHS = 6
"""The first warms up, the median of the others counts."""


class Task(msgspec.Struct, frozen=True):
    """What every peer trains, ``images`` an epoch. ``data`` is a folder, or empty for random
    pixels."""

    network: str
    batch_size: int
    images: int
    device: str
    precision: str
    data: str = ""


@dataclass(frozen=True)
class Setup:
    """A task made ready, alike for all peers."""

    project: Project
    data: DataSet
    device: torch.device
    precision: str

    def assemble(self) -> Assembly:
        """Network, optimizer and batches, for those who bring a loop alone."""
        use_threads(0)
        return assemble(self.project, self.data, self.precision, self.device)


class Epochs(IterableDataset[Batch]):
    """The batches that all peers take, the next epoch's after every walk to the end.

    Some look at the first batch before they begin, and such a walk does not count.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._epoch = 0

    def __len__(self) -> int:
        return self._feed.steps_per_epoch

    def __iter__(self) -> Iterator[Batch]:
        for number, batch in enumerate(self._feed.batches(self._epoch), 1):
            if number == len(self):  # not behind it: some do not ask whether there is more
                self._epoch += 1
            yield batch


def prepare(task: Task) -> Setup:
    """Read the data and build the project; raises WorkFailed."""
    settings = DataSettings(source=task.data) if task.data else DataSettings()
    if task.data:
        data = cut(DataReader().read(settings, SHAPE), task.images)
    else:
        data = random_images(SHAPE, task.images)
    recipe = Recipe(
        # The one that has the same formula everywhere.
        optimizer=Chosen("momentum", {"momentum": 0.9, "weight_decay": 0.0}),
        learning_rate=0.01,
        batch_size=task.batch_size,
        epochs=EPOCHS,
        device=task.device.partition(":")[0],
        precision=task.precision,
    )
    network = build(task.network, SHAPE, len(data.classes)).network
    device = choose_device(task.device)
    precision = resolve(recipe, analyze(network), device.fastest, device.name)
    return Setup(Project(network, settings, recipe), data, torch.device(device.name), precision)


def _ours(setup: Setup) -> float:
    return with_telemetry(TorchEngine(reader=Given(setup.data)), setup.project)


def _plain(setup: Setup) -> float:
    return bare(setup.project, setup.data, setup.device, spare_cores=0)


def _elsewhere(module: str) -> Callable[[Setup], float]:
    def train(setup: Setup) -> float:
        peer = importlib.import_module(f"studio.commands.benchmarks.{module}")
        speed: float = peer.train(setup)
        return speed

    return train


PEERS: dict[str, Callable[[Setup], float]] = {
    "plain PyTorch": _plain,
    "ours": _ours,
    "Lightning": _elsewhere("peer_lightning"),
    "Keras": _elsewhere("peer_keras"),
}


def main() -> None:
    name, task = sys.argv[1:]
    setup = prepare(msgspec.json.decode(task, type=Task))
    print(PEERS[name](setup))


if __name__ == "__main__":
    main()
