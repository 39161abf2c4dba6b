"""One of several processes that train together, by way of torch.distributed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import astuple
from typing import cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # it does not say so
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from studio.engine.team import NOTHING, Rows, T, Team, Wishes, name_of, shard
from studio.runs.api import WorkFailed

_SECONDS_APART = 0.1
"""Between two meetings, about: what a wish may wait for, and how often the processes pay for it."""


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
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        store, rank, size = next(rendezvous("env://"))
        store = PrefixStore(f"attempt {attempt} of {size}", store)
        # A recipe may ask for the processor where there is a GPU, too.
        backend = "cpu:gloo,cuda:nccl" if self._gpu else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
        # Agreements are made on processors, so that no GPU is waited for.
        self._words = cast(dist.ProcessGroup, dist.new_group(backend="gloo"))
        self._next = 0
        self._met: tuple[int, float] | None = None

    def device(self, wanted: str) -> str:
        if wanted in ("auto", "cuda") and self._gpu:
            return f"cuda:{self.local_rank % torch.cuda.device_count()}"
        if wanted == "mps":
            raise WorkFailed(
                "Several processes cannot train together on an Apple GPU.",
                "Set the device to auto or cpu.",
            )
        return "cpu" if wanted == "auto" else wanted

    def rows(self, count: int) -> Rows:
        return Rows(shard(count, self.rank, self.size), count)

    def positions(self, positions: np.ndarray) -> np.ndarray:
        return positions[self.rank :: self.size]

    def wrap(self, module: nn.Module, device: torch.device) -> nn.Module:
        self._next, self._met = 0, None  # a run that is rolled back takes earlier steps again
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
        now, ahead = time.perf_counter(), 1
        if self._met is not None:
            before, then = self._met
            pace = (now - then) / (step - before)  # seconds a step
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

    def is_lost(self, error: Exception) -> bool:
        words = ("gloo/transport", "Connection closed by peer", "NCCL")
        return isinstance(error, dist.DistError) or (
            isinstance(error, RuntimeError) and any(word in str(error) for word in words)
        )

    def leave(self) -> None:
        dist.destroy_process_group()


def join() -> Processes:
    """The team that torchrun started this process in; raises WorkFailed where the others are not
    found."""
    try:
        return Processes()
    except (RuntimeError, ValueError, KeyError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise WorkFailed(
            f"The processes of this training do not find each other: {first}.",
            "Start them all with torchrun, which tells each where the others are.",
        ) from None
