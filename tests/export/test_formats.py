"""Every format is written whole, reads back to the same logits, and brings its preprocessing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

from studio.engine import TorchEngine
from studio.engine.export import FORMATS, export_model, exporting
from studio.engine.loading import load_fresh, load_trained
from studio.project import codec
from studio.project.templates import build
from studio.runs.api import WorkFailed

_WHOLE = [name for name in FORMATS if name != "torchvision"]


@pytest.mark.parametrize("name", _WHOLE)
def test_a_reloaded_model_gives_the_trained_logits(
    name: str, trained: Path, tmp_path: Path, engine: TorchEngine
) -> None:
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    report = engine.export(trained, name, tmp_path / "model")
    assert report.format == name
    assert report.difference <= 1e-5
    assert Path(report.files[0]) == tmp_path / f"model{FORMATS[name][0]}"
    assert report.bytes == sum(Path(file).stat().st_size for file in report.files)
    assert {path.name for path in tmp_path.iterdir()} == {Path(f).name for f in report.files}


def test_the_source_alone_takes_the_trained_weights_and_needs_none_beside_it(
    trained: Path, tmp_path: Path, engine: TorchEngine
) -> None:
    report = engine.export(trained, "python", tmp_path / "model", weights=False)
    assert report.files == (str(tmp_path / "model.py"),)
    assert report.difference <= 1e-5
    assert [path.name for path in tmp_path.iterdir()] == ["model.py"]
    with pytest.raises(WorkFailed, match="consists of weights"):
        engine.export(trained, "safetensors", tmp_path / "model", weights=False)


def test_a_state_dict_is_plain_tensors_and_its_card_tells_the_rest(
    trained: Path, tmp_path: Path
) -> None:
    export_model(trained, "state-dict", tmp_path / "model")
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    model = load_trained(trained)
    expected = model.module.state_dict()
    assert type(weights) is dict
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    card = json.loads((tmp_path / "model.pt.json").read_text())
    assert card["classes"] == [str(digit) for digit in range(10)]
    assert card["input"]["mean"] == list(model.mean)
    assert card["input"]["deviation"] == list(model.deviation)
    assert (card["input"]["channels"], card["input"]["height"]) == (1, 16)
    assert card["sha256"] == hashlib.sha256((tmp_path / "model.pt").read_bytes()).hexdigest()


def test_the_card_travels_inside_formats_that_have_room(trained: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    export_model(trained, "safetensors", tmp_path / "model")
    export_model(trained, "torch-export", tmp_path / "model")
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        inside = json.loads(file.metadata()["training-studio"])
    extra = {"training-studio.json": ""}
    torch.export.load(tmp_path / "model.pt2", extra_files=extra)
    assert inside == json.loads(extra["training-studio.json"])
    assert inside["classes"][3] == "3"


def test_an_onnx_model_takes_any_batch_and_holds_its_card(trained: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    export_model(trained, "onnx", tmp_path / "model")
    properties = onnx.load(tmp_path / "model.onnx").metadata_props
    assert json.loads({p.key: p.value for p in properties}["training-studio"])["classes"]
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for count in (1, 5):
        images = torch.zeros(count, 1, 16, 16).numpy()
        assert session.run(None, {"images": images})[0].shape == (count, 10)


def test_onnx_names_the_packages_that_are_missing(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WorkFailed, match="pip install onnx onnxscript onnxruntime"):
        export_model(trained, "onnx", tmp_path / "model")


@pytest.mark.parametrize(
    "name", ["resnet18", pytest.param("vgg11_bn", marks=pytest.mark.slow), "googlenet"]
)
def test_torchvision_takes_the_checkpoint_strictly_and_agrees(name: str, tmp_path: Path) -> None:
    import torchvision

    side = 64 if name != "vgg11_bn" else 32
    source = tmp_path / "net.studio"
    codec.save(build(name, (3, side, side), 5), source)
    report = export_model(source, "torchvision", tmp_path / "model")
    assert name in report.checked
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    theirs = torchvision.models.get_model(name, weights=None, num_classes=5, **options).eval()
    theirs.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True), strict=True)
    images = torch.randn(2, 3, side, side)
    with torch.inference_mode():
        expected = load_fresh(source).module(images)
        assert torch.allclose(theirs(images), expected, atol=1e-5)


def test_a_network_that_torchvision_lacks_is_refused_in_words(
    trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkFailed, match="no torchvision architecture"):
        export_model(trained, "torchvision", tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "words"),
    [(".", "is a folder"), ("missing/model", "does not exist"), ("model.txt", "end in .py")],
)
def test_a_place_that_cannot_be_is_refused_before_work(
    place: str, words: str, trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkFailed, match=words):
        export_model(trained, "python", tmp_path / place)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(trained: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorkFailed, match="no permission"):
        export_model(trained, "state-dict", tmp_path / "model")


@pytest.mark.parametrize("name", ["state-dict", "safetensors", "torch-export", "python"])
@pytest.mark.parametrize(
    ("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission")]
)
def test_a_disk_that_refuses_leaves_the_old_file_whole(
    name: str,
    code: int,
    words: str,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / f"model{FORMATS[name][0]}"
    path.write_text("old")

    def refuse(source: object, target: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(WorkFailed, match=words):
        export_model(trained, name, path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_that_reads_back_differently_is_reported(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine.export import tensors

    def damage(path: Path) -> dict[str, torch.Tensor]:
        weights: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
        weights["head.bias"] += 1.0
        return weights

    monkeypatch.setattr(tensors, "_read_state_dict", damage)
    with pytest.raises(WorkFailed, match="outputs differ"):
        export_model(trained, "state-dict", tmp_path / "model")


def test_an_unknown_format_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="Choose one of state-dict"):
        export_model(trained, "pickle", tmp_path / "model")


def test_the_comparison_uses_images_as_the_network_receives_them(trained: Path) -> None:
    model = load_trained(trained)
    images = exporting.random_images(model)
    pixels = images * torch.tensor(model.deviation).view(1, -1, 1, 1) + torch.tensor(model.mean)
    assert images.shape == (4, 1, 16, 16)
    assert 0 <= float(pixels.min()) < 5
    assert 250 < float(pixels.max()) < 255.01
