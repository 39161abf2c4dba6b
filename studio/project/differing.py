"""What sets one project apart from another, in a few words: "learning rate 0.01", "Adam"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.project import pretrained, registry
from studio.project.optimizers import OPTIMIZERS
from studio.project.recipes import DATA_SETTINGS, RECIPE_SETTINGS
from studio.project.schedules import SCHEDULES
from studio.project.settings import Setting, SettingError, Values, complete
from studio.project.values import Chosen, DataSettings, Network, Node, Project, Recipe

MOST = 4
"""So many differences are named; where there are more, the rest is counted."""

_WORDS = {"learning_rate": "learning rate {}", "epochs": "{} epochs"}


def differences(project: Project, before: Project) -> tuple[str, ...]:
    """What ``project`` has other than ``before``; empty where a run of it would be the same."""
    return (
        *_of_recipe(project.recipe, before.recipe),
        *_of_data(project.data, before.data),
        *_of_network(project.network, before.network),
    )


def in_words(project: Project, before: Project) -> str:
    """The differences in one line, the first few of them; empty for none."""
    words = differences(project, before)
    if len(words) > MOST:
        words = (*words[: MOST - 1], f"{len(words) - MOST + 1} more")
    return ", ".join(words)


def _of_recipe(now: Recipe, before: Recipe) -> tuple[str, ...]:
    words = []
    for chosen, was, known, noun in (
        (now.optimizer, before.optimizer, OPTIMIZERS, ""),
        (now.schedule, before.schedule, SCHEDULES, " schedule"),
    ):
        words += _of_choice(chosen, was, known, noun)
    words += _of_settings(RECIPE_SETTINGS, now, before)
    if now.weights != before.weights:
        words.append(f"from {pretrained.title(now.weights)}")
    if now.node_rates != before.node_rates:
        words.append("other layer rates" if now.node_rates else "no layer rates")
    return tuple(words)


def _of_choice(chosen: Chosen, before: Chosen, known: Mapping[str, Any], noun: str) -> list[str]:
    kind = known.get(chosen.kind)
    if chosen.kind != before.kind or kind is None:
        return [(kind.title if kind else chosen.kind) + noun] if chosen != before else []
    try:
        now, was = (complete(kind.settings, c.settings, "") for c in (chosen, before))
    except SettingError:
        return [f"other settings of {kind.title}"] if chosen != before else []
    return [_word(s, now) for s in kind.settings if now[s.name] != was[s.name] and s.matters(now)]


def _of_data(now: DataSettings, before: DataSettings) -> list[str]:
    words = []
    if now.source != before.source:
        name = "digits" if now.source == "digits" else Path(now.source).name
        words.append(f"images of {name}")
    return words + _of_settings(DATA_SETTINGS, now, before)


def _of_settings(
    settings: tuple[Setting, ...], now: Recipe | DataSettings, before: Recipe | DataSettings
) -> list[str]:
    values = {setting.name: getattr(now, setting.name) for setting in settings}
    return [
        _word(setting, values)
        for setting in settings
        if values[setting.name] != getattr(before, setting.name) and setting.matters(values)
    ]


def _word(setting: Setting, values: Values) -> str:
    shown = setting.show(values[setting.name])
    if setting.name in _WORDS:
        return _WORDS[setting.name].format(shown)
    title = setting.title
    # What has capitals within ("CutMix") is a name and keeps the first one too.
    title = title[:1].lower() + title[1:] if title[1:].islower() else title
    return f"{title} {shown}"


def _of_network(now: Network, before: Network) -> list[str]:
    """One node's settings by name; more than a node, or its wires, as a count."""
    if now is before:
        return []
    nodes, old = ({node.name: node for node in n.nodes} for n in (now, before))
    if 2 * len(nodes.keys() & old.keys()) < len(nodes.keys() | old.keys()):
        return ["another network"]
    words: list[str] = []
    for name, node in nodes.items():
        if name in old:
            words += _of_node(node, old[name])
    count = len(nodes.keys() ^ old.keys())
    if count:
        words.append(f"{count:,} node{'' if count == 1 else 's'} more or fewer")
    elif set(now.edges) != set(before.edges):
        words.append("other wires")
    return words


def _of_node(now: Node, before: Node) -> list[str]:
    if now.kind != before.kind:
        return [f"another {now.name}"]
    if now.settings == before.settings:
        return []
    try:
        values, was = registry.values(now), registry.values(before)
    except (SettingError, KeyError):
        return [f"another {now.name}"]
    kind = registry.lookup(now.kind)
    settings = kind.settings if kind else ()
    changed = [s for s in settings if values[s.name] != was[s.name] and s.matters(values)]
    if any(isinstance(values[s.name], dict) for s in changed):  # the inside of a group
        return [f"another {now.name}"]
    return [f"{now.name}: {_word(setting, values)}" for setting in changed]
