"""Batch norm that measures the whole batch of a team, and not each process's part of it."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional


class _Sum(Function):
    """The sum over the team; the gradient of a sum is the sum of the gradients."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor) -> Tensor:
        total = numbers.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


class _Synced:
    """The forward of a batch norm whose mean and variance are those of all processes' images.

    torch's SyncBatchNorm does the same on GPUs alone. Two passes, as the difference of squares
    would lose digits where the mean is large.
    """

    def forward(self, images: Tensor) -> Tensor:
        norm = cast(nn.BatchNorm2d, self)
        if not norm.training:
            return functional.batch_norm(
                images, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0,
                norm.eps,
            )  # fmt: skip
        values = images.float()  # autocast leaves norms in float32, too
        axes = [axis for axis in range(images.dim()) if axis != 1]
        shape = [1, -1, *[1] * (images.dim() - 2)]
        here = values.sum(axes)
        count = torch.tensor([float(values.numel() // values.shape[1])], device=values.device)
        together = _sum(torch.cat((here, count)))
        total = together[-1].detach()
        mean = together[:-1] / total
        centered = values - mean.view(shape)
        variance = _sum(centered.square().sum(axes)) / total
        result = centered * (variance + norm.eps).rsqrt().view(shape)
        if norm.affine:
            result = result * norm.weight.view(shape) + norm.bias.view(shape)
        _remember(norm, mean.detach(), variance.detach(), total)
        return result.to(images.dtype)


class SyncedBatchNorm1d(_Synced, nn.BatchNorm1d):
    """Of vectors ``(B, N)``."""


class SyncedBatchNorm2d(_Synced, nn.BatchNorm2d):
    """Of feature maps ``(B, C, H, W)``."""


def synchronize(module: nn.Module) -> None:
    """Let every batch norm of ``module`` measure over the team from now on; parameters, buffers
    and names stay."""
    for layer in module.modules():
        if type(layer) is nn.BatchNorm2d:
            layer.__class__ = SyncedBatchNorm2d
        elif type(layer) is nn.BatchNorm1d:
            layer.__class__ = SyncedBatchNorm1d


def _sum(numbers: Tensor) -> Tensor:
    return cast(Tensor, _Sum.apply(numbers))


@torch.no_grad()
def _remember(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, total: Tensor) -> None:
    """Follow the statistics as torch does: with the unbiased variance."""
    if not norm.track_running_stats:
        return
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = norm.momentum
    if share is None:  # a plain mean over all batches
        share = 1.0 / float(norm.num_batches_tracked)
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance * total / (total - 1).clamp(min=1), share)
