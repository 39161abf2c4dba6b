"""torch.compile where it works, and plain torch with a reason where it does not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from studio.engine.module import training_logits


def compile_forward(
    module: nn.Module, images: Tensor, warn: Callable[[str], None]
) -> nn.Module | None:
    """``module`` with its forward compiled, tried on ``images`` first; else None, and a warning.

    The trial changes nothing: statistics and random numbers are put back.
    """
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    devices = [images.device] if images.is_cuda else []
    module.train()
    fast = cast(nn.Module, torch.compile(module))
    try:
        with torch.random.fork_rng(devices), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of compilers, about themselves
            outputs = training_logits(fast, images)
            torch.stack([each.sum() for each in outputs]).sum().backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # compilers fail in as many ways as there are machines
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        warn(f"The network could not be compiled ({first}). It is trained without.")
        return None
    finally:
        module.zero_grad()
        with torch.no_grad():
            for name, value in module.named_buffers():
                value.copy_(buffers[name])
    return fast
