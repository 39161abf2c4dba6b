"""Runs that begin from another run's checkpoint, and runs that are given more epochs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from studio.engine import TorchEngine
from studio.engine.autopsy import Autopsy, Found
from studio.engine.checkpoint import read_checkpoint
from studio.engine.layers import build_layer
from studio.engine.loss import Loss
from studio.project.values import Chosen, Node, Project
from studio.runs.api import Failed, Finished, Message, RecipeChanged, Stage, Started, WorkFailed
from studio.runs.folder import RunFolder
from studio.runs.metrics import read_events
from tests.engine.helpers import finish, small_network, small_project, train, until, with_recipe
from tests.engine.test_training import state, stop_after


def branch(project: Project, parent: Path, folder: Path) -> list[Message]:
    """Train ``project`` from the checkpoint ``parent`` to the end."""
    return finish(TorchEngine().start(project, folder, parent))


def last(folder: Path) -> Path:
    return folder / "checkpoints/last.safetensors"


def equal(one: Path, other: Path) -> bool:
    """Whether the last checkpoints of two runs hold the same bits."""
    mine, theirs = state(one), state(other)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[k], theirs[k]) for k in mine)


@pytest.mark.parametrize("kind", ["momentum", "adam"])
def test_a_branch_with_the_same_recipe_ends_where_the_whole_run_ends(
    tmp_path: Path, kind: str
) -> None:
    project = small_project(epochs=4, optimizer=Chosen(kind), learning_rate=0.01)
    train(project, tmp_path / "whole")
    train(with_recipe(project, epochs=2), tmp_path / "parent")
    run = TorchEngine().start(project, tmp_path / "branch", last(tmp_path / "parent"))
    said = finish(run)
    assert isinstance(said[-1], Finished)
    assert equal(tmp_path / "whole", tmp_path / "branch")
    assert run.telemetry.first_step == 0  # a window sees the parent's curves, too
    assert len(run.telemetry) == 36
    whole, ours = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "branch")
    assert np.array_equal(whole.curves().loss, ours.curves().loss)  # the parent's came along
    assert np.array_equal(whole.gradients()[1], ours.gradients()[1])
    assert len(ours.epochs()) == 4
    info = ours.info()
    (started,) = [message for message in said if isinstance(message, Started)]
    assert (started.step, started.branched) == (18, 18)
    assert [epoch.epoch for epoch in started.earlier] == [1, 2]
    before = RunFolder(tmp_path / "parent").info().seconds
    assert info.parent_seconds == pytest.approx(before)
    assert 0 < info.seconds < ours.curves().seconds[-1] - 0.9 * before  # the time of its own
    assert said[-1].seconds == info.seconds
    assert info.parent == str(last(tmp_path / "parent"))
    assert info.parent_step == 18
    assert any(kind == "branched" for _, _, kind, _ in read_events(ours.metrics))


def test_a_branch_in_the_middle_of_an_epoch_goes_on_there(tmp_path: Path) -> None:
    project = small_project(batch_size=4, epochs=2)
    train(project, tmp_path / "whole")
    run = TorchEngine().start(project, tmp_path / "parent")
    until(lambda: len(run.telemetry) > 5)
    run.keep()
    stop_after(run, len(run.telemetry) + 20)
    (kept,) = (tmp_path / "parent/checkpoints").glob("step-*.safetensors")
    assert int(kept.stem.removeprefix("step-")) == read_checkpoint(kept).place.step
    branch(project, kept, tmp_path / "branch")
    assert equal(tmp_path / "whole", tmp_path / "branch")


def test_another_batch_begins_the_epoch_anew_with_curves_of_its_own(tmp_path: Path) -> None:
    project = small_project(batch_size=4, epochs=2)
    run = TorchEngine().start(project, tmp_path / "parent")
    until(lambda: len(run.telemetry) > 5)
    stop_after(run, len(run.telemetry) + 20)
    other = with_recipe(project, batch_size=128, learning_rate=0.001)
    messages = branch(other, last(tmp_path / "parent"), tmp_path / "branch")
    assert isinstance(messages[-1], Finished)
    assert len(RunFolder(tmp_path / "branch").curves().loss) == 18
    assert RunFolder(tmp_path / "branch").info().parent_step == 0


def test_a_branch_with_other_batches_keeps_its_own_curves_when_it_goes_on(tmp_path: Path) -> None:
    train(small_project(epochs=1), tmp_path / "parent")
    other = small_project(epochs=2, batch_size=64)
    branch(other, last(tmp_path / "parent"), tmp_path / "branch")
    again = TorchEngine().resume(tmp_path / "branch", epochs=3)
    finish(again)
    assert (again.telemetry.first_step, len(again.telemetry)) == (17, 34)  # epochs of 17 steps


def test_another_optimizer_starts_fresh_and_frozen_layers_keep_their_own_state(
    tmp_path: Path,
) -> None:
    project = small_project(epochs=1, optimizer=Chosen("adam"), learning_rate=0.01)
    train(project, tmp_path / "parent")
    before = read_checkpoint(last(tmp_path / "parent"))
    other = with_recipe(project, epochs=2, optimizer=Chosen("momentum"))
    assert isinstance(branch(other, last(tmp_path / "parent"), tmp_path / "a")[-1], Finished)
    frozen = with_recipe(project, epochs=2, node_rates={"features": 0.0})
    assert isinstance(branch(frozen, last(tmp_path / "parent"), tmp_path / "b")[-1], Finished)
    after = read_checkpoint(last(tmp_path / "b"))
    # Adam counts its steps for each parameter: the head's went on from where they were.
    assert {float(v) for k, v in after.optimizer.items() if k.endswith(".step")} == {18.0}
    name = next(key for key in before.model if key.startswith("features") and "weight" in key)
    assert torch.equal(before.model[name], after.model[name])
    heads = [value for key, value in after.optimizer.items() if key.endswith("exp_avg")]
    assert {tuple(value.shape) for value in heads} == {(10, 96), (10,)}


def refusal(messages: list[Message]) -> Failed:
    failed = messages[-1]
    assert isinstance(failed, Failed)
    return failed


def test_a_branch_that_does_not_suit_is_refused_in_words(tmp_path: Path) -> None:
    project = small_project(epochs=2)
    train(project, tmp_path / "parent")
    parent = last(tmp_path / "parent")
    few = refusal(branch(project, parent, tmp_path / "few"))
    assert "has 2 epochs behind it" in few.message
    assert "Set the epochs above 2" in few.advice
    network = small_network()
    nodes = tuple(
        replace(node, settings={"channels": 7, "convolutions": 1}) if node.name == "features"
        else node for node in network.nodes
    )  # fmt: skip
    wider = replace(with_recipe(project, epochs=3), network=replace(network, nodes=nodes))
    assert "another network" in refusal(branch(wider, parent, tmp_path / "wider")).message
    content = bytearray(parent.read_bytes())
    content[-100] ^= 1
    parent.write_bytes(content)
    flipped = refusal(branch(with_recipe(project, epochs=3), parent, tmp_path / "flipped"))
    assert "damaged" in flipped.message
    gone = refusal(branch(with_recipe(project, epochs=3), tmp_path / "no" / "x", tmp_path / "g"))
    assert "There is no x checkpoint" in gone.message


def test_a_branch_that_was_killed_before_its_first_checkpoint_begins_there_again(
    tmp_path: Path,
) -> None:
    project = small_project(epochs=3)
    train(with_recipe(project, epochs=2), tmp_path / "parent")
    branch(project, last(tmp_path / "parent"), tmp_path / "whole")
    folder = tmp_path / "killed"
    branch(project, last(tmp_path / "parent"), folder)
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    run = RunFolder(folder)
    run.save(replace(run.info(), state="running", process=0))
    finish(TorchEngine().resume(folder))
    assert equal(tmp_path / "whole", folder)


# More epochs ------------------------------------------------------------------------------------


def test_an_extended_run_ends_where_a_longer_one_ends(tmp_path: Path) -> None:
    project = small_project(epochs=4)
    train(project, tmp_path / "whole")
    train(with_recipe(project, epochs=2), tmp_path / "run")
    messages = finish(TorchEngine().resume(tmp_path / "run", epochs=4))
    assert isinstance(messages[-1], Finished)
    assert equal(tmp_path / "whole", tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    assert np.array_equal(run.curves().loss, RunFolder(tmp_path / "whole").curves().loss)
    assert (run.info().epochs, run.info().total_steps, run.info().state) == (4, 36, "completed")
    assert run.project().recipe.epochs == 2  # as it was begun
    assert ("changed", "4 epochs") in [event[2:] for event in read_events(run.metrics)]
    # And it goes on being that long when it is interrupted and resumed.
    again = finish(TorchEngine().resume(tmp_path / "run", epochs=5))[-1]
    assert isinstance(again, Finished)
    assert again.epochs == 5


def test_fewer_epochs_than_it_has_are_refused(tmp_path: Path) -> None:
    train(small_project(epochs=2), tmp_path / "run")
    with pytest.raises(WorkFailed, match="2 epochs behind it, and 2 are asked"):
        TorchEngine().resume(tmp_path / "run", epochs=2)
    with pytest.raises(WorkFailed, match="is complete"):
        TorchEngine().resume(tmp_path / "run")


# A divergence -----------------------------------------------------------------------------------


def exploding(**recipe: object) -> Project:
    """A rate at which the loss is no number after a few steps."""
    nodes = list(small_network().nodes)
    nodes[1] = Node("features", "vgg", {"channels": 6, "convolutions": 1, "batch_norm": False})
    project = replace(small_project(**recipe), network=replace(small_network(), nodes=tuple(nodes)))
    return with_recipe(project, learning_rate=99.0)


def test_the_layer_where_a_divergence_began_is_named(tmp_path: Path) -> None:
    _, messages = train(exploding(), tmp_path / "run")
    failed = messages[-1]
    assert isinstance(failed, Failed)
    assert "the training diverged. It began in " in failed.message
    names = ("features", "head", "the loss itself")
    assert any(name in failed.message.partition("It began")[2] for name in names)
    assert any(isinstance(m, Stage) and "Looking for the layer" in m.text for m in messages)


class Overflow:
    """Makes flatten give infinity for the batch of training step 13, whenever that comes."""

    def __init__(self) -> None:
        self.calls = 0
        self.batch = torch.empty(0)

    def __call__(self, layer: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        if not layer.training:
            return output
        self.calls += 1
        if self.calls == 13:
            self.batch = output.detach().clone()
        same = torch.equal(output, self.batch)
        return output * float("inf") if same else output


def test_a_layer_made_to_overflow_is_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overflow = Overflow()

    def spoiled(kind: str, *rest: Any) -> torch.nn.Module:
        layer = build_layer(kind, *rest)
        if kind == "flatten":
            layer.register_forward_hook(overflow)
        return layer

    monkeypatch.setattr("studio.engine.module.build_layer", spoiled)
    _, messages = train(small_project(), tmp_path / "run")
    failed = messages[-1]
    assert isinstance(failed, Failed)
    assert failed.message.startswith("At step 13, the loss is no longer a finite number")
    assert "It began in what flatten gives." in failed.message
    assert overflow.calls > 13 + 3  # the steps since the checkpoint of step 9 were taken again


def test_a_gradient_whose_norm_alone_overflows_is_named() -> None:
    module = torch.nn.Sequential()
    for name in ("early", "late"):
        module.add_module(name, torch.nn.Linear(40, 40))
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    early = module.get_submodule("early").get_parameter("weight")
    early.grad = torch.full_like(early, 3e38)  # each of them is a number, their norm is none
    autopsy = Autopsy(module, first=7, wanted=7, stopped=lambda: False)
    with pytest.raises(Found) as found:
        autopsy.record(7, 1, 0.1)
    assert found.value.where == "in the gradient of early, whose norm is too large for float32"


class Spoiled:
    """Makes a norm's running variance infinite in the last step of the first epoch."""

    def __init__(self) -> None:
        self.calls = 0
        self.batch = torch.empty(0)

    def __call__(self, layer: torch.nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if not layer.training:
            return
        self.calls += 1
        if self.calls == 9:
            self.batch = inputs[0].detach().clone()
        if torch.equal(inputs[0], self.batch):
            layer.running_var.data.fill_(torch.inf)  # type: ignore[operator, union-attr]


def test_a_running_statistic_that_overflows_is_named_with_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil = Spoiled()

    def spoiled(kind: str, *rest: Any) -> torch.nn.Module:
        layer = build_layer(kind, *rest)
        if kind == "batch_norm":
            layer.register_forward_hook(spoil)
        return layer

    monkeypatch.setattr("studio.engine.module.build_layer", spoiled)
    _, messages = train(small_project(), tmp_path / "run")
    failed = messages[-1]
    assert isinstance(failed, Failed)
    assert failed.message.startswith("At step 9, a running statistic is no longer a finite number")
    assert "It began in the running statistics of features." in failed.message


def test_a_run_is_rolled_back_with_a_tenth_of_the_rate(tmp_path: Path) -> None:
    run, messages = train(exploding(divergence="roll_back", epochs=3), tmp_path / "run")
    done = messages[-1]
    assert isinstance(done, Finished), done
    changes = [m for m in messages if isinstance(m, RecipeChanged)]
    assert [change.recipe.learning_rate for change in changes][:1] == [9.9]
    assert 1 <= len(changes) <= 3
    rates = run.telemetry.learning_rate.values
    assert len(rates) == 27
    assert np.isfinite(run.telemetry.loss.values).all()
    assert rates[-1] == np.float32(changes[-1].recipe.learning_rate)
    folder = RunFolder(tmp_path / "run")
    assert np.array_equal(folder.curves().step, np.arange(27))
    words = [text for _, _, kind, text in read_events(folder.metrics) if kind == "warning"]
    assert any("rolled back to step 0" in text and "It began in" in text for text in words)


def test_a_run_that_no_rate_saves_ends_after_three_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Loss.__call__
    monkeypatch.setattr(Loss, "__call__", lambda *each: call(*each) * float("nan"))
    _, messages = train(exploding(divergence="roll_back"), tmp_path / "run")
    failed = messages[-1]
    assert isinstance(failed, Failed)
    assert "in the loss itself" in failed.message
    assert len([m for m in messages if isinstance(m, RecipeChanged)]) == 3
