"""Learning rates of single nodes: factors by a node's name, or the beginning of a dotted one.

``stage1`` means all layers in the node stage1, ``stage1.0`` those of its first repeat; the
longest name that fits holds. A factor of 0 keeps the weights, and the statistics of batch norm, as
they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from studio.project.analysis import Analysis, analyze
from studio.project.settings import Real, SettingError
from studio.project.values import Network, Node, Project, Recipe

MOST = 10_000

NODE_RATE = Real(
    name="node_rate", title="Factor", default=0.1, minimum=0.0, maximum=100.0,
    help="What the learning rate is multiplied by for the weights of this node. 0 freezes it: its "
    "weights, and the statistics of its batch norms, stay as they are.",
)  # fmt: skip


def factor_of(rates: Mapping[str, float], name: str) -> float:
    """The factor for the layer or parameter ``name``: that of the longest name that it is in."""
    while name:
        if name in rates:
            return rates[name]
        name = name.rpartition(".")[0]
    return 1.0


def set_rate(recipe: Recipe, name: str, factor: float | None) -> Recipe:
    """The recipe with this factor for ``name``, or with none of its own. Raises SettingError."""
    rates = {key: value for key, value in recipe.node_rates.items() if key != name}
    if factor is not None:
        rates = recipe.node_rates | {name: NODE_RATE.check(factor)}
    return replace(recipe, node_rates=rates)


def places(analysis: Analysis) -> tuple[str, ...]:
    """The names that a factor can be given to: all nodes and levels with something to learn."""
    names: dict[str, None] = {}
    for row in analysis.layers:
        if row.parameters:
            parts = row.name.split(".")
            names |= dict.fromkeys(".".join(parts[: n + 1]) for n in range(len(parts)))
    return tuple(names)


def fault(project: Project) -> str:
    """What is wrong with the factors, as a sentence without its end; empty where nothing is."""
    rates = project.recipe.node_rates
    if not rates:
        return ""
    if len(rates) > MOST:
        return f"there are {len(rates):,} layer rates, and at most {MOST:,} fit"
    for name, factor in rates.items():
        try:
            NODE_RATE.check(factor)
        except SettingError as error:
            return f"layer rate of {name[:40]}: {error}"
    analysis = analyze(project.network)
    known: Collection[str] = places(analysis)
    if analysis.problems:  # then not all layers are known
        known = {*known, *(node.name for node in project.network.nodes)}
        rates = {name.partition(".")[0]: factor for name, factor in rates.items()}
    for name in rates:
        if name not in known:
            return (
                f"there is no node {name[:40]!r} with anything to learn, for which a layer rate is "
                "set: take the rate away"
            )
    learning = [row.name for row in analysis.layers if row.parameters]
    if learning and not any(factor_of(project.recipe.node_rates, name) for name in learning):
        return "every layer is frozen: let one of them learn"
    return ""


def trainable(analysis: Analysis, rates: Mapping[str, float]) -> int:
    """How many parameters are not frozen."""
    if not any(factor == 0 for factor in rates.values()):
        return analysis.parameters
    return sum(row.parameters for row in analysis.layers if factor_of(rates, row.name))


def follow(recipe: Recipe, level: Sequence[str], before: Network, after: Network) -> Recipe:
    """The recipe when the network at ``level`` (the path of opened blocks) changes.

    The factors of a renamed node go with it, those of a removed one go. A node that was put into
    a group, or taken out of one, keeps its own.
    """
    if not recipe.node_rates:
        return recipe
    moved = _moved(before, after)
    prefix = "".join(f"{name}." for name in level)
    rates: dict[str, float] = {}
    for name, factor in recipe.node_rates.items():
        inside = name.removeprefix(prefix) if name.startswith(prefix) else ""
        node, dot, rest = inside.partition(".")
        if not inside or node not in moved:
            rates[name] = factor
        elif (new := moved[node](dot + rest)) is not None:
            rates[prefix + new] = factor
    return recipe if rates == recipe.node_rates else replace(recipe, node_rates=rates)


Move = Callable[[str], str | None]
"""What becomes of a name, given what stands behind the node's own: empty, or a dot and the rest."""


def _moved(before: Network, after: Network) -> dict[str, Move]:
    """Where the nodes that are no longer there have gone."""
    kept = {node.name for node in after.nodes}
    were = {node.name for node in before.nodes}
    new = [node for node in after.nodes if node.name not in were]
    return {node.name: _way(node, new) for node in before.nodes if node.name not in kept}


def _way(gone: Node, new: Sequence[Node]) -> Move:
    for node in new:
        if (node.kind, node.x, node.y) == (gone.kind, gone.x, gone.y):
            return lambda rest, name=node.name: f"{name}{rest}"  # type: ignore[misc]
        if gone.name in _inner(node):
            return lambda rest, group=node.name: f"{group}.{gone.name}{rest}"  # type: ignore[misc]
    names = {node.name for node in new}

    def apart(rest: str) -> str | None:
        inner, dot, more = rest.removeprefix(".").partition(".")
        for name in (inner, f"{gone.name}_{inner}"):
            if name in names:
                return f"{name}{dot}{more}"
        return None

    return apart


def _inner(node: Node) -> set[str]:
    """The names in a user's block."""
    inside = node.settings.get("inside")
    nodes = inside.get("nodes", ()) if isinstance(inside, dict) else ()
    return {str(each.get("name")) for each in nodes if isinstance(each, dict)}
