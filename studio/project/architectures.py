"""Which of torchvision's architectures a network is, told without torch."""

from __future__ import annotations

from functools import lru_cache

from studio.project import templates
from studio.project.analysis import Analysis, analyze

TORCHVISION = (
    "convnext_tiny", "densenet121", "googlenet", "mobilenet_v2", "resnet18", "resnet34",
    "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "wide_resnet50_2", "vgg11", "vgg13",
    "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
)  # fmt: skip
"""The templates that torchvision.models has too; a test holds the list against it."""

SMALLEST = 2_000_000
"""Parameters below which no architecture of the list comes, whatever its classes."""

Signature = tuple[tuple[str, int], ...]


def torchvision_name(analysis: Analysis) -> str:
    """The architecture whose layers with parameters the network has, in order; "" for none."""
    if analysis.problems or analysis.classes is None or analysis.parameters < SMALLEST:
        return ""
    own = _signature(analysis)
    known = (name for name in TORCHVISION if _template(name, analysis.classes) == own)
    return next(known, "")


@lru_cache(maxsize=4 * len(TORCHVISION))
def _template(name: str, classes: int) -> Signature:
    return _signature(analyze(templates.build(name, classes=classes).network))


def _signature(analysis: Analysis) -> Signature:
    return tuple((row.kind, row.parameters) for row in analysis.layers if row.parameters)
