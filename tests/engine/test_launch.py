"""The script for Slurm with the real torchrun: it trains, is ended by Slurm, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from studio.runs.api import WorkFailed
from studio.runs.folder import RunFolder
from studio.runs.launch import Launch, Slurm, slurm_script
from tests.engine.helpers import small_project, until
from tests.engine.test_team import saved

_ROOT = Path(__file__).resolve().parents[2]


def submit(script: Path, programs: Path) -> subprocess.Popen[bytes]:
    """Run the script as Slurm does on the one machine of a job."""
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {
        **os.environ, "PATH": path, "PYTHONPATH": str(_ROOT), "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "here",
    }  # fmt: skip
    return subprocess.Popen(
        ["bash", str(script)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def epochs(run: RunFolder) -> int:
    try:
        return len(run.epochs())
    except WorkFailed:
        return 0


@pytest.mark.slow
def test_ended_by_slurm_and_submitted_again_a_run_comes_to_its_end(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, content in {"srun": 'exec "$@"', "scontrol": "echo localhost"}.items():
        (programs / name).write_text(f"#!/bin/bash\n{content}\n")
        (programs / name).chmod(0o755)
    folder = tmp_path / "my runs"
    folder.mkdir()
    run = RunFolder(folder / "it's one")
    launch = Launch(project=saved(small_project(epochs=60), folder), run=str(run.path), processes=2)
    script = tmp_path / "job.sbatch"
    script.write_text(slurm_script(launch, Slurm(job="test", gpus=False)))
    job = submit(script, programs)
    until(lambda: epochs(run) >= 2, 120)
    # Slurm tells the steps of a job, and not the script, that their time is nearly over.
    step = psutil.Process(job.pid).children()[0]
    step.send_signal(signal.SIGTERM)
    assert job.wait(60) != 0
    assert job.stderr is not None
    job.stderr.close()
    assert run.info().state == "stopped"
    before = epochs(run)
    assert 2 <= before < 60
    again = submit(script, programs)
    _, said = again.communicate(timeout=180)
    assert again.returncode == 0, said.decode()[-2000:]
    assert run.info().state == "completed"
    assert [epoch.epoch for epoch in run.epochs()] == list(range(1, 61))
