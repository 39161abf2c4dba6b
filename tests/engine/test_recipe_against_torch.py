"""Every choice of the recipe against a plain loop of torch, written without our code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn, optim
from torch.nn import functional

from studio.engine.checkpoint import read_checkpoint
from studio.engine.feed import epoch_order
from studio.project.values import Chosen, Project
from tests.engine.helpers import train
from tests.engine.test_training import plain_digits, plain_project, plain_start

EPOCHS, BATCH, STEPS = 3, 100, 11

Parameters = list[nn.Parameter]
Loop = Callable[[nn.Module], tuple[optim.Optimizer, Any]]


def plain_losses(
    project: Project,
    make: Callable[[nn.Module], optim.Optimizer],
    *,
    scheduler: Callable[[optim.Optimizer], Any] | None = None,
    smoothing: float = 0.0,
    clip: Callable[[Parameters], object] = lambda parameters: None,
    after_step: Callable[[nn.Module], None] = lambda module: None,
    weights: torch.Tensor | None = None,
) -> list[float]:
    """The losses of a loop by hand over three epochs of the digits."""
    module = plain_start(project)
    optimizer = make(module)
    follow = scheduler(optimizer) if scheduler else None
    images, labels, positions = plain_digits(project)
    losses = []
    for epoch in range(EPOCHS):
        order = positions[epoch_order(0, epoch, len(positions))]
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            outputs, truth = module(images[batch]), labels[batch]
            if weights is None:
                loss = functional.cross_entropy(outputs, truth, label_smoothing=smoothing)
            else:
                each = functional.cross_entropy(outputs, truth, reduction="none")
                loss = (each * weights[truth]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            clip(list(module.parameters()))
            optimizer.step()
            after_step(module)
            if follow is not None:
                follow.step()
            losses.append(loss.item())
    return losses


def check(project: Project, folder: Path, losses: list[float], exact: bool = False) -> None:
    """The run's losses are ``losses``; up to rounding where the sums have another order."""
    run, _ = train(project, folder)
    ours = run.telemetry.loss.values
    assert len(ours) == len(losses) == EPOCHS * STEPS
    if exact:
        assert ours.tolist() == losses
    assert ours == pytest.approx(np.array(losses), rel=2e-4)
    assert losses[-1] < losses[0]


def split(module: nn.Module) -> tuple[Parameters, Parameters]:
    """The weights of the convolution and the linear layer; the norm's and the biases."""
    small = [module.norm.weight, module.norm.bias, module.head.bias]
    return [module.conv.weight, module.head.weight], small


