"""Muon (Jordan et al. 2024), with AdamW for what is no matrix, in one optimizer.

torch's own takes matrices only. A convolution's weight is one here, ``(out, in · height · width)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, optim
from torch.optim.adamw import adamw

QUINTIC = (3.4445, -4.7750, 2.0315)
"""The polynomial of the iteration: its slope at 0 is as steep as it can be (Jordan's page)."""

EPSILON = 1e-8


class Muon(optim.Optimizer):
    """Groups with ``matrices`` true are stepped by Muon, the others by AdamW."""

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        lr: float,
        momentum: float,
        nesterov: bool,
        rounds: int,
        scale: str,
        betas: tuple[float, float],
        half: torch.dtype | None = None,
    ) -> None:
        """``half`` is what the iteration computes with: bfloat16 on CUDA if it is not given."""
        self._half = half
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "nesterov": nesterov,
            "rounds": rounds,
            "scale": scale,
            "betas": betas,
            "weight_decay": 0.0,
            "matrices": True,
            "factor": 1.0,
            "fused": True,  # says for load_state_dict where AdamW's step counters lie
        }
        super().__init__(groups, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Step all groups."""
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if group["matrices"]:
                for parameter in parameters:
                    self._step_matrix(parameter, group)
            elif parameters:
                self._step_others(parameters, group)

    def _step_matrix(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, keep = parameter.grad, group["momentum"]
        assert gradient is not None
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        velocity: Tensor = state["momentum_buffer"]
        velocity.lerp_(gradient, 1 - keep)
        ahead = gradient.lerp(velocity, keep) if group["nesterov"] else velocity
        matrix = ahead.flatten(1)
        half = self._half or (torch.bfloat16 if matrix.is_cuda else torch.float32)
        direction = orthogonal(matrix, group["rounds"], half)
        length = group["lr"] * _scale(group["scale"], *matrix.shape)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(direction.view(parameter.shape), alpha=-length)

    def _step_others(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = {
                    "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in parameters]
        adamw(
            parameters,
            [p.grad for p in parameters if p.grad is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=EPSILON,
            maximize=False,
        )


def orthogonal(matrix: Tensor, rounds: int, half: torch.dtype) -> Tensor:
    """About U Vᵀ for ``matrix`` = U S Vᵀ: its singular values brought to 0.7 to 1.2.

    Each round is an odd polynomial of the matrix, which acts on its singular values alone.
    """
    a, b, c = QUINTIC
    tall = matrix.size(0) > matrix.size(1)
    x = (matrix.mT if tall else matrix).to(half)
    x = x / x.norm().clamp(min=1e-7)  # no singular value is above the norm
    for _ in range(rounds):
        square = x @ x.mT
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrix.dtype).contiguous()


def _scale(name: str, rows: int, columns: int) -> float:
    if name == "original":
        return math.sqrt(max(1.0, rows / columns))
    return 0.2 * math.sqrt(max(rows, columns))
