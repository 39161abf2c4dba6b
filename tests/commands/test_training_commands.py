"""train, evaluate, predict, export, runs and report as a user calls them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from studio.commands.main import main
from studio.engine.views import VIEWS
from studio.project import codec
from studio.project.templates import build
from studio.runs.folder import RunFolder

_ROOT = Path(__file__).resolve().parents[2]
_Check = Callable[[Sequence[str], int, str], None]
_SMALL = ("--device", "cpu", "--batch-size", "64")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "90"}


def _studio(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-W", "error", "-m", "studio", *map(str, arguments)]
    return subprocess.run(
        call, cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=180
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small.studio, an image and the finished run ``run``."""
    folder = tmp_path_factory.mktemp("commands")
    codec.save(build("quickstart", (1, 16, 16)), folder / "small.studio")
    Image.new("L", (20, 20), 80).save(folder / "gray.png")
    done = _studio("train", "small.studio", "--out", "run", "--epochs", 2, *_SMALL,
                   "--set", "learning_rate=0.1", "schedule=constant", cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "train.txt").write_text(done.stdout)
    return folder


@pytest.fixture
def refused(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> _Check:
    """Checks that a call ends with a status and one line on standard error that holds words.

    In this process, as each of the many calls would else import torch anew.
    """

    def check(arguments: Sequence[str], status: int, words: str) -> None:
        monkeypatch.chdir(place)
        try:
            ended: object = main(arguments)
        except SystemExit as end:
            ended = end.code
        errors = capsys.readouterr().err
        assert ended == status
        assert words in errors
        assert errors.count("\n") == 1

    return check


def test_train_prints_a_line_an_epoch_and_where_the_run_is(place: Path) -> None:
    lines = (place / "train.txt").read_text().splitlines()
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1/2", "2/2"]
    assert lines[-1] == "run folder: run"
    info = RunFolder.open(place / "run").info()
    assert (info.state, info.epochs_done) == ("completed", 2)
    recipe = RunFolder.open(place / "run").project().recipe
    assert (recipe.learning_rate, recipe.schedule.kind, recipe.batch_size) == (0.1, "constant", 64)


def test_a_preset_is_taken_first_and_settings_change_it(place: Path, tmp_path: Path) -> None:
    run, page = tmp_path / "preset", tmp_path / "preset.html"
    more = ("--epochs", "1", "--batch-size", "200", "--set", "mixup=0.2", "optimizer.momentum=0.8")
    small = str(place / "small.studio")
    call = ["train", small, "--preset", "modern", "--out", str(run), "--device", "cpu"]
    assert main([*call, *more]) == 0
    recipe = RunFolder.open(run).project().recipe
    assert recipe.schedule.kind == "one_cycle"
    assert (recipe.label_smoothing, recipe.mixup, recipe.epochs) == (0.1, 0.2, 1)
    assert recipe.optimizer.settings["momentum"] == 0.8
    assert main(["report", str(run), "-o", str(page)]) == 0
    assert "label smoothing" in page.read_text()
    assert "warm-up" not in page.read_text()  # only what was chosen


def test_evaluate_json_is_one_object_and_agrees_with_the_text(place: Path) -> None:
    done = _studio("evaluate", "run", "--split", "validation", "--json", cwd=place)
    result = json.loads(done.stdout)
    assert result["split"] == "validation"
    assert result["images"] == sum(map(sum, result["confusion"]))
    right = sum(row[at] for at, row in enumerate(result["confusion"]))
    assert result["accuracy"] == pytest.approx(right / result["images"])
    best = RunFolder.open(place / "run").info().best_accuracy
    assert result["accuracy"] == pytest.approx(best, abs=0.006)
    text = _studio("evaluate", "run", "--split", "validation", cwd=place).stdout
    assert f"accuracy {result['accuracy']:.2%}" in text


def test_evaluate_says_which_views_of_an_image_were_seen(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, losses = [], set()
    for views in VIEWS:
        assert main(["evaluate", str(place / "run"), "--views", views]) == 0
        texts.append(capsys.readouterr().out.splitlines()[0])
        assert main(["evaluate", str(place / "run"), "--views", views, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["views"] == views
        losses.add(result["loss"])
    assert len(losses) == len(VIEWS)
    assert texts[0].endswith(" images")
    assert texts[1].endswith(" images, each with its mirror image (2 views)")
    assert texts[2].endswith(" images, each with its mirror image and moved by a pixel (6 views)")


def test_predict_prints_a_line_an_image_or_one_object(place: Path) -> None:
    text = _studio("predict", "run", "gray.png", cwd=place).stdout
    assert re.fullmatch(r"gray\.png: \d [\d.]+%(, \d [\d.]+%){4}\n", text)
    done = _studio("predict", "run", "gray.png", "--json", cwd=place)
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert prediction["top"][0]["class"] == text.split()[1]


def test_export_says_what_was_written_and_how_far_it_differs(place: Path) -> None:
    done = _studio("export", "run", "--format", "state-dict", "-o", "model", cwd=place)
    assert done.stdout.startswith("wrote model.pt (")
    assert "gave the same logits on 4 random images" in done.stdout
    done = _studio("export", "small.studio", "--format", "python", "-o", "fresh", "--json",
                   cwd=place)  # fmt: skip
    assert json.loads(done.stdout)["files"] == ["fresh.py", "fresh.pt"]


def test_runs_lists_what_is_there(place: Path) -> None:
    (run,) = json.loads(_studio("runs", ".", "--json", cwd=place).stdout)["runs"]
    assert (run["folder"], run["state"], run["epochs_done"]) == ("run", "completed", 2)
    assert "completed" in _studio("runs", ".", cwd=place).stdout


def test_report_is_one_page_that_refers_to_nothing_outside(place: Path) -> None:
    done = _studio("report", "run", "-o", "report.html", cwd=place)
    assert done.returncode == 0, done.stderr
    page = (place / "report.html").read_text()
    assert 'src="data:image/png;base64,' in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    for words in ("features.conv1", "learning rate", "Test images", "torch"):
        assert words in page
    accuracy = json.loads(_studio("evaluate", "run", "--json", cwd=place).stdout)["accuracy"]
    assert f"<b>{accuracy:.2%}</b>" in page


def test_report_writes_the_curves_as_a_picture(place: Path) -> None:
    assert _studio("report", "run", "-o", "curves.png", cwd=place).returncode == 0
    with Image.open(place / "curves.png") as picture:
        assert picture.width > 800
        assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 100


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ((), 2, "give a project file or a template"),
        (("small.studio", "--epochs", "0"), 2, "between 1 and"),
        (("small.studio", "--epochs", "many"), 2, "whole number"),
        (("small.studio", "--set", "rate=1"), 2, "there is no setting 'rate'"),
        (("small.studio", "--set", "features.depth=1"), 2, "no setting 'depth'"),
        (("small.studio", "--set", "seed"), 2, "KEY=VALUE"),
        (("small.studio", "--preset", "best"), 2, "invalid choice"),
        (("small.studio", "--set", "rate.nowhere=0.1", "--out", "r"), 1, "no node 'nowhere'"),
        (("small.studio", "--set", "schedule=drawn", "schedule.points=0:1"), 2, "2 to 50"),
        (("small.studio", "--resume", "run"), 2, "give nothing else"),
        (("broken.studio",), 1, "cannot open broken.studio: this is no project file"),
        (("resnet19",), 1, "neither a project file nor a template"),
        (("none.studio",), 1, "there is no file none.studio"),
        (("cycle.studio", "--out", "never"), 1, "circle"),
        (("small.studio", "--out", "run"), 1, "already exists"),
        (("small.studio", "--out", "a", "--batch-size", "5000"), 1, "batch size"),
        (("small.studio", "--out", "b", "--data", "nowhere"), 1, "does not exist"),
        (("--resume", "run"), 1, "is complete"),
        (("--resume", "."), 1, "not a run folder"),
    ],
)
def test_train_refuses_in_one_sentence(
    arguments: tuple[str, ...], status: int, words: str, place: Path, refused: _Check
) -> None:
    (place / "broken.studio").write_text('{"format": ')
    project = json.loads((place / "small.studio").read_text())
    project["network"]["edges"] += [{"source": "deep", "target": "features", "port": 0}]
    project["network"]["edges"] = [
        edge for edge in project["network"]["edges"] if edge["source"] != "input"
    ]
    (place / "cycle.studio").write_text(json.dumps(project))
    refused(("train", *arguments), status, words)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("evaluate", "nowhere"), 1, "does not exist"),
        (("evaluate", "run", "--split", "all"), 2, "invalid choice"),
        (("evaluate", "run", "--views", "ten"), 2, "invalid choice"),
        (("evaluate", "run", "--checkpoint", "first"), 1, "no first checkpoint"),
        (("predict", "run", "none.png"), 1, "no image none.png"),
        (("predict", "run", "small.studio"), 1, "it is no image of a kind that can be read"),
        (("export", "run", "--format", "python", "-o", "run"), 1, "is a folder"),
        (("export", "run", "--format", "pickle", "-o", "x"), 2, "invalid choice"),
        (("export", "none", "--format", "python", "-o", "x"), 1, "none"),
        (("biuld",), 2, "neither a command nor a project file"),
        (("new", "vgg16", "-o", "v", "--classes", "0"), 2, "give 2 or more"),
        (("runs", "nowhere"), 1, "no folder nowhere"),
        (("report", "run", "-o", "x.pdf"), 1, "neither .html nor .png"),
        (("report", "run", "-o", "nowhere/x.html"), 1, "does not exist"),
    ],
)
def test_the_others_refuse_in_one_sentence(
    arguments: tuple[str, ...], status: int, words: str, refused: _Check
) -> None:
    refused(arguments, status, words)


