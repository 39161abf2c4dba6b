"""Networks for small color images after the speed records for CIFAR-10 (Jordan 2024, "94% on
CIFAR-10 in 3.29 Seconds on a Single GPU")."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from studio.project.templates.chain import CIFAR, Chain, Template
from studio.project.values import Chosen, DataSettings, Recipe


def _whitened(widths: tuple[int, int, int], convolutions: int) -> Callable[[Chain], None]:
    """Patches of 2×2 pixels are whitened, then three blocks pool behind their first convolution."""

    def make(chain: Chain) -> None:
        patches = 2 * 4 * chain.size[0]  # each direction with both signs
        chain.add("whiten", "convolution", channels=patches, kernel=2, padding=0,
                  initialization="whitening")  # fmt: skip
        chain.add("act", "activation", function="gelu")
        for number, channels in enumerate(widths, start=1):
            chain.add(f"block{number}", "vgg", channels=channels, convolutions=convolutions,
                      pooling_at="first", activation="gelu", initialization="dirac")  # fmt: skip
        chain.add("pool", "global_pooling")
        chain.add("head", "linear")

    return make


_FAST = Recipe(
    optimizer=Chosen("muon", {"momentum": 0.6, "weight_decay": 0.1, "decay_norms": False}),
    learning_rate=0.2,
    schedule=Chosen("polynomial"),
    batch_size=1000,
    epochs=8,
    warmup=0.3,
    node_rates={"whiten": 0.0},
    label_smoothing=0.2,
    flip=True,
    translate=0.0625,
)
_STRONG = replace(
    _FAST, epochs=40, label_smoothing=0.1, cutmix=1.0, translate=0.125
)  # measured: more epochs alone learn the training images by heart
_HELD_BACK = DataSettings(validation_share=0.04)
"""CIFAR-10 brings a test split, and its training images are dear: 2,000 of 50,000 to watch with."""


def records() -> Iterator[Template]:
    """A quick one and a strong one."""
    source = "after Jordan 2024"
    text = "Three VGG blocks behind whitened patches, stepped by Muon: for 32×32 color images."
    yield Template("cifar_fast", "CIFAR fast", text, source, CIFAR, 10,
                   _whitened((64, 256, 512), 2), _FAST, _HELD_BACK)  # fmt: skip
    text = "The same, wider and deeper, with CutMix against learning by heart: for a GPU."
    yield Template("cifar_strong", "CIFAR strong", text, source, CIFAR, 10,
                   _whitened((128, 512, 512), 3), _STRONG, _HELD_BACK)  # fmt: skip
