"""A wheel built from the checkout, in an environment that has nothing else of the project."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built without a network: hatchling is among the test requirements."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An interpreter with the wheel installed; the dependencies are lent by this environment."""
    folder = tmp_path_factory.mktemp("an empty place") / "environment"
    venv.create(folder, with_pip=False)
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    interpreter = folder / scripts / ("python.exe" if sys.platform == "win32" else "python")
    query = [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(query, capture_output=True, text=True).stdout.strip())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", packages, wheel], check=True, capture_output=True)
    # After the wheel's own packages on the path; the .pth files in it are not read, so that an
    # editable installation of the checkout stays out.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return interpreter


def run(python, *arguments, cwd, **variables):
    """Run in a folder that is not the checkout."""
    strays = ("PYTHONPATH", "DISPLAY", "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in strays}
    return subprocess.run(
        [python, *arguments],
        cwd=cwd,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_wheel_holds_the_package_and_its_resources_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 2
    assert "studio" in tops
    shipped = {name.removeprefix("studio/_resources/") for name in names if "_resources/" in name}
    there = {
        path.relative_to(ROOT / "resources").as_posix()
        for path in (ROOT / "resources").rglob("*")
        if path.is_file()
    }
    assert shipped == there
    assert there
    assert "studio/commands/system_libraries.py" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("studio/tests")]


def test_the_installed_package_is_the_wheels_and_not_the_checkouts(python, tmp_path):
    where = run(python, "-c", "import studio; print(studio.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where.stdout
    assert "an empty place" in where.stdout


def test_the_installed_package_describes_a_template(python, tmp_path):
    done = run(python, "-m", "studio", "describe", "quickstart", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    assert described["problems"] == []
    assert described["parameters"] > 0


def test_the_installed_app_opens_on_the_quick_start_project(python, tmp_path):
    done = run(
        python,
        *("-W", "error::ResourceWarning", "-m", "studio", "app", "--quickstart", "--measure-start"),
        cwd=tmp_path,
        QT_QPA_PLATFORM="offscreen",
        XDG_CONFIG_HOME=str(tmp_path),
        XDG_RUNTIME_DIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0  # milliseconds to the first painted window


def test_the_installed_package_trains_an_epoch(python, tmp_path):
    out = tmp_path / "a run"
    done = run(
        python,
        *("-m", "studio", "train", "quickstart", "--epochs", "1", "--out", str(out)),
        cwd=tmp_path,
        OMP_NUM_THREADS="1",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "run.json").read_text())["state"] == "completed"
    assert list((out / "checkpoints").iterdir())
