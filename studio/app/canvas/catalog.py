"""Finding palette entries by a few letters, by their key, and by the shape they would take."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from studio.project import edits, registry
from studio.project.kinds import BlockKind, LayerKind, Mismatch
from studio.project.layers.common import ACTIVATIONS
from studio.project.registry import PaletteEntry
from studio.project.settings import Choice, SettingError, complete
from studio.project.tracing import trace
from studio.project.values import Node, Shape

MIME = "application/x-training-studio-entry"
"""What a drag from the palette carries: an entry's key as UTF-8."""


_CLASSES = 10
"""How many there are makes no difference to what can be fed with a shape."""
Mine = Sequence[PaletteEntry]
"""The user's own blocks; they stand behind the sections of the registry."""


def entries(mine: Mine = ()) -> tuple[PaletteEntry, ...]:
    """All entries of the palette in order."""
    return (*(entry for section in registry.palette() for entry in section.entries), *mine)


def by_key(key: str, mine: Mine = ()) -> PaletteEntry | None:
    """The entry called ``key``, or None."""
    return next((entry for entry in entries(mine) if entry.key == key), None)


def find(text: str, mine: Mine = ()) -> list[PaletteEntry]:
    """The entries that ``text`` may mean, best first; all for an empty text.

    Every word has to occur in title or kind, or to begin a word of the hint or of a choice among
    its settings ("bottleneck"); a title that starts with it comes first, and the shortest of these
    before longer ones. An x between digits stands for ×.
    """
    words = re.sub(r"(?<=\d)x(?=\d)", "×", text.lower()).split()
    if not words:
        return list(entries(mine))
    ranked: list[tuple[int, int, int, PaletteEntry]] = []
    for number, entry in enumerate(entries(mine)):
        title = entry.title.lower()
        names = f"{title} {entry.key} {entry.kind}"
        hint = re.findall(r"[\w×]+", entry.hint.lower())
        inside = re.findall(r"[\w×]+", _choices(entry).lower())
        if not all(_occurs(word, names, (*hint, *inside)) for word in words):
            continue
        joined = " ".join(words)
        told = all(_occurs(word, names, hint) for word in words)
        rank = 0 if title.startswith(joined) else 1 if joined in names else 2 if told else 3
        ranked.append((rank, len(title) if rank == 0 else 0, number, entry))
    return [found[-1] for found in sorted(ranked, key=lambda found: found[:3])]


def _occurs(word: str, names: str, others: Sequence[str]) -> bool:
    return word in names or any(other.startswith(word) for other in others)


@lru_cache(maxsize=256)
def _words_of(kind: str) -> str:
    """The titles of what can be chosen in the settings of a kind, its activations left out: any
    block can have those."""
    found = registry.lookup(kind)
    choices = (s for s in found.settings if isinstance(s, Choice)) if found is not None else ()
    return " ".join(title for s in choices if s.choices != ACTIVATIONS for _, title in s.choices)


def _choices(entry: PaletteEntry) -> str:
    return "" if entry.kind == "group" else _words_of(entry.kind)


def fits(entry: PaletteEntry, shape: Shape | None) -> bool:
    """Whether a node of this entry can be fed with ``shape`` (anything, where it is unknown)."""
    kind = registry.lookup(entry.kind)
    if kind is None or kind.max_inputs == 0:
        return False
    if shape is None or kind.min_inputs > 1:
        return True
    try:
        if kind.own_title is not None:
            return trace(sample_node(entry), (shape,), _CLASSES).error is None
        values = complete(kind.settings, entry.settings, entry.title)
        if isinstance(kind, BlockKind):
            kind.expand(values, shape)
        elif isinstance(kind, LayerKind):
            kind.shape(values, (shape,))
    except Mismatch as error:
        # What could be mended by channels or one more layer is still a sensible thing to add.
        return error.wanted is not None or bool(error.insert)
    except SettingError:
        return False
    return True


def sample_node(entry: PaletteEntry) -> Node:
    """A node as a drop would make it, for the preview under the pointer."""
    return Node(edits.first_name(entry.kind, entry.settings), entry.kind, dict(entry.settings))


def icon_of(kind: str, family: str, settings: Mapping[str, object]) -> str:
    """The icon's name for a kind with these settings."""
    if kind in ("add", "concatenate", "multiply"):
        return kind
    if kind.endswith("stage"):
        return "stage"
    if kind == "group":
        return "group"
    if kind == "separable":
        return "depthwise"
    if kind == "convolution" and settings.get("kernel") == 1:
        return "pointwise"
    return family
