"""A running average of the weights, which is what is validated and kept as best."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Averaging:
    """The average of ``module``'s weights from step number ``first`` on.

    As timm's ``ModelEmaV3`` does, the running statistics of norms are averaged with the weights,
    and counters are copied. It begins with the weights of that step and keeps (1 + t) / (10 + t)
    at first, at most ``decay``.
    """

    def __init__(self, module: nn.Module, decay: float, first: int) -> None:
        self.module = copy.deepcopy(module).requires_grad_(False)
        self._decay, self._first = decay, first
        mine, others = self.module.state_dict(), module.state_dict()
        self._exact = [(mine[name], others[name]) for name in mine]
        averaged = [pair for pair in self._exact if pair[0].is_floating_point()]
        self._averages = [average for average, _ in averaged]
        self._values = [value.detach() for _, value in averaged]
        self._counters = [pair for pair in self._exact if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number ``step``."""
        if not self.begun(step):
            return
        taken = step - self._first
        if taken == 0:
            for average, value in self._exact:
                average.copy_(value)
            return
        keep = min(self._decay, (1 + taken) / (10 + taken))
        torch._foreach_lerp_(self._averages, self._values, 1 - keep)
        for counter, value in self._counters:
            counter.copy_(value)

    def begun(self, step: int) -> bool:
        """Whether there is an average after step number ``step``."""
        return step >= self._first

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from the average in ``state``; nothing where it holds none."""
        if state:
            self.module.load_state_dict(state)
