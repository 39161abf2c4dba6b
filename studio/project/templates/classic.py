"""The first networks: LeNet-5, VGG, GoogLeNet, and the starter on the digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from studio.project.templates.chain import DIGITS, IMAGENET, Chain, Template
from studio.project.values import Chosen, Recipe


def _quickstart(chain: Chain) -> None:
    chain.add("features", "vgg", channels=16, convolutions=2)
    chain.add("mixed", "inception", c1=12, reduce3=12, c3=20, reduce5=4, c5=8, pool=8)
    chain.add("shrink", "pooling")
    chain.add("deep", "residual", channels=64)
    chain.add("pool", "global_pooling")
    chain.add("head", "linear")


def _small_vgg(chain: Chain) -> None:
    for number, channels in enumerate((16, 32, 64), start=1):
        chain.add(f"block{number}", "vgg", channels=channels)
    chain.add("pool", "global_pooling")
    chain.add("head", "linear")


def _small_inception(chain: Chain) -> None:
    chain.add("stem", "conv_unit", channels=16)
    for number, wide in enumerate((1, 2, 3), start=1):
        chain.add(f"pool{number}", "pooling")
        chain.add(f"mixed{number}", "inception", c1=8 * wide, reduce3=8 * wide, c3=12 * wide,
                  reduce5=4 * wide, c5=8 * wide, pool=4 * wide)  # fmt: skip
    chain.add("pool", "global_pooling")
    chain.add("head", "linear")


def _small_resnet(chain: Chain) -> None:
    chain.add("stem", "conv_unit", channels=16)
    for number, channels in enumerate((16, 32, 64), start=1):
        settings = {"stride": 2} if number > 1 else {}
        chain.add(f"stage{number}", "stage", channels=channels, **settings)
    chain.add("pool", "global_pooling")
    chain.add("head", "linear")


def _small_sigmoid(chain: Chain) -> None:
    for number, channels in enumerate((16, 32, 64), start=1):
        chain.add(f"block{number}", "vgg", channels=channels, convolutions=3, batch_norm=False,
                  activation="sigmoid", initialization="xavier")  # fmt: skip
    chain.add("pool", "global_pooling")
    chain.add("head", "linear")


def _lenet5(chain: Chain) -> None:
    chain.add("conv1", "convolution", channels=6, kernel=5, padding=0 if chain.size[1] >= 32 else 2)
    chain.add("act1", "activation", function="tanh")
    chain.add("pool1", "pooling", mode="average")
    chain.add("conv2", "convolution", channels=16, kernel=5, padding=0)
    chain.add("act2", "activation", function="tanh")
    chain.add("pool2", "pooling", mode="average")
    chain.add("flatten", "flatten")
    chain.add("fc1", "linear", features=120)
    chain.add("act3", "activation", function="tanh")
    chain.add("fc2", "linear", features=84)
    chain.add("act4", "activation", function="tanh")
    chain.add("head", "linear")


_VGG = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3),
        "vgg19": (2, 2, 4, 4, 4)}  # fmt: skip


def _vgg(convolutions: tuple[int, ...], batch_norm: bool) -> Callable[[Chain], None]:
    def make(chain: Chain) -> None:
        for number, count in enumerate(convolutions, start=1):
            # torchvision keeps the convolutions' bias beside batch norm; the blocks follow it.
            chain.add(f"block{number}", "vgg", channels=min(32 * 2**number, 512),
                      convolutions=count, batch_norm=batch_norm, bias=True)  # fmt: skip
        chain.add("pool", "adaptive_pooling", size=7)
        chain.add("flatten", "flatten")
        for number in (1, 2):
            chain.add(f"fc{number}", "linear", features=4096)
            chain.add(f"act{number}", "activation")
            chain.add(f"drop{number}", "dropout")
        chain.add("head", "linear")

    return make


# Szegedy et al. 2015, Table 1: 1×1, 3×3 reduce, 3×3, 5×5 reduce, 5×5, pool proj.
_GOOGLENET = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


_HEADS = {"4a": "aux1", "4d": "aux2"}
"""Behind which blocks the auxiliary classifiers stand (section 5)."""


def _googlenet(chain: Chain, auxiliary: bool = False) -> None:
    unit: dict[str, Any] = {"epsilon": 0.001}
    pool: dict[str, Any] = {"kernel": 3, "stride": 2, "ceil_mode": True}
    chain.add("conv1", "conv_unit", channels=64, kernel=7, stride=2, **unit)
    chain.add("maxpool1", "pooling", **pool)
    chain.add("conv2", "conv_unit", channels=64, kernel=1, **unit)
    chain.add("conv3", "conv_unit", channels=192, kernel=3, **unit)
    chain.add("maxpool2", "pooling", **pool)
    for name, (c1, reduce3, c3, reduce5, c5, last) in _GOOGLENET.items():
        if name == "4a":
            chain.add("maxpool3", "pooling", **pool)
        if name == "5a":
            chain.add("maxpool4", "pooling", kernel=2, stride=2, ceil_mode=True)
        chain.add(f"inception{name}", "inception", c1=c1, reduce3=reduce3, c3=c3, reduce5=reduce5,
                  c5=c5, pool=last, large_kernel="3", epsilon=0.001)  # fmt: skip
        if auxiliary and name in _HEADS:
            chain.branch(_HEADS[name], "auxiliary")
    chain.add("pool", "global_pooling")
    chain.add("dropout", "dropout", rate=0.2)
    chain.add("fc", "linear")


def _googlenet_paper(chain: Chain, auxiliary: bool = False) -> None:
    """As Table 1 has it: 5×5 branches, local response norm, no batch norm, 40 % dropout."""
    unit: dict[str, Any] = {"batch_norm": False}
    pool: dict[str, Any] = {"kernel": 3, "stride": 2, "ceil_mode": True}
    chain.add("conv1", "conv_unit", channels=64, kernel=7, stride=2, **unit)
    chain.add("maxpool1", "pooling", **pool)
    chain.add("norm1", "local_response_norm")
    chain.add("conv2", "conv_unit", channels=64, kernel=1, **unit)
    chain.add("conv3", "conv_unit", channels=192, kernel=3, **unit)
    chain.add("norm2", "local_response_norm")
    chain.add("maxpool2", "pooling", **pool)
    for name, (c1, reduce3, c3, reduce5, c5, last) in _GOOGLENET.items():
        if name in ("4a", "5a"):
            chain.add("maxpool3" if name == "4a" else "maxpool4", "pooling", **pool)
        chain.add(f"inception{name}", "inception", c1=c1, reduce3=reduce3, c3=c3, reduce5=reduce5,
                  c5=c5, pool=last, **unit)  # fmt: skip
        if auxiliary and name in _HEADS:
            chain.branch(_HEADS[name], "auxiliary", pooling="window", **unit)
    chain.add("pool", "global_pooling")
    chain.add("dropout", "dropout", rate=0.4)
    chain.add("fc", "linear")


_QUICK_RECIPE = Recipe(
    optimizer=Chosen("momentum"),
    learning_rate=0.05,
    schedule=Chosen("exponential", {"k": 0.15}),
    batch_size=64,
    epochs=12,
)


def _starters() -> Iterator[Template]:
    text = (
        "One VGG, one Inception and one residual block, for the embedded digits: 97 % in about "
        "half a minute on two cores."
    )
    yield Template("quickstart", "Quick start", text, "", DIGITS, 10, _quickstart, _QUICK_RECIPE)
    for name, title, text, source, make in (
        ("small_vgg", "Small VGG", "Three VGG blocks of two convolutions, for a laptop.",
         "after Simonyan & Zisserman 2015", _small_vgg),
        ("small_inception", "Small Inception", "Three Inception blocks, for a laptop.",
         "after Szegedy et al. 2015", _small_inception),
        ("small_resnet", "Small ResNet", "Three stages of two residual blocks, for a laptop.",
         "after He et al. 2016", _small_resnet),
        ("small_sigmoid", "Sigmoid network",
         "Nine sigmoid layers without batch norm: watch the gradients of the early ones vanish, "
         "then choose ReLU.", "Hochreiter 1991; Glorot & Bengio 2010", _small_sigmoid),
    ):  # fmt: skip
        yield Template(name, title, text, source, DIGITS, 10, make, _QUICK_RECIPE)
    text = (
        "The first widely used convolutional network; here every filter of the second layer sees "
        "all maps."
    )
    source = "LeCun et al. 1998"
    yield Template("lenet5", "LeNet-5", text, source, DIGITS, 10, _lenet5, Recipe())


def _vggs() -> Iterator[Template]:
    text = "Small convolutions only, up to 19 layers deep."
    source = "Simonyan & Zisserman 2015, Table 1"
    for name, counts in _VGG.items():
        title = name.replace("vgg", "VGG-")
        make = _vgg(counts, batch_norm=False)
        yield Template(name, title, text, source, IMAGENET, 1000, make, Recipe())
        make = _vgg(counts, batch_norm=True)
        title += " with batch norm"
        yield Template(f"{name}_bn", title, text, source, IMAGENET, 1000, make, Recipe())


def _googlenets() -> Iterator[Template]:
    text = "Nine Inception blocks, as torchvision builds it: batch norm, and 3×3 for 5×5."
    source = "Szegedy et al. 2015, Table 1"
    yield Template("googlenet", "GoogLeNet", text, source, IMAGENET, 1000, _googlenet, Recipe())
    title = "GoogLeNet as in the paper"
    text = (
        "Nine Inception blocks with 5×5 branches, local response norm and no batch norm. Table 1 "
        "gives conv1 2.7 k weights; 7×7 filters over color have 9.4 k."
    )
    make: Callable[[Chain], None] = _googlenet_paper
    yield Template("googlenet_paper", title, text, source, IMAGENET, 1000, make, Recipe())
    source = "Szegedy et al. 2015, section 5"
    for name, title, plain in (
        ("googlenet", "GoogLeNet", _googlenet),
        ("googlenet_paper", "GoogLeNet as in the paper", _googlenet_paper),
    ):
        title += ", two more heads"
        text = "With the two auxiliary classifiers whose losses help early layers in training."
        make = partial(plain, auxiliary=True)
        yield Template(f"{name}_auxiliary", title, text, source, IMAGENET, 1000, make, Recipe())


def classics() -> Iterator[Template]:
    """The starters first, since lists begin with them."""
    yield from _starters()
    yield from _vggs()
    yield from _googlenets()
