"""The norm of each layer's gradient: taken on the device in few calls, finished on the host.

A call costs microseconds however small its tensor, and two thirds of a deep network's are vectors
of batch norm. These travel as they are, in one copy, and are squared where they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

_MOST = 16_384
"""Values of a step that travel as they are; a network with more is not bound by its calls."""


class GradientNorms:
    """L2 norms by layer, of the parameters that learn; a layer of which none does has 0."""

    def __init__(self, layers: Mapping[str, Sequence[nn.Parameter]]) -> None:
        self._layers = len(layers)
        self._whole: list[nn.Parameter] = []
        self._normed: list[nn.Parameter] = []
        whole_of: list[int] = []
        normed_of: list[int] = []
        for at, group in enumerate(layers.values()):
            for parameter in group:
                if not parameter.requires_grad:
                    continue
                if parameter.dim() == 1 and len(whole_of) + parameter.numel() <= _MOST:
                    self._whole.append(parameter)
                    whole_of += [at] * parameter.numel()
                else:
                    self._normed.append(parameter)
                    normed_of.append(at)
        owners = np.array(normed_of + whole_of, np.int64)
        self._order = np.argsort(owners, kind="stable")
        self._present, self._starts = np.unique(owners[self._order], return_index=True)

    def take(self, *others: Tensor) -> Tensor:
        """What ``read`` needs of the gradients as they are now, and before it the scalars
        ``others``: one vector on the device. Nothing here waits for it."""
        gradients = _gradients(self._normed)
        normed = torch._foreach_norm(gradients) if gradients else ()  # in few kernels
        return torch.cat((torch.stack((*others, *normed)), *_gradients(self._whole)))

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """The norms ``(steps, layers)``, float32, from what ``take`` gave of each step behind its
        scalars."""
        norms = np.zeros((len(numbers), self._layers), np.float32)
        if len(self._present):
            squares = numbers[:, self._order].astype(np.float64) ** 2
            sums = np.add.reduceat(squares, self._starts, axis=1)
            with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and is told
                norms[:, self._present] = np.sqrt(sums)
        return norms


def _gradients(parameters: Iterable[nn.Parameter]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]
