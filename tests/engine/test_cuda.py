"""The same on an NVIDIA GPU; left out where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.engine import TorchEngine, devices
from studio.engine.data import DataReader
from studio.engine.feed import Feed
from studio.engine.loss import Targets, hits
from studio.engine.module import build_module, logits, parameterized_layers
from studio.engine.optimizers import build_optimizer
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
    project = small_project()
    device = torch.device("cuda:0")
    data = DataReader().read(project.data, (1, 8, 8))
    module = build_module(project.network, 0, "cuda:0")
    optimizer = build_optimizer(project.recipe, module)
    feed = Feed(data, device, data.mean, data.deviation, batch_size=128)
    layers = parameterized_layers(module)
    telemetry = Telemetry(tuple(layers))
    recorder = Recorder(telemetry, MetricsWriter(tmp_path / "m.sqlite"), layers, Stopwatch())
    for step, part in enumerate(feed.parts(0)):
        if step == 2:  # the first steps load kernels
            torch.cuda.set_sync_debug_mode("error")
        outputs = logits(module, part.images)
        loss = torch.nn.functional.cross_entropy(outputs, part.labels)
        optimizer.zero_grad()
        loss.backward()
        recorder.see(loss, hits(outputs, Targets(part.labels)), part)
        recorder.record(step, 1, 0.1)
        optimizer.step()
    torch.cuda.set_sync_debug_mode("default")
    recorder.drain()
    assert len(telemetry) == 9


def test_the_gpu_that_computes_is_found_in_the_statistics() -> None:
    found = read_system().gpu(devices.device_uuid("cuda:0"))
    assert found is not None
    assert found.name in TorchEngine().machine().devices[0].title
