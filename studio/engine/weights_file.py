"""Files of weights that come from elsewhere: read as tensors alone, and not believed.

``.pt`` and ``.pth`` hold a state dict, read with ``weights_only``; ``.safetensors`` hold one, or
are a checkpoint of a run. What a file claims is compared with its size before room is made for it.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from studio.engine import checkpoint
from studio.engine.devices import is_out_of_memory
from studio.project.recipes import IMAGENET_DEVIATION, IMAGENET_MEAN
from studio.project.values import Shape
from studio.runs.api import WorkFailed

CARD = "training-studio"
"""The name under which our own exports hold what they say of themselves."""

_INSIDE = ("state_dict", "model_state_dict", "model")
"""Where a training script's checkpoint keeps the state dict."""

_WRAPPERS = ("module.", "_orig_mod.")
"""What torch's DataParallel and compile put before every name."""

_MOST_CARD_BYTES = 2**24


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a file by name, on the CPU; ``sha256`` is that of the whole file.

    ``normalization`` and ``classes`` are what an export of ours says of itself, else empty.
    """

    tensors: dict[str, Tensor]
    sha256: str
    normalization: str = ""
    classes: tuple[str, ...] = ()


class _Input(msgspec.Struct, frozen=True):
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()


class _Card(msgspec.Struct, frozen=True):
    """As much as is used here of what an export says of itself."""

    input: _Input = _Input()
    classes: tuple[str, ...] = ()
    sha256: str = ""


def read_weights(path: Path) -> WeightsFile:
    """The weights in ``path``; raises WorkFailed in words for anything else."""
    if not path.is_file():
        what = "is a folder, not a file of weights" if path.is_dir() else "does not exist"
        raise WorkFailed(
            f"The weights file {path} {what}.", "Choose another file, or start from random weights."
        )
    try:
        sha256 = checksum(path)
        card = _card_beside(path)
        if card.sha256 not in ("", sha256):
            raise _damaged(path, f"its content is not what {path.name}.json says it was")
        if path.suffix.lower() == ".safetensors":
            tensors, inside = _read_safetensors(path)
            card = inside or card
        else:
            tensors = _read_torch(path)
    except OSError as error:
        raise WorkFailed(
            f"The weights file {path} cannot be read: {error.strerror or error}.",
            "Choose another file.",
        ) from None
    if not tensors:
        raise WorkFailed(f"The weights file {path} holds no tensors.", "Choose another file.")
    return WeightsFile(tensors, sha256, _normalization(card), card.classes)


def checksum(path: Path) -> str:
    """The SHA-256 of a file; raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, how: str = "") -> WorkFailed:
    return WorkFailed(
        f"The weights file {path} is damaged, or is no file of weights{f': {how}' if how else ''}.",
        "Copy or download it again, or choose another file.",
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], _Card | None]:
    # safetensors itself compares the sizes in its header with the file's.
    try:
        with safe_open(path, "pt") as file:
            header: Mapping[str, str] = file.metadata() or {}
            if "state" in header:
                return checkpoint.read_checkpoint(path).weights, None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except checkpoint.CheckpointError as error:
        raise WorkFailed(error.message, error.advice) from None
    except (SafetensorError, ValueError, RuntimeError, MemoryError):
        raise _damaged(path) from None
    return _unwrapped(tensors), _card(header.get(CARD, "").encode())


def _read_torch(path: Path) -> dict[str, Tensor]:
    if zipfile.is_zipfile(path):
        _check_zip(path)
    # First without values: on the meta device nothing is allocated, whatever the file claims.
    claimed = _state_dict(path, _load(path, "meta"))
    _check_claims(path, claimed)
    return _state_dict(path, _load(path, "cpu"))


def _check_zip(path: Path) -> None:
    """Hold each record of a zip archive against its checksum; torch itself looks at none.

    Records without one, as torch writes them where it is told to save the time, are passed over.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            if sum(record.file_size for record in records) > size:
                raise _damaged(path, "it claims more bytes than it has")
            for record in records:
                if record.CRC:
                    with archive.open(record) as content:
                        while content.read(2**20):
                            pass
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError,
            ValueError):  # fmt: skip
        raise _damaged(path) from None


def _load(path: Path, device: str) -> Any:
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error) or "global" in str(error):
            raise WorkFailed(
                f"The weights file {path} holds Python objects beside its tensors, which are not "
                "read since they could do anything.",
                "Save the tensors alone, with torch.save(model.state_dict(), FILE).",
            ) from None
        raise _damaged(path) from None
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Bytes that are no file of torch's make its readers raise whatever they stumble over.
        raise _damaged(path) from None


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    """The tensors by name in what was loaded, wherever a training script puts them."""
    if isinstance(content, dict):
        for key in _INSIDE:
            if isinstance(content.get(key), dict):
                content = content[key]
                break
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()
    ):
        raise WorkFailed(
            f"The weights file {path} holds no state dict, a tensor for each name.",
            "Save one, with torch.save(model.state_dict(), FILE).",
        )
    return _unwrapped(content)


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _WRAPPERS:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _check_claims(path: Path, tensors: dict[str, Tensor]) -> None:
    size = path.stat().st_size
    storages: dict[int, int] = {}
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_quantized:
            raise _damaged(path, f"{name} is no plain tensor")
        if value.numel() * value.element_size() > size:
            raise _damaged(
                path,
                f"{name} claims {show(value.shape)} values, and the whole file has {size:,} bytes",
            )
        storage = value.untyped_storage()
        storages[storage._cdata] = storage.nbytes()
    if sum(storages.values()) > size:
        raise _damaged(path, "it claims more bytes than it has")


def show(shape: Shape) -> str:
    """A tensor's shape for the user, as ``64×3×7×7``."""
    return "×".join(str(length) for length in shape) or "a single number"


def _card_beside(path: Path) -> _Card:
    """What the file that an export writes beside its weights says; nothing where there is none."""
    beside = path.with_name(path.name + ".json")
    try:
        if beside.stat().st_size > _MOST_CARD_BYTES:
            return _Card()
        return _card(beside.read_bytes()) or _Card()
    except OSError:
        return _Card()


def _card(content: bytes) -> _Card | None:
    try:
        return msgspec.json.decode(content, type=_Card)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError):
        return None  # another program's file of that name


def _normalization(card: _Card) -> str:
    """The normalization by its name here that a card tells in numbers; empty for none."""
    mean, deviation = card.input.mean, card.input.deviation
    if not mean or len(mean) != len(deviation):
        return ""
    known: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
        "none": ((0.0,) * len(mean), (1.0,) * len(mean)),
        "unit": ((0.0,) * len(mean), (255.0,) * len(mean)),
        "symmetric": ((127.5,) * len(mean), (127.5,) * len(mean)),
        "imagenet": (IMAGENET_MEAN, IMAGENET_DEVIATION),
    }
    for name, (center, spread) in known.items():
        if mean == center and deviation == spread:
            return name
    return "standard"
