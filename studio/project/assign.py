"""Settings of a whole project by key and text, as the command line's ``--set`` has them."""

from __future__ import annotations

from msgspec.structs import replace

from studio.project import presets, rates, registry
from studio.project.edits import EditRefused, set_setting
from studio.project.optimizers import OPTIMIZERS
from studio.project.presets import Preset
from studio.project.pretrained import start_from
from studio.project.recipes import DATA_SETTINGS, RECIPE_SETTINGS
from studio.project.regularization import CLASS_WEIGHTS
from studio.project.schedules import SCHEDULES
from studio.project.settings import Setting, SettingError
from studio.project.values import Chosen, Project, Recipe


def set_value(project: Project, key: str, text: str) -> Project:
    """The project with what ``key`` names set to what ``text`` says; raises EditRefused.

    Keys: a recipe or data setting (``learning_rate``, ``normalization``), ``optimizer`` or
    ``schedule`` with a kind, one of their settings (``optimizer.momentum``), ``rate`` and the
    name of a node or layer (``rate.stage1``, a factor or "none"), ``preset``, ``data`` (digits or
    a folder), ``weights`` (random, a name of torchvision's or a file), or a node's setting
    (``stage1.channels``). ``class_weights`` switches ``class_weighting`` to them.
    """
    owner, _, name = key.partition(".")
    try:
        if not name:
            return _set_plain(project, key, text)
        if owner in ("optimizer", "schedule"):
            return _set_chosen(project, owner, name, text)
        if owner == "rate" and all(node.name != "rate" for node in project.network.nodes):
            factor = None if text == "none" else rates.NODE_RATE.parse(text)
            return replace(project, recipe=rates.set_rate(project.recipe, name, factor))
    except SettingError as error:
        raise EditRefused(str(error)) from None
    return _set_node(project, owner, name, text)


def _set_plain(project: Project, key: str, text: str) -> Project:
    for setting in RECIPE_SETTINGS:
        if setting.name == key:
            recipe = replace(project.recipe, **{key: setting.parse(text)})
            if key == CLASS_WEIGHTS.name and recipe.class_weights:
                recipe = _weighed(recipe)
            return replace(project, recipe=recipe)
    for setting in DATA_SETTINGS:
        if setting.name == key:
            return replace(project, data=replace(project.data, **{key: setting.parse(text)}))
    if key == "weights":
        return start_from(project, text)
    if key == "preset":
        return replace(project, recipe=_preset(text).apply(project.recipe))
    if key == "data":
        return replace(project, data=replace(project.data, source=text))
    if key in ("optimizer", "schedule"):
        known: tuple[str, ...] = tuple(OPTIMIZERS if key == "optimizer" else SCHEDULES)
        if text not in known:
            raise EditRefused(f"there is no {key} {text!r}; known are {', '.join(known)}")
        return replace(project, recipe=replace(project.recipe, **{key: Chosen(text)}))
    names = [setting.name for setting in (*RECIPE_SETTINGS, *DATA_SETTINGS)]
    raise EditRefused(
        f"there is no setting {key!r}; known are {', '.join(names)}, data, weights, preset, "
        f"optimizer, schedule, optimizer.NAME, schedule.NAME, rate.NODE and NODE.NAME"
    )


def _weighed(recipe: Recipe) -> Recipe:
    """The recipe that uses the weights it gives: who sets them wants them to have an effect."""
    if recipe.class_weighting == "balanced":
        raise EditRefused(
            "class weights have no effect while class weighting is balanced: set "
            "class_weighting=given before them"
        )
    return replace(recipe, class_weighting="given")


def _preset(name: str) -> Preset:
    try:
        return presets.find(name)
    except KeyError:
        known = ", ".join(preset.name for preset in presets.PRESETS)
        raise EditRefused(f"there is no preset {name!r}; known are {known}") from None


def _set_chosen(project: Project, owner: str, name: str, text: str) -> Project:
    chosen: Chosen = getattr(project.recipe, owner)
    kinds = OPTIMIZERS if owner == "optimizer" else SCHEDULES
    kind = kinds.get(chosen.kind)
    declared: tuple[Setting, ...] = kind.settings if kind else ()
    for setting in declared:
        if setting.name == name:
            settings = {**chosen.settings, name: setting.parse(text)}
            changed = replace(chosen, settings=settings)
            return replace(project, recipe=replace(project.recipe, **{owner: changed}))
    known = ", ".join(setting.name for setting in declared) or "no settings"
    raise EditRefused(f"the {owner} {chosen.kind} has no setting {name!r}; it has {known}")


def _set_node(project: Project, owner: str, name: str, text: str) -> Project:
    try:
        node = project.network.node(owner)
    except KeyError:
        raise EditRefused(f"there is no node called {owner!r}") from None
    kind = registry.lookup(node.kind)
    value: object = text
    for setting in kind.settings if kind else ():
        if setting.name == name:
            try:
                value = setting.parse(text)
            except SettingError as error:
                raise EditRefused(f"{owner}: {error}") from None
    return replace(project, network=set_setting(project.network, owner, name, value))
