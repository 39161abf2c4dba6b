"""Residual networks, for large and for small images, and their plain twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from studio.project.templates.chain import CIFAR, IMAGENET, Chain, Template
from studio.project.values import Chosen, Recipe

_RESNET: dict[str, tuple[str, tuple[int, ...], int, float]] = {
    "resnet18": ("basic", (2, 2, 2, 2), 1, 1.0),
    "resnet34": ("basic", (3, 4, 6, 3), 1, 1.0),
    "resnet50": ("bottleneck", (3, 4, 6, 3), 1, 1.0),
    "resnet101": ("bottleneck", (3, 4, 23, 3), 1, 1.0),
    "resnet152": ("bottleneck", (3, 8, 36, 3), 1, 1.0),
    "resnext50_32x4d": ("bottleneck", (3, 4, 6, 3), 32, 2.0),
    "wide_resnet50_2": ("bottleneck", (3, 4, 6, 3), 1, 2.0),
}


def _resnet(block: str, repeats: tuple[int, ...], groups: int, width: float) -> Any:
    def make(chain: Chain) -> None:
        chain.add("conv1", "convolution", channels=64, kernel=7, stride=2, bias=False)
        chain.add("bn1", "batch_norm")
        chain.add("act", "activation")
        chain.add("pool1", "pooling", kernel=3, stride=2, padding=1)
        for number, count in enumerate(repeats, start=1):
            settings: dict[str, Any] = {"channels": 32 * 2**number, "repeats": count}
            if block == "bottleneck":
                settings |= {"block": block, "channels": 128 * 2**number}
            if number > 1:
                settings["stride"] = 2
            if groups > 1:
                settings["groups"] = groups
            if width != 1.0:
                settings["width"] = width
            chain.add(f"layer{number}", "stage", **settings)
        chain.add("pool", "global_pooling")
        chain.add("fc", "linear")

    return make


def _cifar(depth: int, shortcut: str) -> Callable[[Chain], None]:
    """He et al. 2016, section 4.2: 6n + 2 layers in three stages of 16, 32 and 64 channels."""

    def make(chain: Chain) -> None:
        chain.add("conv1", "convolution", channels=16, bias=False)
        chain.add("bn1", "batch_norm")
        chain.add("act", "activation")
        for number, channels in enumerate((16, 32, 64), start=1):
            settings = {"stride": 2} if number > 1 else {}
            chain.add(f"stage{number}", "stage", channels=channels, repeats=(depth - 2) // 6,
                      shortcut=shortcut, **settings)  # fmt: skip
        chain.add("pool", "global_pooling")
        chain.add("fc", "linear")

    return make


def _preact(depth: int) -> Callable[[Chain], None]:
    """He et al. 2016b, Table 3: 9n + 2 layers, bottlenecks of 64, 128 and 256 channels."""

    def make(chain: Chain) -> None:
        chain.add("conv1", "convolution", channels=16, bias=False)
        for number, channels in enumerate((64, 128, 256), start=1):
            settings = {"stride": 2} if number > 1 else {}
            chain.add(f"stage{number}", "stage", block="bottleneck", order="pre",
                      stride_in="first", channels=channels, repeats=(depth - 2) // 9,
                      **settings)  # fmt: skip
        chain.add("bn", "batch_norm")
        chain.add("act", "activation")
        chain.add("pool", "global_pooling")
        chain.add("fc", "linear")

    return make


_HE = "He et al. 2016"
_CIFAR_RECIPE = Recipe(
    optimizer=Chosen("momentum", {"weight_decay": 0.0001}),
    learning_rate=0.1,
    schedule=Chosen("multi_step"),  # at half and three quarters, as in the paper
    batch_size=128,
    epochs=164,
)


def _resnets() -> Iterator[Template]:
    titles = {"resnext50_32x4d": "ResNeXt-50 32×4d", "wide_resnet50_2": "Wide ResNet-50-2"}
    sources = {"resnext50_32x4d": "Xie et al. 2017", "wide_resnet50_2": "Zagoruyko et al. 2016"}
    text = "Four stages of residual blocks."
    for name, (block, repeats, groups, width) in _RESNET.items():
        title = titles.get(name, name.replace("resnet", "ResNet-"))
        source = sources.get(name, f"{_HE}, Table 1")
        make = _resnet(block, repeats, groups, width)
        yield Template(name, title, text, source, IMAGENET, 1000, make, Recipe())


def _cifars() -> Iterator[Template]:
    source = f"{_HE}, section 4.2"
    for depth in (20, 32, 44, 56, 110, 1202):
        title = f"CIFAR ResNet-{depth}"
        text = f"{depth} layers in three stages for 32×32 images, shortcuts without parameters."
        make = _cifar(depth, "zero")
        name = f"cifar_resnet{depth}"
        yield Template(name, title, text, source, CIFAR, 10, make, _CIFAR_RECIPE)
        title = f"CIFAR plain-{depth}"
        text = f"The same {depth} layers with the shortcuts cut, to see what they are for."
        make = _cifar(depth, "cut")
        name = f"cifar_plain{depth}"
        yield Template(name, title, text, source, CIFAR, 10, make, _CIFAR_RECIPE)


def _preacts() -> Iterator[Template]:
    source = "He et al. 2016b, Table 3"
    for depth in (164, 1001):
        title = f"Pre-activation ResNet-{depth}"
        text = f"{depth} layers whose shortcuts stay clean, for 32×32 images."
        name = f"preact_resnet{depth}"
        yield Template(name, title, text, source, CIFAR, 10, _preact(depth), _CIFAR_RECIPE)


def residuals() -> Iterator[Template]:
    """ResNet and its kin, then those for 32×32 images."""
    yield from _resnets()
    yield from _cifars()
    yield from _preacts()
