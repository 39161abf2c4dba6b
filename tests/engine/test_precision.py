"""Half precision against plain torch, and what a recipe's precision comes to."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from studio.engine import TorchEngine, devices, trainer
from studio.engine.checkpoint import read_checkpoint
from studio.engine.feed import epoch_order
from studio.engine.precision import Precision
from studio.project.analysis import analyze
from studio.project.precision import resolve
from studio.project.templates import build
from studio.project.values import Chosen, Recipe
from studio.runs.api import Device, Finished
from studio.runs.folder import RunFolder
from tests.engine.helpers import finish, small_project, train
from tests.engine.test_training import plain_digits, plain_project, plain_start, stop_after

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_the_loss_curve_in_half_precision_is_that_of_a_loop_without_our_code(
    tmp_path: Path, name: str
) -> None:
    project = plain_project(learning_rate=0.02, epochs=2, precision=name)
    run, messages = train(project, tmp_path / "run")
    assert isinstance(messages[-1], Finished)
    assert RunFolder(tmp_path / "run").info().precision == name

    plain = plain_start(project)
    optimizer = torch.optim.SGD(plain.parameters(), 0.02, 0.9, fused=True)
    scaler = torch.amp.GradScaler("cpu", enabled=name == "float16")
    images, labels, positions = plain_digits(project)
    losses = []
    for epoch in range(2):
        order = positions[epoch_order(0, epoch, len(positions))]
        for start in range(0, len(order), 100):
            batch = order[start : start + 100]
            with torch.autocast("cpu", getattr(torch, name)):
                loss = functional.cross_entropy(plain(images[batch]), labels[batch])
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            losses.append(loss.item())
    # ``unscale_`` divides before the step and not within it, which may round the last bit.
    assert run.telemetry.loss.values.tolist() == pytest.approx(losses, rel=1e-4)
    assert losses[-1] < 0.7 * losses[0]


def test_gradient_norms_in_float16_are_those_of_the_unscaled_loss(tmp_path: Path) -> None:
    norms = [
        train(plain_project(epochs=1, precision=name), tmp_path / name)[0].telemetry.gradients.rows
        for name in ("float32", "float16")
    ]
    assert norms[1][0] == pytest.approx(norms[0][0], rel=0.02)


def test_a_step_whose_scaled_gradients_overflow_is_left_out_and_the_scale_halved() -> None:
    layer = nn.Linear(2, 1, bias=False)
    before = layer.weight.detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    precision = Precision("float16", CPU)
    scale = precision.state()["scale"]
    precision.backward(layer(torch.full((1, 2), 1e35)).sum())
    precision.unscale(optimizer)
    precision.step(optimizer)
    assert torch.equal(layer.weight, before)
    assert precision.state()["scale"] == scale / 2
    optimizer.zero_grad()
    precision.backward(layer(torch.ones(1, 2)).sum())
    precision.unscale(optimizer)
    precision.step(optimizer)
    assert torch.allclose(layer.weight, before - 0.1)


def test_gradients_that_overflow_in_float16_are_no_divergence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaler = functools.partial(torch.amp.GradScaler, init_scale=2.0**24)
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    run, messages = train(plain_project(epochs=2, precision="float16"), tmp_path / "run")
    assert isinstance(messages[-1], Finished)
    rows = run.telemetry.gradients.rows
    assert not rows[0].all()  # the steps left out show no gradient
    assert rows[-1].all()
    assert np.isfinite(rows).all()
    saved = read_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    assert saved.scaler["scale"] < 2.0**24


def test_automatic_takes_what_the_device_is_fastest_with_unless_it_would_not_pay() -> None:
    recipe = Recipe(batch_size=64)
    large, small = analyze(build("small_resnet").network), analyze(build("lenet5").network)
    depthwise = analyze(build("mobilenet_v2").network)
    assert resolve(recipe, large, "bfloat16") == "bfloat16"
    assert resolve(recipe, small, "bfloat16") == "float32"
    assert resolve(recipe, depthwise, "bfloat16") == "float32"
    assert resolve(recipe, depthwise, "bfloat16", "cuda:0") == "bfloat16"
    assert resolve(Recipe(precision="float16"), small, "bfloat16") == "float16"


def test_a_resumed_run_keeps_its_precision_whatever_automatic_comes_to_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(fastest: str) -> Device:
        return Device("cpu", "Processor", 10**9, fastest)

    engine = TorchEngine()
    project = small_project(batch_size=4, precision="auto", optimizer=Chosen("sgd"))
    monkeypatch.setattr("studio.project.precision.WORTHWHILE", 0)
    monkeypatch.setattr(devices, "choose_device", lambda wanted: found("bfloat16"))
    run = engine.start(project, tmp_path / "run")
    stop_after(run, 5)
    assert RunFolder(tmp_path / "run").info().precision == "bfloat16"
    monkeypatch.setattr(devices, "choose_device", lambda wanted: found("float32"))
    finish(engine.resume(tmp_path / "run"))
    assert RunFolder(tmp_path / "run").info().precision == "bfloat16"


@pytest.mark.parametrize(("chosen", "used"), [("auto", "tf32"), ("float32", "ieee")])
def test_automatic_multiplies_in_tf32_on_a_gpu_and_float32_exactly(
    chosen: str, used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    before = [place.fp32_precision for place in places]
    seen = []
    measure = trainer.measure

    def looking(*given: Any) -> tuple[float, float] | None:
        seen.append([place.fp32_precision for place in places])
        return measure(*given)

    monkeypatch.setattr(trainer, "measure", looking)
    train(small_project(precision=chosen, epochs=1), tmp_path / "run")
    assert seen == [[used, used]]
    assert [place.fp32_precision for place in places] == before
