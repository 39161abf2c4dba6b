"""The formulas that are shown, read as a student would and held against what torch does."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import pytest
import torch

from studio.engine.optimizers import build_optimizer, set_learning_rate
from studio.project import schedules
from studio.project.optimizers import OPTIMIZERS
from studio.project.settings import complete
from studio.project.values import Chosen, Recipe

SYMBOLS = {
    "∇L": "grad", "m̂": "mh", "v̂": "vh", "γ₁": "g1", "γ₂": "g2", "α₀": "a0", "α₁": "a1", "Tᵢ": "Ti",
    "T₀": "T0", "α": "alpha", "γ": "gamma", "λ": "lam", "δ": "delta", "μ": "mu", "ε": "eps",
    "η": "eta", "β": "beta", "π": "pi",
}  # fmt: skip
NAMES = {
    "momentum": "gamma", "dampening": "delta", "weight_decay": "lam", "alpha": "gamma",
    "epsilon": "eps", "beta1": "g1", "beta2": "g2", "rate_decay": "eta",
}  # fmt: skip


def python(formula: str) -> str:
    """A formula as Python: roots, squares and exponents, and products that only stand together."""
    text = formula.replace("(∇L)²", "grad**2")
    for symbol, name in SYMBOLS.items():
        text = text.replace(symbol, f" {name} ")
    text = text.replace("²", "**2").replace("−", "-").replace("·", "*").replace("^", "**")
    text = re.sub(r"√\s*(\w+)", r"root(\1)", text).replace("√(", "root(")
    text = re.sub(r"⌊([^⌋]*)⌋", r"(floor(\1))", text)
    tokens = re.findall(r"\w+(?:\.\w+)?|\*\*|[^\s\w]", text)
    result: list[str] = []
    for before, token in itertools.pairwise(["", *tokens]):
        function = before in ("root", "max", "cos", "floor")
        ends = bool(re.fullmatch(r"[\w.]+|\)", before)) and not function
        result += ["*", token] if ends and re.match(r"[\w(]", token) else [token]
    return " ".join(result)


FUNCTIONS: dict[str, Any] = {
    "root": lambda x: x**0.5, "max": lambda a, b: torch.maximum(a, b) if torch.is_tensor(a)
    else max(a, b), "cos": math.cos, "floor": math.floor, "pi": math.pi, "e": math.e,
}  # fmt: skip


def follow(lines: tuple[str, ...], scope: dict[str, Any]) -> None:
    """Do what the formulas say, one after the other."""
    for line in lines:
        name, _, value = line.replace("←", "=").partition("=")
        target = python(name).strip()
        if value.endswith("at first"):
            scope.setdefault(target, eval(python(value.removesuffix("at first")), {**scope}))
        else:
            scope[target] = eval(python(value), {**scope})


GRADIENTS = [torch.tensor([0.5, -2.0, 1e-3]) * (1 + 0.3 * n) * (-1) ** (n // 3) for n in range(8)]


def torchs(kind: str, settings: dict[str, Any], rates: list[float]) -> torch.Tensor:
    layer = torch.nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -2.0, 3.0]]))
    optimizer = build_optimizer(Recipe(optimizer=Chosen(kind, settings)), layer)
    for gradient, rate in zip(GRADIENTS, rates, strict=False):
        set_learning_rate(optimizer, rate)
        layer.weight.grad = gradient.clone()[None]
        optimizer.step()
    return layer.weight.detach()[0].double()


def read(
    kind: str, settings: dict[str, Any], rates: list[float], lecture: bool = False
) -> torch.Tensor:
    declared = OPTIMIZERS[kind]
    values = complete(declared.settings, settings, kind)
    rule = declared.rule(values)
    names = dict(NAMES)
    if kind == "rmsprop":
        names["momentum"] = "mu"
    scope = {name: values[key] for key, name in names.items() if key in values}
    zero = torch.zeros(3, dtype=torch.float64)
    scope |= FUNCTIONS | {"W": torch.tensor([1.0, -2.0, 3.0]).double(), "m": zero, "b": zero}
    scope |= {"u": zero} if "initial" not in values else {}
    if not (lines := rule.lecture if lecture else rule.torch)[0].startswith("v ="):
        scope["v"] = zero
    for step, (gradient, rate) in enumerate(zip(GRADIENTS, rates, strict=False)):
        scope |= {"grad": gradient.double(), "alpha": rate, "t": step if lecture else step + 1}
        if step == 0 and values.get("dampening"):
            # torch starts with the whole first gradient: what "differ" says.
            first = values | {"dampening": 0.0}
            follow(declared.rule(first).torch, scope)
            continue
        follow(lines, scope)
    weights: torch.Tensor = scope["W"]
    return weights


CASES = [
    ("sgd", {}),
    ("sgd", {"weight_decay": 0.1}),
    ("momentum", {}),
    ("momentum", {"momentum": 0.0, "weight_decay": 0.1}),
    ("momentum", {"weight_decay": 0.1}),
    ("momentum", {"nesterov": True}),
    ("momentum", {"nesterov": True, "weight_decay": 0.1}),
    ("momentum", {"dampening": 0.4, "weight_decay": 0.1}),
    ("rmsprop", {}),
    ("rmsprop", {"epsilon": 0.1, "weight_decay": 0.1}),
    ("rmsprop", {"centered": True, "epsilon": 0.1}),
    ("rmsprop", {"momentum": 0.8, "centered": True, "weight_decay": 0.1}),
    ("rmsprop", {"momentum": 0.8, "epsilon": 0.01}),
    ("adam", {}),
    ("adam", {"weight_decay": 0.1, "epsilon": 0.1}),
    ("adam", {"amsgrad": True, "beta2": 0.5}),
    ("adamw", {}),
    ("adamw", {"weight_decay": 0.0}),
    ("adamw", {"amsgrad": True, "beta2": 0.5, "weight_decay": 0.2}),
    ("adagrad", {}),
    ("adagrad", {"initial": 0.5, "rate_decay": 0.3, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=str)
def test_torchs_formula_makes_torchs_steps(kind: str, settings: dict[str, Any]) -> None:
    rates = [0.1, 0.1, 0.1, 0.1, 0.02, 0.02, 0.01, 0.01]
    expected = torchs(kind, settings, rates)
    torch.testing.assert_close(read(kind, settings, rates), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=str)
def test_the_lectures_formula_takes_the_same_steps_at_a_constant_rate_without_epsilon(
    kind: str, settings: dict[str, Any]
) -> None:
    rule = OPTIMIZERS[kind].rule(complete(OPTIMIZERS[kind].settings, settings, kind))
    assert bool(rule.lecture) == bool(rule.differ)
    if not rule.lecture or settings.get("dampening"):
        return
    assert rule.lecture != rule.torch
    if "epsilon" in {setting.name for setting in OPTIMIZERS[kind].settings}:
        settings = {**settings, "epsilon": 1e-12}
    rates = [0.1] * 8
    expected = torchs(kind, settings, rates)
    found = read(kind, settings, rates, lecture=True)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=1e-6)


def test_momentum_parts_from_the_lectures_when_the_rate_falls() -> None:
    rates = [0.1, 0.1, 0.01, 0.01]
    lecture = read("momentum", {}, rates, lecture=True)
    assert not torch.allclose(lecture, torchs("momentum", {}, rates), rtol=1e-3)


@pytest.mark.parametrize("kind", sorted(OPTIMIZERS))
def test_no_term_appears_that_is_off(kind: str) -> None:
    declared = OPTIMIZERS[kind]
    values = complete(declared.settings, {}, kind) | {"weight_decay": 0.0}
    rule = declared.rule(values)
    for line in (*rule.torch, *rule.lecture):
        assert not set("λδμη") & set(line)
    with_decay = declared.rule(values | {"weight_decay": 0.1})
    assert any("λ" in line for line in with_decay.torch)


def test_muons_formula_follows_nesterov_and_scale() -> None:
    muon = OPTIMIZERS["muon"]
    plain = muon.rule(complete(muon.settings, {"nesterov": False}, "")).torch
    ahead = muon.rule(complete(muon.settings, {"scale": "match_rms_adamw"}, "")).torch
    assert "O = U Vᵀ where v = U S Vᵀ" in plain
    assert not any(line.startswith("n =") for line in plain)
    assert "n = γ v + (1 − γ) ∇L" in ahead
    assert "s = 0.2 √max(rows, columns)" in ahead


# Schedules ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "names"),
    [
        ("constant", {}, {}),
        ("step", {"factor": 0.3, "every": 4}, {"k": 0.3, "T": 4}),
        ("exponential", {"k": 0.2}, {"k": 0.2}),
        ("polynomial", {"per": "epoch"}, {"T": 12}),
        ("polynomial", {"power": 2.5, "end": 0.1, "per": "epoch"}, {"T": 12, "p": 2.5}),
        ("cosine", {"per": "epoch"}, {"T": 12}),
        ("cosine", {"end": 0.05, "per": "epoch"}, {"T": 12}),
        ("restarts", {"first": 5, "end": 0.2, "per": "epoch"}, {"T0": 5}),
    ],
)
def test_the_formula_of_a_schedule_is_what_is_applied(
    kind: str, settings: dict[str, Any], names: dict[str, float]
) -> None:
    recipe = Recipe(learning_rate=0.3, epochs=12, schedule=Chosen(kind, settings))
    lines = schedules.formula(recipe)
    at_end = tuple(line for line in lines if line.startswith("α₁ ="))
    others = tuple(line for line in lines if "=" in line and line not in at_end)
    for epoch in range(12):
        scope = FUNCTIONS | names | {"a0": 0.3, "a1": 0.0}
        scope["t"] = epoch % 5 if kind == "restarts" else epoch
        follow((*at_end, *others), scope)
        assert scope["alpha"] == pytest.approx(schedules.rate(recipe, epoch * 7, 7))


@pytest.mark.parametrize("kind", ["polynomial", "cosine", "restarts"])
def test_the_end_stands_in_the_formula_where_there_is_one(kind: str) -> None:
    assert not any("α₁" in line for line in schedules.formula(Recipe(schedule=Chosen(kind))))
    recipe = Recipe(schedule=Chosen(kind, {"end": 0.01}))
    assert "α₁ = 0.01 α₀" in schedules.formula(recipe)


def test_steps_at_epochs_are_counted_by_the_formula_as_they_are_listed() -> None:
    recipe = Recipe(schedule=Chosen("multi_step", {"at": "3, 8"}))
    assert schedules.formula(recipe) == ("α = α₀ · k^(n)", "n of the epochs 3, 8 have passed")


def test_the_warm_up_is_in_the_formula_as_it_is_applied() -> None:
    recipe = Recipe(learning_rate=0.3, warmup=2.0, warmup_start=0.25)
    *_, line = schedules.formula(recipe)
    assert line.startswith("warm-up: ")
    rising = python(line.partition(": ")[2])
    for step in range(14):
        found = eval(rising, {"alpha": 0.3, "i": step, "w": 14})
        assert found == pytest.approx(schedules.rate(recipe, step, 7))


@pytest.mark.parametrize("kind", ["plateau", "one_cycle"])
def test_floor_and_phases_stand_in_the_formula(kind: str) -> None:
    plain = schedules.formula(Recipe(schedule=Chosen(kind)))
    more = {"plateau": {"least": 0.1}, "one_cycle": {"three_phases": True}}[kind]
    assert schedules.formula(Recipe(schedule=Chosen(kind, more))) != plain
