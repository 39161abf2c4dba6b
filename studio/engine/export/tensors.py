"""The formats that hold the weights alone: state dict, safetensors, torchvision's checkpoint."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
import torch
from torch import Tensor, nn

from studio.engine.export.card import KEY, card
from studio.engine.export.torchvision_checkpoint import as_torchvision
from studio.engine.export.writing import Exported
from studio.engine.loading import TrainedModel
from studio.engine.module import build_empty
from studio.runs.files import replacing, write_whole

Weights = dict[str, Tensor]


def state_dict_bytes(weights: Weights) -> bytes:
    """A plain ``torch.save`` of tensors; equal weights give equal bytes."""
    content = io.BytesIO()
    torch.save(weights, content)
    return content.getvalue()


def weights_of(module: nn.Module) -> Weights:
    """The module's state dict without what torch hangs onto it."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _fill(module: nn.Module, weights: Weights) -> Callable[[Tensor], Tensor]:
    """``module``, which may be on the meta device, with ``weights``, strictly, in evaluation."""
    module.load_state_dict(weights, strict=True, assign=True)
    return cast(Callable[[Tensor], Tensor], module.eval())


def _read_state_dict(path: Path) -> Weights:
    return cast(Weights, torch.load(path, map_location="cpu", weights_only=True))


def write_state_dict(model: TrainedModel, path: Path) -> Exported:
    """A dict of tensors that ``torch.load(path, weights_only=True)`` reads."""
    write_whole(path, state_dict_bytes(weights_of(model.module)))
    return Exported(
        (path,),
        lambda: _fill(build_empty(model.project.network), _read_state_dict(path)),
        "It was loaded with torch.load(weights_only=True)",
    )


def write_safetensors(model: TrainedModel, path: Path) -> Exported:
    """The weights, with classes and preprocessing in the header."""
    from safetensors.torch import load_file, save_file

    header = {KEY: msgspec.json.encode(card(model)).decode()}
    with replacing(path) as beside:
        save_file(weights_of(model.module), beside, header)
    return Exported(
        (path,),
        lambda: _fill(build_empty(model.project.network), load_file(path)),
        "It was loaded with safetensors",
    )


def write_torchvision(model: TrainedModel, path: Path) -> Exported:
    """A state dict for ``torchvision.models``; raises WorkFailed for any other network."""
    name, make, weights = as_torchvision(model)
    write_whole(path, state_dict_bytes(weights))
    return Exported(
        (path,),
        lambda: _fill(make(), _read_state_dict(path)),
        f"torchvision.models.{name}(num_classes={len(model.classes)}) took it with strict=True",
    )
