"""The loop against plain torch: losses, gradients, and exact resuming."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from studio.engine import TorchEngine, keeper
from studio.engine.checkpoint import read_checkpoint
from studio.engine.data import DataReader
from studio.engine.feed import epoch_order
from studio.engine.module import build_module, parameterized_layers
from studio.engine.session import TrainingRun
from studio.project.values import Chosen, DataSettings, Node, Project, Recipe
from studio.runs.api import EpochDone, Finished, PausedChanged, Started
from studio.runs.folder import RunFolder
from tests.engine.helpers import chain, finish, small_project, train, until


class PlainNetwork(nn.Module):
    """The small network without dropout, as one writes it by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6 * 4 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.norm(self.conv(x))), 2)
        return self.head(x.flatten(1))


def plain_project(**recipe: object) -> Project:
    """The same network as a project."""
    network = chain(
        Node("input", "input", {"channels": 1, "height": 8, "width": 8}),
        Node("features", "vgg", {"channels": 6, "convolutions": 1}),
        Node("flatten", "flatten"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    # Contiguous, as the loop by hand: channels last sums in another order.
    settings = {
        "epochs": 3, "batch_size": 100, "device": "cpu", "channels_last": "off", **recipe
    }  # fmt: skip
    return Project(network, DataSettings(), Recipe(**settings))


def plain_start(project: Project) -> PlainNetwork:
    """The hand-written network with the weights that the project starts from."""
    ours, plain = build_module(project.network, project.recipe.seed), PlainNetwork()
    for mine, theirs in zip(plain.parameters(), ours.parameters(), strict=True):
        mine.data.copy_(theirs.data)
    return plain


def plain_digits(project: Project) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """The digits at their own size, normalized by hand, and the training images' positions."""
    train = DataReader().read(project.data, (1, 8, 8)).splits["train"]
    digits = load_digits()
    pixels = torch.tensor(digits.images * 255 / 16).round()[:, None]
    chosen = pixels[train]  # float64 up to here: the mean and deviation are exact to rounding
    mean, deviation = chosen.mean().float(), chosen.std(correction=0).float()
    standard = (pixels.float() - mean) / deviation
    return standard, torch.tensor(digits.target), train


OPTIMIZERS = {
    "sgd": (Chosen("sgd"), 0.1, lambda p: torch.optim.SGD(p, 0.1, fused=True)),
    "momentum": (
        Chosen("momentum", {"nesterov": True, "weight_decay": 0.001}),
        0.02,
        lambda p: torch.optim.SGD(p, 0.02, 0.9, nesterov=True, weight_decay=0.001, fused=True),
    ),
    "rmsprop": (
        Chosen("rmsprop", {"alpha": 0.9, "momentum": 0.5}),
        0.001,
        lambda p: torch.optim.RMSprop(p, 0.001, 0.9, 1e-8, momentum=0.5, foreach=True),
    ),
    "adam": (
        Chosen("adam", {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-7}),
        0.003,
        lambda p: torch.optim.Adam(p, 0.003, (0.8, 0.99), 1e-7, fused=True),
    ),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_loss_curve_is_that_of_a_loop_without_our_code(tmp_path: Path, kind: str) -> None:
    chosen, rate, make = OPTIMIZERS[kind]
    schedule = Chosen("exponential", {"k": 0.3})
    project = plain_project(optimizer=chosen, learning_rate=rate, schedule=schedule)
    run, _ = train(project, tmp_path / "run")

    plain = plain_start(project)
    optimizer = make(plain.parameters())
    images, labels, positions = plain_digits(project)
    losses = []
    for epoch in range(3):
        order = positions[epoch_order(0, epoch, len(positions))]
        optimizer.param_groups[0]["lr"] = rate * np.exp(-0.3 * epoch)
        for start in range(0, len(order), 100):
            batch = order[start : start + 100]
            loss = functional.cross_entropy(plain(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert len(run.telemetry) == len(losses) == 33
    assert run.telemetry.loss.values.tolist() == losses
    assert losses[-1] < 0.7 * losses[0]


def test_gradient_norms_are_those_of_autograd_on_the_same_batch(tmp_path: Path) -> None:
    project = plain_project(epochs=1)
    run, _ = train(project, tmp_path / "run")
    plain = plain_start(project)
    images, labels, positions = plain_digits(project)
    first = positions[epoch_order(0, 0, len(positions))][:100]
    loss = functional.cross_entropy(plain(images[first]), labels[first])
    gradients = torch.autograd.grad(loss, list(plain.parameters()))
    layers = (gradients[:1], gradients[1:3], gradients[3:])
    expected = [torch.cat([g.flatten() for g in layer]).norm().item() for layer in layers]
    assert run.telemetry.layers == ("features.conv1", "features.bn1", "head")
    assert run.telemetry.gradients.rows[0] == pytest.approx(expected, rel=1e-5)


def test_epoch_means_are_those_of_the_steps_weighted_by_their_images(tmp_path: Path) -> None:
    run, messages = train(small_project(), tmp_path / "run")
    second = [message for message in messages if isinstance(message, EpochDone)][1]
    sizes = np.array([128] * 8 + [1079 - 8 * 128])
    for value, column in (
        (second.train_loss, run.telemetry.loss),
        (second.train_accuracy, run.telemetry.accuracy),
    ):
        assert value == pytest.approx(float(column.values[9:] @ sizes / 1079), rel=1e-5)


def test_validation_numbers_are_those_of_the_kept_weights_in_evaluation_mode(
    tmp_path: Path,
) -> None:
    project = small_project()
    _, messages = train(project, tmp_path / "run")
    last = [message for message in messages if isinstance(message, EpochDone)][-1]
    data = DataReader().read(project.data, (1, 8, 8))
    module = build_module(project.network, 0)
    module.load_state_dict(read_checkpoint(tmp_path / "run/checkpoints/last.safetensors").model)
    held = data.splits["validation"]
    images = (torch.tensor(data.pixels[held]).float() - data.mean[0]) / data.deviation[0]
    with torch.no_grad():
        outputs = module.eval()(images)
    labels = torch.tensor(data.labels[held])
    loss = functional.cross_entropy(outputs, labels).item()
    assert last.validation_loss == pytest.approx(loss, rel=1e-5)
    assert last.validation_accuracy == (outputs.argmax(1) == labels).double().mean().item()


# Resuming -----------------------------------------------------------------------------------------


def state(folder: Path) -> dict[str, torch.Tensor]:
    saved = read_checkpoint(folder / "checkpoints" / "last.safetensors")
    return {
        **{f"model.{name}": value for name, value in saved.model.items()},
        **{f"optimizer.{name}": value for name, value in saved.optimizer.items()},
        **{f"random.{name}": value for name, value in saved.random.items()},
        **{f"scaler.{name}": value for name, value in saved.scaler.items()},
        **{f"average.{name}": value for name, value in saved.average.items()},
    }


def stop_after(run: TrainingRun, steps: int) -> None:
    """Stop ``run`` inside an epoch, once ``steps`` are published."""
    until(lambda: len(run.telemetry) >= steps)
    run.stop()
    last = finish(run)[-1]
    assert isinstance(last, Finished)
    assert last.reason == "stopped"


RESUMED: dict[str, dict[str, object]] = {
    "momentum": {"optimizer": Chosen("momentum")},
    "adam in float16": {"optimizer": Chosen("adam"), "precision": "float16"},
    "adam in bfloat16": {"optimizer": Chosen("adam"), "precision": "bfloat16"},
    "sgd": {"optimizer": Chosen("sgd"), "channels_last": "off"},
    "rmsprop in float16": {"optimizer": Chosen("rmsprop"), "precision": "float16"},
    "adamw": {"optimizer": Chosen("adamw", {"amsgrad": True, "decay_norms": False})},
    "adagrad": {"optimizer": Chosen("adagrad", {"rate_decay": 0.001, "initial": 0.1})},
    "muon": {"optimizer": Chosen("muon", {"ends": False})},
    "plateau": {"schedule": Chosen("plateau", {"patience": 0, "threshold": 1.0})},
    "mixup and cutmix": {"mixup": 0.4, "cutmix": 1.0},
    "augmentation": {
        "crop": 2, "flip": True, "translate": 0.2, "cutout": 3, "brightness": 0.2, "contrast": 0.2,
    },
    "averaging": {"averaging": 0.99},
    "averaging from the second epoch on": {"averaging": 0.99, "averaging_start": 1},
    "accumulation": {"accumulate": 4, "batch_size": 1},
    "clipping": {"clip_norm": 0.5, "clip_value": 0.1},
    "warm-up and one cycle": {"warmup": 0.5, "schedule": Chosen("one_cycle")},
    "layer rates": {"node_rates": {"features": 0.0}, "channels_last": "on"},
}  # fmt: skip
QUICK = ("momentum", "adam in float16", "muon", "mixup and cutmix", "averaging", "accumulation")


@pytest.mark.parametrize(
    "case",
    [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in RESUMED],
)
def test_a_run_stopped_inside_an_epoch_and_resumed_equals_one_that_never_stopped(
    tmp_path: Path, case: str
) -> None:
    # Small batches make an epoch last long enough to be stopped in its middle.
    settings = {"learning_rate": 0.003, "batch_size": 4, "epochs": 3, **RESUMED[case]}
    project = small_project(**settings)
    whole, messages = train(project, tmp_path / "whole")

    engine = TorchEngine()
    stop_after(engine.start(project, tmp_path / "cut"), 20)
    place = read_checkpoint(tmp_path / "cut/checkpoints/last.safetensors").place
    assert 0 < place.step < 810
    assert place.step % 270
    torch.rand(100)  # what other work draws in between must not matter
    resumed = engine.resume(tmp_path / "cut")
    others = finish(resumed)

    one, other = state(tmp_path / "whole"), state(tmp_path / "cut")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert np.array_equal(whole.telemetry.loss.values, resumed.telemetry.loss.values)
    assert np.array_equal(whole.telemetry.gradients.rows, resumed.telemetry.gradients.rows)
    for column in ("loss", "accuracy", "learning_rate"):
        curves = (RunFolder(tmp_path / name).curves() for name in ("whole", "cut"))
        assert np.array_equal(*(getattr(curve, column) for curve in curves))
    ends = [
        [(m.train_loss, m.validation_loss, m.best) for m in part if isinstance(m, EpochDone)]
        for part in (messages, others)
    ]
    assert ends[0][-len(ends[1]) :] == ends[1]
    (started,) = [message for message in others if isinstance(message, Started)]
    assert started.step == place.step


def test_a_run_stopped_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    project = small_project()
    train(project, tmp_path / "whole")
    engine = TorchEngine()
    run = engine.start(project, tmp_path / "cut")
    run.stop()
    finish(run)
    for path in (tmp_path / "cut/checkpoints").iterdir():
        path.unlink()
    finish(engine.resume(tmp_path / "cut"))
    one, other = state(tmp_path / "whole"), state(tmp_path / "cut")
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_stop_during_validation_is_made_up_for_on_resuming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine import trainer

    project = small_project()
    _, messages = train(project, tmp_path / "whole")
    engine = TorchEngine()
    with monkeypatch.context() as patch:
        patch.setattr(trainer, "measure", lambda *_: None)  # what it says when asked to stop
        finish(engine.start(project, tmp_path / "cut"))
    others = finish(engine.resume(tmp_path / "cut"))
    losses = [
        [m.validation_loss for m in part if isinstance(m, EpochDone)] for part in (messages, others)
    ]
    assert losses[0] == losses[1]


def test_dropout_differs_between_steps_and_repeats_with_the_seed(tmp_path: Path) -> None:
    losses = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run, _ = train(small_project(seed=seed, epochs=1), tmp_path / name)
        losses.append(run.telemetry.loss.values)
    assert np.array_equal(losses[0], losses[1])
    assert not np.array_equal(losses[0], losses[2])


# Pausing and keeping ------------------------------------------------------------------------------


def test_a_paused_run_takes_no_step_and_counts_no_time(tmp_path: Path) -> None:
    run = TorchEngine().start(small_project(batch_size=4, epochs=3), tmp_path / "run")
    until(lambda: len(run.telemetry) > 5)
    run.pause()
    until(lambda: RunFolder(tmp_path / "run").info().state == "paused")
    paused_at = read_checkpoint(tmp_path / "run/checkpoints/last.safetensors").place
    begin = time.monotonic()
    time.sleep(0.6)
    assert len(run.telemetry) == paused_at.step
    run.resume()
    messages = finish(run)
    took = time.monotonic() - begin
    assert [m.paused for m in messages if isinstance(m, PausedChanged)] == [True, False]
    last = messages[-1]
    assert isinstance(last, Finished)
    assert last.seconds < paused_at.seconds + took - 0.5
    assert len(run.telemetry) == 810


def test_a_paused_run_stops_when_asked_to(tmp_path: Path) -> None:
    run = TorchEngine().start(small_project(batch_size=4, epochs=3), tmp_path / "run")
    run.pause()
    until(lambda: RunFolder(tmp_path / "run").info().state == "paused")
    run.stop()
    assert isinstance(finish(run)[-1], Finished)
    assert RunFolder(tmp_path / "run").info().state == "stopped"


def test_checkpoints_are_kept_inside_an_epoch_when_it_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper.Keeper, "due", property(lambda self: True))
    run = TorchEngine().start(small_project(batch_size=16, epochs=1), tmp_path / "run")
    path = tmp_path / "run/checkpoints/last.safetensors"
    until(path.exists)
    assert read_checkpoint(path).place.step > 0
    finish(run)


def test_layers_of_the_telemetry_are_those_of_the_module(tmp_path: Path) -> None:
    project = small_project(epochs=1)
    run, _ = train(project, tmp_path / "run")
    assert run.telemetry.layers == tuple(parameterized_layers(build_module(project.network, 0)))
    assert run.telemetry.gradients.rows.shape == (9, 3)
