"""The formats that hold the whole computation: torch.export's program and ONNX."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import torch
from torch import Tensor

from studio.engine.export.card import KEY, card
from studio.engine.export.writing import Exported
from studio.engine.loading import TrainedModel
from studio.runs.api import WorkFailed
from studio.runs.files import write_whole

CARD_FILE = f"{KEY}.json"
_ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def _example(model: TrainedModel) -> Tensor:
    """Two images: torch takes a batch of one for a fixed size."""
    return torch.zeros((2, *model.input_shape))


def write_torch_export(model: TrainedModel, path: Path) -> Exported:
    """A ``.pt2`` program for any batch size, with the card as an extra file."""
    with _quiet():
        batch = torch.export.Dim.DYNAMIC
        traced = torch.export.export(model.module, (_example(model),), dynamic_shapes=({0: batch},))
        text = msgspec.json.encode(card(model)).decode()
        # In memory first: where the disk is full, torch's writer ends the whole process.
        content = io.BytesIO()
        torch.export.save(traced, content, extra_files={CARD_FILE: text})
    write_whole(path, content.getvalue())
    return Exported((path,), lambda: _load_torch_export(path), "torch.export.load read it")


def _load_torch_export(path: Path) -> Callable[[Tensor], Tensor]:
    with _quiet():
        return cast(Callable[[Tensor], Tensor], torch.export.load(path).module())


def write_onnx(model: TrainedModel, path: Path) -> Exported:
    """An ONNX model for any batch size, with the card in its metadata; raises WorkFailed without
    the packages that it needs."""
    missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise WorkFailed(
            f"ONNX needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed.",
            f"Run: python -m pip install {' '.join(missing)}",
        )
    import onnx

    with _quiet():
        exported = torch.onnx.export(
            model.module,
            (_example(model),),
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            dynamo=True,
            verbose=False,
        )
    assert exported is not None
    graph: Any = exported.model_proto
    entry = graph.metadata_props.add()
    entry.key, entry.value = KEY, msgspec.json.encode(card(model)).decode()
    onnx.checker.check_model(graph)
    write_whole(path, graph.SerializeToString())
    return Exported((path,), lambda: _load_onnx(path), "onnxruntime ran it")


def _load_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def compute(images: Tensor) -> Tensor:
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        return torch.from_numpy(logits)

    return compute


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch's exporters from printing their progress and their own deprecations."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
