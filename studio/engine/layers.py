"""What torch module each layer kind is. One builder a kind; a second for a kind is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.project.layers import convolution_padding
from studio.project.values import Shape

Builder = Callable[[dict[str, Any], tuple[Shape, ...]], nn.Module]
"""From a kind's complete settings and input shapes to a module."""

_BUILDERS: dict[str, Builder] = {}


def builds(kind: str) -> Callable[[Builder], Builder]:
    """Register the decorated function for ``kind``; raises ValueError for a second one."""

    def register(builder: Builder) -> Builder:
        if kind in _BUILDERS:
            raise ValueError(f"there are two builders for {kind!r}")
        _BUILDERS[kind] = builder
        return builder

    return register


def build_layer(kind: str, values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    """The module of one layer; raises KeyError for a kind without a builder."""
    return _BUILDERS[kind](values, inputs)


class GlobalPool(nn.Module):
    """``(N, C, H, W)`` to ``(N, C)``: the mean or the maximum of each map."""

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((2, 3)) if self.mode == "average" else maps.amax((2, 3))

    def extra_repr(self) -> str:
        return f"mode={self.mode!r}"


class Add(nn.Module):
    """The sum of its inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first + other
        return first


class Multiply(nn.Module):
    """The product of its inputs; a vector ``(N, C)`` scales the channels of ``(N, C, H, W)``."""

    def forward(self, first: Tensor, *factors: Tensor) -> Tensor:
        for factor in factors:
            first = first * (factor[:, :, None, None] if factor.dim() < first.dim() else factor)
        return first


class Concatenate(nn.Module):
    """Its inputs one behind the other along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, 1)


class ZeroShortcut(nn.Module):
    """Every stride-th pixel, with ``added`` channels of zeros behind (He et al. 2016, option A)."""

    def __init__(self, stride: int, added: int) -> None:
        super().__init__()
        self.stride = stride
        self.added = added

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps[:, :, :: self.stride, :: self.stride]
        return functional.pad(maps, (0, 0, 0, 0, 0, self.added))

    def extra_repr(self) -> str:
        return f"stride={self.stride}, added={self.added}"


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel of ``(N, C, H, W)`` (Liu et al. 2022)."""

    def forward(self, maps: Tensor) -> Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """A learnt factor for each channel (Touvron et al. 2021, section 2)."""

    def __init__(self, shape: Shape, initial: float) -> None:
        super().__init__()
        self.initial = initial
        self.weight = nn.Parameter(torch.empty(shape[0], *(1 for _ in shape[1:])))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.constant_(self.weight, self.initial)

    def forward(self, values: Tensor) -> Tensor:
        return values * self.weight

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, initial={self.initial}"


class StochasticDepth(nn.Module):
    """Zeros for a random share of the images in training (Huang et al. 2016, section 3)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return values
        kept = values.new_empty(len(values), *(1 for _ in values.shape[1:]))
        return values * kept.bernoulli_(1 - self.rate).div_(1 - self.rate)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class PointwiseConv2d(nn.Conv2d):
    """A 1×1 convolution of ``(N, C, H, W)``: a matrix product where the maps lie channels-last.

    Behind a layer norm they do. There torch's convolution reorders its weights at every step, which
    takes a fourth of ConvNeXt's training time; torchvision's has linear layers in that place.
    """

    def forward(self, maps: Tensor) -> Tensor:
        if maps.is_contiguous() or not maps.is_contiguous(memory_format=torch.channels_last):
            return super().forward(maps)
        pixels = functional.linear(maps.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return pixels.permute(0, 3, 1, 2)


def _starting(layer: nn.Module, values: dict[str, Any]) -> nn.Module:
    """``layer`` with how its weights start, for ``initialize``."""
    layer.initialization = values["initialization"]
    layer.constant = values["constant"]
    return layer


@builds("convolution")
def _convolution(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    padding, groups = convolution_padding(values), values["groups"]
    pointwise = values["kernel"] == values["stride"] == groups == 1 and padding == 0
    layer = (PointwiseConv2d if pointwise else nn.Conv2d)(
        inputs[0][0],
        values["channels"],
        values["kernel"],
        stride=values["stride"],
        padding=padding,
        dilation=values["dilation"],
        groups=groups,
        bias=values["bias"],
    )
    return _starting(layer, values)


@builds("pooling")
def _pooling(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    kind = nn.MaxPool2d if values["mode"] == "max" else nn.AvgPool2d
    return kind(
        values["kernel"],
        stride=values["stride"],
        padding=values["padding"],
        ceil_mode=values["ceil_mode"],
    )


@builds("global_pooling")
def _global_pooling(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return GlobalPool(values["mode"])


@builds("adaptive_pooling")
def _adaptive_pooling(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    kind = nn.AdaptiveAvgPool2d if values["mode"] == "average" else nn.AdaptiveMaxPool2d
    return kind(values["size"])


@builds("batch_norm")
def _batch_norm(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    kind = nn.BatchNorm2d if len(inputs[0]) == 3 else nn.BatchNorm1d
    norm = kind(inputs[0][0], eps=values["epsilon"], momentum=values["momentum"])
    norm.zero_scale = values["scale"] == "zero"  # for initialize()
    return norm


@builds("layer_norm")
def _layer_norm(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    kind = LayerNorm2d if len(inputs[0]) == 3 else nn.LayerNorm
    return kind(inputs[0][0], eps=values["epsilon"])


@builds("group_norm")
def _group_norm(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.GroupNorm(values["groups"], inputs[0][0], eps=values["epsilon"])


@builds("local_response_norm")
def _local_response_norm(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.LocalResponseNorm(
        values["size"], alpha=values["alpha"], beta=values["beta"], k=values["k"]
    )


@builds("layer_scale")
def _layer_scale(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return LayerScale(inputs[0], values["initial"])


@builds("activation")
def _activation(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    match values["function"]:
        case "relu":
            return nn.ReLU(inplace=False)
        case "relu6":
            return nn.ReLU6()
        case "leaky_relu":
            return nn.LeakyReLU(values["slope"])
        case "elu":
            return nn.ELU(values["alpha"])
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
        case "softplus":
            return nn.Softplus(values["beta"])
        case "sigmoid":
            return nn.Sigmoid()
        case "tanh":
            return nn.Tanh()
    raise KeyError(values["function"])


@builds("dropout")
def _dropout(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.Dropout(values["rate"])


@builds("spatial_dropout")
def _spatial_dropout(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.Dropout2d(values["rate"])


@builds("stochastic_depth")
def _stochastic_depth(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return StochasticDepth(values["rate"])


@builds("linear")
def _linear(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    layer = nn.Linear(inputs[0][0], values["features"], bias=values["bias"])
    return _starting(layer, values)


@builds("flatten")
def _flatten(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.Flatten()


@builds("add")
def _add(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return Add()


@builds("concatenate")
def _concatenate(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return Concatenate()


@builds("multiply")
def _multiply(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return Multiply()


@builds("upsample")
def _upsample(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.Upsample(scale_factor=values["scale"], mode=values["mode"])


@builds("zero_shortcut")
def _zero_shortcut(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return ZeroShortcut(values["stride"], values["channels"] - inputs[0][0])


@builds("identity")
@builds("input")
@builds("output")
@builds("entry")
@builds("exit")
def _identity(values: dict[str, Any], inputs: tuple[Shape, ...]) -> nn.Module:
    return nn.Identity()
