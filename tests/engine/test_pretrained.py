"""Weights to start from: what is taken from a file, and what is refused in words."""

from __future__ import annotations

import json
import random
import re
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from studio.engine import TorchEngine, preparing
from studio.engine.architectures import current_name
from studio.engine.checkpoint import read_checkpoint
from studio.engine.data import normalization
from studio.engine.export import export_model
from studio.engine.loading import load_fresh
from studio.engine.module import build_module
from studio.engine.pretrained import check_weights, load_weights
from studio.engine.weights_file import read_weights
from studio.project import codec
from studio.project.pretrained import PRETRAINED
from studio.project.templates import TEMPLATES, build
from studio.project.values import Project
from studio.runs.api import Failed, Finished, Message, Stage, Started, Warned, WorkFailed
from studio.runs.folder import RunFolder
from studio.runs.metrics import read_events
from tests.engine.helpers import finish, small_network, small_project, train, until, with_recipe

Weights = dict[str, Tensor]


def weights(seed: int = 1, classes: int = 10) -> Weights:
    """Those of the small network, with running statistics of their own."""
    made = build_module(small_network(classes), seed).state_dict()
    generator = torch.Generator().manual_seed(seed)
    for name, value in made.items():
        if "running" in name:
            value.uniform_(0.5, 1.5, generator=generator)
    return made


def written(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def starting_from(path: Path, **recipe: Any) -> Project:
    return small_project(weights=str(path), **recipe)


def refusal(path: Path, project: Project | None = None) -> str:
    """Why the weights are refused; the module must be as it was."""
    project = project or starting_from(path)
    module = build_module(project.network, 5)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(WorkFailed) as caught:
        load_weights(module, project)
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    return str(caught.value)


def loaded(path: Path, project: Project | None = None) -> Weights:
    project = project or starting_from(path)
    module = build_module(project.network, 5)
    load_weights(module, project)
    return dict(module.state_dict())


def same(first: Weights, second: Weights) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


# What is taken ------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
def test_a_state_dict_under_our_names_is_taken_whole(tmp_path: Path, old: bool) -> None:
    given = weights()
    torch.save(given, tmp_path / "w.pt", _use_new_zipfile_serialization=not old)
    assert same(loaded(tmp_path / "w.pt"), given)
    report = check_weights(build_module(small_network(), 0), starting_from(tmp_path / "w.pt"))
    assert report.text == f"All {len(given)} tensors of the network are those of w.pt."
    assert len(report.sha256) == 64


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_training_scripts_checkpoint_is_looked_into(tmp_path: Path, key: str) -> None:
    given = weights()
    inside = {f"module.{name}": value for name, value in given.items()}
    path = written({"epoch": 3, key: inside}, tmp_path / "w.pth")
    assert same(loaded(path), given)


def test_half_precision_is_widened(tmp_path: Path) -> None:
    given = {n: v.half() if v.is_floating_point() else v for n, v in weights().items()}
    got = loaded(written(given, tmp_path / "w.pt"))
    assert all(torch.equal(got[name], given[name].to(got[name].dtype)) for name in given)


def test_checkpoints_without_a_count_of_batches_are_taken(tmp_path: Path) -> None:
    given = {n: v for n, v in weights().items() if not n.endswith("num_batches_tracked")}
    got = loaded(written(given, tmp_path / "w.pt"))
    assert all(torch.equal(got[name], given[name]) for name in given)


def test_another_class_count_leaves_the_last_layer_fresh_and_says_so(tmp_path: Path) -> None:
    path = written(weights(classes=7), tmp_path / "w.pt")
    project = starting_from(path)
    module = build_module(project.network, 5)
    fresh = {name: value.clone() for name, value in module.state_dict().items()}
    report = load_weights(module, project)
    assert report.fresh == ("head.weight", "head.bias")
    assert "head.weight and head.bias" in report.text
    assert "tells 7 classes apart and the network 10" in report.text
    for name, value in module.state_dict().items():
        expected = fresh[name] if name.startswith("head") else weights(classes=7)[name]
        if "running" not in name:
            assert torch.equal(value, expected), name


def test_a_runs_own_checkpoint_is_a_start(tmp_path: Path) -> None:
    run, _ = train(small_project(epochs=1), tmp_path / "run")
    path = run.folder / "checkpoints/best.safetensors"
    got = loaded(path)
    assert same(got, read_checkpoint(path).model)


@pytest.mark.parametrize("format", ["state-dict", "safetensors"])
def test_our_own_exports_bring_their_normalization_and_their_classes(
    tmp_path: Path, format: str
) -> None:
    project = with_recipe(small_project(), seed=3)
    data = msgspec.structs.replace(project.data, normalization="symmetric")
    codec.save(msgspec.structs.replace(project, data=data), tmp_path / "net.studio")
    written_to = Path(export_model(tmp_path / "net.studio", format, tmp_path / "model").files[0])
    again = starting_from(written_to)
    assert same(loaded(written_to), dict(build_module(project.network, 3).state_dict()))
    report = check_weights(build_module(project.network, 0), again)
    assert report.normalization == "symmetric"
    assert report.classes == tuple("0123456789")


def test_the_export_of_a_project_has_the_weights_that_it_starts_from(tmp_path: Path) -> None:
    given = weights()
    codec.save(starting_from(written(given, tmp_path / "w.pt")), tmp_path / "net.studio")
    export_model(tmp_path / "net.studio", "state-dict", tmp_path / "model")
    assert same(torch.load(tmp_path / "model.pt", weights_only=True), given)
    assert load_fresh(tmp_path / "net.studio").weights == "w.pt"
    assert json.loads((tmp_path / "model.pt.json").read_text())["checkpoint"] == "w.pt"


def test_auxiliary_heads_are_left_out_and_a_thousand_classes_of_googlenet_want_symmetric(
    tmp_path: Path,
) -> None:
    from torchvision import models

    with torch.device("meta"):
        theirs = models.googlenet(weights=None, init_weights=False, aux_logits=True)
    theirs.to_empty(device="cpu")
    given = {name: torch.full_like(value, 0.5) for name, value in theirs.state_dict().items()}
    project = build("googlenet", (3, 64, 64))
    path = written(given, tmp_path / "googlenet.pth")
    project = with_recipe(project, weights=str(path))
    report = check_weights(build_module(project.network, 0), project)
    assert (report.taken, report.fresh) == (344, ())
    assert "auxiliary heads" in report.text
    assert report.normalization == "symmetric"


def test_densenets_older_names_are_torchvisions_present_ones() -> None:
    """The pattern is held against torchvision's own renaming."""
    from torchvision.models import densenet

    with torch.device("meta"):
        model = densenet.densenet121(weights=None)
    now = list(model.state_dict())
    older = [re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name) for name in now]
    assert older != now
    assert [current_name(name) for name in older] == now
    assert [current_name(name) for name in now] == now


