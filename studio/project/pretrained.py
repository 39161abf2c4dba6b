"""What a network may start from instead of random weights: torchvision's pretrained ones, a file.

The tables are torchvision's, written down so that lists and checks need no torch; the tests hold
them against torchvision itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from studio.project import heads, registry
from studio.project.analysis import Analysis, analyze
from studio.project.edits import EditRefused
from studio.project.settings import SettingError
from studio.project.templates import build
from studio.project.values import Project

PREFIX = "torchvision:"
"""What begins the recipe's ``weights`` where they are torchvision's and no file."""

RANDOM = "random"
"""How a user says that no weights are loaded."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The weights that torchvision has for one architecture.

    ``enum`` is the name of torchvision's enumeration, ``megabytes`` the size of each download
    (2**20 bytes) by the weights' name with the default last, ``normalization`` the input
    normalization that the weights were trained for.
    """

    enum: str
    megabytes: dict[str, int]
    normalization: str = "imagenet"

    @property
    def default(self) -> str:
        """The name of the weights that torchvision recommends."""
        return list(self.megabytes)[-1]


_V1, _V2 = "IMAGENET1K_V1", "IMAGENET1K_V2"

# VGG-16's IMAGENET1K_FEATURES are left out: their classifier holds NaN, and they were trained on
# pixels in another order of magnitude.
PRETRAINED: dict[str, Pretrained] = {
    "vgg11": Pretrained("VGG11_Weights", {_V1: 507}),
    "vgg11_bn": Pretrained("VGG11_BN_Weights", {_V1: 507}),
    "vgg13": Pretrained("VGG13_Weights", {_V1: 508}),
    "vgg13_bn": Pretrained("VGG13_BN_Weights", {_V1: 508}),
    "vgg16": Pretrained("VGG16_Weights", {_V1: 528}),
    "vgg16_bn": Pretrained("VGG16_BN_Weights", {_V1: 528}),
    "vgg19": Pretrained("VGG19_Weights", {_V1: 548}),
    "vgg19_bn": Pretrained("VGG19_BN_Weights", {_V1: 548}),
    # torchvision's pretrained GoogLeNet brings ImageNet's normalization to [-1, 1] inside its
    # forward (transform_input), so without that step its weights want [-1, 1].
    "googlenet": Pretrained("GoogLeNet_Weights", {_V1: 50}, "symmetric"),
    "resnet18": Pretrained("ResNet18_Weights", {_V1: 45}),
    "resnet34": Pretrained("ResNet34_Weights", {_V1: 83}),
    "resnet50": Pretrained("ResNet50_Weights", {_V1: 98, _V2: 98}),
    "resnet101": Pretrained("ResNet101_Weights", {_V1: 171, _V2: 171}),
    "resnet152": Pretrained("ResNet152_Weights", {_V1: 230, _V2: 230}),
    "resnext50_32x4d": Pretrained("ResNeXt50_32X4D_Weights", {_V1: 96, _V2: 96}),
    "wide_resnet50_2": Pretrained("Wide_ResNet50_2_Weights", {_V1: 132, _V2: 263}),
    "mobilenet_v2": Pretrained("MobileNet_V2_Weights", {_V1: 14, _V2: 14}),
    "densenet121": Pretrained("DenseNet121_Weights", {_V1: 31}),
    "convnext_tiny": Pretrained("ConvNeXt_Tiny_Weights", {_V1: 109}),
}
"""By the name of the architecture, which is the template's too."""

_NAME = re.compile(r"(?:torchvision:)?(?:(\w+_Weights)\.)?([A-Z][A-Z0-9_]*)")


