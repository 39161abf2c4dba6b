"""From a network to a torch module whose parameters are named after the user's nodes.

Blocks become nested modules, so a weight is called ``stage1.0.conv1.weight``. Each level gets a
forward written by torch.fx: straight Python that frees every intermediate at its last use and can
be traced and exported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from studio.engine.layers import LayerScale, build_layer
from studio.project.analysis import Analysis, analyze
from studio.project.tracing import Step
from studio.project.values import Network
from studio.runs.api import WorkFailed

_INPUTS = ("input", "entry")
_OUTPUTS = ("output", "exit")


def build_module(network: Network, seed: int, device: str = "cpu") -> nn.Module:
    """The module of ``network``, initialized from ``seed`` alike on every device.

    It maps ``(N, *input_shape)`` to logits ``(N, classes)``. Raises WorkFailed naming the first
    problem of the network.
    """
    module = build_empty(network)
    module.to_empty(device="cpu")
    initialize(module, seed)
    return module.to(device)


def build_empty(network: Network) -> nn.Module:
    """The module on the meta device: shapes without values, and no random number is drawn."""
    analysis = checked(network)
    with torch.device("meta"):
        return _level("Network", analysis.steps)


def checked(network: Network) -> Analysis:
    """The analysis of a network that can be trained; raises WorkFailed for the first problem."""
    analysis = analyze(network)
    if not analysis.problems:
        return analysis
    first = analysis.problems[0]
    more = len(analysis.problems) - 1
    others = f" There {'is 1 more problem' if more == 1 else f'are {more} more problems'}."
    raise WorkFailed(
        f"The network has a problem: {first.message}.{others if more else ''}",
        f"{first.fix.text}." if first.fix else "",
    )


class _Level(nn.Module):
    """The children of one level; a subclass for each level adds the forward."""

    def __init__(self, children: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, child in children.items():
            self.add_module(name, child)


def _level(title: str, steps: Sequence[Step]) -> nn.Module:
    """The module of one level: its nodes as children, and a forward that joins them."""
    children: dict[str, nn.Module] = {}
    graph = fx.Graph()
    values: dict[str, fx.Node] = {}
    for step in steps:
        kind = step.trace.kind.kind
        if kind in _INPUTS:
            values[step.name] = graph.placeholder("x")
        elif kind in _OUTPUTS:
            graph.output(values[step.sources[0]])
        else:
            children[step.name] = (
                _level(_class_name(step), step.trace.steps)
                if step.trace.steps
                else build_layer(kind, step.trace.values, step.inputs)
            )
            values[step.name] = graph.call_module(
                step.name, tuple(values[source] for source in step.sources)
            )
    return _module_class(title, graph)(children)


def _class_name(step: Step) -> str:
    """The block's title as the name of a class, for torch's printout."""
    return step.trace.kind.title_of(step.trace.values).title().replace(" ", "")


def _module_class(title: str, graph: fx.Graph) -> type[_Level]:
    """A module class with the forward that ``graph`` describes.

    fx.GraphModule would do the same, but keeps attributes such as ``code`` and ``graph`` for
    itself, and these are names that a user may give to a node.
    """

    code = graph.python_code(root_module="self")
    space: dict[str, Any] = dict(code.globals)
    exec(compile(code.src, f"<forward of {title}>", "exec"), space)
    return type(title, (_Level,), {"forward": space["forward"]})


def initialize(module: nn.Module, seed: int) -> None:
    """Fill all parameters and buffers from ``seed`` alone; torch's own generator is not touched.

    Convolutions: He et al. 2015, normal with the fan-out, biases zero (as torchvision's ResNet).
    Linear layers: torch's default. Norms: scale one (or zero where the layer says so) and shift
    zero. The order is that of the network, so equal networks start alike.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(
                    layer.weight, mode="fan_out", nonlinearity="relu", generator=generator
                )
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, nn.Linear):
                _initialize_linear(layer, generator)
            elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
                layer.reset_parameters()
                if layer.zero_scale:
                    layer.weight.zero_()
            elif isinstance(layer, nn.LayerNorm | nn.GroupNorm | LayerScale):
                layer.reset_parameters()


def _initialize_linear(layer: nn.Linear, generator: torch.Generator) -> None:
    """As ``nn.Linear.reset_parameters``, which takes no generator."""
    nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    if layer.bias is not None:
        bound = 1 / math.sqrt(layer.in_features)
        layer.bias.uniform_(-bound, bound, generator=generator)


def parameterized_layers(module: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The layers that have parameters of their own, in forward order, with these."""
    found: dict[str, list[nn.Parameter]] = {}
    for name, layer in module.named_modules():
        if parameters := list(layer.parameters(recurse=False)):
            found[name] = parameters
    return found


def has_batch_norm(module: nn.Module) -> bool:
    """Whether some layer needs more than one image in a training batch."""
    return any(isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d) for layer in module.modules())


def count_parameters(module: nn.Module) -> int:
    """All trainable values."""
    return sum(parameter.numel() for parameter in module.parameters())


def logits(module: nn.Module, images: Tensor) -> Tensor:
    """``module(images)`` with its type."""
    return cast(Tensor, module(images))