# What is refused ----------------------------------------------------------------------------------


def test_another_networks_file_is_refused_with_the_first_tensor_and_both_shapes(
    tmp_path: Path,
) -> None:
    from torchvision import models

    path = written(models.resnet34(num_classes=4).state_dict(), tmp_path / "resnet34.pth")
    project = with_recipe(build("resnet50", (3, 64, 64), 4), weights=str(path))
    said = refusal(path, project)
    assert said.startswith(
        "resnet34.pth does not fit the network: layer1.0.conv1.weight is 64×64×3×3 in it, and the "
        "network's is 64×64×1×1."
    )
    project = with_recipe(build("mobilenet_v2", (3, 64, 64), 4), weights=str(path))
    assert "stem.conv.weight (features.0.0.weight there) is not in it" in refusal(path, project)


def test_tensors_that_the_network_has_no_layer_for_are_named(tmp_path: Path) -> None:
    path = written({**weights(), "more.weight": torch.ones(2, 3)}, tmp_path / "w.pt")
    assert "more.weight (2×3) in it is for a layer that the network does not have" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"head.bias": torch.ones(7)}, "head.bias is 7 in it, and the network's is 10"),
        ({"head.weight": torch.ones(7, 384)}, "head.weight is 7×384 in it"),
        ({"head.weight": torch.ones(10, 9)}, "head.weight is 10×9 in it"),
        ({"features.conv1.weight": torch.ones(6, 1, 5, 5)}, "features.conv1.weight is 6×1×5×5"),
        (
            {"head.bias": torch.tensor([torch.nan] + [1.0] * 9)},
            "head.bias has values in it that are no",
        ),
        ({"head.bias": torch.full((10,), -torch.inf)}, "head.bias has values in it that are no"),
        ({"head.bias": torch.ones(10, dtype=torch.int64)}, "head.bias is of type int64"),
        ({"head.bias": torch.ones(10, dtype=torch.complex64)}, "head.bias is of type complex64"),
    ],
)
def test_one_tensor_that_does_not_fit_refuses_the_file(
    tmp_path: Path, changes: Weights, words: str
) -> None:
    given = weights()
    assert changes.keys() <= given.keys()
    assert words in refusal(written({**given, **changes}, tmp_path / "w.pt"))


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    given = weights()
    del given["head.bias"]
    assert "head.bias is not in it, and the network's is 10" in refusal(
        written(given, tmp_path / "w.pt")
    )


