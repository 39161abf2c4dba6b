"""What a recipe comes to: the network, its optimizer, its batches and its loss, ready to train."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn, optim

from studio.engine.augment import Augment
from studio.engine.data import DataSet, normalization
from studio.engine.feed import Feed
from studio.engine.loss import Loss
from studio.engine.memory_format import memory_format
from studio.engine.mixing import Mixing
from studio.engine.module import build_module, has_batch_norm
from studio.engine.optimizers import build_optimizer, freeze
from studio.engine.precision import Precision
from studio.engine.synced_norm import synchronize
from studio.engine.team import ALONE, Team
from studio.engine.whitening import whiten
from studio.project import augmentation
from studio.project.values import Project


@dataclass(frozen=True)
class Assembly:
    """The tools of a run. ``fixed`` are the norms whose statistics stay as they are."""

    module: nn.Module
    precision: Precision
    optimizer: optim.Optimizer
    feed: Feed
    loss: Loss
    mixing: Mixing
    fixed: list[nn.Module]


def assemble(
    project: Project,
    data: DataSet,
    precision: str,
    device: torch.device,
    team: Team = ALONE,
) -> Assembly:
    """All that training ``project`` takes, on ``device``; the network is initialized, and what
    starts as whitening is measured on the training images."""
    recipe = project.recipe
    module = build_module(project.network, recipe.seed, str(device))
    layout = memory_format(recipe.channels_last, module, device)
    module.to(memory_format=layout)
    if recipe.sync_batch_norm and team.size > 1:
        synchronize(module)
    fixed = freeze(module, recipe.node_rates)
    numbers = Precision(precision, device)
    mean, deviation = normalization(project.data.normalization, data.mean, data.deviation)
    augments = augmentation.summary(recipe) != "none"
    feed = Feed(
        data,
        device,
        mean,
        deviation,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        drop_single=has_batch_norm(module),
        accumulate=recipe.accumulate,
        augment=(lambda mean: Augment(recipe, mean)) if augments else None,
        memory_format=layout,
        team=team,
    )
    whiten(module, feed.sample)
    labels = data.labels[data.splits["train"]]
    return Assembly(
        module=module,
        precision=numbers,
        optimizer=build_optimizer(recipe, module, may_skip=numbers.overflows),
        feed=feed,
        loss=Loss(recipe, np.bincount(labels, minlength=len(data.classes)), device),
        mixing=Mixing(recipe),
        fixed=fixed,
    )
