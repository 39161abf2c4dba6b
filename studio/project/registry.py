"""The one registry of kinds, and the palette that is made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from studio.project.blocks import BLOCKS
from studio.project.kinds import BlockKind, Kind, LayerKind
from studio.project.layers import LAYERS
from studio.project.layers.common import ACTIVATIONS
from studio.project.settings import complete
from studio.project.values import Node

_KINDS: dict[str, Kind] = {}

FAMILIES = (
    "input", "output", "vgg", "inception", "residual", "convolution", "normalization", "activation",
    "pooling", "dropout", "linear", "merge", "shape", "group",
    "unknown",
)  # fmt: skip


def register(kind: Kind) -> None:
    """Make ``kind`` known; raises ValueError for a second one of the same name."""
    if kind.kind in _KINDS:
        raise ValueError(f"there are two kinds called {kind.kind!r}")
    if kind.family not in FAMILIES:
        raise ValueError(f"{kind.kind!r} is of the unknown family {kind.family!r}")
    _KINDS[kind.kind] = kind


for _kind in (*LAYERS, *BLOCKS):
    register(_kind)


def lookup(kind: str) -> Kind | None:
    """The kind called ``kind``, or None where this version does not know it."""
    return _KINDS.get(kind)


def layer(kind: str) -> LayerKind:
    """The layer kind called ``kind``; raises KeyError."""
    found = _KINDS[kind]
    if not isinstance(found, LayerKind):
        raise KeyError(kind)
    return found


def block(kind: str) -> BlockKind:
    """The block kind called ``kind``; raises KeyError."""
    found = _KINDS[kind]
    if not isinstance(found, BlockKind):
        raise KeyError(kind)
    return found


def kinds() -> tuple[Kind, ...]:
    """All kinds, layers first."""
    return tuple(_KINDS.values())


def values(node: Node) -> dict[str, Any]:
    """All settings of ``node`` with the defaults filled in; raises SettingError, or KeyError."""
    return complete(_KINDS[node.kind].settings, node.settings, node.name)


@dataclass(frozen=True, slots=True)
class PaletteEntry:
    """What can be dragged onto the canvas: a kind, with some settings set."""

    key: str
    title: str
    hint: str
    kind: str
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The family of its kind, or the one that its settings choose, for the color."""
        return _KINDS[self.kind].family_of(self.settings)


@dataclass(frozen=True, slots=True)
class PaletteSection:
    """Entries under one heading."""

    title: str
    entries: tuple[PaletteEntry, ...]


def _plain(*names: str) -> tuple[PaletteEntry, ...]:
    return tuple(PaletteEntry(name, _KINDS[name].title, _KINDS[name].help, name) for name in names)


def _functions() -> tuple[PaletteEntry, ...]:
    """Each activation by its own name; the kind's first one under the kind's key."""
    kind, entries = _KINDS["activation"], []
    for word, title in ACTIVATIONS:
        settings = {"function": word} if word != kind.settings[0].initial else {}
        formula, _ = kind.formula_and_source(complete(kind.settings, settings, ""))
        name = title[:1].upper() + title[1:]
        key = word if settings else kind.kind
        entries.append(PaletteEntry(key, name, formula, kind.kind, settings))
    return tuple(entries)


_PALETTE = (
    PaletteSection(
        "Blocks",
        (
            PaletteEntry("vgg", "VGG", "3×3 convolutions, pool", "vgg"),
            PaletteEntry("inception", "Inception", "1×1, 3×3, 5×5, pool", "inception"),
            PaletteEntry("residual", "Residual", "two paths, one sum", "residual"),
            PaletteEntry("stage", "Stage", "a residual block, N times", "stage"),
        ),
    ),
    PaletteSection(
        "More blocks",
        (
            PaletteEntry("separable", "Depthwise separable", _KINDS["separable"].help, "separable"),
            *_plain("squeeze_excitation", "inverted_residual", "inverted_stage", "dense_block",
                    "transition", "convnext_block", "convnext_stage"),
        ),
    ),
    PaletteSection(
        "Layers",
        (
            *_plain("convolution"),
            PaletteEntry("pointwise", "1×1 convolution", "Mixes channels at every pixel, and so "
                         "changes how many there are.", "convolution", {"kernel": 1}),
            *_plain("conv_unit", "batch_norm", "group_norm", "layer_norm", "local_response_norm",
                    "layer_scale", "pooling", "global_pooling", "adaptive_pooling",
                    "dropout", "spatial_dropout", "stochastic_depth", "flatten", "linear",
                    "upsample", "identity"),
        ),
    ),
    PaletteSection("Activations", _functions()),
    PaletteSection("Merges", (*_plain("add", "concatenate", "multiply", "zero_shortcut"),)),
    PaletteSection("Ends", (*_plain("input", "output", "auxiliary"),)),
)  # fmt: skip


def palette() -> tuple[PaletteSection, ...]:
    """What the palette shows, in order."""
    return _PALETTE
