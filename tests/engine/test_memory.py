"""The memory forecast against an account of every tensor that torch makes in two real steps."""

from __future__ import annotations

import weakref
from typing import Any

import msgspec
import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from studio.engine.module import build_module, training_logits
from studio.engine.optimizers import build_optimizer
from studio.project.analysis import analyze
from studio.project.memory import forecast
from studio.project.precision import arithmetic
from studio.project.templates import TEMPLATES, build
from studio.project.values import Chosen

OVERSHOOT = 0.05  # asked for is 0.15
OVERSHOOT_HALF = 0.1


class Account(TorchDispatchMode):
    """Bytes of all storages alive, and their peak: each from its first use until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: dict[int, int] = {}

    def enter(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._known:
            self._known[storage._cdata] = storage.nbytes()
            self.now += storage.nbytes()
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._leave, storage._cdata)

    def _leave(self, key: int) -> None:
        self.now -= self._known.pop(key)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.enter(leaf)
        return result


def measured_and_forecast(
    name: str, optimizer: Chosen, batch: int, steps: int = 2, precision: str = "float32"
) -> tuple[int, int, list[float]]:
    """Peak bytes of ``steps`` real steps, the forecast, and the losses."""
    half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision)
    # Large inputs made smaller, and few classes: the rules are the same, and the test is quick.
    side = 96 if name.startswith("googlenet") else 64
    size = (3, side, side) if TEMPLATES[name].input[1] > 32 else None
    project = build(name, size, 10)
    chosen = {"optimizer": optimizer, "learning_rate": 0.01, "batch_size": batch}
    recipe = msgspec.structs.replace(project.recipe, **chosen)
    analysis = analyze(project.network)
    module = build_module(project.network, seed=0).train()
    rule = build_optimizer(recipe, module)
    history = []
    with Account() as account:
        for tensor in (*module.parameters(), *module.buffers()):
            account.enter(tensor.detach())
        for slots in rule.state.values():  # what an optimizer has before its first step
            for tensor in slots.values():
                account.enter(tensor)
        for _ in range(steps):
            images = torch.randn(batch, *(analysis.input_shape or ()))
            labels = torch.randint(0, 10, (batch,))
            with torch.autocast("cpu", half, enabled=half is not None):
                outputs = training_logits(module, images)
                loss = sum(
                    (functional.cross_entropy(each, labels) for each in outputs), torch.zeros(())
                )
            rule.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            rule.step()
            history.append(loss.item())
    return account.peak, forecast(analysis, recipe, arithmetic(precision)).total, history


QUICK = ("quickstart", "lenet5", "small_sigmoid", "small_inception", "cifar_resnet20",
         "cifar_plain20", "resnet18", "googlenet_auxiliary", "mobilenet_v2")  # fmt: skip
SLOW = ("small_vgg", "small_resnet", "resnet50", "googlenet", "googlenet_paper", "densenet121",
        "convnext_tiny", "vgg11_bn", "resnext50_32x4d", "preact_resnet164")  # fmt: skip


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
def test_the_forecast_is_near_the_peak_of_a_real_step(name: str) -> None:
    measured, predicted, _ = measured_and_forecast(name, Chosen("momentum"), batch=8)
    assert predicted == pytest.approx(measured, rel=OVERSHOOT)


@pytest.mark.parametrize(
    "name",
    [
        *QUICK[:-3],
        *(pytest.param(n, marks=pytest.mark.slow) for n in (*QUICK[-3:], *SLOW)),  # emulated here
    ],
)
def test_the_forecast_of_half_precision_is_near_the_peak_of_a_real_step(name: str) -> None:
    measured, predicted, _ = measured_and_forecast(
        name, Chosen("momentum"), batch=8, precision="bfloat16"
    )
    assert predicted == pytest.approx(measured, rel=OVERSHOOT_HALF)


@pytest.mark.parametrize(
    "optimizer",
    [
        Chosen("sgd"),
        Chosen("momentum"),
        Chosen("momentum", {"momentum": 0.0}),
        Chosen("rmsprop"),
        Chosen("rmsprop", {"momentum": 0.9}),
        Chosen("rmsprop", {"centered": True}),
        Chosen("adam"),
        Chosen("adam", {"amsgrad": True}),
        Chosen("adamw"),
        Chosen("adagrad"),
        Chosen("muon"),
        Chosen("muon", {"ends": False}),
    ],
    ids=str,
)
def test_every_optimizers_state_is_counted(optimizer: Chosen) -> None:
    measured, predicted, _ = measured_and_forecast("lenet5", optimizer, batch=1)
    assert predicted == pytest.approx(measured, rel=OVERSHOOT)


@pytest.mark.slow
def test_a_network_of_1001_layers_trains_within_its_forecast() -> None:
    measured, predicted, losses = measured_and_forecast(
        "preact_resnet1001", Chosen("momentum"), 4, steps=3
    )
    assert measured <= predicted * (1 + OVERSHOOT)
    assert all(loss < 10 for loss in losses)
