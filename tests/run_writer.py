"""Run folders written as a trainer writes them, at the pace of the test."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec
import numpy as np
import psutil

from studio.project.values import Project
from studio.runs.api import EpochDone
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.metrics import MetricsWriter

LAYERS = ("conv", "head")
HERE = RunInfo(
    state="running",
    title="digits",
    created="2026-01-01T00:00:00+00:00",
    machine=socket.gethostname(),
    process=os.getpid(),
    process_started=psutil.Process().create_time(),
    device="cpu",
    device_title="CPU, 2 cores",
    layers=LAYERS,
    epochs=5,
    steps_per_epoch=10,
    total_steps=50,
    train_images=640,
    validation_images=100,
    classes=("a", "b"),
)
THERE = msgspec.structs.replace(HERE, machine="far-away", process=4711)


class Writer:
    """Writes a run folder as a trainer does. ``info`` is what ``run.json`` says last."""

    def __init__(self, path: Path, info: RunInfo = HERE, project: Project | None = None) -> None:
        self.info = info
        self.folder = RunFolder.create(path, project or Project(), info)
        self.metrics = MetricsWriter(self.folder.metrics)
        self.metrics.layers((name, "convolution", 10) for name in LAYERS)
        self.clock = 0.0

    def steps(self, first: int, count: int) -> None:
        rows, norms = [], []
        for step in range(first, first + count):
            self.clock += 0.5
            loss = 2.0 / (1 + self.clock)
            rows.append((step, step // 10 + 1, loss, 1 - loss / 2, 0.1, 128.0, self.clock))
            norms.append((loss, self.clock))
        self.metrics.steps(rows)
        self.metrics.gradients(first, np.array(norms, np.float32))
        assert self.metrics.commit() == ""

    def epoch(self, number: int, step: int) -> None:
        done = EpochDone(number, step, 0.5, 0.8, float("nan"), 0.7, 0.1, 5.0, number == 1)
        self.metrics.epoch(done)
        assert self.metrics.commit() == ""

    def event(self, step: int, kind: str, message: str = "") -> None:
        self.metrics.event(step, kind, message)
        assert self.metrics.commit() == ""

    def note(self, **known: object) -> None:
        self.info = msgspec.structs.replace(self.info, **known)
        self.folder.save(self.info)
