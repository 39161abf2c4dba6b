"""Options that change how a run computes: compiled, deterministic, averaged; and their end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engine import TorchEngine, compilers, devices, trainer
from studio.engine.checkpoint import read_checkpoint
from studio.engine.determinism import deterministic
from studio.engine.loading import load_trained
from studio.runs.api import EpochDone, Failed, Finished, Probed, Stage, Started, Warned, WorkFailed
from studio.runs.folder import RunFolder
from tests.engine.helpers import finish, small_project, train


def test_deterministic_algorithms_hold_for_the_run_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    measure = trainer.measure

    def looking(*given: object) -> object:
        wanted = torch.are_deterministic_algorithms_enabled()
        seen.append((wanted, torch.backends.cudnn.deterministic))
        return measure(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "measure", looking)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    train(small_project(deterministic=True, epochs=1), tmp_path / "run")
    assert seen == [(True, True)]
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark
    with pytest.raises(ValueError, match="inside"), deterministic(True):
        raise ValueError("inside")
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_layer_without_a_deterministic_form_is_named_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.engine import trainer

    def refuse(*_: object) -> None:
        raise RuntimeError("upsample_backward does not have a deterministic implementation, ...")

    monkeypatch.setattr(trainer, "training_logits", refuse)
    _, messages = train(small_project(deterministic=True, epochs=1), tmp_path / "run")
    failed = messages[-1]
    assert isinstance(failed, Failed)
    assert "upsample_backward" in failed.message
    assert "Switch Deterministic off" in failed.advice


def test_a_network_that_cannot_be_compiled_is_trained_without_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, _ = train(small_project(epochs=1), tmp_path / "plain")

    def broken(module: torch.nn.Module) -> torch.nn.Module:
        class Broken(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                torch.rand(5)
                module(x)  # moves the statistics of batch norm
                raise RuntimeError("no C++ compiler\nat line 7")

        return Broken()

    monkeypatch.setattr(compilers, "obstacle", lambda *_: "")
    monkeypatch.setattr(torch, "compile", broken)
    run, messages = train(small_project(epochs=1, compile=True), tmp_path / "run")
    (warned,) = [message for message in messages if isinstance(message, Warned)]
    assert "no C++ compiler" in warned.message
    assert isinstance(messages[-1], Finished)
    assert np.array_equal(run.telemetry.loss.values, plain.telemetry.loss.values)
    assert any(isinstance(message, Probed) for message in messages)  # looked into all the same


def test_nothing_is_compiled_where_it_is_known_that_it_cannot_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tried(module: torch.nn.Module) -> torch.nn.Module:
        raise AssertionError("it was tried")

    monkeypatch.setattr(torch, "compile", tried)
    monkeypatch.setattr(compilers, "obstacle", lambda *_: "A compiler is missing. Install it.")
    _, messages = train(small_project(epochs=1, compile=True), tmp_path / "run")
    (warned,) = [message for message in messages if isinstance(message, Warned)]
    assert warned.message == "A compiler is missing. Install it. The network is trained without."
    assert not any(isinstance(each, Stage) and "Compiling" in each.text for each in messages)
    assert isinstance(messages[-1], Finished)
    assert any(isinstance(message, Probed) for message in messages)


@pytest.mark.slow
def test_a_compiled_network_learns_as_the_plain_one(tmp_path: Path) -> None:
    plain, _ = train(small_project(epochs=1), tmp_path / "plain")
    run, messages = train(small_project(epochs=1, compile=True), tmp_path / "run")
    if any(isinstance(message, Warned) for message in messages):
        pytest.skip("nothing here compiles")
    # Dropout draws other numbers in compiled code.
    assert run.telemetry.loss.values[-1] == pytest.approx(plain.telemetry.loss.values[-1], rel=0.3)
    saved = read_checkpoint(tmp_path / "run/checkpoints/last.safetensors")
    assert not any(name.startswith("_orig") for name in saved.model)


def test_what_is_loaded_and_validated_is_the_average(tmp_path: Path) -> None:
    project = small_project(averaging=0.9, averaging_start=1)
    _, messages = train(project, tmp_path / "run")
    for name, average in (("best", None), ("last", True)):
        saved = read_checkpoint(tmp_path / f"run/checkpoints/{name}.safetensors")
        loaded = load_trained(tmp_path / "run", name).module.state_dict()
        for key, value in loaded.items():
            assert torch.equal(value, saved.weights[key])
        if average:
            assert any(not torch.equal(value, saved.model[key]) for key, value in loaded.items())
    ended = [message for message in messages if isinstance(message, EpochDone)]
    assert len(ended) == 2


def test_an_average_that_has_not_begun_is_not_kept(tmp_path: Path) -> None:
    train(small_project(averaging=0.9, averaging_start=1, epochs=2), tmp_path / "two")
    best = read_checkpoint(tmp_path / "two/checkpoints/best.safetensors")
    assert bool(best.average) == (best.place.epochs_done > 1)


def test_a_plateau_lowers_the_rate_of_the_epochs_that_follow(tmp_path: Path) -> None:
    from studio.project.values import Chosen

    given = {"patience": 0, "threshold": 1.0, "factor": 0.5}
    project = small_project(epochs=3, learning_rate=0.01, schedule=Chosen("plateau", given))
    run, messages = train(project, tmp_path / "run")
    rates = run.telemetry.learning_rate.values
    assert rates[[0, 8, 9, 17, 18, 26]] == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.005, 0.005])
    ended = [m.learning_rate for m in messages if isinstance(m, EpochDone)]
    assert ended == pytest.approx([0.01, 0.01, 0.005])


@pytest.mark.parametrize(("asked", "spare", "used"), [(1, 0, 1), (3, 1, 3), (0, 0, 2), (0, 1, 1)])
def test_a_run_computes_with_as_many_threads_as_asked_or_leaves_some_cores(
    asked: int, spare: int, used: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_cores", lambda: 2)
    seen = []
    monkeypatch.setattr(
        trainer.Trainer, "_begin_epoch", _before(trainer.Trainer._begin_epoch, seen)
    )
    run = TorchEngine(spare).start(small_project(threads=asked, epochs=1), tmp_path / "run")
    messages = finish(run)
    assert isinstance(messages[-1], Finished), messages[-1]
    assert seen == [used]
    started = next(each for each in messages if isinstance(each, Started))
    assert started.threads == used
    assert RunFolder(run.folder).info().threads == used


def test_what_the_engine_computes_leaves_the_callers_threads_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    seen = []
    real = torch.set_num_threads

    def look(count: int) -> None:
        seen.append(count)
        real(count)

    monkeypatch.setattr(torch, "set_num_threads", look)
    monkeypatch.setattr(devices, "_cores", lambda: before + 2)
    engine, folder = TorchEngine(spare_cores=1), tmp_path / "run"
    finish(engine.start(small_project(epochs=1), folder))
    Image.new("L", (8, 8)).save(tmp_path / "image.png")
    engine.warm_up()
    engine.find_rate(small_project())
    engine.evaluate(folder)
    engine.predict(folder, [tmp_path / "image.png"])
    engine.export(folder, "state-dict", tmp_path / "model.pt")
    with pytest.raises(WorkFailed):
        engine.evaluate(folder, "holdout")
    assert seen == [before + 1, before] * 7
    assert torch.get_num_threads() == before
    with ThreadPoolExecutor(1) as pool:  # a new thread takes the number that was set last
        assert pool.submit(torch.get_num_threads).result() == before


def _before(begin: Callable[[trainer.Trainer], None], seen: list[int]) -> object:
    def looking(self: trainer.Trainer) -> None:
        seen.append(torch.get_num_threads())
        begin(self)

    return looking
