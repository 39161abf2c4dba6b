"""Every layer kind's rules against the torch module that is built for it."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from studio.engine.layers import build_layer, builds
from studio.project import registry
from studio.project.kinds import LayerKind, Mismatch
from studio.project.settings import Choice, Flag, Integer, Real, Setting
from studio.project.values import Shape

LAYERS = [kind for kind in registry.kinds() if isinstance(kind, LayerKind)]
VECTORS = {"linear"}
EITHER = {
    "layer_norm",
    "layer_scale",
    "stochastic_depth",
    "batch_norm",
    "activation",
    "dropout",
    "identity",
    "output",
    "add",
    "concatenate",
    "multiply",
}


def random_value(setting: Setting, rng: random.Random) -> Any:
    match setting:
        case Integer(name="groups") if rng.random() < 0.7:
            return 1  # else few draws would divide the channels
        case Integer(minimum=low, maximum=high):
            return rng.randint(max(low, 1) if setting.special == "classes" else low, min(high, 12))
        case Flag():
            return rng.random() < 0.5
        case Choice(choices=choices):
            return rng.choice(choices)[0]
        case Real(minimum=low, maximum=high):
            return low + (high - low) * (0.01 + 0.98 * rng.random())
    raise AssertionError(setting)


def random_inputs(kind: LayerKind, rng: random.Random) -> tuple[Shape, ...]:
    vector = kind.kind in VECTORS or (kind.kind in EITHER and rng.random() < 0.3)
    shape: Shape = (rng.randint(1, 24),)
    if not vector:
        shape = (*shape, rng.randint(1, 20), rng.randint(1, 20))
    if kind.kind == "concatenate":
        return tuple((rng.randint(1, 9), *shape[1:]) for _ in range(rng.randint(2, 4)))
    if kind.kind == "multiply":
        return (shape, *rng.choices((shape, shape[:1]), k=rng.randint(1, 3)))
    return (shape,) * max(1, kind.min_inputs)


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.kind)
def test_shape_and_counts_of_the_rules_are_those_of_torch(kind: LayerKind) -> None:
    rng = random.Random(kind.kind)
    agreed = 0
    for _ in range(300):
        values = {setting.name: random_value(setting, rng) for setting in kind.settings}
        inputs = random_inputs(kind, rng)
        if kind.kind == "output":
            inputs = ((values["classes"],),)
        elif kind.kind == "input":
            inputs = ((values["channels"], values["height"], values["width"]),)
        try:
            expected = kind.shape(values, inputs)
        except Mismatch:
            continue
        counter = FlopCounterMode(display=False)
        with torch.device("meta"), counter:
            module = build_layer(kind.kind, values, inputs)
            output = module(*(torch.empty(2, *shape) for shape in inputs))
        assert tuple(output.shape[1:]) == expected, (values, inputs)
        assert sum(p.numel() for p in module.parameters()) == kind.parameters(values, inputs)
        assert sum(b.numel() for b in module.buffers()) == kind.buffers(values, inputs)
        # The counter takes two for a multiply-add; two images went through.
        assert counter.get_total_flops() == 2 * 2 * kind.macs(values, inputs, expected)
        agreed += 1
    assert agreed > 20


@pytest.mark.parametrize("name", ["convolution", "pooling"])
def test_what_the_shape_rule_refuses_torch_refuses_too(name: str) -> None:
    kind = registry.layer(name)
    rng = random.Random(1)
    refused = 0
    for _ in range(300):
        values = {setting.name: random_value(setting, rng) for setting in kind.settings}
        if "ceil_mode" in values:
            # Rounding up, torch takes a kernel larger than the whole map; the rule is stricter.
            values["ceil_mode"] = False
        inputs = random_inputs(kind, rng)
        try:
            kind.shape(values, inputs)
        except Mismatch:
            # Not on the meta device, whose convolution does not check all that the real one does.
            with pytest.raises((RuntimeError, ValueError)):
                build_layer(name, values, inputs)(torch.zeros(2, *inputs[0]))
            refused += 1
    assert refused > 20


def test_a_second_builder_for_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="two builders"):
        builds("linear")(lambda values, inputs: torch.nn.Identity())
