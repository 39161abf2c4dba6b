"""Gradients brought within the recipe's bounds."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.nn import utils

from studio.project.values import Recipe


def clip(parameters: Sequence[nn.Parameter], recipe: Recipe) -> None:
    """Cut single gradients to the bound of values, then shorten all to that of the norm."""
    if recipe.clip_value:
        utils.clip_grad_value_(parameters, recipe.clip_value)
    if recipe.clip_norm:
        utils.clip_grad_norm_(parameters, recipe.clip_norm)
