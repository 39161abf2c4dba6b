"""Measures cases in turns, so that a machine that slows down slows all of them alike."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

MINIMUM_ROUNDS = 5


class Case(msgspec.Struct, frozen=True):
    """What was measured of one case: the samples of all rounds and what stands for them."""

    name: str
    unit: str
    median: float
    least: float
    most: float
    samples: tuple[float, ...]


class Ratio(msgspec.Struct, frozen=True):
    """``case`` divided by ``baseline``, the median over the rounds of the ratio in each round."""

    case: str
    baseline: str
    median: float
    least: float
    most: float


class Goal(msgspec.Struct, frozen=True):
    """What the benchmark is held to, in words and whether this run keeps it."""

    text: str
    kept: bool


class Report(msgspec.Struct, frozen=True):
    """The outcome of one benchmark; ``notes`` are sentences about how it came about."""

    benchmark: str
    rounds: int
    cases: tuple[Case, ...]
    ratios: tuple[Ratio, ...]
    goals: tuple[Goal, ...] = ()
    notes: tuple[str, ...] = ()

    def case(self, name: str) -> Case:
        """The case of that name; raises KeyError if there is none."""
        return _named(self.cases, name)

    def ratio(self, case: str) -> Ratio:
        """The ratio of that case to the baseline; raises KeyError if there is none."""
        for each in self.ratios:
            if each.case == case:
                return each
        raise KeyError(case)


def _named(cases: Sequence[Case], name: str) -> Case:
    for each in cases:
        if each.name == name:
            return each
    raise KeyError(name)


def interleave(
    benchmark: str,
    cases: Mapping[str, Callable[[], float]],
    baseline: str,
    rounds: int,
    unit: str = "s",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Measure every case once a round, after one round that warms up and is not counted.

    Each callable returns its measurement in ``unit``. The order turns round by round, so that no
    case always runs after the same other one. Raises ValueError for fewer than five rounds.
    """
    if rounds < MINIMUM_ROUNDS:
        raise ValueError(f"a median needs at least {MINIMUM_ROUNDS} rounds, not {rounds}")
    samples: dict[str, list[float]] = {name: [] for name in cases}
    names = list(cases)
    for turn in range(rounds + 1):
        progress(turn, rounds + 1)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            measured = cases[name]()
            if turn:
                samples[name].append(measured)
    progress(rounds + 1, rounds + 1)
    return Report(
        benchmark=benchmark,
        rounds=rounds,
        cases=tuple(summary(name, unit, values) for name, values in samples.items()),
        ratios=tuple(ratio(name, baseline, samples) for name in names if name != baseline),
    )


def summary(name: str, unit: str, values: Sequence[float]) -> Case:
    """The case of that name, from its measurements of all rounds."""
    return Case(name, unit, statistics.median(values), min(values), max(values), tuple(values))


def ratio(name: str, baseline: str, samples: Mapping[str, Sequence[float]]) -> Ratio:
    """The case ``name`` divided by ``baseline``, round by round."""
    pairs = [one / other for one, other in zip(samples[name], samples[baseline], strict=True)]
    return Ratio(name, baseline, statistics.median(pairs), min(pairs), max(pairs))


class BenchmarkFailed(Exception):
    """A case could not be measured; the text says which and why."""


def process_seconds(command: Sequence[str], environment: Mapping[str, str] | None = None) -> float:
    """Wall time of a whole process in seconds; raises BenchmarkFailed if it does not succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        raise BenchmarkFailed(f"{' '.join(command)} ended with {done.returncode}: {last}")
    return seconds
