"""In which order the numbers of a feature map lie in memory."""

from __future__ import annotations

import torch
from torch import nn


def memory_format(choice: str, module: nn.Module, device: torch.device) -> torch.memory_format:
    """What the recipe's ``channels_last`` comes to for ``module`` on ``device``."""
    if choice == "on":
        return torch.channels_last
    has_convolution = any(isinstance(layer, nn.Conv2d) for layer in module.modules())
    if choice == "auto" and has_convolution and device.type in ("cpu", "cuda"):
        return torch.channels_last
    return torch.contiguous_format
