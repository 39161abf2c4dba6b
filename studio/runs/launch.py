"""How to train a project elsewhere: the command for a terminal, and the script for Slurm.

Only texts are made here. Paths are quoted for a POSIX shell (PowerShell reads them alike).
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

PORT = 29400
"""Where the processes of several machines meet, unless something else is said; torchrun's own."""
RESTARTS = 3
"""How often a training whose process or machine was lost is begun again from its last
checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What is trained and by how many. ``project`` and ``run`` are paths on the machine that
    trains.

    ``processes`` are those of each machine. ``host`` is the first of several ``machines``.
    ``images`` is the folder of images there, where that is another one than the project says.
    ``activate`` is the script that activates the Python environment, empty where none is needed.
    ``branch`` is the checkpoint that the run begins from, empty for none. With ``resume`` the run
    in ``run`` is gone on with.
    """

    project: str
    run: str
    processes: int = 1
    machines: int = 1
    host: str = ""
    port: int = PORT
    images: str = ""
    activate: str = ""
    branch: str = ""
    resume: bool = False

    @property
    def alone(self) -> bool:
        """Whether one process does it all."""
        return self.processes * self.machines == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """What is asked of Slurm: hours, and of each machine processor cores and memory in GiB."""

    job: str
    partition: str = ""
    hours: int = 24
    cores: int = 8
    memory: int = 32
    gpus: bool = True


def command(launch: Launch) -> str:
    """What to type in a terminal, on each machine where there are several."""
    if launch.resume:
        work = ["--resume", launch.run]
    else:
        work = [launch.project, "--out", launch.run]
        work += ["--data", launch.images] if launch.images else []
        work += ["--branch", launch.branch] if launch.branch else []
    words = shlex.join([*_start(launch), "-m", "studio", "train", *work])
    return f"{_activation(launch)}{words}\n"


def _start(launch: Launch) -> list[str]:
    if launch.alone:
        return ["python"]
    processes = ["--nproc-per-node", str(launch.processes)]
    if launch.machines == 1:
        # Alone on a port of its own, so that two trainings on one machine do not meet.
        return ["torchrun", "--standalone", *processes]
    return [
        "torchrun", "--nnodes", str(launch.machines), *processes, "--rdzv-id", _name(launch),
        "--rdzv-backend", "c10d", "--rdzv-endpoint", f"{launch.host or 'HOST'}:{launch.port}",
        "--max-restarts", str(RESTARTS),
    ]  # fmt: skip


def _activation(launch: Launch) -> str:
    return f"source {shlex.quote(launch.activate)}\n" if launch.activate else ""


def _name(launch: Launch) -> str:
    """What the processes call their training: all that are told the same are one team."""
    return word(re.split(r"[/\\]", launch.run.rstrip("/\\"))[-1])


def word(text: str) -> str:
    """``text`` as one word that Slurm and torchrun take for a name."""
    return re.sub(r"[^\w.,+-]+", "-", text, flags=re.ASCII).strip("-.") or "studio"


_WHY = """\
# One task on each machine: torchrun starts the processes there. Two minutes
# before the time is over they are told to stop, and keep a checkpoint. Submitted
# again, or put back into Slurm's queue when a machine was lost, this script goes
# on from the last checkpoint.
"""


def slurm_script(launch: Launch, slurm: Slurm) -> str:
    """A script for ``sbatch``, from its first line on."""
    fresh = '"$project" --out "$run"'
    names = [("project", launch.project), ("run", launch.run)]
    if launch.images:
        names.append(("images", launch.images))
        fresh += ' --data "$images"'
    if launch.branch:
        names.append(("branch", launch.branch))
        fresh += ' --branch "$branch"'
    variables = "".join(f"{name}={shlex.quote(value)}\n" for name, value in names)
    return (
        f"#!/bin/bash\n{_directives(launch, slurm)}\n{_WHY}\n"
        # Before the strict settings: scripts that activate an environment do not keep to them.
        f"{_activation(launch)}set -euo pipefail\n\n{variables}\n"
        'if [ -f "$run/run.json" ]; then\n    work=(--resume "$run")\n'
        f"else\n    work=({fresh})\nfi\n\n{_step(launch)}"
    )


def _directives(launch: Launch, slurm: Slurm) -> str:
    lines = [
        f"job-name={word(slurm.job)}",
        f"nodes={launch.machines}",
        "ntasks-per-node=1",
        *([f"gpus-per-node={launch.processes}"] if slurm.gpus else []),
        f"cpus-per-task={slurm.cores}",
        f"mem={slurm.memory}G",
        f"time={slurm.hours}:00:00",
        *([f"partition={word(slurm.partition)}"] if slurm.partition.strip() else []),
        "output=%x-%j.out",
        "open-mode=append",
        "requeue",
        "signal=TERM@120",
    ]
    return "".join(f"#SBATCH --{line}\n" for line in lines)


def _step(launch: Launch) -> str:
    if launch.alone:
        return 'srun python -m studio train "${work[@]}"\n'
    return (
        'mapfile -t machines < <(scontrol show hostnames "$SLURM_JOB_NODELIST")\n'
        # Jobs that share a machine must not meet on one port.
        f"meeting=${{machines[0]}}:$(({launch.port} + SLURM_JOB_ID % 1000))\n"
        "srun torchrun \\\n"
        f'    --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node {launch.processes} \\\n'
        '    --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$meeting" \\\n'
        f"    --max-restarts {RESTARTS} \\\n"
        '    -m studio train "${work[@]}"\n'
    )


def share_of_batch(batch: int, team: int) -> tuple[str, bool]:
    """What a batch is for ``team`` processes, as a sentence, and whether it is too small."""
    if team < 2:
        return "", False
    if batch < 2 * team:
        return (
            f"A batch of {batch:,} images is too small to be divided among {team:,} processes: "
            f"raise the batch to {2 * team:,} or more.",
            True,
        )
    least, most = batch // team, -(-batch // team)
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    return (
        f"Each of the {team:,} processes takes {each} of the {batch:,} images of a batch; the "
        "steps are those of one process.",
        False,
    )
