"""Which torchvision architecture a network is, and its tensors under torchvision's names.

The one mapping between the two, used for weights that come in and for those that go out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from studio.project.analysis import analyze
from studio.project.pretrained import matching
from studio.project.values import Network, Shape

# Without these the models differ from the papers' in layers that take no part in a prediction.
_OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": False},
}

AUXILIARY = re.compile(r"aux\d\.")
"""What names of heads begin with that take part in training alone, as GoogLeNet's do."""


@dataclass(frozen=True)
class Architecture:
    """A network as torchvision has it: ``names`` maps the network's own names to torchvision's,
    in torchvision's order, ``shapes`` holds the shapes by the latter, ``make`` builds
    torchvision's model on the meta device."""

    name: str
    names: dict[str, str]
    shapes: dict[str, Shape]
    make: Callable[[], nn.Module]

    def rename(self, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A copy of the network's state dict ``own`` as torchvision's model takes it."""
        return {
            theirs: own[ours].detach().clone().reshape(self.shapes[theirs])
            for ours, theirs in self.names.items()
        }


def recognize(network: Network, own: Mapping[str, Tensor]) -> Architecture | None:
    """The architecture of ``network``, whose state dict is ``own``; None where it is none.

    Layers of one kind and size in the same order, and then the tensors' shapes one by one. What
    the layers are joined by is not looked at.
    """
    analysis = analyze(network)
    name = matching(analysis)
    if name is None or analysis.classes is None:
        return None
    from torchvision import models  # takes a second to import

    make = partial(_on_meta, models.get_model, name, analysis.classes, _OPTIONS.get(name, {}))
    shapes = {theirs: tuple(value.shape) for theirs, value in make().state_dict().items()}
    ordered = list(own) if shapes.keys() == own.keys() else _in_forward_order(shapes)
    if len(ordered) != len(own):
        return None
    pairs = {theirs: ours for ours, theirs in zip(own, ordered, strict=True)}
    if not all(same_values(own[ours].shape, shapes[theirs]) for theirs, ours in pairs.items()):
        return None
    return Architecture(name, {pairs[theirs]: theirs for theirs in shapes}, shapes, make)


def same_values(own: Iterable[int], theirs: Iterable[int]) -> bool:
    """Whether a tensor of one shape is the other reshaped: equal, or a 1×1 convolution that is a
    linear layer there, as in torchvision's ConvNeXt."""
    own, theirs = tuple(own), tuple(theirs)
    return own == theirs or own == (*theirs, 1, 1) or theirs == (*own, 1, 1)


def current_name(name: str) -> str:
    """``name`` as torchvision has it now. Its DenseNet checkpoints are older than its DenseNet:
    torchvision, too, renames ``denselayer1.norm.1`` to ``denselayer1.norm1`` on loading."""
    return re.sub(r"(\.denselayer\d+\.(?:norm|conv))\.(\d\.)", r"\1\2", name)


def _on_meta(
    get_model: Callable[..., Any], name: str, classes: int, options: dict[str, Any]
) -> nn.Module:
    with torch.device("meta"):
        return cast(nn.Module, get_model(name, weights=None, num_classes=classes, **options))


def _in_forward_order(names: Iterable[str]) -> list[str]:
    """torchvision's names in the order of the computation.

    A module's own parameters stand before its children's, so ConvNeXt's ``layer_scale`` comes
    before the block that it scales.
    """
    ordered: list[str] = []
    held = ""
    for name in names:
        if held and not name.startswith(held.removesuffix("layer_scale") + "block."):
            ordered.append(held)
            held = ""
        if name.endswith(".layer_scale"):
            held = name
        else:
            ordered.append(name)
    return [*ordered, held] if held else ordered
