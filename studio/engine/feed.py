"""Batches for training and evaluation: chosen, copied to the device and normalized there."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from studio.engine.data import DataSet
from studio.engine.images import hold
from studio.engine.team import ALONE, Rows, Team

Batch = tuple[Tensor, Tensor]
"""Images float32 ``(B, C, H, W)``, normalized, and classes int64 ``(B,)``, on the device."""

Change = Callable[[Tensor, int, int, Rows], Tensor]
"""Makes other images of pixels 0..255, given them, the epoch, the number of the batch, and which
of its images they are."""


@dataclass(frozen=True)
class Part:
    """A batch of an epoch as a part of a step, or what this process has of it.

    ``share`` is the batch's part of the step's images, and ``completes`` says whether it is the
    last one. ``count`` are the images of the whole batch, ``portion`` is this process's part of
    the work on it, and the loss counts ``weight`` times, so that the mean of the gradients over
    the team is the gradient of the mean loss of the step.
    """

    images: Tensor
    labels: Tensor
    number: int
    share: float
    completes: bool
    count: int
    portion: float = 1.0
    weight: float = 1.0

    @property
    def counts(self) -> float:
        """What each image that is right here counts: less than one where every process has it."""
        return self.portion * self.count / len(self.labels)


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of ``count`` images in ``epoch``: a pure function, so that resuming is exact."""
    return np.random.default_rng((seed, epoch)).permutation(count)


class Feed:
    """The images of a data set as uint8, on the device or streamed to it, and batches of them.

    The last batch of an epoch may be smaller. ``drop_single`` leaves it out where it would hold a
    single image, from which batch norm cannot take a deviation. ``accumulate`` batches make a
    step, the last of an epoch perhaps fewer. Training batches are changed by ``augment``.
    """

    def __init__(
        self,
        data: DataSet,
        device: torch.device,
        mean: tuple[float, ...],
        deviation: tuple[float, ...],
        *,
        batch_size: int,
        seed: int = 0,
        drop_single: bool = False,
        accumulate: int = 1,
        augment: Callable[[Tensor], Change] | None = None,
        memory_format: torch.memory_format = torch.contiguous_format,
        team: Team = ALONE,
        streamed: bool | None = None,
    ) -> None:
        """``augment`` makes the change of training images, given their mean ``(1, C, 1, 1)``.

        ``batch_size`` is that of the whole ``team``, of which this process takes its part. Images
        are ``streamed`` where they do not fit on the device, or as it is said here.
        """
        self._team = team
        self.seconds = 0.0
        """How long the training waited for batches so far."""
        self._data = data
        self._device = device
        self._batch_size = batch_size
        self._seed = seed
        self._train = data.splits["train"]
        count = len(self._train)
        self._batches = -(-count // batch_size)
        if drop_single and count % batch_size == 1 and self._batches > 1:
            self._batches -= 1
        self._accumulate = accumulate
        self._memory_format = memory_format
        self.steps_per_epoch = -(-self._batches // accumulate)
        color = torch.tensor(mean, device=device).view(1, -1, 1, 1)
        self._augment = augment(color) if augment else None
        # One number for each of an image's: a few, repeated over the channels, are read slowly.
        self._mean = self._spread(color)
        self._deviation = self._spread(torch.tensor(deviation, device=device).view(1, -1, 1, 1))
        self._images = hold(data.pixels, data.mapped, device, streamed)
        self._labels = torch.from_numpy(data.labels).to(device)

    def _spread(self, numbers: Tensor) -> Tensor:
        """``(1, C, 1, 1)`` as ``(1, C, H, W)``."""
        whole = numbers.expand(1, *self._data.pixels.shape[1:])
        return whole.contiguous(memory_format=self._memory_format)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The training batches of ``epoch`` from batch number ``start`` on."""
        order = self._train[epoch_order(self._seed, epoch, len(self._train))]
        numbers = range(start, self._batches)
        change = self._augment
        if change is None:
            return self._walk(order, numbers, self._batch_size, team=self._team)
        return self._walk(
            order, numbers, self._batch_size, lambda p, n, r: change(p, epoch, n, r), self._team
        )

    def parts(self, epoch: int, start: int = 0) -> Iterator[Part]:
        """The training batches of ``epoch`` from step number ``start`` on, as parts of steps."""
        first = start * self._accumulate
        for number, (images, labels) in enumerate(self._timed(self.batches(epoch, first)), first):
            begin = number - number % self._accumulate
            end = min(begin + self._accumulate, self._batches)
            together = min(end * self._batch_size, len(self._train)) - begin * self._batch_size
            count = min(self._batch_size, len(self._train) - number * self._batch_size)
            share = count / together
            # Where there are too few to divide, each process has them all.
            portion = 1 / self._team.size if len(labels) == count else len(labels) / count
            weight = share * portion * self._team.size
            yield Part(images, labels, number, share, number + 1 == end, count, portion, weight)

    def _timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; what they take to make is counted."""
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.seconds += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    def split(self, name: str, batch_size: int) -> Iterator[Batch]:
        """All images of a split in their order; of a team's, those of this process."""
        positions = self._team.positions(self._data.splits[name])
        return self._walk(positions, range(-(-len(positions) // batch_size)), batch_size)

    def sample(self, count: int) -> Tensor:
        """Up to ``count`` training images as they are, spread evenly over the split."""
        places = np.linspace(0, len(self._train) - 1, min(count, len(self._train)))
        chosen = self._train[places.round().astype(np.int64)]
        return next(self._walk(chosen, range(1), len(chosen)))[0]

    def _walk(
        self,
        order: np.ndarray,
        numbers: range,
        size: int,
        change: Callable[[Tensor, int, Rows], Tensor] = lambda pixels, number, rows: pixels,
        team: Team = ALONE,
    ) -> Iterator[Batch]:
        selections = [order[number * size : (number + 1) * size] for number in numbers]
        if not selections:
            return
        # All batches but the last are of one size.
        rows = {count: team.rows(count) for count in {*map(len, selections)}}
        parts = [rows[len(selection)] for selection in selections]
        if team.size > 1:
            selections = [s[part.chosen] for s, part in zip(selections, parts, strict=True)]
        chosen = torch.from_numpy(np.concatenate(selections)).to(self._device)
        labels = torch.split(self._labels.index_select(0, chosen), [*map(len, selections)])
        with contextlib.closing(self._images.walk(selections)) as walk:
            for number, part, truth, pixels in zip(numbers, parts, labels, walk, strict=True):
                changed = change(pixels.permute(0, 3, 1, 2), number, part)
                images = changed.to(torch.float32, memory_format=self._memory_format, copy=True)
                yield images.sub_(self._mean).div_(self._deviation), truth

    def close(self) -> None:
        """End what batches that were not taken to their end have running."""
        self._images.close()
