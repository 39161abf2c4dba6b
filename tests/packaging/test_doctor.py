"""What doctor finds, on this machine and on ones that are pretended."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from studio.commands import doctor
from studio.commands.doctor import Driver, Probe
from studio.project import templates
from studio.runs import queue

ROOT = Path(__file__).resolve().parents[2]
CUDA = {"torch": "2.15.0", "cuda": "13.2", "mps": False, "devices": [], "stderr": ""}
GEFORCE = Driver(True, ("GeForce RTX 4090",), "555.42")


def doctor_process(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "studio", "doctor", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def by_name(listing):
    return {finding["name"]: finding for finding in json.loads(listing)["findings"]}


@pytest.mark.slow
def test_a_complete_machine_is_able_to_run():
    done = doctor_process("--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["able"] is True
    found = by_name(done.stdout)
    assert all(found[name]["state"] == "ok" for name in ("Python", "Qt", "torch", "torchvision"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "names"),
    [("torch", {"torch", "torchvision"}), ("PySide6", {"Qt"}), ("torchvision", {"torchvision"})],
)
def test_a_broken_package_is_a_problem_with_the_command_that_mends_it(tmp_path, package, names):
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise ImportError('lib.so: broken')")
    done = doctor_process("--json", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    found = by_name(done.stdout)
    problems = {name for name, finding in found.items() if finding["state"] == "problem"}
    assert problems == names
    first = found[min(names)]
    assert "lib.so: broken" in first["text"]
    assert "-m pip install" in first["mend"]
    assert done.stderr == ""


@pytest.mark.slow
def test_the_plain_report_names_the_problem_and_ends_in_a_verdict(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("import os; os.abort()")
    done = doctor_process(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "problem  torch" in done.stdout
    assert "crashed (signal 6)" in done.stdout
    assert "Not able to run" in done.stdout.splitlines()[-1]


def test_a_display_that_does_not_answer_is_a_problem_and_none_is_advice():
    assert doctor.check_display("The display ':9' does not answer.").state == "problem"
    none = doctor.check_display("There is no display (neither ...).")
    assert (none.state, none.mend) == ("advice", "studio train quickstart")


def test_a_build_without_cuda_beside_an_nvidia_gpu_gets_the_pip_command(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    found = doctor.check_gpu(Probe({**CUDA, "cuda": None, "available": False}, ""), GEFORCE)
    assert found.state == "advice"
    assert "GeForce RTX 4090" in found.text
    assert "without CUDA" in found.text
    assert found.mend.endswith("-m pip install --upgrade --force-reinstall torch torchvision")


def test_a_driver_that_is_too_old_is_said_to_be(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    words = "UserWarning: The NVIDIA driver on your system is too old (found version 11040)"
    found = doctor.check_gpu(Probe({**CUDA, "available": False, "stderr": words}, ""), GEFORCE)
    assert found.state == "advice"
    assert "too old for CUDA 13.2" in found.text
    assert "driver" in found.mend.lower()


def test_a_gpu_hidden_by_its_variable_is_said_to_be(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = doctor.check_gpu(Probe({**CUDA, "available": False}, ""), GEFORCE)
    assert "CUDA_VISIBLE_DEVICES" in found.mend


def test_a_gpu_without_its_driver_asks_for_the_driver():
    found = doctor.check_gpu(Probe({**CUDA, "available": False}, ""), Driver(hardware=True))
    assert found.state == "advice"
    assert "driver" in found.mend.lower()


def test_a_machine_without_a_gpu_is_in_order():
    found = doctor.check_gpu(Probe({**CUDA, "available": False}, ""), Driver(hardware=False))
    assert (found.state, found.mend) == ("ok", "")


def test_a_gpu_that_torch_uses_is_named():
    values = {**CUDA, "available": True, "devices": ["NVIDIA H100"]}
    found = doctor.check_gpu(Probe(values, ""), Driver(True, ("NVIDIA H100",), "580.1"))
    assert (found.state, found.text) == ("ok", "NVIDIA H100, driver 580.1")


def test_a_runs_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    found = doctor.check_runs_folder(tmp_path / "not" / "yet")
    assert found.state == "advice"
    assert "Permission denied" in found.text
    assert str(tmp_path) in found.mend


def test_torch_compile_is_told_of_for_each_device():
    def compile_on(**uncompiled):
        return doctor.check_compile(Probe({**CUDA, "uncompiled": uncompiled}, ""))

    both = compile_on(gpu="", cpu="")
    assert (both.state, both.text, both.mend) == ("ok", "works on gpu, cpu", "")
    missing = "torch.compile needs a C++ compiler, and none is found. Install g++."
    one = compile_on(gpu="", cpu=missing)
    assert one.state == "advice"
    assert one.text == (
        "works on gpu; not on cpu: torch.compile needs a C++ compiler, and none is found"
    )
    assert one.mend == "Install g++"
    old = compile_on(gpu="torch.compile needs a newer GPU.", cpu="")
    assert (old.state, old.mend) == ("ok", "")  # nothing mends it
    assert "not on gpu: torch.compile needs a newer GPU" in old.text


def test_what_the_engine_would_know_names_what_has_to_be_mended_first():
    broken = Probe({"stderr": ""}, "ImportError: lib.so")
    for check in (doctor.check_compile, doctor.check_cache):
        assert check(broken).mend == "Mend torch first"
        assert check(Probe({"torch": "2.15.0"}, "broken")).mend == "Mend torchvision first"
        known = {"torch": "2.15.0", "torchvision": "0.30"}
        assert "No module named 'x'" in check(Probe(known, "No module named 'x'")).text
        assert check(broken).state == "advice"


@pytest.fixture
def queue_file(tmp_path):
    (tmp_path / "queue").mkdir()
    return tmp_path / "queue" / "queue.json"


def check_queue(path):
    return doctor.check_queue(Probe({"data": str(path.parent.parent)}, ""))


def test_the_runs_that_wait_are_counted(queue_file):
    assert check_queue(queue_file).text == f"no run waits ({queue_file})"
    when = datetime(2026, 1, 1, tzinfo=UTC)
    entry = queue.Queued("1", "digits", templates.build("quickstart"), when)
    queue_file.write_bytes(queue.dumps(queue.Queue((entry,))))
    found = check_queue(queue_file)
    assert (found.state, found.text) == ("ok", f"1 run in {queue_file}")


def test_a_queue_that_cannot_be_read_is_advice_and_stays_as_it_is(queue_file):
    queue_file.write_text("{")
    found = check_queue(queue_file)
    assert found.state == "advice"
    assert "it is no JSON" in found.text
    assert "Open the app" in found.mend
    assert queue_file.read_text() == "{"
    queue_file.unlink()
    queue_file.mkdir()
    assert "Is a directory" in check_queue(queue_file).text
    assert doctor.check_queue(Probe({}, "broken")).mend == "Mend Qt first"


def test_doctor_looks_for_the_queue_where_the_app_keeps_it(tmp_path):
    ask = (
        "from studio.app.application import create; app = create(['studio']); "
        "from studio.app.run_queue import RunQueue; print(RunQueue().path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
    )
    data = Path(doctor.probe(doctor._QT_PROBE).values["data"])
    assert Path(done.stdout.strip()) == data / "queue" / "queue.json", done.stderr


def test_the_cache_of_images_is_told_with_its_size(tmp_path, monkeypatch):
    known = Probe({"cache": str(tmp_path / "cache"), "decoded": 3 * 2**29}, "")
    found = doctor.check_cache(known)
    assert found.state == "ok"
    assert found.text == f"{tmp_path / 'cache'}, 1.5 GiB of decoded images"
    assert list(tmp_path.iterdir()) == []  # nothing is left behind

    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor, "can_lock", refuse)
    found = doctor.check_cache(known)
    assert found.state == "advice"
    assert "Permission denied" in found.text
    assert "STUDIO_CACHE" in found.mend
    monkeypatch.setattr(doctor, "can_lock", lambda folder: False)
    assert "cannot be locked" in doctor.check_cache(known).text


@pytest.mark.slow
def test_the_engine_tells_doctor_of_cache_and_compilers(tmp_path):
    (tmp_path / "some.pixels").write_bytes(bytes(2**20))
    done = doctor_process("--json", STUDIO_CACHE=str(tmp_path), CXX="nowhere")
    found = by_name(done.stdout)
    assert str(tmp_path) in found["Image cache"]["text"]
    assert "cpu: torch.compile needs a C++ compiler" in found["Compile"]["text"]
    assert "Queue" in found


def test_a_missing_requirement_is_named_with_its_range(monkeypatch):
    required = ["numpy>=1.26", "no-such-thing>=3,!=3.1", 'onnx; extra == "onnx"']
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: required)
    found = doctor.check_packages()
    assert (found.state, found.text) == ("problem", "missing: no-such-thing")
    assert "'no-such-thing>=3,!=3.1'" in found.mend
