"""The run folder: written whole, read live, and listed."""

from __future__ import annotations

import errno
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest

from studio.project.values import Project
from studio.runs.api import EpochDone, WorkFailed
from studio.runs.files import explain_write_error, replacing, write_whole
from studio.runs.folder import RunFolder, RunInfo, list_runs
from studio.runs.metrics import MetricsWriter, read_curves, read_events
from studio.runs.system import GpuSample, SystemSample

INFO = RunInfo(state="running", title="a run", created="2026-01-01T00:00:00+00:00")


def steps(first: int, count: int) -> list[tuple[int, int, float, float, float, float, float]]:
    return [(at, 1, 1 / (at + 1), 0.5, 0.1, 100.0, float(at)) for at in range(first, first + count)]


def epoch(number: int, step: int, validation_loss: float = 0.2) -> EpochDone:
    return EpochDone(number, step, 0.1, 0.9, validation_loss, 0.8, 0.05, 3.0, number == 1)


def processor_sample(time: float) -> SystemSample:
    return SystemSample(time=time, processor=5.0, memory_used=1, memory_total=2, process_memory=1)


# Files --------------------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def fail() -> None:
        with replacing(path) as beside:
            beside.write_bytes(b"half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (RuntimeError("[enforce fail at inline_container.cc] . unexpected pos 64"), "disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "There is no permission to write it"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "no permission"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "folder is gone"),
        (OSError(errno.EIO, "Input/output error"), "It could not be written: Input/output error"),
        (RuntimeError(), "It could not be written: RuntimeError"),
    ],
)
def test_write_errors_of_all_libraries_become_sentences(error: Exception, words: str) -> None:
    assert words in explain_write_error(error, "it")


# run.json and the folder --------------------------------------------------------------------------


def test_what_a_folder_was_made_with_is_read_back(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "deep" / "run", Project(), INFO)
    again = RunFolder.open(tmp_path / "deep" / "run")
    assert again == folder
    assert (again.info(), again.project()) == (INFO, Project())
    done = msgspec.structs.replace(INFO, state="completed", classes=("a", "b"), mean=(0.5,))
    folder.save(done)
    assert again.info() == done


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkFailed, match="already exists"):
        RunFolder.create(tmp_path / "file", Project(), INFO)
    with pytest.raises(WorkFailed, match="could not be written"):
        RunFolder.create(tmp_path / "file" / "run", Project(), INFO)


def test_only_a_run_that_failed_before_training_gives_its_place_up(tmp_path: Path) -> None:
    failed = msgspec.structs.replace(INFO, state="failed")
    path = tmp_path / "run"
    RunFolder.create(path, Project(), failed)
    RunFolder.create(path, Project(), failed)
    (path / "notes.txt").write_text("mine")
    with pytest.raises(WorkFailed, match="already exists"):
        RunFolder.create(path, Project(), failed)
    assert (path / "notes.txt").read_text() == "mine"
    for number, kept in enumerate((INFO, msgspec.structs.replace(failed, total_steps=9), failed)):
        folder = RunFolder.create(tmp_path / str(number), Project(), kept)
        folder.checkpoint("last").write_bytes(b"weights")
        with pytest.raises(WorkFailed, match="already exists"):
            RunFolder.create(folder.path, Project(), kept)
        assert folder.checkpoint("last").exists()


