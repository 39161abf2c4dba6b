"""Checkpoints: all that a run needs to go on exactly, in one file that is whole or absent.

Tensors in safetensors, the rest as JSON in its header, no pickle. A SHA-256 over both is kept in
the header and verified on reading, since safetensors itself notices no flipped bit (of 400 flips,
392 loaded other weights silently).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn, optim

from studio.engine.precision import Precision
from studio.engine.team import name_of
from studio.project.schedules.plateau import Plateau
from studio.project.values import Recipe
from studio.runs.files import replacing

FORMAT = "training-studio-checkpoint"
VERSION = 1
_TRIES = 10
"""How often a checkpoint is read that is replaced each time."""

Tensors = dict[str, Tensor]


class CheckpointError(Exception):
    """A checkpoint that is missing, damaged or of another network."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class Place(msgspec.Struct, frozen=True):
    """How far a run is: steps taken, the sums over the epoch under way, and what a schedule that
    depends on the run has seen.

    ``seconds`` is training time without pauses, ``epoch_seconds`` the part of it in this epoch.
    ``recipe`` is what the run follows where it was changed on the way.
    """

    step: int = 0
    epochs_done: int = 0
    loss_sum: float = 0.0
    correct: float = 0.0
    images: int = 0
    seconds: float = 0.0
    epoch_seconds: float = 0.0
    best_epoch: int = 0
    best_accuracy: float = 0.0
    recipe: Recipe | None = None
    plateau: Plateau = Plateau()


@dataclass(frozen=True)
class Checkpoint:
    """``model`` is a state dict, ``optimizer`` the tensors of the optimizer's state by parameter
    and slot, ``random`` the states of torch's generators, ``scaler`` float16's loss scale,
    ``average`` the averaged weights where they are kept; all on the CPU."""

    place: Place
    model: Tensors
    optimizer: Tensors
    random: Tensors
    scaler: Tensors = field(default_factory=dict)
    average: Tensors = field(default_factory=dict)

    @property
    def weights(self) -> Tensors:
        """What is evaluated and exported: the averaged weights where there are some."""
        return self.average or self.model


def snapshot(
    place: Place,
    module: nn.Module,
    optimizer: optim.Optimizer,
    precision: Precision,
    random: Mapping[str, Tensor],
    average: nn.Module | None = None,
) -> Checkpoint:
    """The state of a run between two steps, with ``random_states``. Copies from a GPU, and so
    waits for it."""
    slots: Tensors = {}
    for index, state in optimizer.state_dict()["state"].items():
        for slot, value in state.items():
            if isinstance(value, Tensor):
                slots[f"{index}.{slot}"] = value
    return Checkpoint(
        place,
        _on_cpu(module.state_dict()),
        _on_cpu(slots),
        _on_cpu(random),
        precision.state(),
        _on_cpu(average.state_dict()) if average is not None else {},
    )


def restore(
    saved: Checkpoint,
    module: nn.Module,
    optimizer: optim.Optimizer,
    precision: Precision,
) -> None:
    """Put a run back into the state of ``saved``; raises CheckpointError for another network.

    The random generators are for ``restore_random``.
    """
    try:
        module.load_state_dict(saved.model)
    except RuntimeError:
        raise CheckpointError(
            "The checkpoint belongs to another network than the project's.",
            "Use it with the network it was trained with: its run folder has it in project.studio.",
        ) from None
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in saved.optimizer.items():
        index, _, slot = name.partition(".")
        state.setdefault(int(index), {})[slot] = value
    try:
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": groups})
        _lay_out_alike(optimizer)
        precision.restore(saved.scaler)
    except (RuntimeError, ValueError, KeyError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"The checkpoint belongs to another optimizer or torch: {first}",
            "Use the run folder as training left it.",
        ) from None


def restore_random(saved: Checkpoint, device: torch.device, rank: int = 0) -> None:
    """Let torch's generators go on as process ``rank`` left them; they stay as they are where
    the run had fewer processes. Raises CheckpointError where they are of another torch."""
    states = {key: saved.random.get(name_of(key, rank)) for key in ("cpu", "cuda", "mps")}
    if states["cpu"] is None:
        return
    try:
        torch.set_rng_state(states["cpu"])
        if device.type == "cuda" and states["cuda"] is not None:
            torch.cuda.set_rng_state(states["cuda"], device)
        elif device.type == "mps" and states["mps"] is not None:
            torch.mps.set_rng_state(states["mps"])
    except (RuntimeError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"The checkpoint's random numbers are of another torch: {error}",
            "Use the torch that it was trained with.",
        ) from None