class _Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        self._reader, writer = pty.openpty()
        call = [sys.executable, "-W", "error", "-m", "studio", *arguments]
        self.process = subprocess.Popen(
            call, cwd=cwd, env=_environment(), stdin=writer, stdout=writer, stderr=writer
        )
        os.close(writer)
        self.text = ""

    def wait_for(self, words: str) -> None:
        end = time.monotonic() + 120
        while words not in self.text:
            assert time.monotonic() < end, self.text
            if not self._read():
                break
        assert words in self.text

    def finish(self) -> int:
        while self._read():
            pass
        os.close(self._reader)
        return self.process.wait(60)

    def _read(self) -> bool:
        try:
            content = os.read(self._reader, 65536)
        except OSError:  # how Linux says that the other end is closed
            return False
        self.text += content.decode()
        return bool(content)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_signal_stops_in_order_and_the_run_resumes_to_the_same_weights(
    number: signal.Signals, status: int, place: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "stopped"
    terminal = _Terminal("train", "small.studio", "--out", str(folder), "--epochs", "2", *_SMALL,
                         "--set", "learning_rate=0.1", "schedule=constant", cwd=place)  # fmt: skip
    terminal.wait_for("loss ")
    terminal.process.send_signal(number)
    assert terminal.finish() == status
    assert "images/s" in terminal.text
    assert "left" in terminal.text
    assert f"studio train --resume {folder}" in terminal.text
    assert "Traceback" not in terminal.text
    assert RunFolder.open(folder).info().state == "stopped"
    done = _studio("train", "--resume", folder, cwd=place)
    assert done.returncode == 0, done.stderr
    whole, resumed = (RunFolder.open(path).epochs()[-1] for path in (place / "run", folder))
    assert resumed.train_loss == whole.train_loss
    assert resumed.validation_loss == whole.validation_loss


def _with_torch_as(code: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command where ``import torch`` finds ``code`` first."""
    (cwd / "first" / "torch").mkdir(parents=True)
    (cwd / "first" / "torch" / "__init__.py").write_text(code)
    environment = _environment()
    environment["PYTHONPATH"] = f"{cwd / 'first'}{os.pathsep}{environment['PYTHONPATH']}"
    call = [sys.executable, "-m", "studio", *map(str, arguments)]
    return subprocess.run(
        call, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "quickstart"),
        ("evaluate", "run"),
        ("predict", "run", "x.png"),
        ("export", "run", "--format", "python", "-o", "x"),
        ("report", "run", "-o", "x.html"),
        ("bench", "loop"),
    ],
)
@pytest.mark.parametrize("code", ["raise ImportError('DLL load failed')", "1 / 0"])
def test_a_torch_that_cannot_be_imported_is_told_in_one_sentence(
    arguments: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    done = _with_torch_as(code, *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("studio: PyTorch cannot be imported: ")
    assert "studio doctor" in done.stderr
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["first"]


def test_an_interrupt_while_torch_is_imported_ends_the_command_before_its_run(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.path.remove(os.path.dirname(os.path.dirname(__file__)))\n"
        "del sys.modules['torch']\n"
        "import torch\n"
    )
    done = _with_torch_as(code, "train", "quickstart", "--out", "run", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        130, "stopped before the run began\n", ""
    )  # fmt: skip
    assert not (tmp_path / "run").exists()


_FULL_DISK = [
    "state-dict",
    *(pytest.param(f, marks=pytest.mark.slow) for f in ("safetensors", "torch-export", "python")),
]


@pytest.mark.parametrize("format", _FULL_DISK)
def test_an_export_that_does_not_fit_on_the_disk_leaves_nothing(
    format: str, place: Path, tmp_path: Path
) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
        "from studio.commands.main import main; sys.exit(main(sys.argv[1:]))"
    )
    call = ("export", place / "run", "--format", format, "-o", tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, call)],
        cwd=place, env=_environment(), capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "could not be written" in done.stderr
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []
