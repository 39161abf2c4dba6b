"""What torch.compile needs beside torch: compilers and headers, looked for and not started."""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import sysconfig
from pathlib import Path

_OLDEST = 7
"""The compute capability of a CUDA device that Triton writes code for at least."""

_INSTALL = {
    "Linux": "Install g++ from your distribution",
    "Darwin": "Install Apple's with xcode-select --install",
    "Windows": "Install the Visual Studio Build Tools, and start from their command prompt",
}


def obstacle(device: str, capability: int = _OLDEST) -> str:
    """Why torch.compile cannot work on ``device`` ("cpu", "cuda:0", "mps"), in sentences; empty
    where nothing is seen to be missing. ``capability`` is a CUDA device's, its first number.
    """
    if device.startswith("cuda"):
        if capability < _OLDEST:
            return (
                "torch.compile needs a GPU of compute capability 7 or newer, and this one has "
                f"{capability}."
            )
        if importlib.util.find_spec("triton") is None:
            package = "triton-windows" if platform.system() == "Windows" else "triton"
            return f"torch.compile needs Triton on a GPU. Install it with pip install {package}."
        if platform.system() == "Windows":
            return ""  # its Triton brings a compiler along
    if device == "mps":
        return ""  # Metal compiles
    if not _has_compiler(for_triton=device.startswith("cuda")):
        advice = _INSTALL.get(platform.system(), "Install one")
        return f"torch.compile needs a C++ compiler, and none is found. {advice}."
    if not _has_headers():
        version = ".".join(platform.python_version_tuple()[:2])
        return (
            f"torch.compile needs Python's headers, and Python.h is not found. Install "
            f"python{version}-dev, or a Python that has them."
        )
    return ""


def _has_compiler(*, for_triton: bool) -> bool:
    """Whether the one is there that torch, or Triton on a GPU, would call."""
    chosen = os.environ.get("CC" if for_triton else "CXX", "")
    names = shlex.split(chosen, posix=os.name != "nt")[:1]
    if not names and for_triton:
        names = ["gcc", "clang"]
    elif not names:
        names = [{"Windows": "cl", "Darwin": "clang++"}.get(platform.system(), "g++")]
    return any(shutil.which(name) for name in names)


def _has_headers() -> bool:
    """Whether Python.h is where torch and Triton look; Debian keeps it apart from the default."""
    places = {sysconfig.get_path("include")}
    if os.name != "nt":
        places.add(sysconfig.get_path("include", scheme="posix_prefix"))
    if platform.system() == "Darwin":  # a framework's Python has them elsewhere
        places.add(str(Path(sysconfig.get_path("stdlib")).parent.parent / "Headers"))
    return any((Path(place) / "Python.h").is_file() for place in places)
