"""Which of the system's libraries Qt lacks, found by loading it, and the command that brings them.

Standard library only: `studio doctor` uses this where PySide6 may be broken, and
packaging/bootstrap.py uses it before anything is installed.
"""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

FONT = "a font"
"""Stands among the missing libraries for a machine on which no text could be drawn."""

_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")
_FONT_SUFFIXES = (".ttf", ".otf", ".ttc", ".pfb")

# Debian's packages whose names do not follow its rule (library name, then the soname's number).
_DEBIAN_NAMES = {
    "libz.so.1": "zlib1g",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libGLdispatch.so.0": "libglvnd0",
    "libbrotlidec.so.1": "libbrotli1",
    "libbrotlicommon.so.1": "libbrotli1",
    "libwayland-client.so.0": "libwayland-client0",
    FONT: "fonts-dejavu-core",
}
_ARCH_NAMES = {
    "libxcb-cursor.so.0": "xcb-util-cursor",
    "libxcb-icccm.so.4": "xcb-util-wm",
    "libxcb-image.so.0": "xcb-util-image",
    "libxcb-keysyms.so.1": "xcb-util-keysyms",
    "libxcb-render-util.so.0": "xcb-util-renderutil",
    "libxcb-util.so.1": "xcb-util",
    "libxkbcommon.so.0": "libxkbcommon",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11",
    "libEGL.so.1": "libglvnd",
    "libGL.so.1": "libglvnd",
    "libfontconfig.so.1": "fontconfig",
    "libfreetype.so.6": "freetype2",
    "libdbus-1.so.3": "dbus",
    "libglib-2.0.so.0": "glib2",
    "libgthread-2.0.so.0": "glib2",
    FONT: "ttf-dejavu",
}
_ARCH_PROGRAMS = {"Xvfb": "xorg-server-xvfb"}

_NOT_FOUND = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)
_CANNOT_OPEN = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")


def qt_objects(site_packages: Path) -> list[Path]:
    """The parts of PySide6 that a window on this machine loads (none except on Linux)."""
    if not sys.platform.startswith("linux"):
        return []
    qt = site_packages / "PySide6" / "Qt"
    parts = ["lib/libQt6Widgets.so.6", "lib/libQt6Svg.so.6", "plugins/platforms/libqxcb.so"]
    if os.environ.get("WAYLAND_DISPLAY"):
        parts.append("plugins/platforms/libqwayland.so")
    return [qt / part for part in parts if (qt / part).exists()]


def missing(objects: Iterable[Path]) -> tuple[str, ...]:
    """The sonames that the loader does not find for ``objects``, and FONT if there is no font.

    ``ldd`` names them all at once; loading for real is the proof, and names one at a time where
    there is no ``ldd``.
    """
    paths = list(objects)
    found: dict[str, None] = {}
    ldd = shutil.which("ldd")
    if ldd and paths:
        listing = subprocess.run([ldd, *map(str, paths)], capture_output=True, text=True)
        found.update(dict.fromkeys(_NOT_FOUND.findall(listing.stdout)))
    if paths and not found:
        found.update(dict.fromkeys(_CANNOT_OPEN.findall(load_error(paths))))
    if paths and not has_fonts():
        found[FONT] = None
    return tuple(found)


def load_error(objects: Iterable[Path]) -> str:
    """The loader's own words if one of ``objects`` cannot be loaded, else an empty text."""
    # In a process of its own: a library once loaded stays, and a broken one may crash.
    program = "import ctypes, sys\nfor path in sys.argv[1:]:\n    ctypes.CDLL(path)"
    loading = subprocess.run(
        [sys.executable, "-S", "-c", program, *map(str, objects)], capture_output=True, text=True
    )
    if loading.returncode == 0:
        return ""
    last = (loading.stderr.strip().splitlines() or [f"the loader ended with {loading.returncode}"])[
        -1
    ]
    return last.removeprefix("OSError: ")


