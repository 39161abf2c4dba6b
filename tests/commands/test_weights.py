"""studio new --weights, and what templates, train and export make of weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from studio.commands.main import main
from studio.engine.module import build_module
from studio.project import codec
from studio.project.templates import build


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with quick.pt, the weights of a quick start with 10 classes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    torch.save(build_module(build("quickstart").network, 3).state_dict(), "quick.pt")
    return tmp_path


def test_new_takes_a_file_that_fits_and_says_what_was_taken(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "quickstart", "-o", "net", "--weights", "quick.pt"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "net.studio: quickstart, 8 nodes"
    assert said[1].startswith("All ")
    assert "tensors of the network are those of quick.pt." in said[1]
    project = codec.load(place / "net.studio")
    assert project.recipe.weights == str(place / "quick.pt")
    assert main(["export", "net.studio", "--format", "state-dict", "-o", "out"]) == 0
    got, given = (torch.load(name, weights_only=True) for name in ("out.pt", "quick.pt"))
    assert all(torch.equal(got[name], given[name]) for name in given)


def test_new_says_which_layer_stays_fresh(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["new", "quickstart", "-o", "net", "--classes", "4", "--weights", "quick.pt"]
    assert main(arguments) == 0
    assert "the last layer (head.weight and head.bias) starts at random" in capsys.readouterr().out


def test_new_takes_the_normalization_of_an_export(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "quickstart", "-o", "first"]) == 0
    project = codec.load(place / "first.studio")
    from studio.project.assign import set_value

    codec.save(set_value(project, "normalization", "symmetric"), place / "first.studio")
    assert main(["export", "first.studio", "--format", "safetensors", "-o", "w"]) == 0
    assert main(["new", "quickstart", "-o", "net", "--weights", "w.safetensors"]) == 0
    assert "normalization: [−1, 1]" in capsys.readouterr().out
    assert codec.load(place / "net.studio").data.normalization == "symmetric"


def test_new_writes_nothing_for_weights_that_do_not_fit(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["new", "quickstart", "-o", "net", "--input", "3x32x32", "--weights", "quick.pt"]
    assert main(arguments) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(
        "studio: quick.pt does not fit the network: features.conv1.weight is 16×1×3×3 in it, and "
        "the network's is 16×3×3×3."
    )
    assert not (place / "net.studio").exists()


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ("nowhere.pth", "nowhere.pth does not exist"),
        ("IMAGENET1K_V9", "color images"),
        ("ResNet51_Weights.V9", "there are no weights 'ResNet51_Weights'"),
    ],
)
def test_new_refuses_in_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], weights: str, words: str
) -> None:
    assert main(["new", "quickstart", "-o", "net", "--weights", weights]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert words in said
    assert not (place / "net.studio").exists()


def test_templates_say_which_have_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "--json"]) == 0
    listed = {t["name"]: t["weights"] for t in json.loads(capsys.readouterr().out)["templates"]}
    assert listed["resnet50"] == [
        "ResNet50_Weights.IMAGENET1K_V1",
        "ResNet50_Weights.IMAGENET1K_V2",
    ]
    assert listed["quickstart"] == []
    assert main(["templates"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("resnet50 ")]
    assert " 98 MB " in line


def test_a_download_that_fails_is_one_line_beside_its_progress(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine import download

    said = "raise SystemExit('URLError: <urlopen error [Errno -3] no name>')"
    monkeypatch.setattr(download, "_PROGRAM", said)
    assert main(["new", "resnet18", "-o", "net", "--weights", "DEFAULT"]) == 0
    assert main(["export", "net.studio", "--format", "torchvision", "-o", "out"]) == 1
    progress, failure = capsys.readouterr().err.splitlines()
    assert progress == "Downloading ResNet18_Weights.IMAGENET1K_V1: 0 of 45 MB"
    assert "its server cannot be reached" in failure
    assert "--weights FILE" in failure
