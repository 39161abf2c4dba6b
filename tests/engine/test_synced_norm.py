"""Synchronized batch norm against torch's batch norm over the whole batch."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from studio.engine.synced_norm import SyncedBatchNorm2d, synchronize


def _work(rank: int, port_file: str, results: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{port_file}", rank=rank, world_size=2)
    torch.manual_seed(0)
    images = 100 + 3 * torch.randn(7, 5, 4, 3)
    weights = torch.randn(7, 5, 4, 3)
    norm = nn.Sequential(nn.BatchNorm2d(5, momentum=0.3))
    with torch.no_grad():
        norm[0].weight.uniform_(0.5, 2)
        norm[0].bias.normal_()
    synchronize(norm)
    part = slice(0, 2) if rank == 0 else slice(2, 7)
    mine = images[part].clone().requires_grad_()
    outputs = norm(mine)
    (outputs * weights[part]).sum().backward()
    slopes = torch.cat([norm[0].weight.grad, norm[0].bias.grad])
    dist.all_reduce(slopes)
    torch.save(
        {
            "outputs": outputs.detach(), "gradient": mine.grad, "slopes": slopes,
            "mean": norm[0].running_mean, "variance": norm[0].running_var,
        },
        f"{results}/{rank}.pt",
    )  # fmt: skip
    dist.destroy_process_group()


def test_two_parts_are_normalized_as_torch_normalizes_the_whole(tmp_path: Path) -> None:
    mp.spawn(_work, (str(tmp_path / "meet"), str(tmp_path)), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    torch.manual_seed(0)
    images = (100 + 3 * torch.randn(7, 5, 4, 3)).requires_grad_()
    weights = torch.randn(7, 5, 4, 3)
    norm = nn.BatchNorm2d(5, momentum=0.3)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    outputs = norm(images)
    (outputs * weights).sum().backward()
    for ours, theirs, tolerance in (
        (torch.cat([part["outputs"] for part in parts]), outputs, 1e-4),
        (torch.cat([part["gradient"] for part in parts]), images.grad, 1e-4),
        (parts[0]["slopes"], torch.cat([norm.weight.grad, norm.bias.grad]), 1e-3),
        (parts[1]["mean"], norm.running_mean, 1e-4),
        (parts[1]["variance"], norm.running_var, 1e-4),
    ):
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def test_outside_of_training_it_uses_its_statistics_and_keeps_its_names() -> None:
    plain, synced = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    for norm in (plain, synced):
        norm.running_mean.fill_(2.0)
        norm.running_var.fill_(4.0)
    synchronize(synced)
    assert isinstance(synced, SyncedBatchNorm2d)
    assert isinstance(synced, nn.BatchNorm2d)
    assert list(synced.state_dict()) == list(plain.state_dict())
    images = torch.randn(2, 3, 4, 4)
    assert torch.equal(plain.eval()(images), synced.eval()(images))
