"""Statistics of the machine, with and without an NVIDIA driver."""

from __future__ import annotations

import sys
import threading
import time
from types import ModuleType, SimpleNamespace

import pytest

from studio.runs.system import SystemMonitor, read_system


class NVMLError_LibraryNotFound(Exception):  # noqa: N801 - NVML's own name
    pass


class NVMLError_DriverNotLoaded(Exception):  # noqa: N801 - NVML's own name
    pass


def pretend(monkeypatch: pytest.MonkeyPatch, query: object) -> None:
    """A gpustat that answers with ``query``."""
    module = ModuleType("gpustat")
    module.GPUStatCollection = SimpleNamespace(new_query=query)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gpustat", module)


def raising(error: Exception):
    def query() -> None:
        raise error

    return query


class Answer(list):
    driver_version = "580.1"


def gpu(**entry: object) -> SimpleNamespace:
    return SimpleNamespace(entry=entry)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NVMLError_LibraryNotFound("Not Found"), "No NVIDIA driver is installed"),
        (NVMLError_DriverNotLoaded(""), "installed but not loaded"),
        (RuntimeError("odd"), "cannot be read: odd"),
    ],
)
def test_a_machine_without_a_gpu_says_why_and_shows_the_rest(
    monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    pretend(monkeypatch, raising(error))
    sample = read_system()
    assert sample.gpus == ()
    assert words in sample.note
    assert 0 < sample.memory_used < sample.memory_total
    assert 0 < sample.process_memory < sample.memory_total
    assert 0 <= sample.processor <= 100


def test_a_gpu_is_told_by_its_uuid_and_not_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    first = gpu(uuid="GPU-AAAA", name="one", **{"utilization.gpu": 3})
    second = gpu(
        uuid="GPU-bbbb",
        name="two",
        **{
            "utilization.gpu": 97,
            "memory.used": 1024,
            "memory.total": 81559,
            "temperature.gpu": 61,
            "power.draw": 312,
            "enforced.power.limit": 700,
        },
    )
    pretend(monkeypatch, lambda: Answer([first, second]))
    sample = read_system()
    assert (sample.driver, sample.note) == ("580.1", "")
    found = sample.gpu("bbbb")
    assert found is not None
    assert found is sample.gpu("GPU-BBBB")
    assert (found.name, found.utilization, found.temperature) == ("two", 97, 61)
    assert (found.memory_used, found.memory_total) == (2**30, 81559 * 2**20)
    assert (found.power, found.power_limit) == (312, 700)
    assert sample.gpu("cccc") is None


def test_what_a_gpu_does_not_say_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"memory.used": None, "power.draw": None, "utilization.gpu": "Not Supported"}
    pretend(monkeypatch, lambda: Answer([gpu(uuid="GPU-1", name="laptop", **entry)]))
    (found,) = read_system().gpus
    assert (found.utilization, found.memory_used, found.power) == (None, None, None)


def test_a_driver_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, lambda: Answer())
    assert "finds no GPU" in read_system().note


def test_the_monitor_samples_until_it_is_stopped_and_its_thread_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch, raising(RuntimeError("odd")))
    before = set(threading.enumerate())
    monitor = SystemMonitor(interval=0.01, history=3)
    monitor.stop()  # before it was started: nothing to do
    monitor = SystemMonitor(interval=0.01, history=3)
    monitor.start()
    end = time.monotonic() + 20
    while len(monitor.samples) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    monitor.stop()
    assert set(threading.enumerate()) <= before
    assert monitor.latest is monitor.samples[-1]
    times = [sample.time for sample in monitor.samples]
    assert times == sorted(times)


def test_a_sample_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, raising(RuntimeError("odd")))
    monitor = SystemMonitor(interval=0.01)
    monitor.start()
    while len(monitor.samples) < 2:
        time.sleep(0.01)
    monitor.stop()
    assert monitor.take() == monitor.samples
    assert monitor.take() == ()
