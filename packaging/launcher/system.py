"""What the machine must bring beside Python: Qt's libraries, a display for the tests."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from launcher.console import Failure, Stage, say
from studio.commands import system_libraries

DISPLAY_PROGRAMS = {"Xvfb": "xvfb", "xdotool": "xdotool", "openbox": "openbox"}
"""Programs the tests with a display use, and Debian's packages for them."""

_ROUNDS = 4  # a library brought in may itself lack another
_NAMES_SHOWN = 3
_LISTS = Path("/var/lib/apt/lists")
_SCREEN = "1920x1200x24"


def install_packages(packages: list[str], purpose: str) -> bool:
    """Install Debian packages; False where this user may not or apt-get failed."""
    if not system_libraries.may_install():
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]

    def run(command: list[str]) -> bool:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        errors.extend(line for line in done.stderr.splitlines() if line.startswith("E:"))
        return done.returncode == 0

    errors: list[str] = []
    with Stage(f"Installing {purpose} ({_shortly(packages)})"):
        # A fresh machine has no lists of packages, an old one outdated ones.
        listed = any(_LISTS.glob("*_Packages*"))
        done = (listed and run(install)) or (run(["apt-get", "update"]) and run(install))
    if not done:
        say("apt-get could not install them:" + "".join(f"\n  {line}" for line in errors[-3:]))
    return done


def _shortly(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def ensure_libraries(site_packages: Path) -> None:
    """Bring what Qt lacks to open a window; raises Failure with the command where it may not."""
    objects = system_libraries.qt_objects(site_packages)
    before: tuple[str, ...] = ()
    for _ in range(_ROUNDS):
        missing = system_libraries.missing(objects)
        if not missing:
            return
        packages = list(dict.fromkeys(map(system_libraries.debian_package, missing)))
        if missing == before or not install_packages(packages, "what Qt lacks"):
            break
        before = missing
    command = system_libraries.install_command(missing)
    how = (
        f"Run this, then the same command again:\n  {system_libraries.in_words(command)}"
        if command
        else "Install the packages of your system that hold them, then run the same command again."
    )
    raise Failure(f"Qt cannot open a window: it lacks {', '.join(missing)}.\n{how}")


def ensure_display_programs() -> None:
    """Bring Xvfb and the programs that act on it; raises Failure with the command."""
    absent = {
        program: package
        for program, package in DISPLAY_PROGRAMS.items()
        if not shutil.which(program)
    }
    if not absent or install_packages(list(absent.values()), "a display for the tests"):
        return
    command = system_libraries.in_words(system_libraries.install_command((), absent))
    raise Failure(
        f"The tests with a display need {', '.join(absent)}. "
        + (f"Run: {command}" if command else "Install them.")
    )


@contextmanager
def virtual_display() -> Iterator[dict[str, str]]:
    """Xvfb on a free number with a window manager; yields the environment to use it in."""
    with ExitStack() as stack:
        environment = dict(os.environ)
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XAUTHORITY"):
            environment.pop(name, None)
        # Qt warns where these are missing, and warnings fail tests.
        environment["XDG_RUNTIME_DIR"] = stack.enter_context(tempfile.TemporaryDirectory())
        if not any(environment.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG")):
            environment["LANG"] = "C.UTF-8"
        environment["DISPLAY"] = _start_server(stack, environment)
        _start(stack, ["openbox", "--sm-disable"], environment)
        yield environment


def _start_server(stack: ExitStack, environment: Mapping[str, str]) -> str:
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", _SCREEN, "-nolisten", "tcp"]
    server = _start(stack, command, environment, keep=(writing,))
    os.close(writing)
    with os.fdopen(reading) as answer:
        ready, _, _ = select.select([answer], [], [], 30)
        number = answer.readline().strip() if ready else ""
    if not number:
        raise Failure(f"Xvfb did not start (exit status {server.poll()}).")
    return f":{number}"


def _start(
    stack: ExitStack,
    command: list[str],
    environment: Mapping[str, str],
    keep: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command,
        env=environment,
        pass_fds=keep,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C in the terminal is for the tests; the display ends when they have.
        start_new_session=True,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process
