"""Networks that came after the residual ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from studio.project.templates.chain import IMAGENET, Chain, Template
from studio.project.values import Recipe


def _mobilenet_v2(chain: Chain) -> None:
    """Sandler et al. 2018, Table 2: expansion, channels, repeats, stride."""
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
             (6, 160, 3, 2), (6, 320, 1, 1))  # fmt: skip
    unit: dict[str, Any] = {"activation": "relu6"}
    chain.add("stem", "conv_unit", channels=32, stride=2, **unit)
    for number, (expansion, channels, repeats, stride) in enumerate(table, start=1):
        chain.add(f"stage{number}", "inverted_stage", channels=channels, repeats=repeats,
                  stride=stride, expansion=float(expansion), **unit)  # fmt: skip
    chain.add("last", "conv_unit", channels=1280, kernel=1, **unit)
    chain.add("pool", "global_pooling")
    chain.add("dropout", "dropout", rate=0.2)
    chain.add("classifier", "linear")


def _densenet121(chain: Chain) -> None:
    """Huang et al. 2017, Table 1."""
    chain.add("conv0", "convolution", channels=64, kernel=7, stride=2, bias=False)
    chain.add("norm0", "batch_norm")
    chain.add("act0", "activation")
    chain.add("pool0", "pooling", kernel=3, stride=2, padding=1)
    for number, layers in enumerate((6, 12, 24, 16), start=1):
        chain.add(f"denseblock{number}", "dense_block", layers=layers)
        if number < 4:
            chain.add(f"transition{number}", "transition")
    chain.add("norm5", "batch_norm")
    chain.add("act5", "activation")
    chain.add("pool", "global_pooling")
    chain.add("classifier", "linear")


def _convnext_tiny(chain: Chain) -> None:
    """Liu et al. 2022, Table 9: 3, 3, 9, 3 blocks of 96 to 768 channels."""
    norm: dict[str, Any] = {"epsilon": 1e-6}
    chain.add("stem", "convolution", channels=96, kernel=4, stride=4, padding=0)
    chain.add("norm", "layer_norm", **norm)
    for number, repeats in enumerate((3, 3, 9, 3), start=1):
        if number > 1:
            chain.add(f"norm{number}", "layer_norm", **norm)
            chain.add(f"down{number}", "convolution", channels=48 * 2**number, kernel=2,
                      stride=2, padding=0)  # fmt: skip
        chain.add(f"stage{number}", "convnext_stage", repeats=repeats)
    chain.add("pool", "global_pooling")
    chain.add("last_norm", "layer_norm", **norm)
    chain.add("classifier", "linear")


def newer() -> Iterator[Template]:
    """MobileNetV2, DenseNet and ConvNeXt."""
    text = "Inverted residual blocks: small and quick, for phones."
    source = "Sandler et al. 2018, Table 2"
    make = _mobilenet_v2
    yield Template("mobilenet_v2", "MobileNetV2", text, source, IMAGENET, 1000, make, Recipe())
    text = "Every layer of a block sees all earlier ones."
    source = "Huang et al. 2017, Table 1"
    make = _densenet121
    yield Template("densenet121", "DenseNet-121", text, source, IMAGENET, 1000, make, Recipe())
    text = "A residual network with what transformers taught."
    source = "Liu et al. 2022, Table 9"
    make = _convnext_tiny
    yield Template("convnext_tiny", "ConvNeXt-Tiny", text, source, IMAGENET, 1000, make, Recipe())