def has_fonts() -> bool:
    """Whether a font lies in one of the folders that fontconfig reads (true except on Linux)."""
    if not sys.platform.startswith("linux"):
        return True
    return any(
        file.endswith(_FONT_SUFFIXES)
        for folder in _FONT_FOLDERS
        for _, _, files in os.walk(os.path.expanduser(folder))
        for file in files
    )


def debian_package(soname: str) -> str:
    """Debian's package for a soname: ``libxcb-icccm.so.4`` is in ``libxcb-icccm4``.

    Debian Policy, section 8.1: the library's name, a hyphen if that ends in a digit, and the
    soname's number.
    """
    if soname in _DEBIAN_NAMES:
        return _DEBIAN_NAMES[soname]
    name, _, version = soname.partition(".so.")
    hyphen = "-" if name[-1:].isdigit() else ""
    return f"{name}{hyphen}{version}".lower().replace("_", "-")


def install_command(missing: Sequence[str], programs: Mapping[str, str] | None = None) -> list[str]:
    """The command that brings ``missing`` on this machine, empty if none is known.

    ``programs`` maps a program to Debian's package for it, for what is no library (``Xvfb``).
    """
    extra = programs or {}
    if shutil.which("apt-get"):
        packages = [*(debian_package(each) for each in missing), *extra.values()]
        return _as_root(["apt-get", "install", "-y", "--no-install-recommends"], packages)
    for manager, arguments in (("dnf", ["install", "-y"]), ("zypper", ["install", "-y"])):
        if shutil.which(manager):
            # RPM finds a package by the library it holds.
            bits = "()(64bit)" if sys.maxsize > 2**32 else ""
            packages = [
                "dejavu-sans-fonts" if each == FONT else each + bits for each in missing
            ] + [f"/usr/bin/{program}" for program in extra]
            return _as_root([manager, *arguments], packages)
    if shutil.which("pacman"):
        packages = [_ARCH_NAMES.get(each, each.partition(".so")[0]) for each in missing]
        packages += [_ARCH_PROGRAMS.get(program, program.lower()) for program in extra]
        return _as_root(["pacman", "-S", "--needed"], packages)
    return []


def _as_root(command: list[str], packages: list[str]) -> list[str]:
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    return [*sudo, *command, *dict.fromkeys(packages)]


def may_install() -> bool:
    """Whether packages can be installed without asking anyone: root on Debian or Ubuntu."""
    return (
        sys.platform.startswith("linux")
        and os.geteuid() == 0
        and shutil.which("apt-get") is not None
    )


def in_words(command: Sequence[str]) -> str:
    """A command as a person types it."""
    if sys.platform == "win32":
        return subprocess.list2cmdline(command)
    return shlex.join(command)


def display_problem(environment: Mapping[str, str] = os.environ) -> str:
    """Why no window can be shown: a sentence, empty where one can."""
    if not sys.platform.startswith("linux"):
        return ""
    wayland, x11 = environment.get("WAYLAND_DISPLAY"), environment.get("DISPLAY")
    if wayland and _wayland_answers(wayland, environment):
        return ""
    if x11 and _x11_answers(x11):
        return ""
    if wayland or x11:
        return f"The display {wayland or x11!r} does not answer."
    return "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)."


def _wayland_answers(name: str, environment: Mapping[str, str]) -> bool:
    path = os.path.join(environment.get("XDG_RUNTIME_DIR", "/run"), name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
        except OSError:
            return False
    return True


def _x11_answers(name: str) -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return True  # not yet installed: the display is judged when it is
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = (ctypes.c_char_p, ctypes.c_void_p)
    xcb.xcb_connection_has_error.argtypes = (ctypes.c_void_p,)
    xcb.xcb_disconnect.argtypes = (ctypes.c_void_p,)
    connection = xcb.xcb_connect(name.encode(), None)
    refused = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    return not refused
