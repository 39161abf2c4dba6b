"""The bootstrap's parts, without a network."""

import re
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from launcher import leftovers, pins, pip_run
from launcher.console import Failure, Stage

ROOT = Path(__file__).resolve().parents[2]


def installed(folder, name, content=b"x = 1\n", size=None):
    """A distribution as pip leaves it, with one module."""
    record = folder / f"{name}-1.0.dist-info"
    record.mkdir(parents=True)
    (folder / f"{name}.py").write_bytes(content)
    (record / "METADATA").write_text(f"Name: {name}\n")
    length = len(content) if size is None else size
    (record / "RECORD").write_text(
        f'{name}.py,sha256=x,{length}\n"{record.name}/RECORD",,\n'
        f"__pycache__/{name}.pyc,,\n__pycache__/shipped.pyc,sha256=x,9\n"
    )
    return record


def test_a_complete_distribution_keeps_its_record(tmp_path):
    record = installed(tmp_path, "whole")
    assert leftovers.clear(tmp_path) == []
    assert record.is_dir()


@pytest.mark.parametrize("damage", ["file gone", "file short", "no RECORD", "no METADATA"])
def test_a_half_installed_distribution_loses_its_record(tmp_path, damage):
    record = installed(tmp_path, "half", size=99 if damage == "file short" else None)
    if damage == "file gone":
        (tmp_path / "half.py").unlink()
    elif damage.startswith("no "):
        (record / damage.removeprefix("no ")).unlink()
    assert leftovers.clear(tmp_path) == ["half"]
    assert not record.exists()


def test_this_very_environment_counts_as_complete():
    records = list(Path(sysconfig.get_path("purelib")).glob("*.dist-info"))
    assert len(records) > 10
    assert [record.name for record in records if not leftovers.complete(record)] == []


def test_what_pip_was_about_to_remove_is_removed(tmp_path):
    (tmp_path / "~orch").mkdir()
    (tmp_path / "~orch" / "a.py").touch()
    leftovers.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left", "disk"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConn", "network"),
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed", "HTTPS_PROXY"),
        ("SSLError(SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        ("PermissionError: [Errno 13] Permission denied: '/x/.venv'", "owns"),
        ("something nobody has seen", "delete .venv"),
    ],
)
def test_the_advice_fits_what_pip_said(output, word):
    assert word in pip_run.advice(output)


def fake_python(folder, lines, status):
    """An interpreter that prints what pip would and ends like it."""
    words = folder / "words.txt"
    words.write_text("\n".join(lines) + "\n")
    script = folder / "python"
    script.write_text(f"#!/bin/sh\ncat '{words}'\nexit {status}\n")
    script.chmod(0o755)
    return script


posix = pytest.mark.skipif(sys.platform == "win32", reason="the fake pip is a shell script")


@posix
def test_two_lines_tell_of_an_installation(tmp_path, capsys):
    said = ["Collecting torch", "Downloading torch-2.15.0-cp311.whl (530 MB)"]
    said += ["Installing collected packages: a, b, c", "Successfully installed"]
    pip_run.install(fake_python(tmp_path, said, 0), [], tmp_path / "log")
    lines = capsys.readouterr().out.splitlines()
    assert [re.sub(r"[\d.]+ s$", "", line) for line in lines] == [
        "Choosing and downloading packages ... ",
        "Installing 3 packages ... ",
    ]
    assert (tmp_path / "log").read_text().splitlines() == said


@posix
def test_a_version_that_is_not_to_be_had_is_told_from_a_dead_network(tmp_path):
    wanted = "ERROR: No matching distribution found for torch==9"
    with pytest.raises(pip_run.NoSuchVersion, match="torch==9"):
        pip_run.install(fake_python(tmp_path, [wanted], 1), [], tmp_path / "log")
    offline = ["WARNING: Retrying (Retry(total=0)) after connection broken", wanted]
    with pytest.raises(Failure, match="could not be reached") as failure:
        pip_run.install(fake_python(tmp_path, offline, 1), [], tmp_path / "log")
    assert "torch==9" not in str(failure.value)


@posix
def test_the_stage_in_which_pip_failed_is_marked(tmp_path, capsys):
    said = ["Installing collected packages: a, b", "ERROR: [Errno 28] No space left on device"]
    with pytest.raises(Failure, match="disk is full"):
        pip_run.install(fake_python(tmp_path, said, 1), [], tmp_path / "log")
    first, second = capsys.readouterr().out.splitlines()
    assert "failed" not in first
    assert "Installing 2 packages ... failed after" in second


@posix
def test_a_failure_shows_pips_errors_and_where_the_log_is(tmp_path):
    said = ["noise"] * 50 + ["ERROR: [Errno 28] No space left on device"]
    with pytest.raises(Failure) as failure:
        pip_run.install(fake_python(tmp_path, said, 2), [], tmp_path / "log")
    assert "No space left" in str(failure.value)
    assert "noise" not in str(failure.value)
    assert str(tmp_path / "log") in str(failure.value)


def test_a_stage_that_fails_says_so(capsys):
    with pytest.raises(ValueError, match="x"), Stage("Working"):
        raise ValueError("x")
    assert "Working ... failed after" in capsys.readouterr().out


def test_pins_hold_public_versions_and_leave_torchs_own_to_torch():
    names = [
        ("torch", "2.15.0+cpu"),
        ("nvidia-cublas", "1"),
        ("nvidia-ml-py", "13.0"),
        ("cuda-toolkit", "13"),
        ("MarkupSafe", "3.0"),
        ("training_studio", "0.1"),
    ]
    report = {"install": [{"metadata": {"name": n, "version": v}} for n, v in names]}
    assert pins.read_report(report) == ["markupsafe==3.0", "nvidia-ml-py==13.0", "torch==2.15.0"]


def test_every_direct_requirement_is_pinned():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["test"] + extras["onnx"]
    pinned = {
        line.partition("==")[0]
        for line in (ROOT / "packaging" / "constraints.txt").read_text().splitlines()
    }
    assert {re.split(r"[^\w-]", each, maxsplit=1)[0].lower() for each in wanted} <= pinned


def test_an_old_python_gets_a_sentence():
    # Compiled as the oldest grammar that Python itself still checks.
    source = (ROOT / "packaging" / "bootstrap.py").read_text()
    compile(source, "bootstrap.py", "exec", dont_inherit=True)
    program = (
        "import sys, runpy; sys.version_info = (3, 8, 1); "
        f"runpy.run_path({str(ROOT / 'packaging' / 'bootstrap.py')!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is Python 3.8" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_host_stands_in_the_pins():
    text = (ROOT / "packaging" / "constraints.txt").read_text()
    assert not re.search(r"://|@|--", text)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_is_asked_to_end_gets_the_time_it_needs(tmp_path, number):
    slow_to_end = (
        "import pathlib, signal, sys, time\n"
        "def end(number, frame):\n"
        "    time.sleep(0.6)\n"
        "    print('checkpoint written', flush=True)\n"
        "    sys.exit(7)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "time.sleep(30)\n"
    )
    started = tmp_path / "started"
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'packaging')!r}); from launcher import child\n"
        f"sys.exit(child.run([sys.executable, '-c', {slow_to_end!r}, {str(started)!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as parent:
        while not started.exists():
            time.sleep(0.02)
        parent.send_signal(number)
        output, _ = parent.communicate(timeout=20)
    assert output == "checkpoint written\n"
    assert parent.returncode == 7
