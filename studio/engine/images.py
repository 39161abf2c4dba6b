"""Where the images of a data set are while it is trained on: on the device, or streamed to it."""

from __future__ import annotations

import queue
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import psutil
import torch
from torch import Tensor

from studio.engine.pixel_file import Mapped

_SHARE_OF_DEVICE = 0.5
"""How much of a GPU's free memory the images may take; the rest is the network's."""
_SHARE_OF_MEMORY = 0.5
_PIECE = 64 * 2**20
"""Bytes that are copied to the device at a time: in another order, they take as much again."""
_BUFFERS = 3
"""One batch is with the training, and two more are ready or under way."""
_ADVISED = 4
"""Batches that the disk is asked for before the first of them is read."""


class Images(Protocol):
    """The images of a data set, to be taken in any order."""

    def walk(self, selections: Sequence[np.ndarray]) -> Generator[Tensor, None, None]:
        """The images at these positions, uint8 ``(B, H, W, C)`` on the device, one selection after
        the other; each is good until the next one is asked for."""
        ...

    def close(self) -> None:
        """End what walks that were left early have running."""
        ...


def hold(
    pixels: np.ndarray, mapped: Mapped | None, device: torch.device, streamed: bool | None = None
) -> Images:
    """``pixels`` uint8 ``(N, C, H, W)`` on ``device`` where they fit, else ``streamed`` to it."""
    rows = pixels.transpose(0, 2, 3, 1)  # as they are decoded, and as channels-last networks are
    if streamed is None:
        streamed = not fits(pixels.nbytes, device, mapped is not None)
    if mapped is not None:
        mapped.expect(random=streamed)
    return _Streamed(rows, mapped, device) if streamed else _Resident(rows, device)


def fits(size: int, device: torch.device, on_disk: bool = False) -> bool:
    """Whether ``size`` bytes of images may live on ``device``; ``on_disk``, they are not in this
    machine's memory yet."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return size < _SHARE_OF_DEVICE * free
    if device.type == "mps":
        return size < _SHARE_OF_DEVICE * torch.mps.recommended_max_memory()
    return not on_disk or size < _SHARE_OF_MEMORY * psutil.virtual_memory().available


class _Resident:
    """All images on the device. On the processor they stay where they are: a file that is mapped
    is shared by all processes that train with it."""

    def __init__(self, rows: np.ndarray, device: torch.device) -> None:
        with warnings.catch_warnings():
            # torch says that it does not know of memory that must not be written; nothing is.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            source = torch.from_numpy(rows)
        if device.type == "cpu" and source.is_contiguous():
            self._images = source
            return
        self._images = torch.empty(rows.shape, dtype=torch.uint8, device=device)
        step = max(1, _PIECE // max(1, rows[:1].nbytes))
        for start in range(0, len(rows), step):
            self._images[start : start + step] = source[start : start + step]

    def walk(self, selections: Sequence[np.ndarray]) -> Generator[Tensor, None, None]:
        if not selections:
            return
        # In one copy for the whole walk.
        order = torch.from_numpy(np.concatenate(selections)).to(self._images.device)
        for positions in torch.split(order, [*map(len, selections)]):
            yield self._images.index_select(0, positions)

    def close(self) -> None:
        pass


class _Streamed:
    """Images in memory or on disk, which a thread gathers some batches ahead."""

    def __init__(self, rows: np.ndarray, mapped: Mapped | None, device: torch.device) -> None:
        self._rows = np.ascontiguousarray(rows)
        self._mapped = mapped
        self._device = device
        self._gatherers: weakref.WeakSet[_Gatherer] = weakref.WeakSet()

    def walk(self, selections: Sequence[np.ndarray]) -> Generator[Tensor, None, None]:
        if not selections:
            return
        gatherer = _Gatherer(self._rows, self._mapped, self._device, selections)
        self._gatherers.add(gatherer)
        try:
            while (images := gatherer.next()) is not None:
                yield images
        finally:
            gatherer.close()

    def close(self) -> None:
        for gatherer in list(self._gatherers):
            gatherer.close()


@dataclass
class _Buffer:
    """Host memory of a batch. On a GPU it may be filled again when ``copied`` has happened, and
    ``images`` are there; else they are in the host memory itself."""

    host: Tensor
    images: Tensor
    copied: torch.cuda.Event | None = None


class _Gatherer:
    """A thread that gathers one selection after the other, and copies it to the device.

    Host memory is used again and again. To an NVIDIA GPU it is copied on a stream of its own, from
    page-locked memory, so that the copy runs beside the computation.
    """

    def __init__(
        self,
        rows: np.ndarray,
        mapped: Mapped | None,
        device: torch.device,
        selections: Sequence[np.ndarray],
    ) -> None:
        self._rows = rows
        self._mapped = mapped
        self._device = device
        self._selections = selections
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stopping = threading.Event()
        self._empty: queue.SimpleQueue[_Buffer | None] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[_Buffer | BaseException | None] = queue.SimpleQueue()
        self._lent: _Buffer | None = None
        size = max(map(len, selections))
        for _ in range(min(_BUFFERS, len(selections))):
            pinned = self._stream is not None
            host = torch.empty((size, *rows.shape[1:]), dtype=torch.uint8, pin_memory=pinned)
            self._empty.put(_Buffer(host, host))
        # A daemon: a walk that nobody closes must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="images", daemon=True)
        self._thread.start()

    def next(self) -> Tensor | None:
        """The next selection's images; None behind the last. Raises what the thread failed of."""
        if self._lent is not None:
            self._empty.put(self._lent)
            self._lent = None
        buffer = self._full.get()
        if buffer is None:
            return None
        if isinstance(buffer, BaseException):
            raise buffer
        self._lent = buffer
        if buffer.copied is not None:
            computing = torch.cuda.current_stream(self._device)
            computing.wait_event(buffer.copied)
            buffer.images.record_stream(computing)
        return buffer.images

    def close(self) -> None:
        """End the thread, the only place where that is done."""
        self._stopping.set()
        self._empty.put(None)
        # Garbage is collected by whichever thread comes to it, even by this one.
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        try:
            upcoming: deque[np.ndarray] = deque()
            for selection in self._selections:
                if self._mapped is not None:
                    self._mapped.read_soon(selection)
                upcoming.append(selection)
                if len(upcoming) > _ADVISED and not self._gather(upcoming.popleft()):
                    return
            while upcoming:
                if not self._gather(upcoming.popleft()):
                    return
            self._full.put(None)
        except BaseException as error:  # it is the training's, which raises it
            self._full.put(error)

    def _gather(self, selection: np.ndarray) -> bool:
        """Hand on one selection; False where the walk is over."""
        buffer = self._empty.get()
        if buffer is None or self._stopping.is_set():
            return False
        if buffer.copied is not None:
            buffer.copied.synchronize()  # this thread alone waits for the GPU
        host = buffer.host[: len(selection)]
        # Nothing is ever clipped; but to raise an error instead, numpy would copy once more.
        np.take(self._rows, selection, axis=0, out=host.numpy(), mode="clip")
        if self._stream is None:
            buffer.images = host.to(self._device)
        else:
            with torch.cuda.stream(self._stream):
                buffer.images = host.to(self._device, non_blocking=True)
                buffer.copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
                buffer.copied.record(self._stream)
        self._full.put(buffer)
        return True
