"""What a remedy that a run asks for is to the project that is open."""

from __future__ import annotations

from typing import Literal

from studio.project import edits
from studio.project.problems import Fix, SetSetting, Several
from studio.project.values import Network, Project

Standing = Literal["offered", "held", "foreign"]
"""It would change the open project; that has it already; that is another network."""

ALIKE = 0.5
"""Of the nodes of a run's network: so many at least are in a project that came from it."""

WORDS: dict[Standing, str] = {
    "held": "Your project has it already",
    "foreign": "The open project is another network",
}
"""Why a remedy is not offered."""


def standing(fix: Fix, run: Project, project: Project) -> Standing:
    """What ``fix``, which would mend ``run``, is to ``project``."""
    if not related(run.network, project.network) or not _has_nodes(fix, run, project):
        return "foreign"
    try:
        return "held" if edits.mend(project, fix) == project else "offered"
    except edits.EditRefused:
        return "foreign"


def related(network: Network, other: Network) -> bool:
    """Whether ``other`` is ``network``, or came from it by a few edits."""
    nodes = _nodes(network)
    return len(nodes & _nodes(other)) >= ALIKE * len(nodes)


def _has_nodes(fix: Fix, run: Project, project: Project) -> bool:
    """Whether ``project`` has the nodes that the fix sets, of the kinds that they are of."""
    match fix.mend:
        case SetSetting(node=node):
            names = {node}
        case Several(sets=sets):
            names = {each.node for each in sets}
        case _:
            return True
    wanted = {node for node in _nodes(run.network) if node[0] in names}
    return wanted <= _nodes(project.network)


def _nodes(network: Network) -> set[tuple[str, str]]:
    ends = ("input", "output")  # which every network has
    return {(node.name, node.kind) for node in network.nodes if node.kind not in ends}
