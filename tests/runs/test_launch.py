"""The texts that train a project elsewhere, read by a real shell."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.runs.launch import Launch, Slurm, command, share_of_batch, slurm_script, word

PLAIN = Launch(project="/home/me/digits.studio", run="/runs/digits")
SLURM = Slurm(job="my digits", hours=36, cores=16, memory=64)
AWKWARD = """/a b/it's "so" $HOME `x` \\ ; * é\n/digits.studio"""


def test_one_process_needs_no_torchrun() -> None:
    assert command(PLAIN) == ("python -m studio train /home/me/digits.studio --out /runs/digits\n")


def test_several_processes_on_one_machine() -> None:
    assert command(replace(PLAIN, processes=4, activate="/my env/bin/activate")) == (
        "source '/my env/bin/activate'\n"
        "torchrun --standalone --nproc-per-node 4 -m studio train /home/me/digits.studio "
        "--out /runs/digits\n"
    )


def test_several_machines_meet_at_the_first_one() -> None:
    launch = replace(PLAIN, processes=4, machines=2, host="gpu01", port=29500)
    assert command(launch) == (
        "torchrun --nnodes 2 --nproc-per-node 4 --rdzv-id digits --rdzv-backend c10d "
        "--rdzv-endpoint gpu01:29500 --max-restarts 3 -m studio train /home/me/digits.studio "
        "--out /runs/digits\n"
    )


def test_a_run_that_is_there_is_gone_on_with_and_images_may_lie_elsewhere() -> None:
    assert command(replace(PLAIN, resume=True, images="/images")) == (
        "python -m studio train --resume /runs/digits\n"
    )
    assert command(replace(PLAIN, images="/my images")).endswith(" --data '/my images'\n")


def test_a_branch_begins_from_its_checkpoint_and_is_gone_on_with_as_any_run() -> None:
    launch = replace(PLAIN, branch="/my runs/best.safetensors")
    assert command(launch).endswith(" --branch '/my runs/best.safetensors'\n")
    assert "--branch" not in command(replace(launch, resume=True))
    script = slurm_script(launch, SLURM)
    assert "branch='/my runs/best.safetensors'\n" in script
    assert '--out "$run" --branch "$branch")' in script


@given(st.text(st.characters(exclude_characters="\0"), min_size=1))
def test_whatever_a_path_holds_a_shell_reads_it_as_it_is(path: str) -> None:
    launch = replace(PLAIN, project=path, run=path)
    assert shlex.split(command(launch)) == [
        "python", "-m", "studio", "train", path, "--out", path,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my digits", "my-digits"),
        ("a\n#SBATCH --x", "a-SBATCH---x"),
        ("é", "studio"),
        ("", "studio"),
    ],
)
def test_a_name_is_one_word(text: str, name: str) -> None:
    assert word(text) == name


def test_the_script_asks_slurm_for_what_is_wanted() -> None:
    script = slurm_script(replace(PLAIN, processes=4, machines=2), replace(SLURM, partition="gpu"))
    asked = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert script.startswith("#!/bin/bash\n#SBATCH")
    assert asked == [
        f"#SBATCH --{option}"
        for option in (
            "job-name=my-digits", "nodes=2", "ntasks-per-node=1", "gpus-per-node=4",
            "cpus-per-task=16", "mem=64G", "time=36:00:00", "partition=gpu",
            "output=%x-%j.out", "open-mode=append", "requeue", "signal=TERM@120",
        )
    ]  # fmt: skip
    assert "gpus" not in slurm_script(PLAIN, replace(SLURM, gpus=False))
    assert "partition" not in slurm_script(PLAIN, SLURM)


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """A folder of programs that stand in for Slurm's, torchrun and Python."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, content in {
        "srun": 'exec "$@"',
        "scontrol": '[ "$*" = "show hostnames gpu[01-02]" ] && printf "gpu01\\ngpu02\\n"',
        "torchrun": 'printf "%s\\0" torchrun "$@"',
        "python": 'printf "%s\\0" python "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/bash\n{content}\n")
        (programs / name).chmod(0o755)
    return programs


def submitted(script: str, cluster: Path) -> list[str]:
    """What the script runs, as Slurm runs it."""
    path = cluster.parent / "job.sbatch"
    path.write_text(script)
    subprocess.run(["bash", "-n", path], check=True)
    environment = {
        "PATH": f"{cluster}:{os.environ['PATH']}", "SLURM_JOB_ID": "70123",
        "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_NODELIST": "gpu[01-02]",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", path], env=environment, capture_output=True, check=True, timeout=20
    )
    assert done.stderr == b""
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("images", ["", AWKWARD])
def test_the_script_starts_torchrun_on_every_machine(cluster: Path, images: str) -> None:
    launch = Launch(project=AWKWARD, run=AWKWARD, processes=4, machines=2, images=images)
    data = ["--data", images] if images else []
    assert submitted(slurm_script(launch, SLURM), cluster) == [
        "torchrun", "--nnodes", "2", "--nproc-per-node", "4", "--rdzv-id", "70123",
        "--rdzv-backend", "c10d", "--rdzv-endpoint", "gpu01:29523", "--max-restarts", "3",
        "-m", "studio", "train", AWKWARD, "--out", AWKWARD, *data,
    ]  # fmt: skip


def test_submitted_again_the_script_goes_on_with_the_run(cluster: Path, tmp_path: Path) -> None:
    run = tmp_path / "it's a run"
    script = slurm_script(replace(PLAIN, run=str(run)), SLURM)
    assert submitted(script, cluster)[4:] == [PLAIN.project, "--out", str(run)]
    run.mkdir()
    (run / "run.json").write_text("{}")
    assert submitted(script, cluster) == ["python", "-m", "studio", "train", "--resume", str(run)]


def test_an_environment_is_activated_before_the_script_is_strict(
    cluster: Path, tmp_path: Path
) -> None:
    activate = tmp_path / "my env" / "activate"
    activate.parent.mkdir()
    activate.write_text('PS1="(env) $PS1"\n')  # there is no such variable in a script
    script = slurm_script(replace(PLAIN, activate=str(activate)), SLURM)
    assert submitted(script, cluster)[:4] == ["python", "-m", "studio", "train"]


def test_what_a_batch_is_for_several_processes() -> None:
    assert share_of_batch(64, 1) == ("", False)
    text, warns = share_of_batch(64, 4)
    assert text.startswith("Each of the 4 processes takes 16 of the 64 images")
    assert not warns
    assert "takes 12 to 13 of the 64" in share_of_batch(64, 5)[0]
    text, warns = share_of_batch(6, 4)
    assert text.endswith("raise the batch to 8 or more.")
    assert warns
