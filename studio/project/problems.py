"""What is wrong with a project, in words, and the edit that would mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SetSetting:
    """Set one setting of a node."""

    node: str
    setting: str
    value: Any


@dataclass(frozen=True, slots=True)
class InsertBefore:
    """Put new layers, in order, between a node's input ``port`` and what feeds it."""

    node: str
    port: int
    layers: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """Take a node away."""

    node: str


@dataclass(frozen=True, slots=True)
class AddNode:
    """Add a node of ``kind`` at the end or beginning of the network."""

    kind: str


@dataclass(frozen=True, slots=True)
class RemoveEdge:
    """Cut the wire from ``source`` to ``target`` at ``port``."""

    source: str
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class SetRecipe:
    """Set a value of the recipe."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class SetRecipes:
    """Set several values of the recipe as one."""

    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetData:
    """Set a value of the data settings."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Several:
    """Set several nodes' settings as one."""

    sets: tuple[SetSetting, ...]


RecipeMend = SetRecipe | SetRecipes
NetworkMend = SetSetting | Several | InsertBefore | RemoveNode | AddNode | RemoveEdge
Mend = RecipeMend | SetData | NetworkMend


@dataclass(frozen=True, slots=True)
class Fix:
    """A mend with the words of the button that does it."""

    text: str
    mend: Mend


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps the project from being trained.

    ``node`` is empty where the network as a whole, the data or the recipe is meant. ``code`` is
    stable, for scripts. ``setting`` is the one of the node or the recipe that it is about, where
    there is one.
    """

    node: str
    code: str
    message: str
    fix: Fix | None = None
    setting: str = ""
