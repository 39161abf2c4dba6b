"""`studio doctor`: is this machine able to run the app, and which command mends what is missing."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from studio.commands import system_libraries
from studio.runs import queue
from studio.runs.file_lock import can_lock

HELP = "check Python, Qt, display, torch and GPU, and say what mends them"

_DISTRIBUTION = "training-studio"
_SOURCE = Path(__file__).resolve().parents[2]
"""Where this package is found, for the Pythons that are asked."""
_PROBE_TIMEOUT = 120  # seconds; a first import from a cold disk can take a minute
_DISK_WANTED = 2 * 2**30  # bytes; a run with its checkpoints and exports
_MEMORY_WANTED = 2 * 2**30  # bytes

# Each prints a JSON object a line as far as it comes, so that a crash tells how far that was.
_QT_PROBE = """
import json
from PySide6 import QtCore, QtWidgets
QtCore.QCoreApplication.setOrganizationName("TrainingStudio")
QtCore.QCoreApplication.setApplicationName("Training Studio")
place, where = QtCore.QStandardPaths.StandardLocation, QtCore.QStandardPaths.writableLocation
print(json.dumps({"version": QtCore.qVersion(), "documents": where(place.DocumentsLocation),
    "data": where(place.AppDataLocation)}))
"""
_TORCH_PROBE = """
import json, sys, warnings
warnings.simplefilter("always")
import torch
print(json.dumps({"torch": torch.__version__, "cuda": torch.version.cuda,
    "available": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
    "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]}),
    flush=True)
import torchvision
print(json.dumps({"torchvision": torchvision.__version__}), flush=True)
sys.path.append(sys.argv[1])
from studio.engine.devices import find_machine
print(json.dumps({"uncompiled": {each.name: each.uncompiled for each in find_machine().devices}}),
    flush=True)
from studio.engine.pixel_cache import user_cache
cache = user_cache()
print(json.dumps({"cache": str(cache.folder), "decoded": cache.held()}))
"""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report; ``mend`` is the command, or the sentence, that puts it right.

    ``advice`` leaves the app able to run, ``problem`` does not.
    """

    name: str
    state: Literal["ok", "advice", "problem"]
    text: str
    mend: str = ""


@dataclasses.dataclass(frozen=True)
class Probe:
    """What a child process found out: its JSON merged, and why it ended early, if it did."""

    values: dict[str, Any]
    error: str


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 0 if the app is able to run, else 1."""
    findings: list[Finding] = []
    for finding in examine():
        findings.append(finding)
        if not arguments.json:
            print(_line(finding), flush=True)
    able = all(finding.state != "problem" for finding in findings)
    if arguments.json:
        listing = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"able": able, "findings": listing}, indent=2))
    elif able:
        print("\nAble to run.")
    else:
        print("\nNot able to run: mend the problems above, from the top.")
    return 0 if able else 1


def _line(finding: Finding) -> str:
    line = f"{finding.state:<8} {finding.name:<12} {finding.text}"
    return line + (f"\n{'':<22}{finding.mend}" if finding.mend else "")


def examine() -> Iterator[Finding]:
    """All checks, the causes before what depends on them."""
    yield check_python()
    yield check_packages()
    qt = probe(_QT_PROBE)
    yield check_qt(qt)
    yield check_display(system_libraries.display_problem())
    torch = probe(_TORCH_PROBE)
    yield check_torch(torch)
    yield check_torchvision(torch)
    yield check_gpu(torch, nvidia_driver())
    yield check_compile(torch)
    yield check_gpustat()
    runs = runs_root(qt)
    yield check_runs_folder(runs)
    yield check_queue(qt)
    yield check_cache(torch)
    yield check_disk(runs)
    yield check_memory()


def pip_command(*arguments: str) -> str:
    """The command that calls this Python's pip."""
    return system_libraries.in_words([sys.executable, "-m", "pip", "install", *arguments])


def probe(program: str) -> Probe:
    """Run ``program`` in a Python of its own, where a broken library can do no harm."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(_SOURCE)],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return Probe({}, f"importing it took longer than {_PROBE_TIMEOUT} s")
    values: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        values.update(json.loads(line))
    words = [line for line in done.stderr.splitlines() if line.strip()]
    values["stderr"] = "\n".join(words)
    if done.returncode < 0:
        return Probe(values, f"importing it crashed (signal {-done.returncode})")
    return Probe(values, (words or ["unknown"])[-1].strip() if done.returncode else "")


def check_python() -> Finding:
    return Finding("Python", "ok", f"{sys.version.split()[0]} ({sys.executable})")


def check_packages() -> Finding:
    """Whether all that the distribution requires is installed."""
    try:
        required = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return Finding(
            "Packages",
            "advice",
            "Training Studio runs from its source and is not installed",
            "python3 packaging/bootstrap.py",
        )
    plain = [each for each in required if ";" not in each]
    absent = [each for each in plain if not _installed(_distribution_of(each))]
    if absent:
        names = ", ".join(map(_distribution_of, absent))
        return Finding("Packages", "problem", f"missing: {names}", pip_command(*absent))
    return Finding("Packages", "ok", f"all {len(plain)} that are required")


def _distribution_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def check_qt(found: Probe) -> Finding:
    package = "pyside6-essentials>=6.8,!=6.12.0"
    folder = _package_folder("PySide6")
    if folder is None:
        return Finding("Qt", "problem", "PySide6 is not installed", pip_command(package))
    objects = system_libraries.qt_objects(folder.parent)
    missing = system_libraries.missing(objects)
    if missing:
        command = system_libraries.install_command(missing)
        mend = system_libraries.in_words(command) if command else "Install them with your system"
        return Finding("Qt", "problem", f"the system lacks {', '.join(missing)}", mend)
    error = found.error or system_libraries.load_error(objects)
    if error:
        again = pip_command("--force-reinstall", "--no-deps", package, "shiboken6")
        return Finding("Qt", "problem", f"cannot be loaded: {error}", again)
    version = str(found.values["version"])
    if version == "6.12.0" and sys.version_info < (3, 12):
        return Finding(
            "Qt",
            "problem",
            "PySide6 6.12.0 makes Python 3.11 abort after a while",
            pip_command(package),
        )
    return Finding("Qt", "ok", f"{version} with all system libraries")


def _package_folder(name: str) -> Path | None:
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None


def check_display(problem: str) -> Finding:
    if not problem:
        return Finding("Display", "ok", os.environ.get("DISPLAY", "") or "the system's own")
    if "does not answer" in problem:
        return Finding("Display", "problem", problem, "Set DISPLAY to a display that runs")
    return Finding(
        "Display",
        "advice",
        f"{problem} No window can open; training from the command line can run.",
        "studio train quickstart",
    )


def check_torch(found: Probe) -> Finding:
    if "torch" in found.values:
        build = f"CUDA {found.values['cuda']}" if found.values["cuda"] else "no CUDA"
        return Finding("torch", "ok", f"{found.values['torch']} ({build})")
    if _package_folder("torch") is None:
        command = pip_command("torch>=2.11", "torchvision")
        return Finding("torch", "problem", "is not installed", command)
    command = pip_command("--force-reinstall", "torch>=2.11", "torchvision")
    return Finding("torch", "problem", f"cannot be imported: {found.error}", command)


def check_torchvision(found: Probe) -> Finding:
    if "torchvision" in found.values:
        return Finding("torchvision", "ok", str(found.values["torchvision"]))
    if "torch" not in found.values:
        return Finding("torchvision", "problem", "needs torch", "Mend torch first")
    # Each torchvision is built for one torch; the two are chosen together.
    command = pip_command("--upgrade", "--force-reinstall", "torch", "torchvision")
    return Finding("torchvision", "problem", f"does not fit torch: {found.error}", command)


@dataclasses.dataclass(frozen=True)
class Driver:
    """The NVIDIA driver's view: GPU names and version; ``hardware`` if a GPU is there at all."""

    hardware: bool
    names: tuple[str, ...] = ()
    version: str = ""


def nvidia_driver() -> Driver:
    """Ask nvidia-smi, which comes with every driver."""
    program = shutil.which("nvidia-smi")
    if program:
        query = [program, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        try:
            done = subprocess.run(query, capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired):
            return Driver(hardware=_nvidia_on_bus())
        rows = [line.rsplit(", ", 1) for line in done.stdout.splitlines() if ", " in line]
        if done.returncode == 0 and rows:
            return Driver(True, tuple(row[0] for row in rows), rows[0][1])
    return Driver(hardware=_nvidia_on_bus())


def _nvidia_on_bus() -> bool:
    # Linux lists every PCI device with its vendor; 0x10de is NVIDIA, class 0x03 a display.
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text(), (device / "class").read_text()
        except OSError:
            continue
        if vendor.strip() == "0x10de" and kind.startswith("0x03"):
            return True
    return False


def check_gpu(found: Probe, driver: Driver) -> Finding:
    if "torch" not in found.values:
        return Finding("GPU", "advice", "unknown without torch", "Mend torch first")
    values = found.values
    if values["available"]:
        text = f"{', '.join(values['devices'])}, driver {driver.version or 'unknown'}"
        return Finding("GPU", "ok", text)
    if values["mps"]:
        return Finding("GPU", "ok", "Apple GPU (MPS)")
    slow = "training runs on the processor"
    if not driver.hardware:
        return Finding("GPU", "ok", f"none of NVIDIA's; {slow}")
    if not driver.names:
        text = f"an NVIDIA GPU is built in but its driver does not answer; {slow}"
        return Finding("GPU", "advice", text, _driver_command())
    here = f"{', '.join(driver.names)}, driver {driver.version}"
    if not values["cuda"]:
        return Finding(
            "GPU", "advice", f"{here}: this torch is a build without CUDA; {slow}", _cuda()
        )
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        text = f"{here}: hidden by the variable CUDA_VISIBLE_DEVICES; {slow}"
        return Finding("GPU", "advice", text, "Unset CUDA_VISIBLE_DEVICES")
    why = "is too old for" if "driver" in str(values["stderr"]) else "cannot be used by"
    text = f"{here}: it {why} CUDA {values['cuda']} of this torch; {slow}"
    return Finding("GPU", "advice", text, _driver_command())


def _driver_command() -> str:
    if shutil.which("ubuntu-drivers"):
        return "sudo ubuntu-drivers install   (then restart the machine)"
    if shutil.which("apt-get"):
        return "sudo apt-get install nvidia-driver   (then restart the machine)"
    return "Install NVIDIA's newest driver for this GPU, then restart the machine"


def _cuda() -> str:
    if sys.platform == "win32":
        return "Take the pip command for Windows and CUDA from pytorch.org/get-started/locally"
    return pip_command("--upgrade", "--force-reinstall", "torch", "torchvision")


def check_compile(found: Probe) -> Finding:
    """Whether torch.compile can work on each device, and what is missing where it cannot."""
    if "uncompiled" not in found.values:
        return _unknown("Compile", found)
    uncompiled: dict[str, str] = found.values["uncompiled"]
    reasons = {why: [n for n, w in uncompiled.items() if w == why] for why in uncompiled.values()}
    able = reasons.pop("", [])
    texts, mends = [f"works on {', '.join(able)}"] if able else [], []
    for why, names in reasons.items():
        text, _, mend = why.rstrip(".").partition(". ")
        texts.append(f"not on {', '.join(names)}: {text}")
        mends += [mend] if mend else []
    state: Literal["ok", "advice"] = "advice" if mends else "ok"
    return Finding("Compile", state, "; ".join(texts), "; ".join(mends))


def _unknown(name: str, found: Probe) -> Finding:
    """What only the engine knows, where it does not answer."""
    for needed in ("torch", "torchvision"):
        if needed not in found.values:
            return Finding(name, "advice", f"unknown without {needed}", f"Mend {needed} first")
    return Finding(name, "advice", f"unknown: {found.error}", "Mend what is missing above first")


def check_gpustat() -> Finding:
    if _installed("gpustat") and _installed("nvidia-ml-py"):
        return Finding("gpustat", "ok", importlib.metadata.version("gpustat"))
    text = "is not installed; the app will show no GPU statistics"
    return Finding("gpustat", "advice", text, pip_command("gpustat>=1.1"))


def runs_root(qt: Probe) -> Path:
    """The folder below which the app keeps its runs."""
    documents = str(qt.values.get("documents") or Path.home() / "Documents")
    return Path(documents) / "TrainingStudio" / "runs"


def _nearest_existing(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.exists()), Path.cwd())


def check_runs_folder(folder: Path) -> Finding:
    nearest = _nearest_existing(folder)
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        mend = f"Give yourself the right to write in {nearest}, or train with --out FOLDER"
        return Finding("Runs folder", "advice", f"{folder}: {error.strerror or error}", mend)
    return Finding("Runs folder", "ok", str(folder))


def check_queue(qt: Probe) -> Finding:
    """Whether the file of the runs that wait can be read; nothing is changed in it."""
    if not qt.values.get("data"):
        return Finding("Queue", "advice", "unknown without Qt", "Mend Qt first")
    path = Path(qt.values["data"]) / queue.FOLDER / queue.FILE
    try:
        with path.open("rb") as file:
            waiting, wrong = queue.loads(file.read(queue.MAX_BYTES + 1))
    except FileNotFoundError:
        return Finding("Queue", "ok", f"no run waits ({path})")
    except OSError as error:
        mend = f"Give yourself the right to read and write {path}"
        return Finding("Queue", "advice", f"{path}: {error.strerror or error}", mend)
    count = len(waiting.entries)
    text = f"{count} run{'s' if count != 1 else ''} in {path}"
    if wrong:
        mend = (
            "Open the app: it keeps the file under another name and goes on with what can be read"
        )
        return Finding("Queue", "advice", f"{text}, and {wrong}", mend)
    return Finding("Queue", "ok", text)


def check_cache(found: Probe) -> Finding:
    """Whether decoded images can be kept on disk, and how much is."""
    if "cache" not in found.values:
        return _unknown("Image cache", found)
    folder = Path(found.values["cache"])
    text = f"{folder}, {found.values['decoded'] / 2**30:.1f} GiB of decoded images"
    mend = "Set the environment variable STUDIO_CACHE to a folder on a disk of this machine"
    try:
        if not can_lock(_nearest_existing(folder)):
            text = f"{folder}: files there cannot be locked, which large folders of images need"
            return Finding("Image cache", "advice", text, mend)
    except OSError as error:
        text = f"{folder}: {error.strerror or error}; large folders of images cannot be read"
        return Finding("Image cache", "advice", text, mend)
    return Finding("Image cache", "ok", text)


def check_disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_nearest_existing(folder)).free
    text = f"{free / 2**30:.1f} GiB free"
    if free < _DISK_WANTED:
        text += f", a run may need {_DISK_WANTED / 2**30:.0f}"
        return Finding("Disk", "advice", text, f"Free some space in {folder.anchor or folder}")
    return Finding("Disk", "ok", text)


def check_memory() -> Finding:
    try:
        import psutil
    except ImportError:
        return Finding("Memory", "advice", "unknown without psutil", pip_command("psutil>=5.9"))
    memory = psutil.virtual_memory()
    text = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB available"
    if memory.available < _MEMORY_WANTED:
        return Finding(
            "Memory", "advice", text, "Close other programs, or use a smaller batch size"
        )
    return Finding("Memory", "ok", text)