def start_from(project: Project, text: str) -> Project:
    """The project starting from what ``text`` names, normalized as those weights want it.

    ``random``; weights of torchvision (``DEFAULT``, ``IMAGENET1K_V2``, or in full
    ``ResNet50_Weights.IMAGENET1K_V2``), which must be the network's; else a file, whose content
    is for the engine to check. Raises EditRefused.
    """
    text = text.strip()
    if text in ("", RANDOM):
        return _with_weights(project, "")
    name = _NAME.fullmatch(text)
    if name is None or Path(text).is_file():
        if text.startswith(PREFIX):
            raise EditRefused(fault(text))
        return _with_weights(project, str(Path(text).expanduser().absolute()))
    enum, member = name.groups()
    own = matching(analyze(project.network))
    meant = own if enum is None else _by_enum().get(enum)
    if enum is not None and meant is None:
        raise EditRefused(_no_such(enum))
    if own is None:
        raise EditRefused(_none_of_them(project))
    known = PRETRAINED[own]
    if meant != own:
        raise EditRefused(
            f"{enum} are the weights of {meant}, but the network is {own}: choose {known.enum}"
        )
    if member != "DEFAULT" and member not in known.megabytes:
        raise EditRefused(_no_member(known, member))
    member = known.default if member == "DEFAULT" else member
    data = replace(project.data, normalization=known.normalization)
    return replace(_with_weights(project, f"{PREFIX}{known.enum}.{member}"), data=data)


def fault(weights: str) -> str:
    """What is wrong with a recipe's ``weights`` by themselves, in words; empty for nothing."""
    if not weights.startswith(PREFIX):
        return ""
    enum, _, member = weights.removeprefix(PREFIX).partition(".")
    architecture = _by_enum().get(enum)
    if architecture is None:
        return _no_such(enum)
    if member not in PRETRAINED[architecture].megabytes:
        return _no_member(PRETRAINED[architecture], member)
    return ""


def of_architecture(weights: str) -> Pretrained | None:
    """What torchvision has for the architecture that a recipe's ``weights`` belong to; None where
    they are no known ones of torchvision's."""
    if not weights.startswith(PREFIX) or fault(weights):
        return None
    return PRETRAINED[_by_enum()[weights.removeprefix(PREFIX).partition(".")[0]]]


def title(weights: str) -> str:
    """A recipe's ``weights`` for the user: torchvision's name, or the file's without its folder."""
    if weights.startswith(PREFIX):
        return weights.removeprefix(PREFIX)
    return Path(weights).name if weights else "random weights"


def matching(analysis: Analysis) -> str | None:
    """The architecture of torchvision that a network is, whatever its class count; None for none.

    Told by kind and parameter count of every layer in order, so an activation may differ.
    """
    if analysis.problems or analysis.parameters < _SMALLEST:
        return None
    wanted = _signature(analysis)
    return _signatures().get(wanted) if wanted else None


def _with_weights(project: Project, weights: str) -> Project:
    return replace(project, recipe=replace(project.recipe, weights=weights))


@cache
def _by_enum() -> dict[str, str]:
    return {known.enum: name for name, known in PRETRAINED.items()}


_SMALLEST = 2_000_000
"""Parameters below which none of the architectures comes, whatever its classes; most networks
that are drawn are smaller, and need no comparing."""

_Signature = tuple[tuple[str, int], ...]


@cache
def _signatures() -> dict[_Signature, str]:
    return {_signature(analyze(build(name).network)): name for name in PRETRAINED}


def _signature(analysis: Analysis) -> _Signature:
    """Kind and parameters of the layers that have any; of the last one, those of each class."""
    # Auxiliary classifiers serve training alone, and torchvision's weights may lack them.
    skipped = heads.weights(analysis)
    rows = [row for row in analysis.layers if row.parameters and row.block not in skipped]
    if not rows or rows[-1].kind != "linear":
        return ()
    *body, head = rows
    each = head.parameters // head.output[0]
    return (*((row.kind, row.parameters) for row in body), (head.kind, each))


def _no_such(enum: str) -> str:
    return (
        f"there are no weights {enum[:60]!r} for any template; with torchvision's weights are "
        f"{', '.join(PRETRAINED)}"
    )


def _no_member(known: Pretrained, member: str) -> str:
    names = " and ".join(f"{known.enum}.{name}" for name in known.megabytes)
    return f"there are no weights {known.enum}.{member[:60]}; torchvision has {names}"


def _none_of_them(project: Project) -> str:
    for node in project.network.nodes:
        try:
            channels = registry.values(node)["channels"] if node.kind == "input" else 3
        except (SettingError, KeyError):
            continue
        if channels != 3:
            return (
                f"torchvision's weights are for color images, but the network's input has "
                f"{channels} channel{'' if channels == 1 else 's'}: set them to 3"
            )
    return (
        "the network is none that torchvision has weights for: start from one of its templates "
        f"({', '.join(PRETRAINED)}), or give a file"
    )