def test_what_is_no_run_folder_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="is not a run folder"):
        RunFolder.open(tmp_path)
    with pytest.raises(WorkFailed, match="does not exist"):
        RunFolder.open(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state": "dancing"}', b"\xff\xfe"])
def test_a_damaged_run_json_is_told_in_words(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder.create(tmp_path / "run", Project(), INFO)
    (folder.path / "run.json").write_bytes(content)
    with pytest.raises(WorkFailed, match=r"run\.json cannot be read"):
        folder.info()


def test_runs_are_listed_newest_first_and_other_folders_passed_over(tmp_path: Path) -> None:
    for name, created in (("old", "2025"), ("new", "2026"), ("middle", "2025-06")):
        info = msgspec.structs.replace(INFO, title=name, created=created)
        RunFolder.create(tmp_path / name, Project(), info)
    (tmp_path / "other").mkdir()
    damaged = RunFolder.create(tmp_path / "damaged", Project(), INFO)
    (damaged.path / "run.json").write_text("{")
    assert [info.title for _, info in list_runs(tmp_path)] == ["new", "middle", "old"]
    assert list_runs(tmp_path / "nowhere") == ()


def test_a_run_whose_process_is_gone_is_interrupted() -> None:
    mine = msgspec.structs.replace(
        INFO,
        machine=socket.gethostname(),
        process=os.getpid(),
        process_started=psutil.Process().create_time(),
    )
    assert mine.alive
    assert not mine.interrupted
    # The number went to another process since.
    reused = msgspec.structs.replace(mine, process_started=mine.process_started - 1000)
    assert reused.interrupted
    ended = msgspec.structs.replace(reused, state="completed")
    assert not ended.interrupted


def test_leftovers_of_a_killed_write_are_removed(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", Project(), INFO)
    left = folder.checkpoints / ".last.safetensors.123.part"
    left.write_bytes(b"half")
    folder.clean()
    assert not left.exists()
    assert (folder.path / "run.json").exists()


# The curves ---------------------------------------------------------------------------------------


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", Project(), INFO)
    writer = MetricsWriter(folder.metrics)
    norms = np.random.default_rng(0).random((10, 3)).astype(np.float32)
    writer.layers([("conv", "convolution", 9), ("norm", "batch_norm", 2), ("head", "linear", 5)])
    writer.steps(steps(0, 10))
    writer.gradients(0, norms)
    writer.epoch(epoch(1, 10, float("nan")))
    writer.event(3, "warning", "careful")
    assert writer.close() == ""
    curves = folder.curves()
    assert curves.step.tolist() == list(range(10))
    assert curves.loss.tolist() == [1 / (at + 1) for at in range(10)]
    assert folder.curves(first_step=7).step.tolist() == [7, 8, 9]
    names, read = folder.gradients()
    assert names == ("conv", "norm", "head")
    assert np.array_equal(read, norms)
    (done,) = folder.epochs()
    assert np.isnan(done.validation_loss)
    assert msgspec.structs.replace(done, validation_loss=0.2) == epoch(1, 10)
    ((_, step, kind, message),) = read_events(folder.metrics)
    assert (step, kind, message) == (3, "warning", "careful")
    assert not list(folder.path.glob("metrics.sqlite-*")), "reading leaves nothing behind"


def test_a_second_process_reads_while_the_first_writes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.sqlite"
    writer = MetricsWriter(path)
    count = (
        "import sys; from pathlib import Path; from studio.runs.metrics import read_curves;"
        "print(len(read_curves(Path(sys.argv[1])).step))"
    )
    for expected in (5, 10):
        writer.steps(steps(expected - 5, 5))
        assert writer.commit() == ""
        output = subprocess.run(
            [sys.executable, "-c", count, str(path)], capture_output=True, text=True, check=True
        )
        assert output.stdout.strip() == str(expected)
    writer.close()


def test_rows_wait_while_the_disk_is_full_and_are_written_later(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.sqlite")
    writer.steps(steps(0, 1))
    assert writer.commit() == ""
    connection = writer._connected(tmp_path / "metrics.sqlite")
    connection.execute("PRAGMA max_page_count = 1")  # SQLite's own way to a full disk
    writer.steps(steps(1, 5000))
    assert writer.commit() == "The disk is full: the run's curves could not be written."
    assert len(read_curves(tmp_path / "metrics.sqlite").step) == 1
    connection.execute("PRAGMA max_page_count = 100000")
    assert writer.close() == ""
    assert read_curves(tmp_path / "metrics.sqlite").step.tolist() == list(range(5001))


def test_rewinding_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.sqlite")
    writer.steps(steps(0, 20))
    writer.gradients(0, np.zeros((20, 2), np.float32))
    writer.epoch(epoch(1, 10))
    writer.epoch(epoch(2, 20))
    assert writer.commit() == ""
    writer.rewind(12)
    writer.close()
    folder = RunFolder(tmp_path)
    assert folder.curves().step.tolist() == list(range(12))
    assert folder.epochs() == (epoch(1, 10),)


def test_the_machines_samples_are_kept_a_row_for_each_gpu(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.sqlite")
    gpus = tuple(GpuSample(uuid, uuid, 50.0, 1, 2, 60.0, None, None) for uuid in ("A", "B"))
    writer.system(
        [processor_sample(1.0), msgspec.structs.replace(processor_sample(2.0), gpus=gpus)]
    )
    writer.close()
    connection = sqlite3.connect(tmp_path / "metrics.sqlite")
    rows = connection.execute("SELECT time, gpu, gpu_utilization, gpu_power FROM system").fetchall()
    connection.close()
    assert rows == [(1.0, None, None, None), (2.0, "A", 50.0, None), (2.0, "B", 50.0, None)]


def test_curves_that_are_missing_or_damaged_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="There are no curves yet"):
        read_curves(tmp_path / "metrics.sqlite")
    (tmp_path / "metrics.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(WorkFailed, match="cannot be read"):
        read_curves(tmp_path / "metrics.sqlite")
    writer = MetricsWriter(tmp_path / "metrics.sqlite")
    writer.steps(steps(0, 1))
    assert "could not be written" in writer.commit()
    writer.close()
