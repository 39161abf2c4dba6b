"""A training step of the modules that are built from networks, against torchvision's own."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.commands.benchmarks.harness import Goal, Report, interleave
from studio.engine.devices import choose_device, synchronize
from studio.engine.module import build_module
from studio.project.templates import build

TITLE = "seconds of forward and backward passes, ours and torchvision's"
_NETWORKS = ("resnet50", "googlenet", "mobilenet_v2", "convnext_tiny")
_ASIDE: dict[str, dict[str, bool | float]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "convnext_tiny": {"stochastic_depth_prob": 0.0},
}
"""What torchvision's has beyond the template."""
_BATCH, _SIDE, _CLASSES = 4, 96, 10
_STEPS = 3
_GOAL = 0.98
"""Of torchvision's speed."""
_BUILD_GOAL = 1.0  # seconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Time some steps of several networks both ways, in turns, and the building of ResNet-152."""
    from torchvision import models

    device = torch.device(choose_device("auto").name)
    size = (3, _SIDE, _SIDE)
    ours, theirs = [], []
    for name in _NETWORKS:
        network = build(name, size, _CLASSES).network
        ours.append(build_module(network, 0, str(device)).train())
        extra = _ASIDE.get(name, {})
        made = models.get_model(name, weights=None, num_classes=_CLASSES, **extra)
        theirs.append(made.to(device).train())
    images = torch.rand(_BATCH, *size, device=device)
    labels = torch.arange(_BATCH, device=device) % _CLASSES
    report = interleave(
        "module",
        {
            "torchvision": lambda: _steps(theirs, images, labels),
            "ours": lambda: _steps(ours, images, labels),
            "building resnet152": _build,
        },
        baseline="torchvision",
        rounds=rounds,
        progress=progress,
    )
    speed = 1 / report.ratio("ours").median
    built = report.case("building resnet152").median
    goals = (
        Goal(f"at least {_GOAL} of torchvision's speed on {device} ({speed:.3f})", speed >= _GOAL),
        Goal(f"ResNet-152 built under {_BUILD_GOAL:g} s", built < _BUILD_GOAL),
    )
    return msgspec.structs.replace(report, goals=goals)


def _steps(modules: list[nn.Module], images: Tensor, labels: Tensor) -> float:
    start = time.perf_counter()
    for module in modules:
        for _ in range(_STEPS):
            module.zero_grad()
            functional.cross_entropy(module(images), labels).backward()  # type: ignore[no-untyped-call]
    synchronize(images.device)
    return time.perf_counter() - start


def _build() -> float:
    network = build("resnet152").network
    start = time.perf_counter()
    build_module(network, 0)
    return time.perf_counter() - start
