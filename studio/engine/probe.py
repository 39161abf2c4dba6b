"""Looks at activations now and then: which ReLUs are dead, which sigmoids saturated.

Hooks on the activation modules do nothing but when a look is due, which is every few seconds; what
they measure stays on the device until it is asked for.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

from studio.runs.api import Probed

INTERVAL = 2.0
"""Seconds between two looks."""
_EDGE = 0.02
"""Of the range: an output this near to an end counts as saturated."""

_KINDS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
}


class Probe:
    """Follows one module; ``close`` takes the hooks off again."""

    def __init__(self, module: nn.Module, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._next = time.perf_counter()
        self._looking = False
        self._found: dict[str, tuple[str, Tensor]] = {}
        self._hooks = [module.register_forward_pre_hook(self._begin)]
        for name, layer in module.named_modules():
            kind = _KINDS.get(type(layer))
            if kind is not None:
                self._hooks.append(layer.register_forward_hook(self._hook(name, kind)))
        self.empty = len(self._hooks) == 1

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        """A forward pass of the whole network begins: is a look due?"""
        now = time.perf_counter()
        self._looking = module.training and not self._found and now >= self._next
        if self._looking:
            self._next = now + self._interval

    def _hook(self, name: str, kind: str) -> Any:
        def look(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            if self._looking:
                with torch.no_grad():
                    self._found[name] = (kind, _share(output.detach(), kind))

        return look

    def take(self, step: int) -> Probed | None:
        """What the last look found, once; waits for the device, so it is asked for late."""
        if not self._found:
            return None
        found, self._found = self._found, {}
        shares = torch.stack([share for _, share in found.values()]).tolist()
        kinds = tuple(kind for kind, _ in found.values())
        return Probed(step, tuple(found), kinds, tuple(shares))

    def close(self) -> None:
        """Leave the module as it was."""
        for hook in self._hooks:
            hook.remove()


def _share(output: Tensor, kind: str) -> Tensor:
    """Of ReLUs the share of channels (or values) that are zero for every image and place; of the
    others the share of outputs at the ends of the range."""
    if kind == "relu":
        places = tuple(axis for axis in range(output.dim()) if axis != 1)
        return (output.amax(dim=places) <= 0).float().mean()
    low, high = (0.0, 1.0) if kind == "sigmoid" else (-1.0, 1.0)
    edge = _EDGE * (high - low)
    return ((output < low + edge) | (output > high - edge)).float().mean()
