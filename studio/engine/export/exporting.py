"""Writes a model in a format, reads it back and compares the logits with the original's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from studio.engine.download import Watch, watch_nothing
from studio.engine.export import graphs, program, tensors
from studio.engine.export.card import as_json, card, sha256
from studio.engine.export.writing import Exported, check_target, guarded
from studio.engine.loading import TrainedModel, load
from studio.runs.api import ExportReport, WorkFailed
from studio.runs.files import write_whole

FORMATS: dict[str, tuple[str, Callable[[TrainedModel, Path], Exported]]] = {
    "state-dict": (".pt", tensors.write_state_dict),
    "safetensors": (".safetensors", tensors.write_safetensors),
    "torch-export": (".pt2", graphs.write_torch_export),
    "onnx": (".onnx", graphs.write_onnx),
    "python": (".py", program.write_python),
    "torchvision": (".pt", tensors.write_torchvision),
}
"""Each format's suffix and writer."""

_TOLERANCE = 1e-3
"""Logits of a reloaded model may differ by rounding, relative to their size, and no more."""

_IMAGES = 4


def export_model(
    source: Path,
    format: str,
    path: Path,
    checkpoint: str = "best",
    weights: bool = True,
    watch: Watch = watch_nothing,
) -> ExportReport:
    """Write the model of a run folder or project file to ``path``; raises WorkFailed in words.

    A missing suffix is added. Beside every format but ``python``, which holds it, a JSON file of
    the same name tells the classes, the preprocessing and the checksum. A project file gives
    the weights that its recipe starts from; ``watch`` is told of their download. Without
    ``weights`` the ``python`` format writes the network alone.
    """
    if format not in FORMATS:
        raise WorkFailed(f"There is no format {format!r}.", f"Choose one of {', '.join(FORMATS)}.")
    suffix, write = FORMATS[format]
    if not weights:
        if format != "python":
            raise WorkFailed(
                f"The format {format} consists of weights.", "Only python can leave them out."
            )
        write = program.write_source
    path = check_target(path, suffix)
    model = load(source, checkpoint, watch)
    with guarded(path):
        exported = write(model, path)
        files = exported.files
        if format != "python":
            files = (*files, _write_card(model, format, path))
    difference = _compare(model, exported.reload(), path)
    return ExportReport(
        format=format,
        files=tuple(str(file) for file in files),
        bytes=sum(file.stat().st_size for file in files),
        difference=difference,
        checked=f"{exported.checked}, and gave {_in_words(difference)} on {_IMAGES} random images.",
    )


def _in_words(difference: float) -> str:
    return f"logits that differ by at most {difference:.1e}" if difference else "the same logits"


def _write_card(model: TrainedModel, format: str, path: Path) -> Path:
    beside = path.with_name(path.name + ".json")
    content = {
        **card(model),
        "format": format,
        "file": path.name,
        "sha256": sha256(path.read_bytes()),
    }
    write_whole(beside, as_json(content))
    return beside


def random_images(model: TrainedModel, count: int = _IMAGES) -> Tensor:
    """Images of random pixels as the network receives them, ``(count, C, H, W)``."""
    generator = torch.Generator().manual_seed(0)
    shape = (count, *model.input_shape)
    return model.normalize(torch.randint(0, 256, shape, generator=generator))


def _compare(model: TrainedModel, reloaded: Callable[[Tensor], Tensor], path: Path) -> float:
    """The largest difference of logits; raises WorkFailed where it is more than rounding."""
    images = random_images(model)
    with torch.inference_mode():
        expected = model.module(images)
        got = reloaded(images)
    if got.shape != expected.shape:
        raise WorkFailed(f"{path} was written, but gives {tuple(got.shape)} outputs when reloaded.")
    difference = float((got - expected).abs().max())
    scale = max(1.0, float(expected.abs().max()))
    if not difference <= _TOLERANCE * scale:
        raise WorkFailed(
            f"{path} was written, but its outputs differ from the model's by {difference:.3g}.",
            "Do not use the file; export in another format.",
        )
    return difference
