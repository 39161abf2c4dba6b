"""The looks at activations against counting by hand, and findings of real runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from studio.engine.probe import Probe
from studio.project.analysis import analyze
from studio.project.templates import build
from studio.project.values import Project
from studio.runs.api import EpochDone, Probed, Started
from studio.runs.health import Vitals, examine
from tests.engine.helpers import train


def test_dead_channels_and_saturated_outputs_are_counted() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 8, 3)
    with torch.no_grad():
        conv.bias[:5] = -100.0  # these five are below zero for every image
    module = nn.Sequential(conv, nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8 * 36, 4),
                           nn.Sigmoid())  # fmt: skip
    with torch.no_grad():
        module[3].bias[:] = torch.tensor([50.0, -50.0, 0.0, 0.0])
        module[3].weight.mul_(0.01)
    probe = Probe(module.train(), interval=0.0)
    module(torch.rand(6, 3, 8, 8))
    probed = probe.take(7)
    assert probed == Probed(7, ("1", "4"), ("relu", "sigmoid"), (5 / 8, 0.5))
    assert probe.take(8) is None
    module.eval()(torch.rand(6, 3, 8, 8))
    assert probe.take(9) is None  # evaluation is not looked at
    probe.close()
    module.train()(torch.rand(6, 3, 8, 8))
    assert probe.take(10) is None


def test_a_look_waits_for_its_interval() -> None:
    module = nn.Sequential(nn.ReLU()).train()
    probe = Probe(module, interval=1000.0)
    for _ in range(3):
        module(torch.ones(2, 3))
    assert probe.take(0) is not None
    module(torch.ones(2, 3))
    assert probe.take(1) is None


def findings(project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What is found in a real run of ``project``, with a look at every step."""
    monkeypatch.setattr("studio.engine.probe.INTERVAL", 0.0)
    monkeypatch.setattr("studio.engine.preparing.Probe", lambda module: Probe(module, 0.0))
    monkeypatch.setattr("studio.engine.recorder.INTERVAL", 0.0)
    run, messages = train(project, folder)
    started = next(message for message in messages if isinstance(message, Started))
    rows = {row.name: row for row in analyze(project.network).layers}
    at = [
        n for n, name in enumerate(run.telemetry.layers)
        if rows[name].kind in ("convolution", "linear")
    ]  # fmt: skip
    names = tuple(run.telemetry.layers[n] for n in at)
    vitals = Vitals(
        project,
        run.telemetry.loss.values,
        run.telemetry.gradients.rows[:, at],
        names,
        tuple(rows[name].parameters for name in names),
        [message for message in messages if isinstance(message, EpochDone)],
        [message for message in messages if isinstance(message, Probed)],
        started.steps_per_epoch,
        started.mean,
        started.deviation,
        started.class_counts,
        batch_norm=any(row.kind == "batch_norm" for row in rows.values()),
    )
    return {finding.code: finding for finding in examine(vitals)}


def quick(name: str, **recipe: object) -> Project:
    project = build(name)
    settings = {"epochs": 3, "device": "cpu", "batch_size": 32, **recipe}
    return replace(project, recipe=replace(project.recipe, **settings))


@pytest.mark.parametrize(
    "name",
    [
        "quickstart",
        "lenet5",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("small_vgg", "small_resnet", "small_inception")
        ),
    ],
)
def test_healthy_templates_have_no_finding(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(quick(name), tmp_path / "run", monkeypatch) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_plain20", "cifar_plain32"])
def test_healthy_cifar_networks_have_no_finding(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert findings(quick(name, epochs=2), tmp_path / "run", monkeypatch) == {}


def test_the_sigmoid_network_is_found_to_have_vanishing_gradients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "vanishing" in findings(quick("small_sigmoid"), tmp_path / "run", monkeypatch)


def test_a_rate_a_hundred_times_too_high_and_one_too_low_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = quick("lenet5", learning_rate=1e-7)
    assert "rate-low" in findings(low, tmp_path / "low", monkeypatch)


def test_raw_pixels_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = quick("quickstart", epochs=1, learning_rate=1e-4)
    raw = replace(project, data=replace(project.data, normalization="none"))
    assert "unnormalized" in findings(raw, tmp_path / "run", monkeypatch)
