"""Half precision in training: where it is cast, and how float16's gradients are kept from zero."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

import torch
from torch import Tensor, optim

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


@contextlib.contextmanager
def single(*, exact: bool) -> Iterator[None]:
    """Within it NVIDIA GPUs multiply what is in single precision ``exact`` or in TF32, whose
    products have 10 bits of mantissa and are several times as fast.

    By itself torch uses TF32 for convolutions and not for linear layers.
    """
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # type: ignore[attr-defined]
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee" if exact else "tf32"
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.fp32_precision = value


class Precision:
    """With what numbers a run computes: ``name`` is float32, bfloat16 or float16.

    float16 reaches down to 6e-8 only, and gradients are smaller than that; the loss is scaled up
    before the backward pass and the gradients down again behind it (Micikevicius et al. 2018,
    section 3.2). A step whose gradients overflow is left out, and the scale lowered.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self._device = device
        self._scaler = torch.amp.GradScaler(device.type, enabled=name == "float16")

    def autocast(self) -> AbstractContextManager[object]:
        """Inside it convolutions and linear layers compute in half precision."""
        kind = _TYPES.get(self.name)
        return torch.autocast(self._device.type, kind, enabled=kind is not None)

    def backward(self, loss: Tensor) -> None:
        """Run the backward pass, which adds to the gradients; they are scaled until ``unscale``."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: optim.Optimizer) -> None:
        """Let the gradients be those of the loss itself, before they are looked at."""
        if self.name == "float16":
            self._scaler.unscale_(optimizer)

    def step(self, optimizer: optim.Optimizer) -> None:
        """Let the optimizer step, unless a gradient is infinite because of the scale."""
        self._scaler.step(optimizer)
        self._scaler.update()

    @property
    def overflows(self) -> bool:
        """Whether a gradient may be infinite because of the scale, which ``step`` passes over."""
        return self.name == "float16"

    def state(self) -> dict[str, Tensor]:
        """The scale and for how many steps it has held, for a checkpoint."""
        state = self._scaler.state_dict()
        names = ("scale", "_growth_tracker")
        return {name: torch.tensor(float(state[name])) for name in names if name in state}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on with the scale of ``state``; nothing where it holds none."""
        if state and self.name == "float16":
            now = self._scaler.state_dict()
            self._scaler.load_state_dict(
                {
                    **now,
                    "scale": float(state["scale"]),
                    "_growth_tracker": int(state["_growth_tracker"]),
                }
            )
