"""The learning-rate range test: what it suggests, and that it touches nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch.nn import functional

from studio.engine import TorchEngine
from studio.engine.feed import epoch_order
from studio.engine.rate_finder import HIGHEST, LOWEST, SMOOTHING, STEPS, suggest
from studio.project.values import Chosen
from studio.runs.api import WorkFailed
from tests.engine.helpers import small_project, train
from tests.engine.test_training import plain_digits, plain_project, plain_start


def test_the_losses_are_those_of_a_loop_without_our_code() -> None:
    project = plain_project(optimizer=Chosen("sgd"), precision="float32")
    search = TorchEngine().find_rate(project)

    plain = plain_start(project)
    optimizer = torch.optim.SGD(plain.parameters(), 1.0, fused=True)
    images, labels, positions = plain_digits(project)
    mean, smoothed = 0.0, []
    batches = [
        order[start : start + 100]
        for epoch in range(12)
        for order in [positions[epoch_order(0, epoch, len(positions))]]
        for start in range(0, len(order), 100)
    ]
    for step, rate in enumerate(np.geomspace(LOWEST, HIGHEST, STEPS)[: len(search.rates)]):
        optimizer.param_groups[0]["lr"] = float(rate)
        loss = functional.cross_entropy(plain(images[batches[step]]), labels[batches[step]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss.item()
        smoothed.append(mean / (1 - SMOOTHING ** (step + 1)))
    assert search.losses == pytest.approx(smoothed, rel=1e-5)
    assert search.rates[0] == pytest.approx(LOWEST)


def test_the_suggested_rate_trains_and_ten_times_the_last_one_does_not(tmp_path: Path) -> None:
    project = small_project(optimizer=Chosen("sgd"), epochs=3, batch_size=32)
    search = TorchEngine().find_rate(project)
    assert 1e-3 < search.suggested < 2.0
    good = replace(project, recipe=replace(project.recipe, learning_rate=search.suggested))
    run, _ = train(good, tmp_path / "good")
    losses = run.telemetry.loss.values
    assert losses[-10:].mean() < 0.6 * losses[:5].mean()


def test_nothing_is_changed_by_the_search(tmp_path: Path) -> None:
    project = small_project()
    engine = TorchEngine()
    torch.manual_seed(123)
    before = torch.get_rng_state()
    one = engine.find_rate(project)
    assert torch.equal(torch.get_rng_state(), before)
    assert engine.find_rate(project) == one
    first, _ = train(project, tmp_path / "first")
    engine.find_rate(project)
    second, _ = train(project, tmp_path / "second")
    assert np.array_equal(first.telemetry.loss.values, second.telemetry.loss.values)


def test_the_steepest_fall_before_the_lowest_point_is_suggested() -> None:
    rates = tuple(float(r) for r in np.geomspace(1e-6, 1.0, 61))
    at = np.log(rates)
    curve = 2.3 - 2 / (1 + np.exp(-2 * (at - np.log(0.01)))) + 50 * np.maximum(0, at + 1.0)
    assert suggest(rates, list(curve)) == pytest.approx(0.01, rel=0.15)


def test_a_search_is_stopped_and_refused_in_words() -> None:
    with pytest.raises(WorkFailed, match="stopped"):
        TorchEngine().find_rate(small_project(), lambda: True)
    project = small_project()
    raw = replace(project, recipe=replace(project.recipe, batch_size=10**6))
    with pytest.raises(WorkFailed, match="batch"):
        TorchEngine().find_rate(raw)


def test_a_loss_that_falls_nowhere_suggests_nothing() -> None:
    rates = tuple(float(r) for r in np.geomspace(1e-6, 1.0, 61))
    rising = [2.3 + 0.01 * n for n in range(61)]
    assert suggest(rates, rising) == 0.0
    assert suggest(rates, [2.3 - 0.0001 * n for n in range(61)]) == 0.0
