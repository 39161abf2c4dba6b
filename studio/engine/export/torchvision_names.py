"""Which torchvision architecture a network is, and its weights under torchvision's names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from studio.engine.loading import TrainedModel
from studio.project.templates import TEMPLATES
from studio.runs.api import WorkFailed

# Without these the models differ from the papers' in layers that take no part in a prediction.
_OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}

_TOLERANCE = 1e-4

Found = tuple[str, Callable[[], nn.Module], dict[str, Tensor]]


def as_torchvision(model: TrainedModel) -> Found:
    """The architecture's name, what makes it (on the meta device), and the renamed weights.

    An architecture is recognized by the shapes of its parameters in order, and by giving the same
    logits with them. Raises WorkFailed for a network that is none.
    """
    from torchvision import models  # takes a second to import

    own = model.module.state_dict()
    known = [name for name in models.list_models(module=models) if name in TEMPLATES]
    for name in known:
        options = _OPTIONS.get(name, {})
        make = partial(_on_meta, models.get_model, name, len(model.classes), options)
        weights = _renamed(own, make().state_dict())
        if weights is not None and _agrees(model, make(), weights):
            return name, make, weights
    raise WorkFailed(
        "The network is no torchvision architecture, so torchvision has no place for its weights.",
        "Export a state dict or a Python file instead; templates such as resnet18 are "
        "architectures of torchvision.",
    )


def _on_meta(
    get_model: Callable[..., Any], name: str, classes: int, options: dict[str, Any]
) -> nn.Module:
    with torch.device("meta"):
        return cast(nn.Module, get_model(name, weights=None, num_classes=classes, **options))


def _renamed(own: dict[str, Tensor], theirs: dict[str, Tensor]) -> dict[str, Tensor] | None:
    """``own`` under the names of ``theirs``; None where the shapes do not match one by one."""
    shapes = {name: tuple(value.shape) for name, value in theirs.items()}
    if shapes == {name: tuple(value.shape) for name, value in own.items()}:
        return {name: own[name].detach().clone() for name in theirs}
    if [tuple(value.shape) for value in own.values()] != list(shapes.values()):
        return None
    return {name: value.detach().clone() for name, value in zip(theirs, own.values(), strict=True)}


def _agrees(model: TrainedModel, candidate: nn.Module, weights: dict[str, Tensor]) -> bool:
    """Whether ``candidate`` with ``weights`` computes what ``model`` does."""
    candidate.load_state_dict(weights, strict=True, assign=True)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((2, *model.input_shape), generator=generator)
    with torch.inference_mode():
        try:
            got = candidate.eval()(images)
        except RuntimeError:  # an input that this architecture does not take
            return False
        expected = model.module(images)
    scale = max(1.0, float(expected.abs().max()))
    return bool(got.shape == expected.shape) and bool(
        (got - expected).abs().max() <= _TOLERANCE * scale
    )
