"""torchvision's own download, watched and stopped; here from files instead of its server."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engine import TorchEngine, download
from studio.engine.download import fetch
from studio.engine.module import build_module
from studio.project.pretrained import start_from
from studio.project.templates import build
from studio.project.values import DataSettings, Project
from studio.runs.api import Failed, Finished, Stage, WorkFailed
from tests.engine.helpers import finish, until, with_recipe, write_images

NAME = "ResNet18_Weights.IMAGENET1K_V1"

# What the download's own process runs: the same call of torchvision's, on another address.
_FROM_FILE = """
import sys
from torchvision.models import get_weight
weights = get_weight(sys.argv[1])
weights.value.url = {url!r}
weights.get_state_dict(progress=False, check_hash=True)
"""

# A server that is slow: a piece every moment, under the name that torch gives to half a file.
_SLOWLY = """
import os, pathlib, sys, time
folder = pathlib.Path(os.environ["TORCH_HOME"]) / "hub" / "checkpoints"
folder.mkdir(parents=True)
with open(folder / "resnet18-f37072fd.pth.0123.partial", "wb") as file:
    for _ in range({pieces}):
        file.write(bytes(2**20))
        file.flush()
        time.sleep(0.05)
{end}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's cache, of this test."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch/hub/checkpoints"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ResNet-18 with the checksum in its name, where torchvision will look for it."""
    weights = build_module(build("resnet18").network, 4).state_dict()
    torch.save(weights, tmp_path / "plain.pth")
    digest = hashlib.sha256((tmp_path / "plain.pth").read_bytes()).hexdigest()[:8]
    path = (tmp_path / "plain.pth").rename(tmp_path / f"resnet18-{digest}.pth")
    entry = download.torchvision_weights(NAME)
    monkeypatch.setattr(entry.value, "url", path.as_uri())
    monkeypatch.setattr(download, "_PROGRAM", _FROM_FILE.format(url=path.as_uri()))
    return path


def leftovers(cache: Path) -> list[Path]:
    return list(cache.rglob("*")) if cache.exists() else []


def pretrained_project(images: Path) -> Project:
    write_images(images, {"cat": 6, "dog": 6, "owl": 6})
    project = start_from(build("resnet18", (3, 32, 32), 3), "DEFAULT")
    project = with_recipe(project, epochs=1, batch_size=4, device="cpu")
    return Project(project.network, DataSettings(str(images), "imagenet"), project.recipe)


def test_a_run_downloads_what_it_starts_from_once(
    served: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = pretrained_project(tmp_path / "images")
    engine = TorchEngine()
    run = engine.start(project, tmp_path / "run")
    messages = finish(run)
    assert isinstance(messages[-1], Finished), messages[-1]
    texts = [message.text for message in messages if isinstance(message, Stage)]
    assert f"Downloading {NAME}: 0 of 45 MB" in texts
    assert [path.name for path in leftovers(cache)] == [served.name]
    monkeypatch.setattr(download, "_PROGRAM", "raise SystemExit(1)")
    report = engine.check_weights(project)
    assert report.source == NAME
    assert report.normalization == "imagenet"
    assert report.fresh == ("fc.weight", "fc.bias")


def test_all_classes_taken_bring_imagenets_names(served: Path) -> None:
    project = start_from(build("resnet18"), "DEFAULT")
    report = TorchEngine().check_weights(project)
    assert report.classes[:2] == ("tench", "goldfish")
    assert len(report.classes) == 1000


def test_the_growing_file_is_told_in_megabytes(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _SLOWLY.format(pieces=12, end="raise SystemExit('OSError: the line went dead')")
    monkeypatch.setattr(download, "_PROGRAM", program)
    said: list[str] = []
    with pytest.raises(WorkFailed, match="could not be downloaded: the line went dead"):
        fetch(NAME, said.append)
    told = list(dict.fromkeys(said))
    assert told[0] == f"Downloading {NAME}: 0 of 45 MB"
    assert told[-1] in (f"Downloading {NAME}: {done} of 45 MB" for done in (10, 12))
    assert len(told) >= 3
    assert leftovers(cache) == []


def test_stop_during_the_download_answers_and_leaves_nothing(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_PROGRAM", _SLOWLY.format(pieces=10_000, end=""))
    run = TorchEngine().start(pretrained_project(tmp_path / "images"), tmp_path / "run")
    said: list[Any] = []

    def under_way() -> bool:
        said.extend(run.poll())
        return any(isinstance(m, Stage) and m.text.endswith("2 of 45 MB") for m in said)

    until(under_way)
    pressed = time.monotonic()
    run.stop()
    (*_, last) = finish(run)
    assert time.monotonic() - pressed < 2
    assert isinstance(last, Finished)
    assert last.reason == "stopped"
    assert leftovers(cache) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("urllib.error.URLError: <urlopen error [Errno -3] ...>", "its server cannot be reached"),
        ("TimeoutError: timed out", "its server cannot be reached"),
        ("urllib.error.HTTPError: HTTP Error 404: Not Found", "HTTP Error 404: Not Found."),
        ('RuntimeError: invalid hash value (expected "a")', "what arrived is not what was sent"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("", "it ended without a word"),
    ],
)
def test_a_download_that_fails_is_a_sentence_with_the_way_out(
    cache: Path, tmp_path: Path, said: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"import sys; print('Traceback', file=sys.stderr); sys.exit({said!r} or 1)"
    if not said:
        program = "raise SystemExit(1)"
    monkeypatch.setattr(download, "_PROGRAM", program)
    run = TorchEngine().start(pretrained_project(tmp_path / "images"), tmp_path / "run")
    (*_, failed) = finish(run)
    assert isinstance(failed, Failed)
    assert failed.message.startswith(f"{NAME} could not be downloaded: ")
    assert words in failed.message
    if "disk" not in words:
        assert "resnet18-f37072fd.pth elsewhere" in failed.advice
        assert "--weights FILE" in failed.advice
    assert leftovers(cache) == []


def test_what_arrives_changed_is_not_kept(
    served: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(served.read_bytes())
    content[-1000] ^= 1
    served.write_bytes(content)
    with pytest.raises(WorkFailed, match="what arrived is not what was sent"):
        fetch(NAME)
    assert leftovers(cache) == []


def test_a_damaged_file_in_the_cache_is_named(served: Path, cache: Path) -> None:
    path = fetch(NAME)
    with open(path, "rb+") as file:
        file.truncate(1000)
    with pytest.raises(WorkFailed, match="are damaged") as caught:
        fetch(NAME)
    assert str(path) in str(caught.value)


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "file"))
    with pytest.raises(WorkFailed, match="could not be downloaded: "):
        fetch(NAME)
