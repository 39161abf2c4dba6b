"""How each layer kind is written with torch; the tests hold every one against the engine."""

from __future__ import annotations

from collections.abc import Callable

from studio.project.kinds import Inputs
from studio.project.layers import convolution_padding
from studio.project.settings import Values
from studio.project.source.parts import CHANNELS, Call, Function, Number, Slot
from studio.project.tracing import Step

ADD = "+"
CONCATENATE = "torch.cat"
GATE = "[:, :, None, None]"
"""Behind a vector that scales the channels of a map."""

DENSE_LAYER = "DenseLayer"
DENSE_BLOCK = "DenseBlock"
LAYER_NORM = "LayerNorm2d"
LAYER_SCALE = "LayerScale"
STOCHASTIC_DEPTH = "StochasticDepth"
ZERO_SHORTCUT = "ZeroShortcut"
"""These are classes that the source brings along where they are used (see ``SUPPORT``)."""

SUPPORT = {
    DENSE_LAYER: '''\
class DenseLayer(nn.Module):
    """Adds channels to its input, computed from all of it (Huang et al. 2017)."""

    def __init__(self, in_channels: int, growth: int, width: int) -> None:
        super().__init__()
        inner = width * growth
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, inner, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, growth, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.norm1(x)))
        y = self.conv2(F.relu(self.norm2(y)))
        return torch.cat([x, y], dim=1)
''',
    DENSE_BLOCK: '''\
class DenseBlock(nn.Sequential):
    """Layers that each see all earlier ones (Huang et al. 2017, equation 2)."""

    def __init__(self, in_channels: int, layers: int, growth: int, width: int) -> None:
        super().__init__()
        for number in range(layers):
            layer = DenseLayer(in_channels + number * growth, growth, width)
            self.add_module(f"denselayer{number + 1}", layer)
''',
    LAYER_NORM: '''\
class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
''',
    LAYER_SCALE: '''\
class LayerScale(nn.Module):
    """A learnt factor for each channel."""

    def __init__(self, channels: int, initial: float = 1e-6, dims: int = 2) -> None:
        super().__init__()
        shape = (channels, *(1 for _ in range(dims)))
        self.weight = nn.Parameter(torch.full(shape, initial))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight
''',
    STOCHASTIC_DEPTH: '''\
class StochasticDepth(nn.Module):
    """Leaves out a random share of the images in training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        shape = (len(x), *(1 for _ in x.shape[1:]))
        kept = torch.rand(shape, device=x.device) >= self.rate
        return x * kept / (1 - self.rate)
''',
    ZERO_SHORTCUT: '''\
class ZeroShortcut(nn.Module):
    """Takes every stride-th pixel and fills the new channels with zeros."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.channels - x.shape[1]))
''',
}


def _channels(name: str, value: int) -> Slot:
    return Slot(name, value, CHANNELS, positional=True, wanted=True)


def _plain(name: str, value: Number) -> Slot:
    return Slot(name, value, name, positional=True)


def _named(name: str, value: Number, default: Number | None = None) -> Slot:
    return Slot(name, value, name, default)


def _convolution(values: Values, inputs: Inputs) -> Call:
    return Call(
        "nn.Conv2d",
        (
            _channels("in_channels", inputs[0][0]),
            _channels("out_channels", values["channels"]),
            _named("kernel_size", values["kernel"]),
            _named("stride", values["stride"], 1),
            _named("padding", convolution_padding(values), 0),
            _named("dilation", values["dilation"], 1),
            _named("groups", values["groups"], 1),
            _named("bias", values["bias"], True),
        ),
    )


def _pooling(values: Values, inputs: Inputs) -> Call:
    return Call(
        "nn.MaxPool2d" if values["mode"] == "max" else "nn.AvgPool2d",
        (
            _named("kernel_size", values["kernel"]),
            _named("stride", values["stride"]),
            _named("padding", values["padding"], 0),
            _named("ceil_mode", values["ceil_mode"], False),
        ),
    )


def _global_pooling(values: Values, inputs: Inputs) -> Function:
    reduce = "amax" if values["mode"] == "max" else "mean"
    pool = "AdaptiveMaxPool2d" if values["mode"] == "max" else "AdaptiveAvgPool2d"
    module = f"nn.Sequential(nn.{pool}(1), nn.Flatten())"
    return Function(f"{{0}}.{reduce}(dim=(2, 3))", module)


def _adaptive_pooling(values: Values, inputs: Inputs) -> Call:
    head = "nn.AdaptiveMaxPool2d" if values["mode"] == "max" else "nn.AdaptiveAvgPool2d"
    return Call(head, (_plain("output_size", values["size"]),))


def _batch_norm(values: Values, inputs: Inputs) -> Call:
    return Call(
        "nn.BatchNorm2d" if len(inputs[0]) == 3 else "nn.BatchNorm1d",
        (
            _channels("num_features", inputs[0][0]),
            _named("eps", values["epsilon"], 1e-5),
            _named("momentum", values["momentum"], 0.1),
        ),
    )


def _layer_norm(values: Values, inputs: Inputs) -> Call:
    return Call(
        LAYER_NORM if len(inputs[0]) == 3 else "nn.LayerNorm",
        (
            _channels("normalized_shape", inputs[0][0]),
            _named("eps", values["epsilon"], 1e-5),
        ),
    )


