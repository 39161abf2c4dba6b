"""Metrics and predictions of a trained run, and the models that are taken away."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score
from torch.nn import functional

from studio.engine import TorchEngine, loading
from studio.engine.data import DataReader
from studio.engine.evaluation import classify, measure
from studio.engine.loading import load, load_trained
from studio.engine.views import VIEWS, average_logits
from studio.project import codec, templates
from studio.project.values import DataSettings, Node
from studio.runs.api import Finished, WorkFailed
from tests.engine.helpers import chain, finish, small_network, small_project, train, write_images


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that learnt the digits about half."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train(small_project(epochs=3), folder)
    return folder


def test_metrics_are_those_of_scikit_learn_on_the_networks_answers(trained: Path) -> None:
    found = TorchEngine().evaluate(trained, "test", "last")
    model = load_trained(trained, "last")
    data = DataReader().read(DataSettings(), (1, 8, 8))
    held = data.splits["test"]
    with torch.no_grad():
        outputs = model.module(model.normalize(torch.tensor(data.pixels[held])))
    truth, predicted = data.labels[held], outputs.argmax(1).numpy()
    assert (found.split, found.checkpoint, found.images) == ("test", "last", 359)
    assert 0.3 < found.accuracy == accuracy_score(truth, predicted)
    assert found.loss == pytest.approx(log_loss(truth, outputs.double().softmax(1)), rel=1e-5)
    for ours, score in ((found.precision, precision_score), (found.recall, recall_score),
                        (found.f1, f1_score)):  # fmt: skip
        assert ours == pytest.approx(score(truth, predicted, average=None, zero_division=0))
    assert sum(map(sum, found.confusion)) == 359
    assert found.confusion[3][5] == ((truth == 3) & (predicted == 5)).sum()
    ranks = (outputs.argsort(1, descending=True).numpy() == truth[:, None]).argmax(1)
    assert found.top5 == (ranks < 5).mean()


# Several views ------------------------------------------------------------------------------------


def plain_views(module: torch.nn.Module, images: torch.Tensor, views: str) -> torch.Tensor:
    """Logits as the authors of the speed records average them, image by image, by hand."""

    def both(view: torch.Tensor) -> torch.Tensor:
        return (module(view) + module(torch.flip(view, dims=[3]))) / 2

    rows = []
    for image in images.split(1):
        height, width = image.shape[2:]
        larger = functional.pad(image, (1, 1, 1, 1), mode="reflect")
        up_left, down_right = larger[:, :, 2:, 2:], larger[:, :, :height, :width]
        assert torch.equal(up_left[:, :, :-1, :-1], image[:, :, 1:, 1:])
        assert torch.equal(down_right[:, :, 1:, 1:], image[:, :, :-1, :-1])
        if views == "one":
            rows.append(module(image))
        elif views == "mirrored":
            rows.append(both(image))
        else:
            rows.append(both(image) / 2 + both(up_left) / 4 + both(down_right) / 4)
    return torch.cat(rows)


@pytest.mark.parametrize("views", VIEWS)
def test_logits_are_averaged_over_the_views_of_an_image(trained: Path, views: str) -> None:
    model = load_trained(trained, "last")
    data = DataReader().read(DataSettings(), (1, 8, 8))
    held = data.splits["test"]
    images = model.normalize(torch.tensor(data.pixels[held]))
    with torch.no_grad():
        outputs = plain_views(model.module, images, views)
    truth, predicted = data.labels[held], outputs.argmax(1).numpy()
    found = TorchEngine().evaluate(trained, "test", "last", views)
    assert (found.views, found.images) == (views, 359)
    assert found.loss == pytest.approx(log_loss(truth, outputs.double().softmax(1)), rel=1e-5)
    assert found.accuracy == accuracy_score(truth, predicted)
    assert sum(map(sum, found.confusion)) == 359
    assert sum(found.confusion[at][at] for at in range(10)) == (truth == predicted).sum()


def test_images_of_three_colors_and_unequal_sides_are_seen_alike() -> None:
    torch.manual_seed(0)
    images = torch.randn(5, 3, 6, 9)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 6 * 9, 4))
    with torch.no_grad():
        for views in VIEWS:
            ours = average_logits(module, images, views)
            assert torch.allclose(ours, plain_views(module, images, views), atol=1e-6)


def test_one_view_is_the_networks_own_answer_bit_for_bit(trained: Path) -> None:
    module = load_trained(trained, "last").module
    images = torch.randn(70, 1, 8, 8)
    labels = torch.zeros(70, dtype=torch.int64)
    outputs, _ = classify(module, [(images[:40], labels[:40]), (images[40:], labels[40:])])
    with torch.no_grad():
        assert torch.equal(outputs, torch.cat([module(images[:40]), module(images[40:])]))


@pytest.mark.parametrize(("views", "times"), [("one", 1), ("mirrored", 2), ("moved", 6)])
def test_views_are_seen_one_after_the_other(views: str, times: int) -> None:
    seen = []

    def forward(images: torch.Tensor) -> torch.Tensor:
        seen.append(images.shape)
        return images

    averaged = average_logits(forward, torch.ones(4, 1, 3, 3), views)
    assert seen == [(4, 1, 3, 3)] * times
    assert torch.equal(averaged, torch.ones(4, 1, 3, 3))  # the weights add up to 1


def test_unknown_views_and_images_too_small_to_move_are_told_in_words(
    trained: Path, tmp_path: Path
) -> None:
    with pytest.raises(WorkFailed, match="There are no views 'ten'"):
        TorchEngine().evaluate(trained, views="ten")
    flat = chain(
        Node("input", "input", {"channels": 1, "height": 1, "width": 8}),
        Node("flatten", "flatten"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    project = msgspec.structs.replace(small_project(epochs=1), network=flat)
    _, messages = train(project, tmp_path / "run")
    assert isinstance(messages[-1], Finished), messages[-1]
    with pytest.raises(WorkFailed, match="cannot be moved by a pixel"):
        TorchEngine().evaluate(tmp_path / "run", views="moved")
    assert TorchEngine().evaluate(tmp_path / "run", views="mirrored").images == 359


# Stopping and single images -----------------------------------------------------------------------


def test_a_stop_is_heard_between_two_batches() -> None:
    module = torch.nn.Flatten()
    batches = iter([(torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64))] * 5)
    answers = iter([False, True])
    assert measure(module, batches, lambda: next(answers)) is None
    assert len(list(batches)) == 3


def test_measure_weights_an_image_alike_in_every_batch() -> None:
    outputs, labels = torch.randn(7, 4), torch.tensor([0, 1, 2, 3, 0, 1, 2])
    parts = list(zip(outputs.split(3), labels.split(3), strict=True))
    loss, accuracy = measure(torch.nn.Identity(), parts) or (0.0, 0.0)
    assert loss == pytest.approx(functional.cross_entropy(outputs, labels).item())
    assert accuracy == pytest.approx((outputs.argmax(1) == labels).float().mean().item())


def test_an_image_file_of_a_digit_is_predicted_as_in_the_evaluation(
    trained: Path, tmp_path: Path
) -> None:
    data = DataReader().read(DataSettings(), (1, 8, 8))
    paths = []
    for at in data.splits["test"][:40]:
        paths.append(tmp_path / f"{at}.png")
        Image.fromarray(data.pixels[at, 0]).save(paths[-1])
    model = load_trained(trained, "best")
    images = torch.tensor(data.pixels[data.splits["test"][:40]])
    with torch.no_grad():
        shares = model.module(model.normalize(images)).softmax(1)
    for prediction, path, row in zip(
        TorchEngine().predict(trained, paths), paths, shares, strict=True
    ):
        assert prediction.image == str(path)
        name, share = prediction.top[0]
        assert name == str(row.argmax().item())
        assert share == pytest.approx(row.max().item(), rel=1e-4)
        assert len(prediction.top) == 5
        assert [s for _, s in prediction.top] == sorted((s for _, s in prediction.top))[::-1]


def test_a_missing_or_broken_image_is_told_in_words(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"There is no image .*nowhere\.png"):
        TorchEngine().predict(trained, [tmp_path / "nowhere.png"])
    (tmp_path / "broken.png").write_bytes(b"broken")
    with pytest.raises(WorkFailed, match="cannot be read as an image"):
        TorchEngine().predict(trained, [tmp_path / "broken.png"])


def test_an_unknown_split_checkpoint_or_folder_is_told_in_words(
    trained: Path, tmp_path: Path
) -> None:
    engine = TorchEngine()
    with pytest.raises(WorkFailed, match="There is no split 'holdout'"):
        engine.evaluate(trained, "holdout")
    with pytest.raises(WorkFailed, match="There is no worst checkpoint"):
        engine.evaluate(trained, "test", "worst")
    with pytest.raises(WorkFailed, match="is not a run folder"):
        engine.evaluate(tmp_path)


def test_other_classes_than_in_training_are_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", {"a": 10, "b": 10}, size=(8, 8))
    project = msgspec.structs.replace(
        small_project(batch_size=4, epochs=1),
        network=small_network(classes=2),
        data=DataSettings(source=str(images)),
    )
    _, messages = train(project, tmp_path / "run")
    assert isinstance(messages[-1], Finished)
    assert TorchEngine().evaluate(tmp_path / "run").classes == ("a", "b")
    (images / "b").rename(images / "c")
    with pytest.raises(WorkFailed, match="now has the classes a, c"):
        TorchEngine().evaluate(tmp_path / "run")


# Loading ------------------------------------------------------------------------------------------


def test_a_project_file_gives_the_weights_a_run_would_start_from(tmp_path: Path) -> None:
    project = small_project()
    codec.save(project, tmp_path / "digits.studio")
    model = load(tmp_path / "digits.studio")
    assert (model.title, model.checkpoint) == ("digits", "")
    assert model.classes == tuple("0123456789")
    assert not model.module.training
    run = TorchEngine().start(small_project(epochs=1, learning_rate=1e-12), tmp_path / "run")
    finish(run)
    after = load_trained(tmp_path / "run", "last").module.state_dict()
    for name, value in model.module.state_dict().items():
        if "running" not in name and "batches" not in name:
            assert torch.allclose(value, after[name], atol=1e-6)


def test_pixels_are_normalized_as_in_training(trained: Path) -> None:
    model = load_trained(trained)
    data = DataReader().read(DataSettings(), (1, 8, 8))
    train_images = torch.tensor(data.pixels[data.splits["train"]])
    normalized = model.normalize(train_images)
    assert normalized.mean().item() == pytest.approx(0, abs=1e-4)
    assert normalized.std(correction=0).item() == pytest.approx(1, abs=1e-4)


def test_a_broken_project_file_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "bad.studio").write_text("{")
    with pytest.raises(WorkFailed, match=r"bad\.studio"):
        load(tmp_path / "bad.studio")


def test_a_checkpoint_of_another_network_is_refused(trained: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    codec.save(templates.build("quickstart"), copy / "project.studio")
    with pytest.raises(WorkFailed, match="belongs to another network"):
        loading.load_trained(copy)


def test_the_engine_reports_data_and_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TorchEngine()
    report = engine.inspect(DataSettings(), (3, 16, 16))
    assert sum(report.counts["train"]) == 1079
    assert report.samples.shape == (120, 16, 16, 3)
    assert np.unique(report.labels).tolist() == list(range(10))
    machine = engine.machine()
    assert machine.devices[-1].name == "cpu"
    assert machine.torch == torch.__version__
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert engine.machine().note


def test_warming_up_draws_no_random_number() -> None:
    before = torch.get_rng_state()
    TorchEngine(spare_cores=1).warm_up()
    assert torch.equal(torch.get_rng_state(), before)