def _lay_out_alike(optimizer: optim.Optimizer) -> None:
    """Bring each slot into the memory layout of its parameter, as a fresh one has it: fused
    steps walk both in the order in which they lie in memory."""
    for parameter, slots in optimizer.state.items():
        for slot, value in slots.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                slots[slot] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def not_finite(module: nn.Module) -> str:
    """The name of the first weight or running statistic that holds something else than finite
    numbers; empty where none does. Waits for the device."""
    state = {name: it for name, it in module.state_dict().items() if it.is_floating_point()}
    good = torch.stack([value.isfinite().all() for value in state.values()]).tolist()
    return next((name for name, finite in zip(state, good, strict=True) if not finite), "")


def write_checkpoint(path: Path, saved: Checkpoint) -> None:
    """Write ``saved`` to ``path`` in one piece; raises OSError or SafetensorError."""
    tensors = {
        **{f"model.{name}": value for name, value in saved.model.items()},
        **{f"optimizer.{name}": value for name, value in saved.optimizer.items()},
        **{f"random.{name}": value for name, value in saved.random.items()},
        **{f"scaler.{name}": value for name, value in saved.scaler.items()},
        **{f"average.{name}": value for name, value in saved.average.items()},
    }
    state = msgspec.json.encode(
        {"format": FORMAT, "version": VERSION, "place": saved.place}
    ).decode()
    header = {"state": state, "sha256": _checksum(state, tensors)}
    with replacing(path) as beside:
        save_file(tensors, beside, header)


def copy_checkpoint(source: Path, target: Path) -> None:
    """Let ``target`` be what ``source`` is now; raises OSError.

    A copy, where a hard link would be quicker: a bit that flips on the disk spoils one of them.
    """
    with replacing(target) as copy:
        shutil.copyfile(source, copy)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint at ``path``, verified; raises CheckpointError in words.

    The run that it belongs to may go on meanwhile: what is replaced while it is read is read again,
    since header and tensors are opened one after the other.
    """
    for _ in range(_TRIES):
        before = _identity(path)
        try:
            return _read(path)
        except CheckpointError:
            if _identity(path) == before:
                raise
    return _read(path)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> Checkpoint:
    if not path.is_file():
        raise CheckpointError(
            f"There is no {path.stem} checkpoint in {path.parent}.",
            "The first one is written when the first epoch ends or the run is stopped.",
        )
    damaged = CheckpointError(
        f"The checkpoint {path} is damaged.", "Use another one (best or last), or train again."
    )
    try:
        with safe_open(path, "pt") as file:
            header: Mapping[str, str] = file.metadata() or {}
            tensors: Tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RuntimeError, MemoryError) as error:
        if isinstance(error, PermissionError):
            raise CheckpointError(f"There is no permission to read {path}.") from None
        raise damaged from None
    state = header.get("state", "")
    if header.get("sha256") != _checksum(state, tensors):
        raise damaged
    try:
        plain: dict[str, Any] = msgspec.json.decode(state)
        if plain["format"] != FORMAT or plain["version"] > VERSION:
            raise CheckpointError(
                f"The checkpoint {path} was written by a newer Training Studio.", "Update it."
            )
        place = msgspec.convert(plain["place"], Place)
    except (msgspec.MsgspecError, KeyError, TypeError):
        raise damaged from None
    parts: dict[str, Tensors] = {
        part: {} for part in ("model", "optimizer", "random", "scaler", "average")
    }
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    return Checkpoint(
        place,
        parts["model"],
        parts["optimizer"],
        parts["random"],
        parts["scaler"],
        parts["average"],
    )


def _checksum(state: str, tensors: Tensors) -> str:
    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"\0{name} {value.dtype} {tuple(value.shape)}\0".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _on_cpu(tensors: Mapping[str, Tensor]) -> Tensors:
    return {name: value.detach().to("cpu").contiguous() for name, value in tensors.items()}


def random_states(device: torch.device) -> Tensors:
    """The states of torch's generators, on which dropout draws."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states
