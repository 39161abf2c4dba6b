"""`studio bench NAME`: the project's own benchmarks, interleaved, as medians and ratios."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from typing import Protocol, cast

import msgspec

from studio.commands.benchmarks.harness import MINIMUM_ROUNDS, BenchmarkFailed, Case, Report
from studio.commands.loading import load_engine
from studio.project.precision import PRECISION

HELP = "measure one of the project's own benchmarks"

NAMES = (
    "analysis", "app", "canvas", "describe", "feed", "first_step", "loop", "module", "peers",
    "plots", "precision", "startup", "telemetry",
)  # fmt: skip
"""Each is the module of that name in ``studio.commands.benchmarks``."""

_WITH_TORCH = ("app", "feed", "first_step", "loop", "module", "peers", "precision", "telemetry")

_OPTIONS: dict[str, tuple[str, ...]] = {
    "peers": ("device", "network", "batch_size", "precision", "data"),
    "telemetry": ("device",),
}
"""What a benchmark can be told; the others measure one thing."""


class Benchmark(Protocol):
    """What such a module offers."""

    TITLE: str
    measure: Callable[..., Report]
    """Takes the rounds, whom to tell of progress, and its options by name."""


def load(name: str) -> Benchmark:
    """The benchmark of that name, imported only now: some bring torch or Qt with them."""
    return cast(Benchmark, importlib.import_module(f"studio.commands.benchmarks.{name}"))


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument(
        "--rounds",
        type=int,
        default=MINIMUM_ROUNDS,
        help=f"how often each case is measured (at least {MINIMUM_ROUNDS})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--device", help="auto, cpu, cuda or mps (peers, telemetry)")
    parser.add_argument("--network", metavar="TEMPLATE", help="the network to train (peers)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images a step (peers)")
    parser.add_argument(
        "--precision", choices=[name for name, _ in PRECISION.choices], help="(peers)"
    )
    parser.add_argument(
        "--data", metavar="FOLDER", help="images to train on, in place of random pixels (peers)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; 0 when measured, kept goals or not, 1 if a case could not be measured."""
    if arguments.rounds < MINIMUM_ROUNDS:
        print(f"studio bench: a median needs at least {MINIMUM_ROUNDS} rounds.", file=sys.stderr)
        return 2
    options = {
        name: value
        for name in ("device", "network", "batch_size", "precision", "data")
        if (value := getattr(arguments, name)) is not None
    }
    if others := [name for name in options if name not in _OPTIONS.get(arguments.name, ())]:
        option = others[0].replace("_", "-")
        print(f"studio bench: {arguments.name} takes no --{option}.", file=sys.stderr)
        return 2
    if arguments.name in _WITH_TORCH:
        load_engine()  # which says in words where torch cannot be loaded
    benchmark = load(arguments.name)
    try:
        report = benchmark.measure(arguments.rounds, _show_progress, **options)
    except BenchmarkFailed as failure:
        print(f"studio bench: the benchmark stopped: {failure}", file=sys.stderr)
        return 1
    if arguments.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        print(f"{benchmark.TITLE}, {report.rounds} rounds, medians (least to most)")
        print("\n".join(_table(report)))
    return 0


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\rround {done} of {total}", end=end, file=sys.stderr, flush=True)


def _table(report: Report) -> list[str]:
    ratios = {ratio.case: ratio for ratio in report.ratios}
    width = max(len(case.name) for case in report.cases)
    lines = []
    for case in report.cases:
        line = f"  {case.name:<{width}}  {_spread(case)}"
        if case.name in ratios:
            ratio = ratios[case.name]
            line += (
                f"  {ratio.median:.2f} times {ratio.baseline}"
                f" ({ratio.least:.2f} to {ratio.most:.2f})"
            )
        lines.append(line)
    for goal in report.goals:
        lines.append(f"  goal {'kept' if goal.kept else 'MISSED'}: {goal.text}")
    lines += [f"  {note}" for note in report.notes]
    return lines


def _spread(case: Case) -> str:
    return f"{case.median:.4g} {case.unit} ({case.least:.4g} to {case.most:.4g})"