OPTIMIZERS: dict[str, tuple[Chosen, float, Callable[[nn.Module], optim.Optimizer]]] = {
    "adamw": (
        Chosen("adamw", {"beta1": 0.8, "weight_decay": 0.1}),
        0.003,
        lambda m: optim.AdamW(m.parameters(), 0.003, (0.8, 0.999), weight_decay=0.1, fused=True),
    ),
    "adam with amsgrad": (
        Chosen("adam", {"amsgrad": True, "weight_decay": 0.01}),
        0.003,
        lambda m: optim.Adam(m.parameters(), 0.003, amsgrad=True, weight_decay=0.01, fused=True),
    ),
    "adagrad": (
        Chosen("adagrad", {"initial": 0.1, "rate_decay": 0.01, "weight_decay": 0.001}),
        0.02,
        lambda m: optim.Adagrad(m.parameters(), 0.02, 0.01, 0.001, 0.1, 1e-10, fused=True),
    ),
    "centered rmsprop": (
        Chosen("rmsprop", {"centered": True, "alpha": 0.9}),
        0.001,
        lambda m: optim.RMSprop(m.parameters(), 0.001, 0.9, centered=True, foreach=True),
    ),
    "dampened momentum": (
        Chosen("momentum", {"momentum": 0.8, "dampening": 0.5}),
        0.05,
        lambda m: optim.SGD(m.parameters(), 0.05, 0.8, dampening=0.5, fused=True),
    ),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_each_optimizer_takes_the_steps_of_torchs(tmp_path: Path, kind: str) -> None:
    chosen, rate, make = OPTIMIZERS[kind]
    project = plain_project(optimizer=chosen, learning_rate=rate)
    check(project, tmp_path / "run", plain_losses(project, make), exact=True)


def test_muon_steps_matrices_as_torchs_muon_and_the_rest_as_adamw(tmp_path: Path) -> None:
    chosen = Chosen("muon", {"ends": False, "adam_share": 0.1, "weight_decay": 0.02})
    project = plain_project(optimizer=chosen, learning_rate=0.02)

    class Both(optim.Optimizer):
        """torch's Muon on the matrices, its AdamW on the rest; convolutions flattened by hand."""

        def __init__(self, module: nn.Module) -> None:
            self.matrices, small = split(module)
            self.flat = [nn.Parameter(p.detach().flatten(1).clone()) for p in self.matrices]
            self.muon = optim.Muon(self.flat, 0.02, weight_decay=0.02)
            self.adamw = optim.AdamW(small, 0.002, weight_decay=0.02)
            super().__init__(module.parameters(), {})

        def step(self) -> None:  # type: ignore[override]
            for flat, matrix in zip(self.flat, self.matrices, strict=True):
                flat.grad = matrix.grad.flatten(1)
            self.muon.step()
            self.adamw.step()
            for flat, matrix in zip(self.flat, self.matrices, strict=True):
                matrix.data.copy_(flat.data.view_as(matrix))

    run, _ = train(project, tmp_path / "run")
    losses = plain_losses(project, Both)
    # torch's iterates in bfloat16, ours on a processor in float32.
    assert run.telemetry.loss.values == pytest.approx(np.array(losses), rel=0.02)
    assert losses[-1] < 0.4 * losses[0]


def test_norms_and_biases_do_not_decay_where_the_recipe_says_so(tmp_path: Path) -> None:
    settings = {"weight_decay": 0.05, "decay_norms": False}
    project = plain_project(optimizer=Chosen("momentum", settings), learning_rate=0.05)

    def make(module: nn.Module) -> optim.Optimizer:
        large, small = split(module)
        groups = [{"params": large, "weight_decay": 0.05}, {"params": small}]
        return optim.SGD(groups, 0.05, 0.9)

    check(project, tmp_path / "run", plain_losses(project, make))


def test_a_layer_rate_multiplies_the_learning_rate_of_its_node_alone(tmp_path: Path) -> None:
    project = plain_project(
        optimizer=Chosen("momentum"), learning_rate=0.05, node_rates={"features": 0.1}
    )

    def make(module: nn.Module) -> optim.Optimizer:
        features = [module.conv.weight, *module.norm.parameters()]
        groups = [{"params": features, "lr": 0.005}, {"params": module.head.parameters()}]
        return optim.SGD(groups, 0.05, 0.9)

    check(project, tmp_path / "run", plain_losses(project, make))


def test_a_frozen_node_keeps_weights_and_statistics_and_shows_no_gradient(tmp_path: Path) -> None:
    from studio.engine.module import build_module

    project = plain_project(node_rates={"features": 0.0}, averaging=0.9)
    run, _ = train(project, tmp_path / "run")
    saved = read_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    fresh = build_module(project.network, 0).state_dict()
    for state in (saved.model, saved.average):
        for name, value in fresh.items():
            assert torch.equal(value, state[name]) == name.startswith("features"), name
    norms = run.telemetry.gradients.rows
    assert run.telemetry.layers == ("features.conv1", "features.bn1", "head")
    assert (norms[:, :2] == 0).all()
    assert (norms[:, 2] > 0).all()


def sgd(module: nn.Module) -> optim.Optimizer:
    return optim.SGD(module.parameters(), 0.1, fused=True)


TOTAL = EPOCHS * STEPS
_schedules = optim.lr_scheduler
SCHEDULES: dict[str, tuple[Chosen, Callable[[optim.Optimizer], Any]]] = {
    "cosine": (Chosen("cosine"), lambda o: _schedules.CosineAnnealingLR(o, TOTAL)),
    "polynomial": (
        Chosen("polynomial", {"power": 2.0}), lambda o: _schedules.PolynomialLR(o, TOTAL, 2.0)
    ),
    "one cycle": (
        Chosen("one_cycle"),
        lambda o: _schedules.OneCycleLR(o, 0.1, TOTAL, cycle_momentum=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SCHEDULES)
def test_each_schedule_gives_the_run_of_torchs(tmp_path: Path, kind: str) -> None:
    chosen, scheduler = SCHEDULES[kind]
    project = plain_project(optimizer=Chosen("sgd"), learning_rate=0.1, schedule=chosen)
    check(project, tmp_path / "run", plain_losses(project, sgd, scheduler=scheduler))


def test_label_smoothing_is_torchs(tmp_path: Path) -> None:
    project = plain_project(optimizer=Chosen("sgd"), learning_rate=0.1, label_smoothing=0.1)
    check(project, tmp_path / "run", plain_losses(project, sgd, smoothing=0.1))


def test_class_weights_scale_the_loss_of_each_image(tmp_path: Path) -> None:
    given = [1, 2, 1, 0.5, 1, 1, 3, 1, 1, 1]
    project = plain_project(
        optimizer=Chosen("sgd"), learning_rate=0.1, class_weighting="given",
        class_weights=", ".join(map(str, given)),
    )  # fmt: skip
    check(project, tmp_path / "run", plain_losses(project, sgd, weights=torch.tensor(given)))


@pytest.mark.parametrize(
    ("settings", "clip"),
    [
        ({"clip_norm": 0.3}, lambda p: nn.utils.clip_grad_norm_(p, 0.3)),
        ({"clip_value": 0.02}, lambda p: nn.utils.clip_grad_value_(p, 0.02)),
    ],
    ids=["norm", "value"],
)
def test_clipping_is_torchs(
    tmp_path: Path, settings: dict[str, float], clip: Callable[[Parameters], object]
) -> None:
    project = plain_project(optimizer=Chosen("sgd"), learning_rate=0.1, **settings)
    losses = plain_losses(project, sgd, clip=clip)
    assert losses[1:] != plain_losses(project, sgd)[1:]  # it does clip
    check(project, tmp_path / "run", losses)


def test_the_average_is_that_of_a_loop_by_hand_and_is_what_is_validated(tmp_path: Path) -> None:
    project = plain_project(optimizer=Chosen("sgd"), learning_rate=0.1, averaging=0.9)
    averages: dict[str, torch.Tensor] = {}
    taken = 0

    def take_in(module: nn.Module) -> None:
        nonlocal taken
        keep = min(0.9, (1 + taken) / (10 + taken)) if taken else 0.0
        for name, value in module.state_dict().items():
            old = averages.get(name, torch.zeros_like(value))
            averages[name] = keep * old + (1 - keep) * value if value.is_floating_point() else value
        taken += 1

    check(project, tmp_path / "run", plain_losses(project, sgd, after_step=take_in))
    saved = read_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    assert saved.weights is saved.average
    for (name, ours), expected in zip(
        saved.average.items(), _in_order(saved.average, averages), strict=True
    ):
        assert torch.allclose(ours.float(), expected.float(), rtol=1e-3, atol=1e-5), name


def _in_order(ours: dict[str, torch.Tensor], plain: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The plain network's tensors under our names."""
    names = {"features.conv1": "conv", "features.bn1": "norm", "head": "head"}
    return [plain[f"{names[n.rpartition('.')[0]]}.{n.rpartition('.')[2]}"] for n in ours]


def test_accumulated_batches_step_as_one_large_batch(tmp_path: Path) -> None:
    # Group norm, since batch norm measures each batch by itself.
    from studio.project.values import DataSettings, Node, Recipe
    from tests.engine.helpers import chain

    network = chain(
        Node("input", "input", {"channels": 1, "height": 8, "width": 8}),
        Node("conv", "convolution", {"channels": 6}),
        Node("act", "activation"),
        Node("flatten", "flatten"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    shared = {"epochs": 2, "device": "cpu", "optimizer": Chosen("momentum"), "seed": 3,
              "class_weighting": "balanced", "clip_norm": 1.0}  # fmt: skip
    small = Project(network, DataSettings(), Recipe(batch_size=25, accumulate=4, **shared))
    large = Project(network, DataSettings(), Recipe(batch_size=100, **shared))
    one, _ = train(small, tmp_path / "small")
    other, _ = train(large, tmp_path / "large")
    # 1,079 images: ten steps of 100 and a last one of 79, which is four batches, the last of 4.
    assert len(one.telemetry) == len(other.telemetry) == 22
    for column in ("loss", "accuracy"):
        ours, theirs = (getattr(run.telemetry, column).values for run in (one, other))
        assert ours == pytest.approx(theirs, rel=2e-4)
    assert one.telemetry.gradients.rows == pytest.approx(other.telemetry.gradients.rows, rel=5e-3)


def test_channels_last_gives_the_same_run_up_to_rounding(tmp_path: Path) -> None:
    runs = [
        train(plain_project(channels_last=word, optimizer=Chosen("momentum")), tmp_path / word)[0]
        for word in ("on", "off")
    ]
    losses = [run.telemetry.loss.values for run in runs]
    # Later a rounding may decide which of two equal numbers a pooling takes, and grow from there:
    # with one thread it does.
    assert losses[0][:STEPS] == pytest.approx(losses[1][:STEPS], rel=1e-5)
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
    assert losses[0].tolist() != losses[1].tolist()  # so it did something
