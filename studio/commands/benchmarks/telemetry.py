"""What the telemetry of every step costs: gradient norms, the rest of it, and waits for a GPU.

On a processor everything happens in turn, so that what is behind the backward pass can be timed
alone, with norms and without: half a percent would drown in the difference between whole steps. On
a GPU norms run beside other things, and only whole steps tell what they cost.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from studio.commands.benchmarks.harness import Goal, Report, ratio, summary
from studio.commands.benchmarks.steps import Steps, Whole
from studio.commands.benchmarks.waits import waits_per_step
from studio.engine.devices import choose_device

TITLE = "milliseconds a step, without telemetry and with"


class Subject(msgspec.Struct, frozen=True):
    """A network to measure, with ``batch`` images of ``size`` (C, H, W).

    Of a ``short`` one, whose steps are bound by calls and not by arithmetic, the whole loop is
    measured too, and on a processor one thread computes it: so is a small network on a fast GPU.
    """

    title: str
    template: str
    size: tuple[int, int, int]
    batch: int
    short: bool = False


SUBJECTS = (
    Subject("quickstart", "quickstart", (1, 32, 32), 64),
    Subject("20 layers", "cifar_resnet20", (3, 32, 32), 128),
    Subject("110 layers", "cifar_resnet110", (3, 32, 32), 128),
    Subject("LeNet-5", "lenet5", (3, 32, 32), 32, short=True),
    Subject("56 layers on 4×4", "cifar_resnet56", (3, 4, 4), 32, short=True),
)
_NORMS_ON_A_PROCESSOR, _NORMS_ON_A_GPU = 0.005, 0.01  # of a step
_REST = 0.3  # milliseconds a step
_SECONDS, _SECONDS_ON_A_GPU = 0.8, 0.3


def measure(
    rounds: int,
    progress: Callable[[int, int], None],
    *,
    device: str = "auto",
    subjects: tuple[Subject, ...] = SUBJECTS,
    seconds: float = 0.0,
) -> Report:
    """Measure the networks in turns, each for about ``seconds`` a round and kind of step."""
    place = choose_device(device)
    seconds = seconds or (_SECONDS if place.name == "cpu" else _SECONDS_ON_A_GPU)
    steps = {s.title: Steps(s.template, s.size, s.batch, place, s.short) for s in subjects}
    loops = {s.title: Whole(steps[s.title], seconds) for s in subjects if s.short}
    samples: dict[str, list[float]] = {}

    def note(name: str, value: float) -> float:
        samples.setdefault(name, []).append(value)
        return value

    for turn in range(rounds + 1):
        progress(turn, rounds + 1)
        if turn == 1:
            samples.clear()  # the first round warms up
        for title, each in steps.items():
            plain, normed, alone = each.take(seconds)
            note(f"{title}, bare step", plain)
            note(f"{title}, with norms", normed)
            norms = note(f"{title}, norms", alone)
            if title in loops:
                bare, whole = loops[title].take(turn)
                note(f"{title}, bare loop", bare)
                note(f"{title}, with telemetry", whole)
                note(f"{title}, added besides the norms", whole - bare - norms)
    progress(rounds + 1, rounds + 1)
    report = Report(
        benchmark="telemetry",
        rounds=rounds,
        cases=tuple(summary(name, "ms", values) for name, values in samples.items()),
        ratios=tuple(
            ratio(f"{title}, {case}", f"{title}, {baseline}", samples)
            for title in steps
            for case, baseline in (
                ("with norms", "bare step"),
                ("norms", "bare step"),
                ("with telemetry", "bare loop"),
            )
            if f"{title}, {case}" in samples
        ),
    )
    goals, notes = _goals(report, subjects, place.name)
    if place.name.startswith("cuda"):
        first = steps[subjects[0].title]
        waits = waits_per_step(first.project, subjects[0].size)
        goals.append(Goal(f"no wait for the GPU in a step ({waits:g})", waits == 0))
    else:
        notes.append("Waits for a GPU were not counted, which CUDA alone can do.")
    return msgspec.structs.replace(report, goals=tuple(goals), notes=tuple(notes))


def _goals(
    report: Report, subjects: tuple[Subject, ...], device: str
) -> tuple[list[Goal], list[str]]:
    """What is held to, and what is only told: the norms of steps bound by calls on a processor,
    where one core does all, are part of what is added to the loop."""
    wanted = _NORMS_ON_A_PROCESSOR if device == "cpu" else _NORMS_ON_A_GPU
    goals, notes = [], []
    for subject in subjects:
        share = report.ratio(f"{subject.title}, norms").median
        text = f"{subject.title}: norms are {share:.2%} of a step"
        if subject.short and device == "cpu":
            notes.append(f"{text}.")
        else:
            goals.append(Goal(f"{text}, at most {wanted:.1%}", share <= wanted))
        if subject.short:
            added = report.case(f"{subject.title}, added besides the norms").median
            text = f"{subject.title}: the loop adds {added:.2f} ms besides, at most {_REST} ms"
            goals.append(Goal(text, added <= _REST))
    return goals, notes
