"""A training process that is killed again and again, and the quick start's accuracy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from studio.engine import TorchEngine
from studio.engine.checkpoint import read_checkpoint
from studio.project import codec, templates
from studio.runs.api import Finished
from studio.runs.folder import RunFolder
from tests.engine.helpers import finish, small_project

PROGRAM = """
import sys
from pathlib import Path
from studio.engine import TorchEngine, keeper
from studio.project import codec
keeper.INTERVAL = 0.02
keeper.Keeper.__init__.__defaults__ = (0.02,)
folder, project = Path(sys.argv[1]), Path(sys.argv[2])
engine = TorchEngine()
run = engine.resume(folder) if folder.exists() else engine.start(codec.load(project), folder)
run.join()
print(run.poll(10_000)[-1])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_again_and_again_ends_in_the_weights_of_one_that_never_was(
    tmp_path: Path,
) -> None:
    project = small_project(batch_size=4, epochs=6)
    codec.save(project, tmp_path / "small.studio")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    threads = torch.get_num_threads()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "run"), str(tmp_path / "small.studio")]
    folder = RunFolder(tmp_path / "run")
    kills = 0
    before = -1
    for pause in (0.1, 0.3, 0.2):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        last = folder.checkpoint("last")
        # Kill it some time after it has come further than the process before it.
        end = time.monotonic() + 60
        while not last.exists() or read_checkpoint(last).place.step <= before:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(pause)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        before = read_checkpoint(last).place.step
        assert folder.info().interrupted
    assert kills >= 2
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "Finished(reason='completed', epochs=6" in done.stdout

    whole = subprocess.run(
        [*command[:3], str(tmp_path / "whole"), command[4]], env=environment, check=True
    )
    assert whole.returncode == 0
    one, other = (
        read_checkpoint(tmp_path / name / "checkpoints/last.safetensors").model
        for name in ("whole", "run")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert folder.curves().step.tolist() == list(range(6 * 270))
    assert [epoch.epoch for epoch in folder.epochs()] == list(range(1, 7))
    assert not list(folder.checkpoints.glob(".*"))
    assert torch.get_num_threads() == threads


@pytest.mark.slow
def test_the_quick_start_reaches_97_percent(tmp_path: Path) -> None:
    run = TorchEngine().start(templates.build("quickstart"), tmp_path / "run")
    last = finish(run, timeout=300)[-1]
    assert isinstance(last, Finished)
    assert last.best_accuracy >= 0.97
    assert TorchEngine().evaluate(run.folder, "test").accuracy > 0.95
