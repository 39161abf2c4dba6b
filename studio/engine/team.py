"""The processes that train one network together, started by torchrun; mostly this one alone.

Every process has the whole network and takes its part of each batch; gradients are averaged by
torch's DistributedDataParallel. The first process leads: it alone writes the run folder.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import psutil
import torch
from torch import Tensor, nn

T = TypeVar("T")


@dataclass(frozen=True)
class Wishes:
    """What is due after a step: curves to publish, a checkpoint to keep, something that was asked
    for, a pause, an end."""

    publish: bool = False
    keep: bool = False
    asked: bool = False
    pause: bool = False
    stop: bool = False


NOTHING = Wishes()


@dataclass(frozen=True)
class Rows:
    """Which images of a batch of ``count`` a process has; all of them where it is alone."""

    chosen: np.ndarray
    count: int


class Team:
    """This process alone; what a team of several does is nothing here, and costs nothing."""

    rank = 0
    size = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the run folder and says what happens."""
        return self.rank == 0

    def device(self, wanted: str) -> str:
        """The device of this process, where the recipe says ``wanted``."""
        return wanted

    def rows(self, count: int) -> Rows:
        """Which of the ``count`` images of a batch are this process's."""
        return Rows(np.arange(count), count)

    def positions(self, positions: np.ndarray) -> np.ndarray:
        """This process's images of a split that is evaluated, each in one process exactly."""
        return positions

    def wrap(self, module: nn.Module, device: torch.device) -> nn.Module:
        """``module`` as it is trained: its backward pass averages gradients over the team."""
        return module

    def exchanging(self, module: nn.Module, now: bool) -> AbstractContextManager[object]:
        """Around a forward pass; the backward pass exchanges gradients only if ``now``."""
        return contextlib.nullcontext()

    def add_up(self, numbers: Tensor) -> Tensor:
        """The sum of ``numbers`` over the team."""
        return numbers

    def align(self, module: nn.Module) -> None:
        """Give every process the leader's buffers: the running statistics of norms."""

    def agree(self, step: int, wishes: Wishes) -> Wishes:
        """What is done after ``step``: in a team what any process wishes, at the next meeting."""
        return wishes

    def share(self, value: T) -> T:
        """The leader's ``value``, in every process."""
        return value

    def gather(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of all processes; those of process 1 have ``.1`` behind their name."""
        return dict(tensors)

    def is_lost(self, error: Exception) -> bool:
        """Whether ``error`` says that another process of the team is gone."""
        return False

    def leave(self) -> None:
        """Part from the others."""


ALONE = Team()


def job() -> str:
    """The name of the torchrun that this process and those after a restart belong to; empty where
    it was not started by one."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    if name != "none":
        return name
    # torchrun gives no name by default: the process that watches over these outlives them.
    agent = psutil.Process().parent()
    return f"{socket.gethostname()} {agent.pid} {agent.create_time():.0f}" if agent else ""


def shard(count: int, rank: int, size: int) -> np.ndarray:
    """Which of the ``count`` images of a batch belong to process ``rank`` of ``size``.

    Images at equal distance from both ends go together, so that mixup, which blends a batch with
    itself in reverse order, blends the same images as one process does. Where there are fewer
    than two for each, as in an epoch's last batch, every process takes them all.
    """
    if count < 2 * size:
        return np.arange(count)
    half = count // 2
    front = np.arange(half * rank // size, half * (rank + 1) // size)
    middle = [half] if count % 2 and rank == size - 1 else []
    return np.concatenate((front, middle, count - 1 - front[::-1])).astype(np.int64)


def name_of(name: str, rank: int) -> str:
    """What the tensor ``name`` of process ``rank`` is called in a checkpoint."""
    return f"{name}.{rank}" if rank else name
