"""One short training that all export tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch

from studio.engine import TorchEngine
from studio.project.templates import build


@pytest.fixture(scope="package")
def engine() -> Iterator[TorchEngine]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield TorchEngine()
    torch.set_num_threads(threads)


@pytest.fixture(scope="package")
def trained(engine: TorchEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: the quick-start network on 16×16 digits, trained for two epochs."""
    project = build("quickstart", (1, 16, 16))
    recipe = msgspec.structs.replace(project.recipe, epochs=2, device="cpu", batch_size=32)
    folder = tmp_path_factory.mktemp("runs") / "digits-20260102-030405"
    handle = engine.start(msgspec.structs.replace(project, recipe=recipe), folder)
    assert handle.join(120)
    return folder
