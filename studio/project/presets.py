"""Whole recipes to start from. A preset decides how is trained; where, from what weights, with
which class weights and layer rates, and with which augmentation, stays the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from studio.project.values import Chosen, Recipe

CUSTOM = "custom"
"""The name of a recipe that is none of these."""


@dataclass(frozen=True)
class Preset:
    """A named recipe: ``apply`` gives the recipe with its choices."""

    name: str
    title: str
    help: str
    choices: Mapping[str, Any]

    @property
    def apply(self) -> Callable[[Recipe], Recipe]:
        return lambda recipe: replace(recipe, **{**_PLAIN, **self.choices})


_PLAIN: Mapping[str, Any] = {
    name: getattr(Recipe(), name)
    for name in (
        "optimizer", "learning_rate", "schedule", "batch_size", "epochs", "precision", "warmup",
        "warmup_unit", "warmup_start", "accumulate", "label_smoothing", "mixup", "cutmix",
        "clip_norm", "clip_value", "averaging", "averaging_start", "channels_last", "compile",
        "deterministic",
    )
}  # fmt: skip
"""What every preset decides, with the values of those that it does not name."""

PRESETS: tuple[Preset, ...] = (
    Preset(
        "quick",
        "Quick look",
        "Three epochs of Adam: whether the network learns at all, and how long an epoch takes.",
        {"optimizer": Chosen("adam"), "learning_rate": 0.001, "epochs": 3},
    ),
    Preset(
        "textbook",
        "Textbook SGD with step decay",
        "Momentum 0.9 with a small weight decay, and the learning rate divided by 10 after half "
        "and after three quarters of 40 epochs, as in the papers of ResNet.",
        {
            "optimizer": Chosen("momentum", {"weight_decay": 0.0001}),
            "learning_rate": 0.05,
            "schedule": Chosen("multi_step"),
            "epochs": 40,
        },
    ),
    Preset(
        "modern",
        "Fast modern",
        "One cycle up and down in 20 epochs with Nesterov's momentum, label smoothing, and no "
        "decay of norms and biases.",
        {
            "optimizer": Chosen(
                "momentum", {"nesterov": True, "weight_decay": 0.0005, "decay_norms": False}
            ),
            "learning_rate": 0.2,
            "schedule": Chosen("one_cycle"),
            "batch_size": 128,
            "epochs": 20,
            "label_smoothing": 0.1,
        },
    ),
    Preset(
        "speed",
        "Speed run",
        "Muon in 8 epochs, a short warm-up and a straight line to zero, in the manner of the "
        "records for CIFAR-10.",
        {
            "optimizer": Chosen("muon", {"momentum": 0.9, "decay_norms": False}),
            "learning_rate": 0.05,
            "schedule": Chosen("polynomial"),
            "batch_size": 128,
            "epochs": 8,
            "warmup": 0.5,
            "label_smoothing": 0.1,
        },
    ),
)


def find(name: str) -> Preset:
    """The preset called ``name``; raises KeyError."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise KeyError(name)


def matching(recipe: Recipe) -> str:
    """The name of the preset that ``recipe`` follows in all it decides, or ``custom``."""
    for preset in PRESETS:
        if preset.apply(recipe) == recipe:
            return preset.name
    return CUSTOM
