"""Convolutions that start as whitening: measured on what they receive of the training images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGES = 2048
"""How many training images the patches are taken from; 2 million patches of a 32×32 image."""
EPSILON = 5e-4
"""Added to the variances, so that directions in which nothing varies are not blown up."""
_CHUNK = 128


@torch.inference_mode()
def whiten(module: nn.Module, images: Callable[[int], Tensor]) -> None:
    """Fill the weights of the convolutions that ask for it, in the order of the network.

    ``images(n)`` gives n normalized training images. The filters are the eigenvectors of the
    second moment of the patches, each divided by the root of its eigenvalue, largest first; then
    the same with the other sign, so that a rectifier behind loses neither side. Filters beyond
    these keep their start (Coates & Ng 2012, section 4; Page 2019; Jordan 2024, section 3.1).
    """
    layers = [
        layer
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d) and layer.initialization == "whitening"
    ]
    if not layers:
        return
    training = module.training
    module.eval()
    batch = images(IMAGES)
    for layer in layers:
        moments = _second_moments(module, layer, batch)
        for filters, moment in zip(layer.weight.chunk(layer.groups), moments, strict=True):
            _fill(filters, moment)
    module.train(training)


def _second_moments(module: nn.Module, layer: nn.Conv2d, images: Tensor) -> Tensor:
    """``(groups, P, P)``, double, of the patches of ``P`` values that ``layer`` sees."""
    size = layer.weight[0].numel()
    total = torch.zeros(layer.groups, size, size, dtype=torch.float64)
    count = 0

    def look(_: nn.Module, received: tuple[Tensor, ...]) -> None:
        nonlocal count
        maps = received[0].float()
        reach = layer.dilation[0] * (layer.kernel_size[0] - 1) + 1
        patches = functional.unfold(
            maps,
            layer.kernel_size,
            layer.dilation,
            # Without padding where there is room: no image has these zeros in it.
            0 if min(maps.shape[-2:]) >= reach else reach // 2,
            layer.stride,
        )
        grouped = patches.view(len(patches), layer.groups, size, -1).transpose(0, 1)
        flat = grouped.transpose(1, 2).flatten(2)
        total.add_((flat @ flat.mT).cpu().double())
        count += flat.size(2)

    handle = layer.register_forward_pre_hook(look)
    try:
        for part in torch.split(images, _CHUNK):
            module(part)
    finally:
        handle.remove()
    return total / max(count, 1)


def _fill(filters: Tensor, moment: Tensor) -> None:
    """The first rows of ``filters`` from the second moment of one group's patches."""
    variances, directions = torch.linalg.eigh(moment)
    scaled = (directions / (variances.clamp(min=0) + EPSILON).sqrt()).T.flip(0)
    both = torch.cat((scaled, -scaled))[: len(filters)]
    filters[: len(both)] = both.to(filters).view(len(both), *filters.shape[1:])
