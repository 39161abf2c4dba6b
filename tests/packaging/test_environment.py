"""The environment is made, skipped, repaired and remade with the real venv and the real pip."""

import os
import subprocess
import textwrap
import zipfile

import pytest
from launcher.environment import Environment

pytestmark = pytest.mark.slow

# A build backend of twenty lines in the project's own tree: nothing is fetched to build with it.
BACKEND = """
import os, zipfile

def get_requires_for_build_editable(settings=None):
    return []

def build_editable(folder, settings=None, metadata=None):
    name = "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    requires = "Requires-Dist: needed"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("tiny.pth", os.getcwd() + "\\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n"
            f"Provides-Extra: test\\nRequires-Dist: needed\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n"
            "Root-Is-Purelib: true\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def wheel(folder, name, version):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        module = f"VERSION = {version!r}\n"
        file.writestr(f"{name}.py", module)
        file.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\nRoot-Is-Purelib: true\n"
        )
        file.writestr(f"{info}/RECORD", f"{name}.py,sha256=x,{len(module)}\n")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small project in a path with a space, and all that pip may fetch in one folder."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel(shelf, "needed", "1.0")
    wheel(shelf, "needed", "2.0")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", shelf.as_uri())
    root = tmp_path / "a b é"
    (root / "packaging").mkdir(parents=True)
    (root / "packaging" / "constraints.txt").write_text("needed==1.0\n")
    (root / "backend.py").write_text(BACKEND)
    (root / "tiny.py").touch()
    (root / "pyproject.toml").write_text(
        textwrap.dedent(
            """
            [build-system]
            requires = []
            build-backend = "backend"
            backend-path = ["."]
            [project]
            name = "tiny"
            version = "1.0"
            dependencies = ["needed"]
            """
        )
    )
    return root


def version_in(environment):
    return (environment.site_packages / "needed.py").read_text().split("'")[1]


def test_a_first_run_installs_the_tested_version_and_the_second_does_nothing(
    checkout, capsys, monkeypatch
):
    environment = Environment(checkout)
    environment.ensure()
    assert version_in(environment) == "1.0"
    capsys.readouterr()
    monkeypatch.setattr(subprocess, "run", None)  # not even a Python is started
    Environment(checkout).ensure()
    assert capsys.readouterr().out == ""


def test_a_change_of_the_pins_installs_again_and_keeps_the_extras(checkout):
    environment = Environment(checkout)
    environment.ensure(["test"])
    environment.constraints.write_text("needed==2.0\n")
    assert not environment.ready([])
    environment.ensure()
    assert version_in(environment) == "2.0"
    assert environment.ready(["test"])


def test_an_installation_cut_short_is_repaired_by_the_next_run(checkout, capsys):
    environment = Environment(checkout)
    environment.ensure()
    # As after a kill: no stamp, and a distribution whose files are not all there.
    (environment.folder / "training-studio.json").unlink()
    (environment.site_packages / "needed.py").write_text("")
    record = environment.site_packages / "needed-1.0.dist-info" / "RECORD"
    assert "needed.py,sha256=x,16" in record.read_text()
    assert not environment.ready([])
    environment.ensure()
    assert version_in(environment) == "1.0"
    assert "needed was only half installed" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["no pip", "no interpreter", "half a folder"])
def test_a_broken_environment_is_made_anew(checkout, damage):
    environment = Environment(checkout)
    environment.ensure()
    (environment.folder / "training-studio.json").unlink()
    stray = environment.folder / "stray"
    stray.touch()
    if damage == "no pip":
        (environment.site_packages / "pip" / "__init__.py").write_text("raise SystemExit(1)")
    elif damage == "no interpreter":
        environment.python.unlink()
    else:
        (environment.folder / "pyvenv.cfg").unlink()
    environment.ensure()
    assert version_in(environment) == "1.0"
    assert not stray.exists()


def test_a_pin_that_is_not_to_be_had_gives_way_to_the_ranges(checkout, capsys):
    environment = Environment(checkout)
    environment.constraints.write_text("needed==1.5\n")
    environment.ensure()
    assert version_in(environment) == "2.0"
    assert "The tested version of needed is not to be had here (" in capsys.readouterr().out


def test_the_other_pins_hold_where_one_gives_way(checkout, capsys):
    wheel(checkout.parent / "shelf", "other", "1.0")
    settings = checkout / "pyproject.toml"
    settings.write_text(settings.read_text().replace('"needed"', '"needed", "other"'))
    backend = checkout / "backend.py"
    needs = "Requires-Dist: needed\\n"
    backend.write_text(backend.read_text().replace(needs, needs + "Requires-Dist: other\\n"))
    environment = Environment(checkout)
    environment.constraints.write_text("# pins\nneeded==1.0\nother==7\n")
    environment.ensure()
    assert version_in(environment) == "1.0"
    assert "The tested version of other is not to be had here (" in capsys.readouterr().out


def test_the_stamp_is_written_only_when_all_is_installed(checkout, monkeypatch):
    environment = Environment(checkout)
    environment.ensure()
    environment.constraints.write_text("needed==2.0\n")
    monkeypatch.setattr(
        Environment, "_install", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        environment.ensure()
    assert not environment.ready([])
    assert not (environment.folder / "training-studio.json").exists()


@pytest.mark.parametrize("change", ["dependency", "pin", "Python", "place"])
def test_each_thing_that_an_installation_depends_on_changes_its_key(checkout, monkeypatch, change):
    before = Environment(checkout).key()
    assert Environment(checkout).key() == before
    settings = checkout / "pyproject.toml"
    if change == "dependency":
        settings.write_text(settings.read_text().replace('"needed"', '"needed>=1"'))
    elif change == "pin":
        (checkout / "packaging" / "constraints.txt").write_text("needed==2.0\n")
    elif change == "Python":
        monkeypatch.setattr("launcher.environment._MINOR", "3.99")
    else:
        checkout = checkout.rename(checkout.parent / "elsewhere")
    assert Environment(checkout).key() != before


def test_the_linters_settings_install_nothing_anew(checkout):
    before = Environment(checkout).key()
    settings = checkout / "pyproject.toml"
    settings.write_text(settings.read_text() + "[tool.ruff]\nline-length = 99\n")
    assert Environment(checkout).key() == before
