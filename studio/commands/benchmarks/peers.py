"""The same training in ours, in plain PyTorch, in Lightning and in Keras on torch.

Network, images, batches, precision and optimizer are the same, and the weights that come out are;
what differs is the loop. Every measurement is a process of its own, so that no library runs beside
another, and its first epoch is not counted. Ours writes all its telemetry and validates, as plain
PyTorch does; the others do not validate.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec

from studio.commands.benchmarks.harness import (
    BenchmarkFailed,
    Goal,
    Report,
    interleave,
    summary,
)
from studio.commands.benchmarks.peer import Task, prepare
from studio.engine.devices import choose_device
from studio.project.recipes import BATCH_SIZE

TITLE = "images per second of one training in several libraries, and milliseconds added a step"
STEPS = 60
"""Steps of an epoch."""
_PLAIN, _OURS = "plain PyTorch", "ours"
_OTHERS = {"Lightning": ("lightning", "pytorch_lightning"), "Keras": ("keras",)}
"""The packages of which one must be installed; no dependency of this project."""
_SMALL, _LARGE = "lenet5", "cifar_resnet20"
"""The network where none is named, on a processor and on a GPU: one whose steps are so short that
what is added shows."""


def measure(
    rounds: int,
    progress: Callable[[int, int], None],
    *,
    device: str = "auto",
    network: str = "",
    batch_size: int = 128,
    precision: str = "auto",
    data: str = "",
    steps: int = STEPS,
) -> Report:
    """Train each way, in turns; what is not installed is left out and said.

    Raises SettingError, EditRefused or WorkFailed for what cannot be trained.
    """
    BATCH_SIZE.check(batch_size)
    device = choose_device(device).name
    name = network or (_SMALL if device == "cpu" else _LARGE)
    task = Task(name, batch_size, steps * batch_size, device, precision, data)
    precision = prepare(task).precision
    found = [peer for peer, packages in _OTHERS.items() if any(map(_is_installed, packages))]
    report = interleave(
        "peers",
        {peer: _case(peer, task) for peer in (_PLAIN, _OURS, *found)},
        baseline=_PLAIN,
        rounds=rounds,
        unit="images/s",
        progress=progress,
    )
    added = {peer: _added(report, peer, batch_size) for peer in (_OURS, *found)}
    cases = [summary(f"{peer}, added a step", "ms", values) for peer, values in added.items()]
    missing = [_OTHERS[peer][0] for peer in _OTHERS if peer not in found]
    notes = [f"{name}, {batch_size} images a batch, {precision} on {device}."]
    if missing:
        notes.append(
            f"{' and '.join(peer for peer in _OTHERS if peer not in found)} not measured. To "
            f"install: {sys.executable} -m pip install {' '.join(missing)}"
        )
    medians = {peer: report.case(peer).median for peer in found}
    goals = [
        Goal(f"ours at least as fast as {peer}", report.case(_OURS).median >= median)
        for peer, median in medians.items()
    ]
    return msgspec.structs.replace(
        report, cases=(*report.cases, *cases), goals=tuple(goals), notes=tuple(notes)
    )


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _case(peer: str, task: Task) -> Callable[[], float]:
    command = [sys.executable, "-m", "studio.commands.benchmarks.peer", peer]
    return lambda: _speed(peer, [*command, msgspec.json.encode(task).decode()])


def _speed(peer: str, command: Sequence[str]) -> float:
    """What the process prints last; raises BenchmarkFailed where it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        raise BenchmarkFailed(f"{peer} ended with {done.returncode}: {last}")
    return float(done.stdout.split()[-1])


def _added(report: Report, peer: str, batch_size: int) -> list[float]:
    """Milliseconds that a step takes longer than in plain PyTorch, round by round."""
    pairs = zip(report.case(peer).samples, report.case(_PLAIN).samples, strict=True)
    return [1000 * batch_size * (1 / one - 1 / plain) for one, plain in pairs]
