"""The tested versions: resolved anew in a fresh environment, written to constraints.txt."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from launcher import pip_run
from launcher.console import Failure, Stage
from launcher.environment import Environment

# torch's own metadata names these to the exact version, on the platforms that have them.
_LEFT_TO_TORCH = re.compile(r"nvidia-(?!ml-py)|cuda-toolkit$")


def refresh(environment: Environment) -> int:
    """Pin the newest versions that pyproject.toml allows; returns how many pins were written.

    Raises Failure if pip cannot resolve them.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        with Stage("Resolving the newest versions"):
            _run([sys.executable, "-m", "venv", f"{folder}/environment"])
            scripts = "Scripts" if sys.platform == "win32" else "bin"
            pip = [f"{folder}/environment/{scripts}/python", "-m", "pip", "install"]
            options = ["--dry-run", "--quiet", "--disable-pip-version-check", "--report"]
            project = f"{environment.root}[test,onnx]"
            _run([*pip, *options, str(report), "--editable", project])
        pins = read_report(json.loads(report.read_text(encoding="utf-8")))
    environment.constraints.write_text(
        "# The versions that this checkout was tested with; bootstrap.py installs them.\n"
        "# Written by: python3 packaging/bootstrap.py refresh\n"
        f"# with Python {platform.python_version()} on {platform.system()} {platform.machine()}\n"
        + "".join(f"{pin}\n" for pin in pins),
        encoding="utf-8",
    )
    return len(pins)


def read_report(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """The pins in pip's installation report, sorted, without local versions (``+cpu``)."""
    pins = []
    for item in report["install"]:
        name = pip_run.canonical(item["metadata"]["name"])
        version = item["metadata"]["version"].partition("+")[0]
        if name != "training-studio" and not _LEFT_TO_TORCH.match(name):
            pins.append(f"{name}=={version}")
    return sorted(pins)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise Failure(f"The versions could not be resolved:\n{words}\n{pip_run.advice(words)}")
