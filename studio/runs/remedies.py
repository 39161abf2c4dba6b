"""Edits of the project that would mend what was found in a run."""

from __future__ import annotations

import math
from collections.abc import Iterable

from msgspec.structs import replace

from studio.project import registry
from studio.project.analysis import Analysis
from studio.project.memory import Forecast, forecast, largest_batch
from studio.project.optimizers import OPTIMIZERS
from studio.project.precision import arithmetic
from studio.project.problems import Fix, SetData, SetRecipe, SetRecipes, SetSetting, Several
from studio.project.settings import SettingError
from studio.project.values import Chosen, Network, Project, Recipe
from studio.runs.api import Device
from studio.runs.makeup import FLAT

_DECAY = 5e-4


def set_rate(rate: float) -> Fix:
    """Another learning rate, rounded to two digits."""
    rate = float(f"{rate:.2g}")
    return Fix(f"Set the learning rate to {rate:g}", SetRecipe("learning_rate", rate))


def set_batch(batch: int) -> Fix:
    """Another batch size."""
    return Fix(f"Set the batch to {batch}", SetRecipe("batch_size", batch))


def smaller_batch(
    project: Project, analysis: Analysis, precision: str, device: Device, room: int
) -> int:
    """The largest batch below the project's that fits into ``room`` bytes of ``device`` by the
    forecast, with a tenth to spare; 0 where not even one image would.

    Half the batch where the forecast cannot tell: because the batch should have fitted, say.
    """
    recipe = project.recipe
    numbers = arithmetic(precision, device.name)

    def need(batch: int) -> Forecast:
        return forecast(analysis, replace(recipe, batch_size=batch), numbers)

    if not room or need(recipe.batch_size).total <= room:
        return recipe.batch_size // 2
    return largest_batch(need, int(0.9 * room), recipe.batch_size - 1)


def need_less_memory(recipe: Recipe, largest: int, precision: str) -> tuple[Fix, ...]:
    """What takes less memory: the batch in parts of at most ``largest`` images, which changes
    nothing else; so large a batch; half precision."""
    fixes: list[Fix] = []
    if largest:
        parts = _parts(recipe.batch_size, largest)
        size = math.ceil(recipe.batch_size / parts)
        settings = {"batch_size": size, "accumulate": parts * recipe.accumulate}
        fixes.append(Fix(f"Take the batch in parts of {size:,}", SetRecipes(settings)))
        fixes.append(set_batch(largest))
    if precision == "float32":
        fixes.append(Fix("Compute in bfloat16", SetRecipe("precision", "bfloat16")))
    return tuple(fixes)


def _parts(batch: int, largest: int) -> int:
    """Into how many parts of at most ``largest`` images to take ``batch``: into equal ones, unless
    these would be less than half as large as they may be."""
    least = math.ceil(batch / largest)
    return next((n for n in range(least, 2 * least) if batch % n == 0), least)


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
        if value in FLAT:
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
