"""Muon against torch's own, number for number, and what its iteration does to singular values."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from studio.engine.muon import Muon, orthogonal


@pytest.mark.parametrize("scale", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (8, 8)])
def test_steps_of_a_matrix_are_those_of_torchs_muon(
    shape: tuple[int, int], nesterov: bool, scale: str
) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    one = Muon(
        [{"params": [ours], "weight_decay": 0.5}], lr=0.1, momentum=0.9, nesterov=nesterov,
        rounds=4, scale=scale, betas=(0.9, 0.99), half=torch.bfloat16,
    )  # fmt: skip
    other = torch.optim.Muon(
        [theirs], 0.1, 0.5, 0.9, nesterov, ns_steps=4, adjust_lr_fn=scale
    )  # fmt: skip
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=generator)
        theirs.grad = ours.grad.clone()
        one.step()
        other.step()
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert (ours - start).abs().max() > 0.1


def test_the_iteration_brings_singular_values_near_one_and_keeps_their_directions() -> None:
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(20, 9, generator=generator)
    result = orthogonal(matrix[None], 5, torch.float32)[0]
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.6
    assert values.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inner = u.mT @ result @ v.mT  # diagonal where the directions are the matrix's own
    assert torch.allclose(inner, torch.diag(inner.diag()), atol=1e-3)
