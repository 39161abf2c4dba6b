"""torch's optimizer for a recipe. The learning rate is set anew at every step by the schedule."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn, optim

from studio.project.optimizers import OPTIMIZERS
from studio.project.settings import complete
from studio.project.values import Recipe


def build_optimizer(
    recipe: Recipe, parameters: Iterable[nn.Parameter], *, may_skip: bool = False
) -> optim.Optimizer:
    """The optimizer that ``recipe`` chooses, updating all tensors in few operations.

    Fused for SGD and Adam, multi-tensor for RMSProp, which torch does not have fused, and for
    momentum where a step ``may_skip``: torch's fused one leaves the velocity uninitialized when
    its first step is left out for an overflow (seen in 2.14: the weights are no numbers after
    it). Raises SettingError for settings out of bounds, KeyError for an unknown kind.
    """
    kind = OPTIMIZERS[recipe.optimizer.kind]
    values = complete(kind.settings, recipe.optimizer.settings, kind.title)
    rate, decay = recipe.learning_rate, values["weight_decay"]
    match kind.kind:
        case "sgd":
            return optim.SGD(parameters, lr=rate, weight_decay=decay, fused=True)
        case "momentum":
            return optim.SGD(
                parameters,
                lr=rate,
                momentum=values["momentum"],
                nesterov=values["nesterov"],
                weight_decay=decay,
                fused=not may_skip,
            )
        case "rmsprop":
            return optim.RMSprop(
                parameters,
                lr=rate,
                alpha=values["alpha"],
                eps=values["epsilon"],
                momentum=values["momentum"],
                weight_decay=decay,
                foreach=True,
            )
        case "adam":
            return optim.Adam(
                parameters,
                lr=rate,
                betas=(values["beta1"], values["beta2"]),
                eps=values["epsilon"],
                weight_decay=decay,
                fused=True,
            )
    raise KeyError(kind.kind)


def set_learning_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """Let the next step use ``rate``."""
    for group in optimizer.param_groups:
        group["lr"] = rate
