"""Several views of each image, over which a network's logits are averaged when it is measured."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from functools import reduce

from torch import Tensor
from torch.nn import functional

VIEWS = ("one", "mirrored", "moved")
"""The image itself; it and its mirror image; both of these, moved by a pixel as well."""

_MOVED = 1
"""Pixels up and to the left, and down and to the right, as the speed records of CIFAR-10 measure
(Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", the section on evaluation)."""


def average_logits(forward: Callable[[Tensor], Tensor], images: Tensor, views: str) -> Tensor:
    """Logits ``(N, classes)``: the weighted mean of what ``forward`` gives for the ``views``, one
    of VIEWS, of ``images`` ``(N, C, H, W)``.

    It sees one view after the other, so that several take no more memory than one. "moved" needs
    at least two pixels each way.
    """
    return reduce(operator.add, (weight * forward(view) for weight, view in _seen(images, views)))


def _seen(images: Tensor, views: str) -> Iterator[tuple[float, Tensor]]:
    """Each view with its weight; the weights add up to 1."""
    for weight, placed in _placed(images, views == "moved"):
        if views == "one":
            yield weight, placed
        else:
            yield weight / 2, placed
            yield weight / 2, placed.flip(-1)


def _placed(images: Tensor, moved: bool) -> Iterator[tuple[float, Tensor]]:
    """The images where they are, and moved along the diagonal where that is asked for."""
    if not moved:
        yield 1.0, images
        return
    yield 0.5, images
    height, width = images.shape[-2:]
    larger = functional.pad(images, (_MOVED,) * 4, mode="reflect")
    for first in (2 * _MOVED, 0):  # up and to the left, then down and to the right
        yield 0.25, larger[..., first : first + height, first : first + width]
