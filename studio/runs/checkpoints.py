"""The checkpoints of a run as one may choose among them: read by their headers, without torch."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from studio.project.values import Recipe
from studio.runs.folder import RunFolder

_LONGEST_HEADER = 32 * 2**20
"""Bytes; that of a network with a thousand layers has half a million."""


@dataclass(frozen=True)
class Kept:
    """A checkpoint: ``last``, ``best``, or ``step-0001234``. ``recipe`` is what the run followed
    there, None where it is that of its project."""

    name: str
    path: Path
    step: int
    epochs_done: int
    bytes: int
    recipe: Recipe | None = None


class _Place(msgspec.Struct):
    step: int
    epochs_done: int
    recipe: Recipe | None = None


class _State(msgspec.Struct):
    place: _Place


class _Metadata(msgspec.Struct):
    state: str


class _Header(msgspec.Struct):
    metadata: _Metadata = msgspec.field(name="__metadata__")


def kept(run: RunFolder) -> tuple[Kept, ...]:
    """The checkpoints of ``run``: the last, the best, then those that were kept, newest first.

    Damaged ones are left out.
    """
    found = [read(path) for path in run.checkpoints.glob("[!.]*.safetensors")]
    order = {"last": 0, "best": 1}
    readable = [each for each in found if each is not None]
    return tuple(sorted(readable, key=lambda each: (order.get(each.name, 2), -each.step)))


def read(path: Path) -> Kept | None:
    """The checkpoint at ``path``; None where it is damaged or gone."""
    with contextlib.suppress(OSError, msgspec.MsgspecError, RecursionError):
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 0 < length <= _LONGEST_HEADER:
                return None
            header = msgspec.json.decode(file.read(length), type=_Header)
        place = msgspec.json.decode(header.metadata.state, type=_State).place
        size = path.stat().st_size
        return Kept(path.stem, path, place.step, place.epochs_done, size, place.recipe)
    return None
