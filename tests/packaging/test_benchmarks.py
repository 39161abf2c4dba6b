"""The harness of `studio bench`, with clocks that are set by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studio.commands import bench
from studio.commands.benchmarks import harness

ROOT = Path(__file__).resolve().parents[2]


def scripted(values, calls, name):
    remaining = iter(values)

    def measure():
        calls.append(name)
        return next(remaining)

    return measure


def test_cases_take_turns_and_the_first_round_is_not_counted():
    calls = []
    report = harness.interleave(
        "b",
        {
            "fast": scripted([100.0, 1, 1, 2, 1, 1], calls, "fast"),
            "slow": scripted([100.0, 3, 2, 6, 4, 9], calls, "slow"),
        },
        baseline="fast",
        rounds=5,
    )
    assert calls == ["fast", "slow", "slow", "fast"] * 3
    assert report.case("slow").median == 4
    assert (report.case("slow").least, report.case("slow").most) == (2, 9)
    # Pair by pair 3, 2, 3, 4, 9: the slow third round slowed both and does not count twice.
    assert report.ratio("slow").median == 3
    assert (report.ratio("slow").least, report.ratio("slow").most) == (2, 9)


def test_fewer_than_five_rounds_are_refused():
    with pytest.raises(ValueError, match="at least 5"):
        harness.interleave("b", {"a": lambda: 1.0}, "a", rounds=4)


def test_a_process_that_fails_is_no_measurement():
    command = [sys.executable, "-c", "import sys; sys.exit('out of order')"]
    with pytest.raises(harness.BenchmarkFailed, match="out of order"):
        harness.process_seconds(command)


def test_every_benchmark_has_a_title_and_can_be_measured():
    for name in bench.NAMES:
        benchmark = bench.load(name)
        assert benchmark.TITLE
        assert callable(benchmark.measure)


def studio_bench(*arguments):
    command = [sys.executable, "-m", "studio", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_the_json_of_a_benchmark_is_one_object():
    done = studio_bench("describe", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["rounds"] == 5
    assert {case["name"] for case in report["cases"]} >= {"bare interpreter", "quickstart"}
    assert all(len(case["samples"]) == 5 for case in report["cases"])


@pytest.mark.parametrize("arguments", [["nonsense"], ["describe", "--rounds", "2"], []])
def test_a_wrong_call_has_status_2_and_no_traceback(arguments):
    done = studio_bench(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
