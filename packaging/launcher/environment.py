"""The checkout's .venv: made, filled, skipped when nothing changed, repaired when half done."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from launcher import leftovers, pip_run
from launcher.console import Failure, Stage, say
from launcher.system import install_packages

_STAMP = "training-studio.json"
_MINOR = "{}.{}".format(*sys.version_info)
_ROOM_NEEDED = 8 * 2**30  # bytes; torch with its GPU libraries on Linux, packed and unpacked


class _Stamp(TypedDict):
    key: str
    extras: list[str]


class Environment:
    """The virtual environment in ``root/.venv`` with the project of ``root`` in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.constraints = root / "packaging" / "constraints.txt"
        self.log = self.folder / "install.log"
        self._stamp = self.folder / _STAMP

    @property
    def python(self) -> Path:
        if sys.platform == "win32":
            return self.folder / "Scripts" / "python.exe"
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        if sys.platform == "win32":
            return self.folder / "Lib" / "site-packages"
        version = f"python{_MINOR}"
        return self.folder / "lib" / version / "site-packages"

    def key(self) -> str:
        """Changes with everything that an installation depends on."""
        settings = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        parts = [
            json.dumps([settings["build-system"], settings["project"]], sort_keys=True),
            self.constraints.read_text(encoding="utf-8"),
            f"{sys.implementation.name} {_MINOR}",
            # Scripts and the editable install hold the checkout's path.
            str(self.root),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def ready(self, extras: Iterable[str]) -> bool:
        """Whether an earlier run finished installing just this."""
        stamp = self._read_stamp()
        return (
            stamp is not None
            and stamp["key"] == self.key()
            and set(extras) <= set(stamp["extras"])
            and self.python.exists()
        )

    def ensure(self, extras: Iterable[str] = ()) -> None:
        """Bring the environment to what pyproject.toml and the constraints say.

        Raises Failure with what to do. Stopped at any moment, the next call goes on.
        """
        if self.ready(extras):
            return
        earlier = self._read_stamp()
        wanted = sorted({*extras, *(earlier["extras"] if earlier else ())})
        # From here until the new stamp the environment counts as unfinished.
        self._stamp.unlink(missing_ok=True)
        if self._usable():
            if earlier is None:
                for name in leftovers.clear(self.site_packages):
                    say(f"{name} was only half installed; installing it again.")
        else:
            self._create()
        self._install(wanted)
        self._write_stamp({"key": self.key(), "extras": wanted})

    def _usable(self) -> bool:
        """Whether .venv holds this Python's minor version with a working pip."""
        if not self.python.exists() or not self.site_packages.is_dir():
            return False
        # A Python whose pyvenv.cfg is lost runs as the system's own and would install there.
        program = "import pip, sys; print(sys.prefix)"
        try:
            trial = subprocess.run([self.python, "-c", program], capture_output=True, text=True)
        except OSError:
            return False
        return trial.returncode == 0 and Path(trial.stdout.strip()).resolve() == self.folder

    def _create(self) -> None:
        if importlib.util.find_spec("ensurepip") is None:
            package = f"python{_MINOR}-venv"
            if not install_packages([package], "the module that makes environments"):
                raise Failure(
                    "This Python cannot make environments: its module ensurepip is missing.\n"
                    f"On Debian or Ubuntu, run: sudo apt-get install {package}"
                )
        free = shutil.disk_usage(self.root).free
        if sys.platform.startswith("linux") and free < _ROOM_NEEDED:
            say(
                f"Only {free / 2**30:.1f} GiB are free here; torch with its GPU libraries "
                f"needs about {_ROOM_NEEDED / 2**30:.0f}."
            )
        with Stage("Making the environment in .venv"):
            try:
                # In a process of its own: ensurepip may just have been installed.
                subprocess.run(
                    [sys.executable, "-m", "venv", "--clear", self.folder],
                    capture_output=True,
                    text=True,
                    check=True,
                )
            except subprocess.CalledProcessError as error:
                words = (error.stdout + error.stderr).strip()
                raise Failure(
                    f"The environment could not be made in {self.folder}:\n{words}\n"
                    f"{pip_run.advice(words)}"
                ) from None

    def _install(self, extras: list[str]) -> None:
        """Install at the tested versions; a pin that this machine cannot have gives way alone."""
        project = f"{self.root}[{','.join(extras)}]" if extras else str(self.root)
        pins = self.constraints.read_text(encoding="utf-8").splitlines()
        usable = self.folder / "constraints.txt"
        while True:
            usable.write_text("\n".join(pins), encoding="utf-8")
            command = ["--constraint", str(usable), "--editable", project]
            try:
                pip_run.install(self.python, command, self.log)
            except pip_run.NoSuchVersion as missing:
                if not pins:
                    raise Failure(
                        f"No version fits this machine: {missing}\n"
                        f"This is Python {sys.version.split()[0]}; another one of 3.11 or newer "
                        f"may have it. The whole log is in {self.log}"
                    ) from None
                kept = [pin for pin in pins if pin.partition("==")[0] not in missing.pins]
                blamed = sorted(missing.pins) if len(kept) < len(pins) else []
                say(
                    f"The tested version of {', '.join(blamed) or 'a package'} is not to be had "
                    f"here ({missing}); taking the newest that pyproject.toml allows."
                )
                pins = kept if blamed else []
            else:
                return

    def _read_stamp(self) -> _Stamp | None:
        try:
            stamp = json.loads(self._stamp.read_text(encoding="utf-8"))
            return {"key": str(stamp["key"]), "extras": [str(each) for each in stamp["extras"]]}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _write_stamp(self, stamp: _Stamp) -> None:
        beside = self._stamp.with_suffix(".new")
        beside.write_text(json.dumps(stamp), encoding="utf-8")
        os.replace(beside, self._stamp)
