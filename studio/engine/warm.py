"""A first step on a small network, so that the user's first one does not pay for it.

Building the first optimizer imports 843 modules (over a second), the first forward pass loads
kernels, and the digits come with scikit-learn.
"""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional

from studio.engine.digits import read_digits
from studio.engine.module import build_module
from studio.engine.optimizers import build_optimizer
from studio.project.values import Chosen, Edge, Network, Node, Recipe
from studio.runs.api import Device

_NODES = (
    Node("input", "input", {"channels": 1, "height": 16, "width": 16}),
    Node("vgg", "vgg", {"channels": 4, "convolutions": 1}),
    Node("pool", "global_pooling"),
    Node("linear", "linear"),
    Node("output", "output"),
)
_NETWORK = Network(
    _NODES,
    tuple(Edge(a.name, b.name) for a, b in itertools.pairwise(_NODES)),
)


def warm_up(device: Device) -> None:
    """Build, step and evaluate once on ``device``; torch's own generator is not touched."""
    pixels = torch.from_numpy(read_digits((1, 16, 16)).pixels[:4]).to(device.name).float()
    labels = torch.arange(4, device=device.name)
    module = build_module(_NETWORK, seed=0, device=device.name)
    for kind in ("momentum", "rmsprop", "adam"):
        optimizer = build_optimizer(Recipe(optimizer=Chosen(kind)), module)
        loss = functional.cross_entropy(module(pixels), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.state_dict()
    with torch.inference_mode():
        module.eval()(pixels)
