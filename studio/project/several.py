"""What several nodes have in common, for one form that edits them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from studio.project import registry
from studio.project.kinds import Kind
from studio.project.settings import Choice, Integer, Real, Setting, SettingError, Text
from studio.project.values import Node


def shared_settings(nodes: Sequence[Node]) -> tuple[Setting, ...]:
    """The settings that all ``nodes`` have, in the first one's order: those of the same name that
    take the same values. What they are titled and start from may differ from kind to kind."""
    kinds = [registry.lookup(kind) for kind in dict.fromkeys(node.kind for node in nodes)]
    known = [kind for kind in kinds if kind is not None]
    if not known or len(known) < len(kinds):
        return ()
    others = [{s.name: _takes(s) for s in _editable(kind)} for kind in known[1:]]
    return tuple(
        setting
        for setting in _editable(known[0])
        if all(other.get(setting.name) == _takes(setting) for other in others)
    )


def matter_to_all(nodes: Sequence[Node], settings: Sequence[Setting]) -> frozenset[str]:
    """The names of those ``settings`` that have an effect in every one of ``nodes``."""
    names = {setting.name for setting in settings}
    for node in nodes:
        kind = registry.lookup(node.kind)
        if kind is not None:
            values, _ = read(node, kind)
            names -= {s.name for s in kind.settings if not s.matters(values)}
    return frozenset(names)


def read(node: Node, kind: Kind) -> tuple[dict[str, Any], dict[str, str]]:
    """The node's values for a form, and a sentence for each that its setting does not take."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for setting in kind.settings:
        values[setting.name] = setting.initial
        if setting.name not in node.settings:
            continue
        try:
            values[setting.name] = setting.check(node.settings[setting.name])
        except SettingError as error:
            errors[setting.name] = f"{error}."
    return values, errors


def _editable(kind: Kind) -> list[Setting]:
    """The settings that a form shows; a title of a node's own is no matter of several."""
    own = {"title"} if kind.own_title is not None else set()
    return [s for s in kind.settings if not s.hidden and s.name not in own]


def _takes(setting: Setting) -> tuple[Any, ...]:
    """All that decides which values a setting takes and how they are meant."""
    match setting:
        case Integer():
            rest: tuple[Any, ...] = (setting.minimum, setting.maximum, setting.special)
        case Real():
            rest = (setting.minimum, setting.maximum, setting.above)
        case Choice():
            rest = tuple(word for word, _ in setting.choices)
        case Text():
            rest = (setting.longest,)
        case _:
            rest = ()
    return type(setting), setting.unit, rest
