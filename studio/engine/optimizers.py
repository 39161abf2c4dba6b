"""torch's optimizer for a recipe. The learning rate is set anew at every step by the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn, optim

from studio.engine.layers import LayerScale
from studio.engine.muon import Muon
from studio.project import rates
from studio.project.optimizers import OPTIMIZERS
from studio.project.settings import complete
from studio.project.values import Recipe

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


def build_optimizer(
    recipe: Recipe, module: nn.Module, *, may_skip: bool = False
) -> optim.Optimizer:
    """The optimizer that ``recipe`` chooses for what ``module`` has to learn, updating all tensors
    in few operations.

    Fused where torch has it, but not for momentum where a step ``may_skip``: torch's leaves the
    velocity uninitialized when its first step is left out for an overflow (seen in 2.14: the
    weights are no numbers after it). RMSProp is not fused, and Adagrad on a processor only: these
    are multi-tensor. Raises SettingError for settings out of bounds, KeyError for an unknown kind.
    """
    kind = OPTIMIZERS[recipe.optimizer.kind]
    values = complete(kind.settings, recipe.optimizer.settings, kind.title)
    groups = _groups(recipe, module, values)
    rate = recipe.learning_rate
    match kind.kind:
        case "sgd":
            return optim.SGD(groups, lr=rate, fused=True)
        case "momentum":
            return optim.SGD(
                groups,
                lr=rate,
                momentum=values["momentum"],
                dampening=values["dampening"],
                nesterov=values["nesterov"],
                fused=not may_skip,
            )
        case "rmsprop":
            return optim.RMSprop(
                groups,
                lr=rate,
                alpha=values["alpha"],
                eps=values["epsilon"],
                momentum=values["momentum"],
                centered=values["centered"],
                foreach=True,
            )
        case "adagrad":
            on_processor = all(p.device.type == "cpu" for p in module.parameters())
            return optim.Adagrad(
                groups,
                lr=rate,
                lr_decay=values["rate_decay"],
                initial_accumulator_value=values["initial"],
                eps=values["epsilon"],
                fused=on_processor,
                foreach=not on_processor,
            )
        case "adam" | "adamw":
            rule = optim.Adam if kind.kind == "adam" else optim.AdamW
            return rule(
                groups,
                lr=rate,
                betas=(values["beta1"], values["beta2"]),
                eps=values["epsilon"],
                amsgrad=values["amsgrad"],
                fused=True,
            )
        case "muon":
            return Muon(
                groups,
                lr=rate,
                momentum=values["momentum"],
                nesterov=values["nesterov"],
                rounds=values["ns_steps"],
                scale=values["scale"],
                betas=(values["beta1"], values["beta2"]),
            )
    raise KeyError(kind.kind)


def set_learning_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """Let the next step use ``rate``, and each group its share of it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def names_in_order(recipe: Recipe, module: nn.Module) -> list[str]:
    """The names of the parameters that learn, in the order in which ``build_optimizer`` numbers
    them. ``module`` is frozen as the recipe says."""
    freeze(module, recipe.node_rates)
    names = {parameter: name for name, parameter in module.named_parameters()}
    kind = OPTIMIZERS[recipe.optimizer.kind]
    values = complete(kind.settings, recipe.optimizer.settings, kind.title)
    groups = _groups(recipe, module, values)
    return [names[parameter] for group in groups for parameter in group["params"]]


def freeze(module: nn.Module, node_rates: Mapping[str, float]) -> list[nn.Module]:
    """Let what has the factor 0 have no gradient; the norms whose statistics stay as they are."""
    fixed: list[nn.Module] = []
    for name, layer in module.named_modules():
        if rates.factor_of(node_rates, name) == 0:
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(False)
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
                fixed.append(layer)
    return fixed


def _groups(recipe: Recipe, module: nn.Module, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters that learn, by their factor of the learning rate and their weight decay."""
    groups: dict[tuple[float, float, bool], dict[str, Any]] = {}
    matrices = _matrices(module, values) if recipe.optimizer.kind == "muon" else set()
    for path, layer in module.named_modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            factor = rates.factor_of(recipe.node_rates, path)
            small = name == "bias" or isinstance(layer, (*NORMS, LayerScale))
            decay = 0.0 if small and not values["decay_norms"] else values["weight_decay"]
            by_matrix = parameter in matrices
            if recipe.optimizer.kind == "muon" and not by_matrix:
                factor *= values["adam_share"]
            group = groups.setdefault(
                (factor, decay, by_matrix),
                {"params": [], "factor": factor, "weight_decay": decay},
            )
            if recipe.optimizer.kind == "muon":
                group["matrices"] = by_matrix
            group["params"].append(parameter)
    return list(groups.values())


def _matrices(module: nn.Module, values: Mapping[str, Any]) -> set[torch.Tensor]:
    """What Muon steps as matrices: weights of convolutions and linear layers, in the order of the
    network without the first and the last where the ends are left to AdamW."""
    weights = [
        layer.weight for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    return set(weights[1:-1] if values["ends"] else weights)
