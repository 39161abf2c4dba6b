"""Every template that torchvision has is torchvision's network, by its own models.

Parameter counts, outputs in evaluation and in training mode, the gradient of every parameter and
the running statistics, with weights that came in as a file and went out as one.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.ops import StochasticDepth as TheirStochasticDepth

from studio.engine.architectures import recognize
from studio.engine.export import export_model
from studio.engine.layers import StochasticDepth
from studio.engine.module import build_module, count_parameters
from studio.engine.pretrained import load_weights
from studio.project import codec
from studio.project.pretrained import PRETRAINED
from studio.project.templates import build
from studio.project.values import Project

CLASSES = 3
# VGG's head has 100 million weights whatever the input: half the memory, and still equal to 1e-5.
SINGLE = {name for name in PRETRAINED if name.startswith("vgg")}
PLAIN: dict[str, Any] = {"googlenet": {"aux_logits": False, "init_weights": False}}

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _one_model_at_a_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test frees its memory, and waits neither for the disk nor for random numbers.

    What is not loaded stays NaN, so that nothing can agree by itself.
    """

    def spoil(module: nn.Module, seed: int) -> None:
        with torch.no_grad():
            for value in module.parameters():
                value.fill_(torch.nan)

    monkeypatch.setattr("studio.engine.module.initialize", spoil)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # beside other work, two threads wait for each other
    yield
    torch.set_num_threads(threads)
    gc.collect()


def side(name: str) -> int:
    """An input small enough to be quick, and large enough to leave batch norm several pixels."""
    return 32 if name.startswith("vgg") else 64


def theirs_of(name: str) -> nn.Module:
    """torchvision's model with seeded random weights, batch norm's statistics among them."""
    options = PLAIN.get(name, {})
    with torch.device("meta"):
        made: nn.Module = models.get_model(name, weights=None, num_classes=CLASSES, **options)
    made.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(1)
    # Cut out of one strip at ever other places: 100 million numbers of VGG's would take seconds.
    strip = torch.randn(1_000_003, generator=generator)
    twice, start = torch.cat((strip, strip)), 0
    for key, value in made.state_dict().items():
        count = value.numel()
        random = twice if count <= len(strip) else strip.repeat(count // len(strip) + 2)
        random = random[start : start + count].view(value.shape)
        start = (start + count) % len(strip)
        if not value.is_floating_point():
            value.fill_(7)
        elif key.endswith("running_var"):
            value.copy_(0.5 + random.abs())
        elif value.ndim < 2 or key.endswith("layer_scale"):
            value.copy_(0.8 * key.endswith("weight") + 0.2 * random)
        else:
            value.copy_(random * (2 / value[0].numel()) ** 0.5)
    return made


def without_chance(module: nn.Module) -> None:
    """Switch off what draws random numbers in training."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        elif isinstance(part, StochasticDepth):
            part.rate = 0.0
        elif isinstance(part, TheirStochasticDepth):
            part.p = 0.0


def off(got: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    scale = max(float(expected.abs().max()), 1e-12)
    return float((got.reshape(expected.shape) - expected).abs().max()) / scale


def starting_from(name: str, path: Path) -> Project:
    project = build(name, (3, side(name), side(name)), CLASSES)
    recipe = msgspec.structs.replace(project.recipe, weights=str(path))
    return msgspec.structs.replace(project, recipe=recipe)


@pytest.mark.parametrize("name", PRETRAINED)
def test_weights_of_torchvision_come_in_compute_the_same_and_go_out_again(
    name: str, tmp_path: Path
) -> None:
    theirs = theirs_of(name)
    given = {key: value.clone() for key, value in theirs.state_dict().items()}
    file = tmp_path / f"{name}.pth"
    torch.save(given, file)
    project = starting_from(name, file)
    codec.save(project, tmp_path / "net.studio")
    ours = build_module(project.network, seed=5)
    report = load_weights(ours, project)
    assert (report.taken, report.fresh) == (len(given), ())
    assert count_parameters(ours) == sum(p.numel() for p in theirs.parameters())

    # Out again, by the command's own way, before training mode changes the statistics.
    export_model(tmp_path / "net.studio", "torchvision", tmp_path / "back")
    file.unlink()
    back = torch.load(tmp_path / "back.pt", weights_only=True)
    (tmp_path / "back.pt").unlink()
    theirs.load_state_dict(back, strict=True)
    assert back.keys() == given.keys()
    assert all(torch.equal(back[key], given[key]) for key in given)
    del back, given

    kind = torch.float32 if name in SINGLE else torch.float64
    ours, theirs = ours.to(kind), theirs.to(kind)
    without_chance(ours)
    without_chance(theirs)
    generator = torch.Generator().manual_seed(3)
    images = torch.randn((4, 3, side(name), side(name)), generator=generator).to(kind)
    target = torch.tensor([0, 1, 2, 1])
    with torch.inference_mode():
        evaluation = off(ours.eval()(images), theirs.eval()(images))
    outputs = []
    for module in (ours, theirs):
        got = module.train()(images)
        nn.functional.cross_entropy(got, target).backward()
        outputs.append(got.detach())
    training = off(*outputs)

    architecture = recognize(project.network, ours.state_dict())
    assert architecture is not None
    assert architecture.name == name
    their_parameters = dict(theirs.named_parameters())
    own_parameters = dict(ours.named_parameters())
    gradients = {}
    for key, their_key in architecture.names.items():
        if key in own_parameters:
            mine, other = own_parameters[key].grad, their_parameters[their_key].grad
            assert mine is not None
            assert other is not None
            gradients[key] = off(mine, other)
    their_buffers = dict(theirs.named_buffers())
    statistics = [
        off(value.to(kind), their_buffers[architecture.names[key]].to(kind))
        for key, value in ours.named_buffers()
    ]
    worst = {
        "evaluation": evaluation,
        "training": training,
        "gradients": max(gradients.values()),
        "statistics": max(statistics, default=0.0),
    }
    print(name, {what: f"{value:.1e}" for what, value in worst.items()})
    assert gradients.keys() == own_parameters.keys()
    assert all(value <= 1e-5 for value in worst.values()), worst
