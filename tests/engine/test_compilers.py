"""What is said where torch.compile cannot work, on machines that are made up."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from studio.engine import TorchEngine
from studio.engine.compilers import obstacle

Make = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    """Makes the machine one with these programs and modules."""

    def make(
        system: str = "Linux", programs: str = "", triton: bool = True, headers: bool = True
    ) -> None:
        if headers:
            (tmp_path / "Python.h").touch()
        found = programs.split()
        monkeypatch.setattr(platform, "system", lambda: system)
        monkeypatch.setattr(shutil, "which", lambda name: name if name in found else None)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if triton else None)
        monkeypatch.setattr(sysconfig, "get_path", lambda name, scheme="": str(tmp_path))

    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("CXX", raising=False)
    return make


@pytest.mark.parametrize(
    ("system", "programs", "device"),
    [
        ("Linux", "g++", "cpu"),
        ("Linux", "gcc", "cuda:0"),
        ("Linux", "clang", "cuda:1"),
        ("Darwin", "clang++", "cpu"),
        ("Darwin", "", "mps"),
        ("Windows", "cl", "cpu"),
        ("Windows", "", "cuda:0"),
    ],
)
def test_a_machine_with_all_of_it_has_no_obstacle(
    system: str, programs: str, device: str, machine: Make
) -> None:
    machine(system, programs)
    assert obstacle(device) == ""


@pytest.mark.parametrize(
    ("system", "programs", "device", "words"),
    [
        ("Linux", "", "cpu", "Install g++"),
        ("Linux", "gcc", "cpu", "C++ compiler"),  # the C compiler alone
        ("Linux", "", "cuda:0", "compiler"),
        ("Darwin", "g++", "cpu", "xcode-select --install"),
        ("Windows", "g++", "cpu", "Visual Studio Build Tools"),
    ],
)
def test_a_missing_compiler_is_told_with_what_to_install(
    system: str, programs: str, device: str, words: str, machine: Make
) -> None:
    machine(system, programs)
    assert words in obstacle(device)


def test_the_compiler_that_the_environment_names_is_the_one_that_counts(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(programs="g++ ccache")
    monkeypatch.setenv("CXX", "nowhere++ -O2")
    assert "compiler" in obstacle("cpu")
    monkeypatch.setenv("CXX", "ccache g++")
    assert obstacle("cpu") == ""


def test_missing_headers_are_told(machine: Make) -> None:
    machine(programs="g++ gcc", headers=False)
    for device in ("cpu", "cuda:0"):
        assert "Python.h is not found" in obstacle(device)


def test_a_gpu_without_triton_or_too_old_is_told(machine: Make) -> None:
    machine(programs="gcc", triton=False)
    assert "pip install triton." in obstacle("cuda:0")
    assert "pip install triton-windows" in _on_windows(machine)
    machine(programs="gcc")
    assert "capability 7 or newer, and this one has 6" in obstacle("cuda:0", 6)


def _on_windows(machine: Make) -> str:
    machine("Windows", triton=False)
    return obstacle("cuda:0")


def test_the_machine_says_it_of_every_device(machine: Make) -> None:
    machine(programs="")
    for device in TorchEngine().machine().devices:
        assert device.uncompiled == obstacle(device.name)
    processor = TorchEngine().machine().devices[-1]
    assert "C++ compiler" in processor.uncompiled


@pytest.mark.slow
def test_where_no_obstacle_is_seen_torch_compiles() -> None:
    if obstacle("cpu"):
        pytest.skip("nothing here compiles")
    double = torch.compile(lambda x: torch.relu(x) * 2)
    assert double(torch.tensor([-1.0, 1.5])).tolist() == [0.0, 3.0]
