"""Edits of the project that would mend what was found in a run."""

from __future__ import annotations

from collections.abc import Iterable

from studio.project import registry
from studio.project.optimizers import OPTIMIZERS
from studio.project.problems import Fix, SetData, SetRecipe, SetRecipes, SetSetting, Several
from studio.project.settings import SettingError
from studio.project.values import Chosen, Network, Project, Recipe

_FLAT = ("sigmoid", "tanh", "softplus")
_DECAY = 5e-4


def set_rate(rate: float) -> Fix:
    """Another learning rate, rounded to two digits."""
    rate = float(f"{rate:.2g}")
    return Fix(f"Set the learning rate to {rate:g}", SetRecipe("learning_rate", rate))


def set_batch(batch: int) -> Fix:
    """Another batch size."""
    return Fix(f"Set the batch to {batch}", SetRecipe("batch_size", batch))


def need_less_memory(recipe: Recipe, precision: str) -> tuple[Fix, ...]:
    """What takes less memory: half the batch in twice as many parts, which changes nothing else;
    a smaller batch; half precision."""
    fixes: list[Fix] = []
    half = recipe.batch_size // 2
    if half:
        parts = {"batch_size": half, "accumulate": 2 * recipe.accumulate}
        fixes.append(Fix(f"Take the batch in parts of {half:,}", SetRecipes(parts)))
        fixes.append(set_batch(half))
    if precision == "float32":
        fixes.append(Fix("Compute in bfloat16", SetRecipe("precision", "bfloat16")))
    return tuple(fixes)


def stay_finite(project: Project) -> tuple[Fix, ...]:
    """What keeps the loss a number: a tenth of the learning rate, normalized input."""
    fixes = [set_rate(project.recipe.learning_rate / 10)]
    if project.data.normalization == "none":
        fixes.append(normalize())
    return tuple(fixes)


def normalize() -> Fix:
    """Zero mean and unit deviation."""
    return Fix("Normalize the input", SetData("normalization", "standard"))


def decay_weights(recipe: Recipe) -> Fix | None:
    """Weight decay, where there is none yet."""
    kind = OPTIMIZERS.get(recipe.optimizer.kind)
    if kind is None or not any(setting.name == "weight_decay" for setting in kind.settings):
        return None
    if recipe.optimizer.settings.get("weight_decay"):
        return None
    settings = {**recipe.optimizer.settings, "weight_decay": _DECAY}
    return Fix(
        f"Set weight decay to {_DECAY:g}",
        SetRecipe("optimizer", Chosen(recipe.optimizer.kind, settings)),
    )


def weigh_classes(recipe: Recipe) -> Fix | None:
    """Rare classes count more in the loss, where this version can do that."""
    if getattr(recipe, "class_weights", None) not in ("none", ""):
        return None
    return Fix("Weigh rare classes more", SetRecipe("class_weights", "balanced"))


def set_activation(network: Network, layers: Iterable[str], function: str) -> Fix | None:
    """Another activation in the nodes in which ``layers`` lie."""
    names = {layer.partition(".")[0] for layer in layers}
    sets: list[SetSetting] = []
    for node in network.nodes:
        name = _activation_setting(node.kind)
        if node.name in names and name:
            sets.append(SetSetting(node.name, name, function))
    if not sets:
        return None
    titles = dict(_choices())
    where = sets[0].node if len(sets) == 1 else f"{len(sets)} nodes"
    return Fix(f"Use {titles.get(function, function)} in {where}", Several(tuple(sets)))


def let_gradients_through(network: Network) -> Fix | None:
    """ReLU in place of every activation with a flat curve."""
    flat = []
    for node in network.nodes:
        name = _activation_setting(node.kind)
        if not name:
            continue
        try:
            value = registry.values(node)[name]
        except SettingError:
            continue
        if value in _FLAT:
            flat.append(node.name)
    return set_activation(network, flat, "relu") if flat else None


def _activation_setting(kind: str) -> str:
    found = registry.lookup(kind)
    names = {setting.name for setting in found.settings} if found is not None else set()
    if kind == "activation":
        return "function"
    return "activation" if "activation" in names else ""


def _choices() -> tuple[tuple[str, str], ...]:
    from studio.project.layers.common import ACTIVATIONS

    return ACTIVATIONS
