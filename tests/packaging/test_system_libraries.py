"""Held against Debian's own package database and against the loader."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import PySide6
import pytest

from studio.commands import system_libraries

SITE_PACKAGES = Path(PySide6.__file__).parents[1]

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")
on_debian = pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs Debian's database")


@pytest.mark.parametrize(
    ("soname", "package"),
    [
        ("libxcb-icccm.so.4", "libxcb-icccm4"),
        ("libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libxcb-keysyms.so.1", "libxcb-keysyms1"),
        ("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
        ("libX11.so.6", "libx11-6"),
        ("libEGL.so.1", "libegl1"),
        ("libdbus-1.so.3", "libdbus-1-3"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
        (system_libraries.FONT, "fonts-dejavu-core"),
    ],
)
def test_a_library_is_looked_for_in_debians_package(soname, package):
    assert system_libraries.debian_package(soname) == package


@on_debian
def test_every_library_of_the_xcb_plugin_maps_to_the_package_that_dpkg_names():
    plugin = SITE_PACKAGES / "PySide6/Qt/plugins/platforms/libqxcb.so"
    listing = subprocess.run(["ldd", plugin], capture_output=True, text=True, check=True).stdout
    compared = 0
    for line in listing.splitlines():
        soname, _, rest = line.strip().partition(" => ")
        path = os.path.realpath(rest.split(" (")[0]) if rest else ""
        if not path or path.startswith(str(SITE_PACKAGES)):
            continue
        for name in (path, path.removeprefix("/usr")):  # Debian's database may hold either
            owner = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
            if owner.returncode == 0:
                package = owner.stdout.split(":")[0].removesuffix("t64")
                if package not in ("libc6", "libgcc-s1"):  # on every Debian there is
                    assert system_libraries.debian_package(soname) == package
                    compared += 1
                break
    assert compared > 10


@on_linux
def test_a_complete_machine_lacks_nothing():
    objects = system_libraries.qt_objects(SITE_PACKAGES)
    assert objects
    assert system_libraries.missing(objects) == ()
    assert system_libraries.load_error(objects) == ""


@pytest.fixture
def plugin_that_lacks_a_library(tmp_path):
    """PySide6's libraries, one of them asking for a soname that no system has."""
    genuine = SITE_PACKAGES / "PySide6/Qt/lib"
    folder = tmp_path / "with space" / "lib"
    folder.mkdir(parents=True)
    for library in genuine.iterdir():
        (folder / library.name).symlink_to(library)
    broken = folder / "libQt6XcbQpa.so.6"
    broken.unlink()
    content = (genuine / broken.name).read_bytes()
    assert b"libxcb-icccm.so.4\0" in content
    broken.write_bytes(content.replace(b"libxcb-icccm.so.4\0", b"libxcb-icccm.so.9\0"))
    return broken


@on_linux
def test_a_library_that_is_not_there_is_found_by_name(plugin_that_lacks_a_library):
    missing = system_libraries.missing([plugin_that_lacks_a_library])
    assert missing == ("libxcb-icccm.so.9",)
    assert "libxcb-icccm.so.9" in system_libraries.load_error([plugin_that_lacks_a_library])


@on_linux
def test_without_ldd_the_loader_itself_names_the_library(plugin_that_lacks_a_library, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    missing = system_libraries.missing([plugin_that_lacks_a_library])
    assert missing == ("libxcb-icccm.so.9",)


@on_linux
def test_a_machine_without_fonts_lacks_a_font(monkeypatch):
    monkeypatch.setattr(system_libraries, "_FONT_FOLDERS", ("/nowhere",))
    objects = system_libraries.qt_objects(SITE_PACKAGES)
    assert system_libraries.missing(objects) == (system_libraries.FONT,)


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt-get install -y --no-install-recommends libxcb-icccm4 fonts-dejavu-core"),
        ("dnf", "dnf install -y 'libxcb-icccm.so.4()(64bit)' dejavu-sans-fonts"),
        ("pacman", "pacman -S --needed xcb-util-wm ttf-dejavu"),
    ],
)
def test_the_command_is_that_of_the_machines_package_manager(manager, command, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name if name == manager else None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    lacking = ("libxcb-icccm.so.4", system_libraries.FONT)
    assert system_libraries.in_words(system_libraries.install_command(lacking)) == "sudo " + command


@on_linux
def test_no_display_and_a_dead_display_are_told_apart(tmp_path):
    assert "neither DISPLAY nor" in system_libraries.display_problem({})
    assert "does not answer" in system_libraries.display_problem({"DISPLAY": ":59999"})
    runtime = {"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert "does not answer" in system_libraries.display_problem(runtime)


@pytest.mark.display
def test_a_display_that_runs_answers():
    assert system_libraries.display_problem({"DISPLAY": os.environ["DISPLAY"]}) == ""


def test_the_check_needs_nothing_but_the_standard_library():
    root = Path(__file__).resolve().parents[2]
    program = (
        f"import sys; sys.path.insert(0, {str(root)!r}); import studio.commands.system_libraries"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
