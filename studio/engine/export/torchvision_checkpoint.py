"""A model's weights as a checkpoint that torchvision's own model loads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from studio.engine.architectures import recognize
from studio.engine.loading import TrainedModel
from studio.runs.api import WorkFailed

_TOLERANCE = 1e-4

Found = tuple[str, Callable[[], nn.Module], dict[str, Tensor]]


def as_torchvision(model: TrainedModel) -> Found:
    """The architecture's name, what makes it (on the meta device), and the renamed weights.

    An architecture is recognized by its layers and the shapes of their tensors in order, and by
    giving the same logits with them. Raises WorkFailed for a network that is none.
    """
    own = model.module.state_dict()
    architecture = recognize(model.project.network, own)
    if architecture is not None:
        weights = architecture.rename(own)
        if _agrees(model, architecture.make(), weights):
            return architecture.name, architecture.make, weights
    raise WorkFailed(
        f"The network {model.title} is no torchvision architecture, so torchvision has no place "
        "for its weights.",
        "Export a state dict or a Python file instead; templates such as resnet18 are "
        "architectures of torchvision.",
    )


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
