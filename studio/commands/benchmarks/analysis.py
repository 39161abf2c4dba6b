"""What an edit waits for: the analysis of deep and of wide networks, without torch."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from studio.commands.benchmarks.harness import Goal, Report, interleave
from studio.project import edits, tracing
from studio.project.analysis import analyze
from studio.project.templates import build
from studio.project.templates.chain import CIFAR, Chain
from studio.project.values import Network

TITLE = "seconds to analyze a network, from nothing and after one change"
_NODES = 300
_GOALS = {"1,202 layers": 0.1, "one change of 300": 0.005}  # seconds


def measure(rounds: int, progress: Callable[[int, int], None]) -> Report:
    """Analyze CIFAR ResNet-1202 with nothing remembered, and one setting changed of 300 nodes."""
    deep, wide = build("cifar_resnet1202").network, _chain_of(_NODES)
    middle = wide.nodes[_NODES // 2].name
    analyze(wide)
    channels = 8

    def changed() -> float:
        nonlocal channels
        channels += 1  # another value each time, or the answer would be remembered
        network = edits.set_setting(wide, middle, "channels", channels)
        return _seconds(network)

    def from_nothing(network: Network) -> Callable[[], float]:
        def run() -> float:
            tracing.forget()
            seconds = _seconds(network)
            analyze(wide)
            return seconds

        return run

    report = interleave(
        "analysis",
        {
            "quickstart": from_nothing(build("quickstart").network),
            "1,202 layers": from_nothing(deep),
            "one change of 300": changed,
        },
        baseline="quickstart",
        rounds=rounds,
        progress=progress,
    )
    goals = tuple(
        Goal(f"{name} under {1000 * most:g} ms", report.case(name).median < most)
        for name, most in _GOALS.items()
    )
    return msgspec.structs.replace(report, goals=goals)


def _seconds(network: Network) -> float:
    start = time.perf_counter()
    analyze(network)
    return time.perf_counter() - start


def _chain_of(count: int) -> Network:
    """``count`` nodes in a row, every tenth a residual block."""
    chain = Chain(CIFAR, 10)
    for number in range(count - 4):
        kind = "residual" if number % 10 == 0 else "convolution"
        chain.add(f"n{number}", kind, channels=8)
    chain.add("pool", "global_pooling")
    chain.add("head", "linear")
    return chain.network()