@pytest.mark.parametrize("suffix", ["pt", "old.pth", "safetensors"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w.{suffix}"
    if suffix == "safetensors":
        save_file(weights(), path)
    else:
        torch.save(weights(), path, _use_new_zipfile_serialization=suffix == "pt")
    whole = path.read_bytes()
    for length in (0, 1, 7, 100, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        path.write_bytes(whole[:length])
        said = refusal(path)
        assert "is damaged, or is no file of weights" in said, (length, said)


def test_flipped_bits_are_refused_or_change_nothing(tmp_path: Path) -> None:
    """A zip archive has checksums, which torch itself does not look at."""
    path = written(weights(), tmp_path / "w.pt")
    whole, given = path.read_bytes(), weights()
    generator = random.Random(0)
    refused = 0
    for _ in range(150):
        changed = bytearray(whole)
        changed[generator.randrange(len(whole))] ^= 1 << generator.randrange(8)
        path.write_bytes(changed)
        try:
            got = loaded(path)
        except WorkFailed:
            refused += 1
        else:
            assert same(got, given)
    assert refused > 75


def test_a_flipped_bit_in_an_export_is_seen_by_its_checksum(tmp_path: Path) -> None:
    codec.save(small_project(), tmp_path / "net.studio")
    path = Path(export_model(tmp_path / "net.studio", "safetensors", tmp_path / "model").files[0])
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert "its content is not what model.safetensors.json says it was" in refusal(path)


@pytest.mark.parametrize("old", [False, True])
def test_a_small_file_that_claims_a_huge_tensor_takes_no_memory(tmp_path: Path, old: bool) -> None:
    huge = torch.zeros(1).expand(10**6, 10**6)
    path = tmp_path / "w.pt"
    torch.save({"head.weight": huge}, path, _use_new_zipfile_serialization=not old)
    assert path.stat().st_size < 2000
    assert "head.weight claims 1000000×1000000 values, and the whole file has" in refusal(path)


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path) -> None:
    written(weights(), tmp_path / "w.pt")
    with (
        zipfile.ZipFile(tmp_path / "w.pt") as plain,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for record in plain.infolist():
            packed.writestr(record.filename, plain.read(record))
        packed.writestr("w/data/99", bytes(10**7))
    assert "it claims more bytes than it has" in refusal(tmp_path / "bomb.pt")


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm"),))


def test_python_objects_are_not_run_and_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written({"model": _Harmful()}, tmp_path / "w.pt")
    assert "holds Python objects beside its tensors" in refusal(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {1: torch.ones(2)}, {}, "text"])
def test_a_file_without_a_state_dict_is_refused(tmp_path: Path, content: Any) -> None:
    assert re.search("no state dict|no tensors", refusal(written(content, tmp_path / "w.pt")))


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors", "w.txt"])
def test_other_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hello " * 100)
    assert "is damaged, or is no file of weights" in refusal(tmp_path / name)
    assert "is a folder, not a file" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "none.pt")


def test_a_card_of_another_program_is_passed_over(tmp_path: Path) -> None:
    path = written(weights(), tmp_path / "w.pt")
    (tmp_path / "w.pt.json").write_text('{"input": 3, "sha256": []}')
    assert same(loaded(path), weights())


# In a run -----------------------------------------------------------------------------------------


def test_a_run_starts_from_the_weights_and_records_them(tmp_path: Path) -> None:
    path = written(weights(), tmp_path / "w.pt")
    # A rate of nearly nothing leaves the weights where they started.
    run, messages = train(starting_from(path, learning_rate=1e-30, epochs=1), tmp_path / "run")
    folder = RunFolder.open(run.folder)
    info = folder.info()
    assert info.weights == str(path)
    assert info.weights_sha256 == read_weights(path).sha256
    got = read_checkpoint(folder.checkpoint("last")).model
    moving = ("running_mean", "running_var", "num_batches_tracked")
    for name, value in weights().items():
        assert name.endswith(moving) or torch.allclose(got[name], value, rtol=0, atol=1e-20)
    texts = [message.text for message in messages if isinstance(message, Stage)]
    assert "Loading w.pt" in texts
    assert any("tensors of the network are those of w.pt" in text for text in texts)
    assert "weights" in [kind for _, _, kind, _ in read_events(folder.metrics)]


def test_a_fresh_last_layer_is_a_warning(tmp_path: Path) -> None:
    path = written(weights(classes=7), tmp_path / "w.pt")
    _, messages = train(starting_from(path, epochs=1), tmp_path / "run")
    (warning,) = [message for message in messages if isinstance(message, Warned)]
    assert "the last layer (head.weight and head.bias) starts at random" in warning.message


def test_a_resumed_run_goes_on_from_its_checkpoint_though_the_file_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(weights(), tmp_path / "w.pt")
    engine = TorchEngine()
    run = engine.start(starting_from(path, epochs=30), tmp_path / "run")
    while not any(message for message in run.poll(1) if not isinstance(message, Stage)):
        run.join(0.01)
    run.stop()
    finish(run)
    path.unlink()

    def reload(*_: object) -> None:
        raise AssertionError("a resumed run has weights of its own")

    monkeypatch.setattr(preparing, "load_weights", reload)
    again = engine.resume(run.folder)
    messages: list[Message] = []

    def stepping() -> bool:
        messages.extend(again.poll())
        return any(isinstance(message, Started | Failed) for message in messages)

    until(stepping)
    again.stop()
    messages += finish(again)
    assert isinstance(messages[-1], Finished), messages[-1]
    assert RunFolder.open(run.folder).info().weights == str(path)


def test_weights_that_are_gone_when_training_starts_are_told_in_words(tmp_path: Path) -> None:
    _, messages = train(starting_from(tmp_path / "gone.pt"), tmp_path / "run")
    last = messages[-1]
    assert isinstance(last, Failed)
    assert last.message == f"The weights file {tmp_path / 'gone.pt'} does not exist."
    assert last.advice == "Choose another file, or start from random weights."


# The tables ---------------------------------------------------------------------------------------


def test_the_tables_are_torchvisions() -> None:
    from torchvision import models

    known = {name for name in models.list_models(module=models) if name in TEMPLATES}
    assert set(PRETRAINED) == known
    for name, entry in PRETRAINED.items():
        theirs = models.get_model_weights(name)
        assert entry.enum == theirs.__name__
        # VGG-16's features alone are left out, see the table.
        members = [weight for weight in theirs if not weight.name.endswith("FEATURES")]
        assert entry.megabytes == {w.name: round(w.meta["_file_size"]) for w in members}
        assert entry.default == theirs.DEFAULT.name
        for weight in members:
            preset = weight.transforms()
            assert preset.mean == pytest.approx((0.485, 0.456, 0.406))
            assert preset.std == pytest.approx((0.229, 0.224, 0.225))
            assert len(weight.meta["categories"]) == 1000


def test_symmetric_is_what_transform_input_makes_of_imagenets_normalization() -> None:
    from torchvision import models

    with torch.device("meta"):
        model = models.googlenet(
            weights=None, init_weights=False, aux_logits=False, transform_input=True
        )
    pixels = torch.arange(256.0).repeat(3, 1).view(1, 3, 16, 16)
    brought = {}
    for kind in ("imagenet", "symmetric"):
        mean, deviation = normalization(kind, (0.0,) * 3, (1.0,) * 3)
        shape = (1, 3, 1, 1)
        brought[kind] = (pixels - torch.tensor(mean).view(shape)) / torch.tensor(deviation).view(
            shape
        )
    torch.testing.assert_close(
        model._transform_input(brought["imagenet"]), brought["symmetric"], atol=1e-5, rtol=0
    )
