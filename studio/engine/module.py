"""From a network to a torch module whose parameters are named after the user's nodes.

Blocks become nested modules, so a weight is called ``stage1.0.conv1.weight``. Each level gets a
forward written by torch.fx: straight Python that frees every intermediate at its last use and can
be traced and exported.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from studio.engine.layers import LayerScale, build_layer
from studio.project.analysis import Analysis, analyze
from studio.project.blocks.auxiliary import KIND as AUXILIARY
from studio.project.tracing import Step
from studio.project.values import Network
from studio.runs.api import WorkFailed

Forward = Callable[[nn.Module, Tensor], Any]

_INPUTS = ("input", "entry")
_OUTPUTS = ("output", "exit")


def build_module(network: Network, seed: int, device: str = "cpu") -> nn.Module:
    """The module of ``network``, initialized from ``seed`` alike on every device.

    It maps ``(N, *input_shape)`` to logits ``(N, classes)``; in training mode, where there are
    auxiliary classifiers, to a tuple of the output's logits and then theirs, in the network's
    order. Raises WorkFailed naming the first problem of the network.
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
    """The module of one level: its nodes as children, and a forward that joins them.

    fx.GraphModule would do the same, but keeps attributes such as ``code`` and ``graph`` for
    itself, and these are names that a user may give to a node.
    """
    children: dict[str, nn.Module] = {}
    overwriting = _may_overwrite(steps)
    for step in steps:
        kind = step.trace.kind
        if step.trace.steps:
            children[step.name] = _level(_class_name(step), step.trace.steps)
        elif kind.kind not in (*_INPUTS, *_OUTPUTS):
            children[step.name] = build_layer(kind.kind, step.trace.values, step.inputs)
            if step.name in overwriting:
                cast(nn.ReLU, children[step.name]).inplace = True
    heads = [step.name for step in steps if step.trace.kind.kind == AUXILIARY]
    forward = _forward(title, [step for step in steps if step.name not in heads], ())
    if heads:
        forward = _by_mode(_forward(title, steps, heads), forward)
    module: nn.Module = type(title, (_Level,), {"forward": forward})(children)
    return module


def _class_name(step: Step) -> str:
    """The block's title as the name of a class, for torch's printout."""
    return step.trace.kind.title_of(step.trace.values).title().replace(" ", "")


def _may_overwrite(steps: Sequence[Step]) -> set[str]:
    """The ReLUs that may write over their input: nothing else reads it, and its layer does not
    need it for its gradient. It saves the memory traffic of a whole map, as torchvision does."""
    readers = Counter(source for step in steps for source in step.sources)
    kinds = {step.name: step.trace.kind.kind for step in steps}
    return {
        step.name
        for step in steps
        if step.trace.kind.kind == "activation"
        and step.trace.values["function"] in ("relu", "relu6")
        and readers[step.sources[0]] == 1
        and kinds[step.sources[0]] in ("convolution", "batch_norm", "linear", "add")
    }


def _forward(title: str, steps: Sequence[Step], heads: Sequence[str]) -> Forward:
    """A forward that gives the output, in a tuple with those of ``heads`` where there are any."""
    graph = fx.Graph()
    values: dict[str, fx.Node] = {}
    output = ""
    for step in steps:
        kind = step.trace.kind.kind
        if kind in _INPUTS:
            values[step.name] = graph.placeholder("x")
        elif kind in _OUTPUTS:
            output = step.sources[0]
        else:
            sources = tuple(values[source] for source in step.sources)
            values[step.name] = graph.call_module(step.name, sources)
    result = values[output]
    graph.output((result, *(values[head] for head in heads)) if heads else result)
    code = graph.python_code(root_module="self")
    space: dict[str, Any] = dict(code.globals)
    exec(compile(code.src, f"<forward of {title}>", "exec"), space)
    forward: Forward = space["forward"]
    return forward


def _by_mode(training: Forward, prediction: Forward) -> Forward:
    def forward(self: nn.Module, x: Tensor) -> Any:
        return training(self, x) if self.training else prediction(self, x)

    return forward


def initialize(module: nn.Module, seed: int) -> None:
    """Fill all parameters and buffers from ``seed`` alone; torch's own generator is not touched.

    Convolutions and linear layers start as their own setting says. Norms: scale one (or zero
    where the layer says so) and shift zero. The order is that of the network, so equal networks
    start alike.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                _start(layer, generator)
            elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
                layer.reset_parameters()
                if layer.zero_scale:
                    layer.weight.zero_()
            elif isinstance(layer, nn.LayerNorm | nn.GroupNorm | LayerScale):
                layer.reset_parameters()


def _start(layer: nn.Conv2d | nn.Linear, generator: torch.Generator) -> None:
    """Fill the weights as the layer's ``initialization`` says; biases with zeros, mostly."""
    weight, bias = layer.weight, layer.bias
    if bias is not None:
        bias.zero_()
    match layer.initialization:
        case "he":  # with the fan-out, as torchvision's ResNet
            nn.init.kaiming_normal_(
                weight, mode="fan_out", nonlinearity="relu", generator=generator
            )
        case "xavier":
            nn.init.xavier_uniform_(weight, generator=generator)
        case "orthogonal" | "whitening":  # which is measured where there are images
            nn.init.orthogonal_(weight, generator=generator)
        case "uniform":  # as torch's own reset_parameters, which takes no generator
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
            if bias is not None:
                bound = 1 / math.sqrt(weight[0].numel())
                bias.uniform_(-bound, bound, generator=generator)
        case "dirac":
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
            for filters in weight.chunk(cast(nn.Conv2d, layer).groups):
                nn.init.dirac_(filters[: filters.size(1)])
        case "zero":
            weight.zero_()
        case "constant":
            nn.init.constant_(weight, cast(float, layer.constant))


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
    """``module(images)`` with its type, in evaluation mode."""
    return cast(Tensor, module(images))


def training_logits(module: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    """The logits of the output and of the auxiliary classifiers, in training mode."""
    outputs: Tensor | tuple[Tensor, ...] = module(images)
    return outputs if isinstance(outputs, tuple) else (outputs,)
