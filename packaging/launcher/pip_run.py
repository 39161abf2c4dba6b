"""pip, run calmly: two lines while it works, and if it fails what happened and what to do."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from launcher.console import Failure, Stage

_LINES_SHOWN = 4
_WIDTH = 160  # characters of a line that are shown

# What pip's output shows, in the order of looking: without a network pip also finds no version.
_ADVICE = (
    (
        r"No space left on device|Errno 28|not enough space",
        "The disk is full. Free some space (torch with its GPU libraries needs about 8 GiB on "
        "Linux) and run the same command again.",
    ),
    (
        r"ProxyError|407 Proxy|Tunnel connection failed",
        "The proxy refused. Check HTTPS_PROXY (http://user:password@proxy:port) and run the same "
        "command again.",
    ),
    (
        r"SSLError|CERTIFICATE_VERIFY_FAILED",
        "The package index's certificate is not trusted here. Behind a company's proxy, point "
        "PIP_CERT to its certificate file and run the same command again.",
    ),
    (
        r"NewConnectionError|Failed to establish|name resolution|ConnectTimeout|ReadTimeout"
        r"|Connection (?:refused|reset|aborted)|getaddrinfo|Network is unreachable"
        r"|Retrying \(|IncompleteRead|ProtocolError",
        "The package index could not be reached. Check the network (behind a proxy, set "
        "HTTPS_PROXY) and run the same command again; what is already there is kept.",
    ),
    (
        r"Permission denied|EACCES|Access is denied",
        "A file may not be written. Check who owns the checkout and its .venv, or delete .venv, "
        "and run the same command again.",
    ),
)
_NO_VERSION = re.compile(
    r"No matching distribution found for (\S+)|(ResolutionImpossible)|(conflicting dependencies)"
)
_BLAMED_PIN = re.compile(
    r"(?:The user requested \(constraint\)|No matching distribution found for)"
    r" ([A-Za-z0-9._-]*[A-Za-z0-9])"
)
_ERROR = re.compile(r"^\s*ERROR: |^\s*\w*Error: |^error: ")


class NoSuchVersion(Exception):
    """pip reached the index, and the versions asked for do not fit this machine.

    ``pins`` are the names of the constraints that pip blames; none where it blames no pin.
    """

    def __init__(self, what: str, pins: Iterable[str]) -> None:
        super().__init__(what)
        self.pins = frozenset(pins)


class _Failed(Exception):
    """pip ended with an error; marks the stage in which it did."""


def advice(output: str) -> str:
    """What to do about a failure that said ``output``."""
    return _cause(output)[1]


def _cause(output: str) -> tuple[str, str]:
    """The pattern that ``output`` shows and the advice for it; no pattern for an unknown cause."""
    for pattern, sentence in _ADVICE:
        if re.search(pattern, output):
            return pattern, sentence
    return "", "Run the same command again; if it fails again, delete .venv and try once more."


def install(python: Path, arguments: list[str], log: Path) -> None:
    """Run ``pip install ARGUMENTS`` with ``python``; the whole output goes to ``log``.

    Raises NoSuchVersion, or Failure for anything else that went wrong.
    """
    options = [
        "--no-input",
        "--retries",
        "2",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]
    command = [str(python), "-u", "-m", "pip", "install", *options, *arguments]
    # What would turn the installation away from the environment does not hold here.
    strays = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONHOME", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in strays}
    output: list[str] = []
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            _show(_recorded(process.stdout, file, output), process)
        except _Failed:
            pass
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        _explain("".join(output), log)


def _recorded(lines: IO[str], file: IO[str], output: list[str]) -> Iterator[str]:
    for line in lines:
        file.write(line)
        file.flush()
        output.append(line)
        yield line


def _show(lines: Iterator[str], process: subprocess.Popen[str]) -> None:
    packages = ""
    with Stage("Choosing and downloading packages") as stage:
        for line in lines:
            if line.startswith("Installing collected packages:"):
                packages = f" {line.count(',') + 1}"
                break
            work = re.match(r"\s*(?:Downloading|Using cached) (\S+?)-[\d.]+\S* (\(.*\))", line)
            if work:
                stage.detail(" ".join(work.groups()))
        else:
            _wait(process)
            return
    with Stage(f"Installing{packages} packages"):
        for _ in lines:
            pass
        _wait(process)


def _wait(process: subprocess.Popen[str]) -> None:
    if process.wait():
        raise _Failed


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _explain(output: str, log: Path) -> None:
    pattern, what = _cause(output)
    missing = None if pattern else _NO_VERSION.search(output)
    if missing:
        blamed = {canonical(name) for name in _BLAMED_PIN.findall(output)}
        raise NoSuchVersion(next(group for group in missing.groups() if group), blamed)
    lines = [line.strip() for line in output.strip().splitlines()]
    # Where the cause is known its own lines tell most: offline, pip goes on to blame versions.
    telling = re.compile(pattern) if pattern else _ERROR
    shown = [line for line in lines if telling.search(line)] or lines
    words = "\n".join(f"  {line[:_WIDTH]}" for line in dict.fromkeys(shown[-_LINES_SHOWN:]))
    raise Failure(f"pip could not install the packages:\n{words}\n{what}\nThe whole log: {log}")


def canonical(name: str) -> str:
    """A distribution's name as the constraints file spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
