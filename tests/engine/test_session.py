"""What a run says, and how it ends when something is wrong."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from pathlib import Path

import msgspec
import pytest
import torch
from torch import nn

from studio.engine import TorchEngine, checkpoint, devices, failures, loading, trainer
from studio.engine.checkpoint import read_checkpoint
from studio.project import codec, edits, templates
from studio.project.analysis import analyze
from studio.project.footprint import Arithmetic
from studio.project.memory import forecast
from studio.project.values import Chosen, DataSettings, Network, Project
from studio.runs.api import (
    Device,
    EpochDone,
    Failed,
    Finished,
    Probed,
    Stage,
    Started,
    Warned,
    WorkFailed,
)
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.metrics import MetricsWriter, read_events
from tests.engine.helpers import (
    finish,
    small_network,
    small_project,
    train,
    until,
    with_recipe,
    write_images,
)


def failure(project: Project, folder: Path) -> Failed:
    """The last message of a run that must fail."""
    _, messages = train(project, folder)
    assert isinstance(messages[-1], Failed), messages[-1]
    assert RunFolder(folder).info().state == "failed"
    return messages[-1]


def test_a_run_tells_its_story_in_order_and_leaves_it_in_its_folder(tmp_path: Path) -> None:
    project = small_project()
    run, messages = train(project, tmp_path / "first run")
    told = [message for message in messages if not isinstance(message, Stage | Probed)]
    started, *epochs, finished = told
    assert isinstance(started, Started)
    assert (started.step, started.steps_per_epoch, started.total_steps) == (0, 9, 18)
    assert (started.train_images, started.validation_images) == (1079, 359)
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert isinstance(finished, Finished)
    assert (finished.reason, finished.epochs) == ("completed", 2)
    best = max(epochs, key=lambda epoch: epoch.validation_accuracy)
    assert (finished.best_epoch, finished.best_accuracy) == (best.epoch, best.validation_accuracy)

    folder = RunFolder.open(run.folder)
    info = folder.info()
    assert (info.state, info.title, info.step) == ("completed", "first run", 18)
    assert (info.torch, info.seed) == (torch.__version__, 0)
    assert info.classes == tuple("0123456789")
    assert folder.project() == project
    assert folder.epochs() == tuple(epochs)
    assert folder.curves().loss == pytest.approx(run.telemetry.loss.values)
    names, norms = folder.gradients()
    assert names == run.telemetry.layers
    assert (norms == run.telemetry.gradients.rows).all()
    assert [kind for _, _, kind, _ in read_events(folder.metrics)] == ["started", "completed"]
    assert sorted(os.listdir(run.folder)) == [
        "checkpoints", "exports", "metrics.sqlite", "project.studio", "run.json"
    ]  # fmt: skip


def test_no_thread_outlives_a_run(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    train(small_project(epochs=1), tmp_path / "run")
    assert set(threading.enumerate()) <= before


def test_the_best_checkpoint_is_that_of_the_best_epoch(tmp_path: Path) -> None:
    _, messages = train(small_project(epochs=4, learning_rate=0.3), tmp_path / "run")
    finished = messages[-1]
    assert isinstance(finished, Finished)
    place = read_checkpoint(tmp_path / "run/checkpoints/best.safetensors").place
    assert place.epochs_done == place.best_epoch == finished.best_epoch


# Refused before the first step --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("project", "words"),
    [
        (small_project(epochs=0), "epochs must lie between 1 and"),
        (small_project(batch_size=0), "batch must lie between 1 and"),
        (small_project(optimizer=Chosen("magic")), "there is no optimizer 'magic'"),
        (small_project(device="cuda"), "asks for cuda, which this machine does not have"),
        (msgspec.structs.replace(small_project(), network=Network()), "has no input"),
    ],
)
def test_a_project_that_cannot_be_trained_is_refused_in_words(
    tmp_path: Path, project: Project, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(WorkFailed, match=words):
        TorchEngine().start(project, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(WorkFailed, match="already exists"):
        TorchEngine().start(small_project(), tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_second_run_beside_the_first_is_refused(tmp_path: Path) -> None:
    engine = TorchEngine()
    run = engine.start(small_project(batch_size=4, epochs=9), tmp_path / "one")
    with pytest.raises(WorkFailed, match="already going on"):
        engine.start(small_project(), tmp_path / "two")
    run.stop()
    finish(run)


def test_a_batch_larger_than_the_data_is_refused_with_both_numbers(tmp_path: Path) -> None:
    failed = failure(small_project(batch_size=5000), tmp_path / "run")
    assert failed.message == (
        "The batch size is 5,000, but the training split has only 1,079 images."
    )
    assert failed.advice == "Set the batch size to 1,079."


def test_other_classes_than_the_networks_are_refused_naming_the_output(tmp_path: Path) -> None:
    project = msgspec.structs.replace(small_project(), network=small_network(classes=7))
    failed = failure(project, tmp_path / "run")
    assert failed.message == "The data has 10 classes, but the network's output 'output' has 7."
    assert failed.advice == "Set classes to 10."


def test_missing_images_are_told_in_words(tmp_path: Path) -> None:
    data = DataSettings(source=str(tmp_path / "nowhere"))
    failed = failure(msgspec.structs.replace(small_project(), data=data), tmp_path / "run")
    assert "nowhere does not exist" in failed.message


# Broken on the way --------------------------------------------------------------------------------


# With a rate of 20, whether it diverges or ends in a network that is dead but finite is decided by
# rounding, which depends on the processor and the number of threads; from 30 on it always diverges.
@pytest.mark.parametrize("rate", [50.0, 100.0])
def test_a_loss_that_is_no_number_ends_the_run_and_keeps_a_good_checkpoint(
    tmp_path: Path, rate: float
) -> None:
    project = small_project(learning_rate=0.01, epochs=1)
    run, _ = train(project, tmp_path / "run")
    # The same run, resumed with a rate that no network survives.
    worse = with_recipe(project, learning_rate=rate, epochs=60, optimizer=Chosen("sgd"))
    steep = msgspec.structs.replace(
        worse, data=msgspec.structs.replace(worse.data, normalization="none")
    )
    folder = RunFolder(run.folder)
    codec.save(steep, run.folder / "project.studio")
    folder.save(msgspec.structs.replace(folder.info(), state="stopped"))
    messages = finish(TorchEngine().resume(run.folder))
    failed = messages[-1]
    assert isinstance(failed, Failed), failed
    assert "is no longer a finite number: the training diverged" in failed.message
    assert "Lower the learning rate" in failed.advice
    assert failed.diverged
    assert folder.info().diverged
    mended = steep
    for fix in failed.remedies:
        mended = edits.mend(mended, fix)
    assert mended.recipe.learning_rate == pytest.approx(rate / 10, rel=0.1)
    assert mended.data.normalization == "standard"
    saved = read_checkpoint(folder.checkpoint("last"))
    assert failed.saved == f"The checkpoint of step {saved.place.step} is kept."
    assert all(value.isfinite().all() for value in saved.model.values())


def test_out_of_memory_is_told_with_a_smaller_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(trainer, "training_logits", full)
    failed = failure(small_project(), tmp_path / "run")
    assert "a batch of 128 images do not fit into the memory of Processor" in failed.message
    assert [fix.text for fix in failed.remedies] == [
        "Take the batch in parts of 64", "Set the batch to 64", "Compute in bfloat16",
    ]  # fmt: skip
    parts = edits.mend(small_project(), failed.remedies[0]).recipe
    assert (parts.batch_size, parts.accumulate) == (64, 2)
    assert failed.advice.startswith("Lower the batch size to 64")


@pytest.mark.parametrize(
    ("batch", "room", "parts", "accumulate", "largest"),
    [
        (512, 0.5, 128, 4, 226),
        (510, 0.5, 170, 3, 226),
        (101, 0.99, 51, 2, 89),  # no equal parts: one image more
        (512, 0.0001, 0, 0, 0),  # the weights alone do not fit
        (1, 0.9, 0, 0, 0),
    ],
)
def test_out_of_memory_offers_the_largest_batch_that_fits(
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    room: float,
    parts: int,
    accumulate: int,
    largest: int,
) -> None:
    project = templates.build("resnet18")
    project = with_recipe(project, batch_size=batch, precision="float32")
    analysis = analyze(project.network)
    whole = forecast(analysis, project.recipe, Arithmetic())
    monkeypatch.setattr(devices, "free_memory", lambda _: int(room * whole.total))
    said = failures.memory_is_full(project, Device("cpu", "Processor", 1 << 30), "float32")
    assert said.offers[-1].text == "Compute in bfloat16"
    if not largest:
        assert said.advice.startswith("Try to make the input")
        assert len(said.offers) == 1
        return
    by_parts, by_batch = (edits.mend(project, fix).recipe for fix in said.offers[:2])
    assert (by_parts.batch_size, by_parts.accumulate) == (parts, accumulate)
    assert by_batch.batch_size == largest
    assert said.advice.startswith(f"Lower the batch size to {largest}")
    for recipe, limit in ((by_batch, 0.9), (by_parts, 0.9)):
        need = forecast(analysis, recipe, Arithmetic()).total
        assert need <= limit * room * whole.total
    more = msgspec.structs.replace(by_batch, batch_size=largest + 1)
    assert forecast(analysis, more, Arithmetic()).total > 0.9 * room * whole.total


def test_a_gpu_that_has_failed_is_told_of_with_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = trainer.training_logits, itertools.count()

    def broken(module: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if next(calls) == 12:  # in the second epoch
            raise RuntimeError(
                "CUDA error: an illegal memory access was encountered\n"
                "CUDA kernel errors might be asynchronously reported at some other API call."
            )
        return original(module, images)

    monkeypatch.setattr(trainer, "training_logits", broken)
    failed = failure(small_project(), tmp_path / "run")
    assert failed.message == (
        f"{failed.message.partition(' has failed')[0]} has failed: CUDA error: an illegal memory "
        "access was encountered. Nothing can be computed on it any more until Training Studio is "
        "started anew."
    )
    assert failed.advice.startswith("Start it again and continue the run.")
    assert failed.saved == "The checkpoint of step 9 is kept."
    assert "illegal memory access" in (tmp_path / "run" / "error.txt").read_text("utf-8")
    monkeypatch.undo()
    run = TorchEngine().resume(tmp_path / "run")
    assert isinstance(finish(run)[-1], Finished)


def test_what_a_gpu_merely_does_not_support_is_no_failure_of_it() -> None:
    for text in (
        "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if ...",
        "CUDA error: no kernel image is available for execution on the device",
        "CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasGemmEx`",
    ):
        assert not devices.is_broken(RuntimeError(text))
    assert devices.is_broken(RuntimeError("CUDA error: unspecified launch failure"))
    assert devices.is_broken(RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"))


def test_a_real_allocation_failure_of_the_processor_is_recognized() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.uint8)
    assert devices.is_out_of_memory(caught.value)


def test_an_error_of_our_own_is_told_without_a_traceback_and_kept_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> torch.Tensor:
        raise KeyError("surprise")

    monkeypatch.setattr(trainer, "training_logits", broken)
    failed = failure(small_project(), tmp_path / "run")
    assert failed.message == "Training stopped by an unexpected error: KeyError: 'surprise'."
    assert "surprise" in (tmp_path / "run" / "error.txt").read_text()


def test_curves_that_the_disk_does_not_take_are_told_and_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(1000))
    commit = MetricsWriter.commit

    def sometimes(self: MetricsWriter) -> str:
        return "The disk is full." if next(calls) < 2 else commit(self)

    monkeypatch.setattr(MetricsWriter, "commit", sometimes)
    run, messages = train(small_project(), tmp_path / "run")
    warnings = [message.message for message in messages if isinstance(message, Warned)]
    assert warnings == ["The disk is full. Training goes on, and writing is tried again."]
    assert isinstance(messages[-1], Finished)
    assert len(RunFolder(run.folder).curves().step) == 18


def test_what_could_not_be_saved_at_the_end_is_told_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MetricsWriter, "commit", lambda self: "The disk is full.")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    _, messages = train(small_project(), tmp_path / "run")
    *_, curves, last = messages
    assert curves == Warned("The disk is full. The curves since then are lost.")
    assert isinstance(last, Failed)
    assert "what it learned since its last checkpoint is lost" in last.message


# Resuming -----------------------------------------------------------------------------------------


def stopped_run(folder: Path) -> RunFolder:
    run = TorchEngine().start(small_project(batch_size=8, epochs=5), folder)
    until(lambda: len(run.telemetry) > 140)
    run.stop()
    assert isinstance(finish(run)[-1], Finished)
    return RunFolder(folder)


def test_a_damaged_last_checkpoint_is_replaced_by_the_best(tmp_path: Path) -> None:
    folder = stopped_run(tmp_path / "run")
    last = folder.checkpoint("last")
    last.write_bytes(last.read_bytes()[:-1])
    messages = finish(TorchEngine().resume(folder.path))
    (warning,) = [message for message in messages if isinstance(message, Warned)]
    assert "is damaged" in warning.message
    assert "goes on from the best one, of epoch " in warning.message
    assert isinstance(messages[-1], Finished)
    assert [epoch.epoch for epoch in folder.epochs()] == [1, 2, 3, 4, 5]


def test_curves_beyond_the_checkpoint_are_forgotten_on_resuming(tmp_path: Path) -> None:
    folder = stopped_run(tmp_path / "run")
    before = len(folder.curves().step)
    folder.checkpoint("last").unlink()  # the best one is of the end of the first epoch
    run = TorchEngine().resume(folder.path)
    until(lambda: any(isinstance(message, Started) for message in run.poll()))
    run.stop()
    finish(run)
    step = read_checkpoint(folder.checkpoint("last")).place.step
    assert step < before
    assert folder.curves().step.tolist() == list(range(step))
    assert len(run.telemetry) == step


def test_a_run_without_a_readable_checkpoint_is_not_resumed(tmp_path: Path) -> None:
    folder = stopped_run(tmp_path / "run")
    for name in ("last", "best"):
        folder.checkpoint(name).write_bytes(b"")
    failed = finish(TorchEngine().resume(folder.path))[-1]
    assert isinstance(failed, Failed)
    assert "is damaged" in failed.message


def test_a_complete_run_is_not_resumed(tmp_path: Path) -> None:
    train(small_project(epochs=1), tmp_path / "run")
    with pytest.raises(WorkFailed, match="is complete"):
        TorchEngine().resume(tmp_path / "run")


def test_a_run_that_another_process_goes_on_with_is_not_resumed(tmp_path: Path) -> None:
    folder = stopped_run(tmp_path / "run")
    folder.save(msgspec.structs.replace(folder.info(), state="running"))
    with pytest.raises(WorkFailed, match="still going on in process"):
        TorchEngine().resume(folder.path)


def test_changed_images_are_told_on_resuming(tmp_path: Path) -> None:
    write_images(tmp_path / "images", {str(digit): 20 for digit in range(10)}, size=(8, 8))
    data = DataSettings(source=str(tmp_path / "images"))
    project = msgspec.structs.replace(small_project(batch_size=16, epochs=30), data=data)
    engine = TorchEngine()
    run = engine.start(project, tmp_path / "run")
    until(lambda: len(run.telemetry) > 0)
    run.stop()
    finish(run)
    write_images(tmp_path / "images", {"0": 21}, size=(8, 8))
    resumed = engine.resume(tmp_path / "run")
    until(lambda: len(resumed.telemetry) > 1)
    resumed.stop()
    warnings = [m.message for m in finish(resumed) if isinstance(m, Warned)]
    assert any("The images have changed" in warning for warning in warnings)


def test_a_stop_while_images_are_read_ends_the_run(tmp_path: Path) -> None:
    write_images(tmp_path / "images", {"a": 300, "b": 300}, size=(64, 64))
    network = small_network(classes=2)
    data = DataSettings(source=str(tmp_path / "images"))
    run = TorchEngine().start(
        msgspec.structs.replace(small_project(), network=network, data=data), tmp_path / "run"
    )
    run.stop()
    messages = finish(run)
    last = messages[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.epochs) == ("stopped", 0)
    assert not any(isinstance(message, Started) for message in messages)


def test_a_run_whose_last_checkpoint_could_not_be_written_has_failed_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_file", full)
        failed = failure(small_project(), tmp_path / "run")
    assert "The disk is full" in failed.message
    assert "Training is completed" in failed.message
    assert "resume the run" in failed.advice
    assert isinstance(finish(TorchEngine().resume(tmp_path / "run"))[-1], Finished)
    _, messages = train(small_project(), tmp_path / "straight")
    assert isinstance(messages[-1], Finished)
    ends = [read_checkpoint(tmp_path / run / "checkpoints/last.safetensors").model
            for run in ("run", "straight")]  # fmt: skip
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


def test_a_resumed_run_that_fails_at_once_keeps_what_it_had_come_to(tmp_path: Path) -> None:
    run = TorchEngine().start(small_project(epochs=9, batch_size=16), tmp_path / "run")
    until(lambda: any(isinstance(message, EpochDone) for message in run.poll()))
    run.stop()
    finish(run)
    folder = RunFolder.open(tmp_path / "run")
    before = folder.info()
    other = msgspec.structs.replace(
        folder.project(), network=small_network(shape=(1, 10, 10)))  # fmt: skip
    codec.save(other, folder.path / "project.studio")
    failed = finish(TorchEngine().resume(folder.path))[-1]
    assert isinstance(failed, Failed)
    assert "belongs to another network" in failed.message
    assert "\n" not in failed.message
    after = folder.info()
    assert (after.state, before.state) == ("failed", "stopped")
    for name in ("step", "epochs_done", "seconds", "best_epoch", "best_accuracy"):
        assert getattr(after, name) == getattr(before, name) != 0


def test_a_run_that_failed_before_training_gives_its_place_up(tmp_path: Path) -> None:
    settings = DataSettings(source=str(tmp_path / "nowhere"))
    lost = msgspec.structs.replace(small_project(), data=settings)
    assert "does not exist" in failure(lost, tmp_path / "run").message
    _, messages = train(small_project(epochs=1), tmp_path / "run")
    assert isinstance(messages[-1], Finished)
    with pytest.raises(WorkFailed, match="already exists"):
        TorchEngine().start(small_project(), tmp_path / "run")


def test_a_network_larger_than_the_memory_is_told_in_words_by_every_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loading, "build_module", full)
    codec.save(small_project(), tmp_path / "a.studio")
    RunFolder.create(
        tmp_path / "run", small_project(), RunInfo(state="stopped", title="", created="")
    )
    engine = TorchEngine()
    for use in (
        lambda: engine.export(tmp_path / "a.studio", "python", tmp_path / "x"),
        lambda: engine.evaluate(tmp_path / "run"),
        lambda: engine.predict(tmp_path / "run", []),
    ):
        with pytest.raises(WorkFailed, match="does not fit into the memory"):
            use()


def test_a_run_that_began_with_steps_behind_its_end_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(small_project(epochs=1), folder)
    # As an earlier version let it begin.
    late = with_recipe(small_project(epochs=1), schedule=Chosen("step", {"every": 50}))
    with pytest.raises(WorkFailed, match="every 50 epochs"):
        TorchEngine().start(late, tmp_path / "new")
    codec.save(late, folder / "project.studio")
    finish(TorchEngine().resume(folder, 2))
    assert RunFolder(folder).info().state == "completed"


def test_a_run_that_is_made_longer_keeps_the_steps_it_took(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(small_project(epochs=2, schedule=Chosen("multi_step")), folder)
    finish(TorchEngine().resume(folder, 6))
    last = read_checkpoint(folder / "checkpoints" / "last.safetensors")
    assert last.place.recipe is not None
    assert last.place.recipe.schedule.settings == {"at": "1"}