def _group_norm(values: Values, inputs: Inputs) -> Call:
    return Call(
        "nn.GroupNorm",
        (
            _plain("num_groups", values["groups"]),
            _channels("num_channels", inputs[0][0]),
            _named("eps", values["epsilon"], 1e-5),
        ),
    )


def _local_response_norm(values: Values, inputs: Inputs) -> Call:
    return Call(
        "nn.LocalResponseNorm",
        (
            _plain("size", values["size"]),
            _named("alpha", values["alpha"], 1e-4),
            _named("beta", values["beta"], 0.75),
            _named("k", values["k"], 1.0),
        ),
    )


def _layer_scale(values: Values, inputs: Inputs) -> Call:
    return Call(
        LAYER_SCALE,
        (
            _channels("channels", inputs[0][0]),
            _named("initial", values["initial"], 1e-6),
            _named("dims", len(inputs[0]) - 1, 2),
        ),
    )


_FUNCTIONS = {
    "relu": ("F.relu({0})", "nn.ReLU()"),
    "relu6": ("F.relu6({0})", "nn.ReLU6()"),
    "elu": ("F.elu({0})", "nn.ELU()"),
    "gelu": ("F.gelu({0})", "nn.GELU()"),
    "silu": ("F.silu({0})", "nn.SiLU()"),
    "softplus": ("F.softplus({0})", "nn.Softplus()"),
    "sigmoid": ("torch.sigmoid({0})", "nn.Sigmoid()"),
    "tanh": ("torch.tanh({0})", "nn.Tanh()"),
}


def _activation(values: Values, inputs: Inputs) -> Call | Function:
    if values["function"] == "leaky_relu":
        return Call("nn.LeakyReLU", (_plain("negative_slope", values["slope"]),))
    if values["function"] == "elu" and values["alpha"] != 1.0:
        return Call("nn.ELU", (_named("alpha", values["alpha"]),))
    if values["function"] == "softplus" and values["beta"] != 1.0:
        return Call("nn.Softplus", (_named("beta", values["beta"]),))
    template, module = _FUNCTIONS[values["function"]]
    return Function(template, module)


def _linear(values: Values, inputs: Inputs) -> Call:
    return Call(
        "nn.Linear",
        (
            _channels("in_features", inputs[0][0]),
            _channels("out_features", values["features"]),
            _named("bias", values["bias"], True),
        ),
    )


def _multiply(values: Values, inputs: Inputs) -> Function:
    factors = (GATE if len(shape) < len(inputs[0]) else "" for shape in inputs)
    return Function(" * ".join(f"{{{at}}}{gate}" for at, gate in enumerate(factors)))


def _zero_shortcut(values: Values, inputs: Inputs) -> Call:
    return Call(
        ZERO_SHORTCUT,
        (_channels("channels", values["channels"]), _named("stride", values["stride"], 1)),
    )


def write_block(step: Step) -> Call | None:
    """A block whose class stands in ``SUPPORT``, since its layers widen from one to the next: no
    numbers of one layer are those of another. None for all others."""
    values = step.trace.values
    if step.trace.kind.kind != "dense_block" or values["activation"] != "relu":
        return None
    return Call(
        DENSE_BLOCK,
        (
            _channels("in_channels", step.inputs[0][0]),
            _named("layers", values["layers"]),
            _named("growth", values["growth"]),
            _named("width", values["width"]),
        ),
    )


_WRITERS: dict[str, Callable[[Values, Inputs], Call | Function]] = {
    "convolution": _convolution,
    "pooling": _pooling,
    "global_pooling": _global_pooling,
    "adaptive_pooling": _adaptive_pooling,
    "batch_norm": _batch_norm,
    "activation": _activation,
    "dropout": lambda values, inputs: Call("nn.Dropout", (_plain("p", values["rate"]),)),
    "spatial_dropout": lambda values, inputs: Call("nn.Dropout2d", (_plain("p", values["rate"]),)),
    "stochastic_depth": lambda values, inputs: Call(
        STOCHASTIC_DEPTH, (_plain("rate", values["rate"]),)
    ),
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "local_response_norm": _local_response_norm,
    "layer_scale": _layer_scale,
    "linear": _linear,
    "flatten": lambda values, inputs: Function("torch.flatten({0}, 1)", "nn.Flatten()"),
    "identity": lambda values, inputs: Function("{0}", "nn.Identity()"),
    "add": lambda values, inputs: Function(ADD),
    "concatenate": lambda values, inputs: Function(CONCATENATE),
    "multiply": _multiply,
    "upsample": lambda values, inputs: Call(
        "nn.Upsample",
        (_named("scale_factor", values["scale"]),),
        () if values["mode"] == "nearest" else (f'mode="{values["mode"]}"',),
    ),
    "zero_shortcut": _zero_shortcut,
}

PASSING = frozenset({"input", "entry", "output", "exit"})
"""Kinds that are places in the graph and no layers."""


def write_layer(step: Step) -> Call | Function:
    """The part that stands for a layer; raises KeyError for a block and for the graph's ends."""
    return _WRITERS[step.trace.kind.kind](step.trace.values, step.inputs)
