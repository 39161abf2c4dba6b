"""The same on an NVIDIA GPU; left out where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.engine import TorchEngine, devices
from studio.engine.assembly import assemble
from studio.engine.averaging import Averaging
from studio.engine.clipping import clip
from studio.engine.data import DataReader
from studio.engine.loss import hits
from studio.engine.module import logits, parameterized_layers
from studio.engine.recorder import Recorder, Stopwatch
from studio.runs.api import Finished
from studio.runs.metrics import MetricsWriter
from studio.runs.system import read_system
from studio.runs.telemetry import Telemetry
from tests.engine.helpers import small_project, train, with_recipe

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture
def guard() -> Iterator[None]:
    """Lets torch wait for the GPU again after a test that forbids it."""
    yield
    torch.cuda.set_sync_debug_mode("default")


def test_losses_are_those_of_the_processor(tmp_path: Path) -> None:
    losses = []
    for name in ("cpu", "cuda"):
        # Without dropout, whose random numbers differ between devices.
        project = with_recipe(small_project(), device=name, learning_rate=1e-3)
        nodes = [
            node if node.kind != "dropout" else type(node)(node.name, "identity")
            for node in project.network.nodes
        ]
        network = type(project.network)(tuple(nodes), project.network.edges)
        run, messages = train(type(project)(network, project.data, project.recipe), tmp_path / name)
        assert isinstance(messages[-1], Finished), messages[-1]
        losses.append(run.telemetry.loss.values)
    assert losses[0] == pytest.approx(np.array(losses[1]), rel=1e-2)


def test_a_step_does_not_wait_for_the_gpu(tmp_path: Path, guard: None) -> None:
    project = with_recipe(
        small_project(),
        batch_size=128, crop=1, flip=True, translate=0.1, cutout=2, brightness=0.1, mixup=0.2,
        cutmix=1.0, clip_norm=1.0, clip_value=1.0, averaging=0.9, label_smoothing=0.1,
    )  # fmt: skip
    device = torch.device("cuda:0")
    data = DataReader().read(project.data, (1, 8, 8))
    tools = assemble(project, data, "bfloat16", device)
    layers = parameterized_layers(tools.module)
    averaging = Averaging(tools.module, 0.9, 0)
    parameters = list(tools.module.parameters())
    telemetry = Telemetry(tuple(layers))
    recorder = Recorder(telemetry, MetricsWriter(tmp_path / "m.sqlite"), layers, Stopwatch())
    for step, part in enumerate(tools.feed.parts(0)):
        if step == 2:  # the first steps load kernels
            torch.cuda.set_sync_debug_mode("error")
        images, targets = tools.mixing(part.images, part.labels, 0, part.number)
        with tools.precision.autocast():
            outputs = logits(tools.module, images)
            loss = tools.loss(outputs, targets)
        tools.precision.backward(part.weight * loss)
        recorder.see(loss, hits(outputs, targets), part)
        recorder.record(step, 1, 0.1)
        clip(parameters, project.recipe)
        tools.precision.step(tools.optimizer)
        tools.optimizer.zero_grad()
        averaging.update(step)
    torch.cuda.set_sync_debug_mode("default")
    recorder.drain()
    assert len(telemetry) == tools.feed.steps_per_epoch


def test_the_gpu_that_computes_is_found_in_the_statistics() -> None:
    found = read_system().gpu(devices.device_uuid("cuda:0"))
    assert found is not None
    assert found.name in TorchEngine().machine().devices[0].title
