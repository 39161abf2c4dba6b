"""Where a run comes from: what ``run.json`` says of the machine, the versions and the network."""

from __future__ import annotations

import os
import platform
import socket
from datetime import UTC, datetime

import msgspec
import psutil
import torch

from studio.engine import devices
from studio.engine.team import job
from studio.project.analysis import Analysis
from studio.project.values import Project
from studio.runs.api import Device
from studio.runs.folder import RunInfo


def describe_run(
    project: Project, analysis: Analysis, title: str, device: Device, processes: int = 1
) -> RunInfo:
    """What is known of a new run, which so many ``processes`` train, before its images are
    read."""
    assert analysis.input_shape is not None  # a network without problems has an input
    return describe_process(
        RunInfo(
            state="running",
            title=title,
            created=now(),
            seed=project.recipe.seed,
            input_shape=analysis.input_shape,
            parameters=analysis.parameters,
            layers=tuple(row.name for row in analysis.layers if row.parameters),
        ),
        device,
        processes,
    )


def describe_process(info: RunInfo, device: Device, processes: int = 1) -> RunInfo:
    """``info`` as carried on by this process, on ``device``, together with others where there are
    several ``processes``."""
    return msgspec.structs.replace(
        info,
        state="running",
        ended="",
        message="",
        diverged=False,
        process=os.getpid(),
        process_started=psutil.Process().create_time(),
        machine=socket.gethostname(),
        platform=platform.platform(),
        python=platform.python_version(),
        torch=str(torch.__version__),
        cuda=devices.cuda_version(),
        device=device.name,
        device_title=device.title,
        device_uuid=devices.device_uuid(device.name),
        job=job(),
        processes=processes,
        listens=True,
    )


def now() -> str:
    """The time in UTC as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
