"""Muon (Jordan et al. 2024), with AdamW for what is no matrix, in one optimizer.

torch's own takes matrices only. A convolution's weight is one here, ``(out, in · height · width)``.
"""

from __future__ import annotations

import math
from collections import defaultdict
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
            if parameters:
                step = self._step_matrices if group["matrices"] else self._step_others
                step(parameters, group)

    def _step_matrices(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        """Step those of one shape together: a GPU waits longer for being told than it takes to
        compute."""
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            alike[parameter.flatten(1).shape].append(parameter)
        for (rows, columns), chosen in alike.items():
            matrices = self._ahead(chosen, group)
            half = self._half or (torch.bfloat16 if matrices.is_cuda else torch.float32)
            directions = orthogonal(matrices, group["rounds"], half)
            length = group["lr"] * _scale(group["scale"], rows, columns)
            steps = [d.view(p.shape) for d, p in zip(directions, chosen, strict=True)]
            torch._foreach_add_(chosen, steps, alpha=-length)

    def _ahead(self, parameters: list[Tensor], group: dict[str, Any]) -> Tensor:
        """The new velocities as matrices ``(N, rows, columns)``, with Nesterov's look ahead."""
        keep = group["momentum"]
        gradients = [p.grad for p in parameters if p.grad is not None]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        velocities: list[Tensor] = [self.state[p]["momentum_buffer"] for p in parameters]
        torch._foreach_lerp_(velocities, gradients, 1 - keep)
        ahead = velocities
        if group["nesterov"]:
            ahead = list(torch._foreach_lerp(gradients, velocities, keep))
        return torch.stack([each.flatten(1) for each in ahead])

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


def orthogonal(matrices: Tensor, rounds: int, half: torch.dtype) -> Tensor:
    """About U Vᵀ for each of ``matrices`` ``(N, rows, columns)`` = U S Vᵀ: the singular values
    brought to 0.7 to 1.2.

    Each round is an odd polynomial of the matrix, which acts on its singular values alone.
    """
    a, b, c = QUINTIC
    tall = matrices.size(1) > matrices.size(2)
    x = (matrices.mT if tall else matrices).to(half)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)  # no singular value is above it
    for _ in range(rounds):
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).to(matrices.dtype).contiguous()


def _scale(name: str, rows: int, columns: int) -> float:
    if name == "original":
        return math.sqrt(max(1.0, rows / columns))
    return 0.2 * math.sqrt(max(rows, columns))
