"""Checkpoints: whole or refused, and a disk that does not take them."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.engine import checkpoint as checkpoints
from studio.engine.checkpoint import (
    Checkpoint,
    CheckpointError,
    Place,
    copy_checkpoint,
    not_finite,
    read_checkpoint,
    write_checkpoint,
)
from studio.engine.keeper import Keeper
from studio.project.values import Project
from studio.runs.folder import RunFolder, RunInfo

PLACE = Place(step=7, epochs_done=1, loss_sum=0.1, correct=3.0, images=9, best_accuracy=1 / 3)

SCALER = {"scale": torch.tensor(1024.0), "_growth_tracker": torch.tensor(3.0)}


def example() -> Checkpoint:
    generator = torch.Generator().manual_seed(0)
    model = {
        "conv.weight": torch.randn(4, 3, 3, 3, generator=generator),
        "norm.num_batches_tracked": torch.tensor(5),
    }
    optimizer = {"0.momentum_buffer": torch.randn(4, 3, 3, 3, generator=generator)}
    return Checkpoint(PLACE, model, optimizer, {"cpu": torch.get_rng_state()}, SCALER)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path, saved = tmp_path / "last.safetensors", example()
    write_checkpoint(path, saved)
    read = read_checkpoint(path)
    assert read.place == PLACE
    for part in ("model", "optimizer", "random", "scaler"):
        ours, theirs = getattr(saved, part), getattr(read, part)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert sorted(os.listdir(tmp_path)) == ["last.safetensors"]


def test_the_weights_can_be_read_by_safetensors_alone(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "best.safetensors", example())
    tensors = load_file(tmp_path / "best.safetensors")
    assert torch.equal(tensors["model.conv.weight"], example().model["conv.weight"])


def test_a_checkpoint_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, newer = tmp_path / "last.safetensors", tmp_path / "newer.safetensors"
    write_checkpoint(path, example())
    later = msgspec.structs.replace(PLACE, step=8)
    weights = {name: value + 1 for name, value in example().model.items()}
    write_checkpoint(newer, dataclasses.replace(example(), place=later, model=weights))
    real, opened = checkpoints._checksum, []

    def replacing_once(state: str, tensors: dict[str, torch.Tensor]) -> str:
        if not opened:
            os.replace(newer, path)  # as the run does, after the header was read
            tensors = {**tensors, "model.conv.weight": weights["conv.weight"]}
        opened.append(state)
        return real(state, tensors)

    monkeypatch.setattr(checkpoints, "_checksum", replacing_once)
    read = read_checkpoint(path)
    assert len(opened) == 2
    assert read.place.step == 8
    assert torch.equal(read.model["conv.weight"], weights["conv.weight"])


def test_no_flipped_bit_and_no_cut_goes_unnoticed(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    write_checkpoint(path, example())
    whole = path.read_bytes()
    rng = random.Random(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    for trial in range(300):
        # Half of the flips hit the header, which is a small part of the file.
        at = rng.randrange(header if trial % 2 else len(whole))
        broken = bytearray(whole)
        broken[at] ^= 1 << rng.randrange(8)
        path.write_bytes(broken)
        try:
            read = read_checkpoint(path)
        except CheckpointError as error:
            assert str(path) in error.message
            continue
        # Only a flip that changes nothing may pass (in the white space that pads the header).
        assert read.place == PLACE
        assert torch.equal(read.model["conv.weight"], example().model["conv.weight"])
        assert whole[at : at + 1] == b" "
    for length in (0, 4, 100, header, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            read_checkpoint(path)


def test_a_foreign_or_newer_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(path)
    newer = json.dumps({"format": checkpoints.FORMAT, "version": 2, "place": {}})
    header = {"state": newer, "sha256": checkpoints._checksum(newer, {})}
    save_file({}, path, header)
    with pytest.raises(CheckpointError, match="newer"):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match="There is no best checkpoint"):
        read_checkpoint(tmp_path / "best.safetensors")


def test_a_copy_stays_what_it_was_when_the_original_is_replaced(tmp_path: Path) -> None:
    best, last = tmp_path / "best.safetensors", tmp_path / "last.safetensors"
    write_checkpoint(best, example())
    copy_checkpoint(best, last)
    first = last.read_bytes()
    write_checkpoint(best, Checkpoint(Place(step=9), example().model, {}, {}))
    assert last.read_bytes() == first
    assert read_checkpoint(best).place.step == 9


def test_a_flipped_bit_in_one_copy_leaves_the_other(tmp_path: Path) -> None:
    best, last = tmp_path / "best.safetensors", tmp_path / "last.safetensors"
    write_checkpoint(best, example())
    copy_checkpoint(best, last)
    with open(last, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([byte ^ 16]))
    with pytest.raises(CheckpointError, match="damaged"):
        read_checkpoint(last)
    assert read_checkpoint(best).place == example().place


def test_weights_that_are_no_numbers_are_noticed() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    assert not_finite(module) == ""
    module[1].running_var[0] = torch.inf
    assert not_finite(module) == "1.running_var"
    module[0].weight.data[1, 0, 2, 2] = torch.nan
    assert not_finite(module) == "0.weight"


def test_a_full_disk_is_told_once_keeps_the_old_checkpoint_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = RunInfo(state="running", title="t", created="")
    folder = RunFolder.create(tmp_path / "run", Project(), info)
    warnings: list[str] = []
    keeper = Keeper(folder, warnings.append)
    keeper.keep(example(), best=True)
    old = folder.checkpoint("last").read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    later = Checkpoint(Place(step=99), example().model, {}, {})
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full)
        keeper.keep(later)
        keeper.keep(later, best=True)
    assert warnings == [
        "The disk is full: the checkpoint could not be written. "
        "Training goes on, and writing is tried again."
    ]
    assert folder.checkpoint("last").read_bytes() == old
    assert (keeper.kept_step, bool(keeper.problem)) == (7, True)
    assert sorted(os.listdir(folder.checkpoints)) == ["best.safetensors", "last.safetensors"]
    keeper.keep(later)
    assert read_checkpoint(folder.checkpoint("last")).place.step == 99
