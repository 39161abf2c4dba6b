"""The processes that train one network together, started by torchrun; mostly this one alone.

Every process has the whole network and takes its part of each batch; gradients are averaged by
torch's DistributedDataParallel. The first process leads: it alone writes the run folder.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from typing import TypeVar, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from studio.runs.api import WorkFailed

T = TypeVar("T")

_SECONDS_APART = 0.1
"""Between two meetings, about: what a wish may wait for, and how often the processes pay for it."""


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
    local_rank = 0

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

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first process of each machine goes first, the others when it is done."""
        yield

    def leave(self) -> None:
        """Part from the others."""


ALONE = Team()


class Processes(Team):
    """One of several processes. torchrun's environment says which and where the others are."""

    def __init__(self) -> None:
        self.rank = int(os.environ["RANK"])
        self.size = int(os.environ["WORLD_SIZE"])
        self.local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        self._gpu = torch.cuda.is_available()
        if self._gpu:
            torch.cuda.set_device(self.local_rank % torch.cuda.device_count())
        # The agent keeps one store over its restarts, in which the lost processes' addresses still
        # stand (torch 2.14), so that each attempt needs names of its own.
        store, rank, size = next(rendezvous("env://"))
        store = dist.PrefixStore(f"attempt {_attempt()} of {size}", store)  # type: ignore[attr-defined]
        dist.init_process_group(
            "nccl" if self._gpu else "gloo", store=store, rank=rank, world_size=size
        )
        # Agreements are made on processors, so that no GPU is waited for.
        self._words = cast(dist.ProcessGroup, dist.new_group(backend="gloo"))
        self._next = 0
        self._met = (0, time.perf_counter())

    def device(self, wanted: str) -> str:
        if wanted in ("auto", "cuda") and self._gpu:
            return f"cuda:{self.local_rank % torch.cuda.device_count()}"
        # On processors alone: gloo, which the processes have joined by, knows no other device.
        return "cpu" if wanted == "auto" else wanted

    def rows(self, count: int) -> Rows:
        return Rows(shard(count, self.rank, self.size), count)

    def positions(self, positions: np.ndarray) -> np.ndarray:
        return positions[self.rank :: self.size]

    def wrap(self, module: nn.Module, device: torch.device) -> nn.Module:
        return DistributedDataParallel(module, [device] if device.type == "cuda" else None)

    def exchanging(self, module: nn.Module, now: bool) -> AbstractContextManager[object]:
        assert isinstance(module, DistributedDataParallel)
        return contextlib.nullcontext() if now else module.no_sync()

    def add_up(self, numbers: Tensor) -> Tensor:
        dist.all_reduce(numbers)
        return numbers

    def align(self, module: nn.Module) -> None:
        for buffer in module.buffers():
            dist.broadcast(buffer, 0)

    def agree(self, step: int, wishes: Wishes) -> Wishes:
        if step < self._next:
            return NOTHING
        before, then = self._met
        now = time.perf_counter()
        pace = (now - then) / max(1, step - before)
        ahead = int(min(1000, max(1, _SECONDS_APART / max(pace, 1e-6))))
        words = torch.tensor([*map(int, astuple(wishes)), step + ahead])
        dist.all_reduce(words, dist.ReduceOp.MAX, group=self._words)
        *agreed, self._next = words.tolist()
        self._met = (step, now)
        return Wishes(*map(bool, agreed))

    def share(self, value: T) -> T:
        box = [value]
        dist.broadcast_object_list(box, 0, group=self._words)
        return box[0]

    def gather(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        boxes: list[Mapping[str, Tensor]] = [{} for _ in range(self.size)]
        dist.all_gather_object(boxes, dict(tensors), group=self._words)
        return {
            name_of(name, rank): value
            for rank, box in enumerate(boxes)
            for name, value in box.items()
        }

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        if self.local_rank:
            dist.barrier(group=self._words)
        try:
            yield
        finally:
            if not self.local_rank:
                dist.barrier(group=self._words)

    def leave(self) -> None:
        dist.destroy_process_group()


def join() -> Team:
    """The team that torchrun started this process in, or this process alone; raises WorkFailed
    where the others are not found."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return ALONE
    try:
        return Processes()
    except (RuntimeError, ValueError, KeyError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise WorkFailed(
            f"The processes of this training do not find each other: {first}.",
            "Start them all with torchrun, which tells each where the others are.",
        ) from None


def job() -> str:
    """The name that torchrun gives all processes of a training and of its restarts; empty where
    there is none."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return "" if name == "none" else name


def restarted() -> bool:
    """Whether torchrun started this process again because one was lost."""
    return _attempt() > 0


def _attempt() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


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


def is_lost(error: Exception) -> bool:
    """Whether ``error`` says that another process of the team is gone."""
    if isinstance(error, dist.DistError):
        return True
    words = ("gloo/transport", "Connection closed by peer", "NCCL")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
