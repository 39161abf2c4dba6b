"""A training process that is killed again and again, and the quick start's accuracy."""

from __future__ import annotations

import os
import random
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

EPOCHS = 40

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


KILLS = 50


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_fifty_times_at_random_ends_in_the_weights_of_one_that_never_was(
    tmp_path: Path,
) -> None:
    project = small_project(batch_size=4, epochs=EPOCHS)
    codec.save(project, tmp_path / "small.studio")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "run"), str(tmp_path / "small.studio")]
    folder = RunFolder(tmp_path / "run")
    last = folder.checkpoint("last")
    chance = random.Random(0)
    before, ready = -1, 0.0
    for kill in range(KILLS):
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        if kill % 5 == 0 or not ready:
            # Now and then wait for progress, which also tells how long a start takes; the other
            # kills fall anywhere from before the first step on.
            end = time.monotonic() + 60
            while not last.exists() or read_checkpoint(last).place.step <= before:
                assert process.poll() is None, "it ended before it could be killed"
                assert time.monotonic() < end
                time.sleep(0.005)
            ready = time.monotonic() - began
            time.sleep(chance.uniform(0.0, 0.1))
        else:
            time.sleep(ready * chance.uniform(0.7, 1.05))
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        if last.exists():
            # Whole (its checksum holds), and never one from before.
            step = read_checkpoint(last).place.step
            assert step >= before
            before = step
            assert folder.info().interrupted
    assert before > 0
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"Finished(reason='completed', epochs={EPOCHS}" in done.stdout

    whole = subprocess.run(
        [*command[:3], str(tmp_path / "whole"), command[4]], env=environment, check=True
    )
    assert whole.returncode == 0
    one, other = (
        read_checkpoint(tmp_path / name / "checkpoints/last.safetensors").model
        for name in ("whole", "run")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert folder.curves().step.tolist() == list(range(EPOCHS * 270))
    assert [epoch.epoch for epoch in folder.epochs()] == list(range(1, EPOCHS + 1))
    assert not list(folder.checkpoints.glob(".*"))


@pytest.mark.slow
def test_the_quick_start_reaches_97_percent(tmp_path: Path) -> None:
    run = TorchEngine().start(templates.build("quickstart"), tmp_path / "run")
    last = finish(run, timeout=300)[-1]
    assert isinstance(last, Finished)
    assert last.best_accuracy >= 0.97
    assert TorchEngine().evaluate(run.folder, "test").accuracy > 0.95
