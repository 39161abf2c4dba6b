"""Every edit of a network, as a pure function from the old value to the new one.

Only these functions decide what is allowed: a hover hint asks the same ``check_connect`` as the
commit. A refusal is an EditRefused with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from studio.project import graph, layout, registry
from studio.project.problems import (
    AddNode,
    Fix,
    InsertBefore,
    RemoveEdge,
    RemoveNode,
    SetData,
    SetRecipe,
    SetRecipes,
    SetSetting,
    Several,
)
from studio.project.settings import SettingError
from studio.project.values import Edge, Flow, Network, Node, Project


class EditRefused(Exception):
    """An edit that is not allowed; the message is a sentence for the user."""


def _find(network: Network, name: str) -> Node:
    try:
        return network.node(name)
    except KeyError:
        raise EditRefused(f"there is no node called {name!r}") from None


def free_name(network: Network, wish: str) -> str:
    """``wish``, with a number behind it where a node already has that name."""
    return free_among({node.name for node in network.nodes}, wish)


def free_among(taken: Collection[str], wish: str) -> str:
    """``wish``, with a number behind it where it is one of ``taken``."""
    if wish not in taken:
        return wish
    stem = re.sub(r"\d+\Z", "", wish) or wish
    number = 2
    while f"{stem}{number}" in taken:
        number += 1
    return f"{stem}{number}"


_FIRST_NAMES = {
    "convolution": "conv", "batch_norm": "norm", "activation": "act", "pooling": "pool",
    "global_pooling": "pool", "adaptive_pooling": "pool", "concatenate": "concat",
    "zero_shortcut": "shortcut", "squeeze_excitation": "gate", "auxiliary": "aux",
    "conv_unit": "unit", "inception": "mixed",
}  # fmt: skip


def first_name(kind: str, settings: Mapping[str, Any]) -> str:
    """What a new node of ``kind`` is called where the name is free."""
    found = registry.lookup(kind)
    if found is not None and found.own_title is not None:
        words = re.findall(r"[a-z0-9]+", found.title_of(settings).lower())
        name = "_".join(words)[: graph.MAX_NAME - 10]
        return name if not graph.name_problem(name) else kind
    return _FIRST_NAMES.get(kind, kind)


def add_node(
    network: Network,
    kind: str,
    settings: Mapping[str, Any],
    x: float,
    y: float,
    name: str | None = None,
) -> tuple[Network, str]:
    """Add an unconnected node and give its name; a free one is found where the wish is taken."""
    if registry.lookup(kind) is None:
        raise EditRefused(f"this version does not know the kind {kind!r}")
    if kind in ("entry", "exit"):
        raise EditRefused(f"an {kind} belongs inside a block, not on the canvas")
    if len(network.nodes) >= graph.MAX_NODES:
        raise EditRefused(f"a network holds at most {graph.MAX_NODES:,} nodes")
    within = any(node.kind == "entry" for node in network.nodes)
    for only in ("input", "output"):
        if kind == only and within:
            raise EditRefused(f"an {only} belongs to the whole network; a block has its own ends")
        if kind == only and any(node.kind == only for node in network.nodes):
            raise EditRefused(f"the network already has an {only}; one fits")
    name = free_name(network, name or first_name(kind, settings))
    node = Node(name, kind, dict(settings), float(x), float(y))
    return replace(network, nodes=(*network.nodes, node)), name


def check_connect(network: Network, source: str, target: str, port: int | None = None) -> int:
    """The port that a wire from ``source`` to ``target`` would take; raises EditRefused.

    Without ``port`` the first free one is taken; a port that is taken has its wire replaced.
    """
    kind = registry.lookup(_find(network, target).kind)
    from_kind = registry.lookup(_find(network, source).kind)
    if source == target:
        raise EditRefused(f"{source} cannot feed itself")
    if from_kind is not None and from_kind.ends:
        raise EditRefused(f"{source} is an end of the network; nothing comes out of it")
    if kind is not None and kind.max_inputs == 0:
        raise EditRefused(f"{target} is the beginning of the network; nothing can feed it")
    if graph.reaches(network, target, source):
        raise EditRefused(f"{target} already leads to {source}; this wire would close a circle")
    taken = {edge.port: edge for edge in network.edges if edge.target == target}
    if any(edge.source == source for edge in taken.values()) and (
        port is None or port not in taken or taken[port].source == source
    ):
        raise EditRefused(f"{source} already feeds {target}")
    most = kind.max_inputs if kind is not None else 1
    if port is None:
        free = (number for number in range(most) if number not in taken)
        port = next(free, 0 if most == 1 else -1)
    if not 0 <= port < most:
        raise EditRefused(f"{target} takes at most {most} inputs, and all are wired")
    return port


def connect(network: Network, source: str, target: str, port: int | None = None) -> Network:
    """Wire ``source`` to an input of ``target``, in place of the wire that held that port."""
    port = check_connect(network, source, target, port)
    kept = tuple(e for e in network.edges if not (e.target == target and e.port == port))
    return replace(network, edges=(*kept, Edge(source, target, port)))


def disconnect(network: Network, edge: Edge) -> Network:
    """Cut a wire; the later ports of a merge move up."""
    if edge not in network.edges:
        raise EditRefused(f"there is no wire from {edge.source} to {edge.target}")
    return replace(network, edges=_close_ports(e for e in network.edges if e != edge))


def _close_ports(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """The edges with each target's ports counted from 0 without gaps."""
    kept = list(edges)
    into: dict[str, list[Edge]] = {}
    for edge in kept:
        into.setdefault(edge.target, []).append(edge)
    port: dict[tuple[str, str, int], int] = {}
    for target, wires in into.items():
        for number, edge in enumerate(sorted(wires, key=lambda edge: edge.port)):
            port[edge.source, target, edge.port] = number
    return tuple(
        edge
        if port[edge.source, edge.target, edge.port] == edge.port
        else Edge(edge.source, edge.target, port[edge.source, edge.target, edge.port])
        for edge in kept
    )


def insert_on_edge(network: Network, edge: Edge, name: str) -> Network:
    """Put the node ``name`` into a wire: its source feeds the node, the node its target."""
    if edge not in network.edges:
        raise EditRefused(f"there is no wire from {edge.source} to {edge.target}")
    if name in (edge.source, edge.target):
        raise EditRefused(f"{name} already stands at that wire")
    kind = registry.lookup(_find(network, name).kind)
    if kind is not None and (kind.max_inputs == 0 or kind.ends):
        raise EditRefused(f"{name} is an end of the network and fits into no wire")
    kept = tuple(e for e in network.edges if e != edge)
    first = connect(replace(network, edges=kept), edge.source, name)
    return connect(first, name, edge.target, edge.port)


def remove_nodes(network: Network, names: Iterable[str], heal: bool = True) -> Network:
    """Take nodes away with their wires.

    With ``heal``, what fed a removed chain is wired to what it fed, where that is unambiguous
    (one wire into it).
    """
    gone = set(names)
    kinds = {node.name: node.kind for node in network.nodes}
    for name in gone - kinds.keys():
        _find(network, name)
    ends = {name for name in gone if kinds[name] in ("entry", "exit")}
    if ends and ends == gone:
        raise EditRefused(f"a block keeps its entry and its exit; {min(ends)} stays")
    gone -= ends
    edges = [edge for edge in network.edges if edge.target not in gone and edge.source not in gone]
    if heal:
        into = graph.incoming(network)
        for edge in network.edges:
            if edge.source in gone and edge.target not in gone:
                source = _ancestor(edge.source, gone, into)
                feeds = {e.source for e in edges if e.target == edge.target}
                if source is not None and source not in feeds:
                    edges.append(Edge(source, edge.target, edge.port))
    nodes = tuple(node for node in network.nodes if node.name not in gone)
    return replace(network, nodes=nodes, edges=_close_ports(edges))


def _ancestor(name: str, gone: set[str], into: Mapping[str, list[Edge]]) -> str | None:
    """The first node before ``name`` that stays, if one wire alone leads there."""
    seen: set[str] = set()
    while name in gone:
        if len(into[name]) != 1 or name in seen:
            return None
        seen.add(name)
        name = into[name][0].source
    return name


def _change(network: Network, name: str, node: Node) -> Network:
    return replace(network, nodes=tuple(node if n.name == name else n for n in network.nodes))


def set_setting(network: Network, name: str, setting: str, value: object) -> Network:
    """Set one setting of a node; the default is stored by leaving it out."""
    return _change(network, name, _with_setting(_find(network, name), setting, value))


def _with_setting(node: Node, setting: str, value: object) -> Node:
    kind = registry.lookup(node.kind)
    if kind is None:
        raise EditRefused(f"{node.name}: this version does not know the kind {node.kind!r}")
    for declared in kind.settings:
        if declared.name == setting:
            try:
                checked = declared.check(value)
            except SettingError as error:
                raise EditRefused(f"{node.name}: {error}") from None
            settings = {k: v for k, v in node.settings.items() if k != setting}
            if checked != declared.initial:
                settings[setting] = checked
            return replace(node, settings=settings)
    known = ", ".join(declared.name for declared in kind.settings) or "none"
    raise EditRefused(f"{node.name} has no setting {setting!r}; it has {known}")


def set_settings(network: Network, names: Iterable[str], setting: str, value: object) -> Network:
    """Set one setting of several nodes; what one of them refuses is refused for all."""
    return set_each(network, setting, dict.fromkeys(names, value))


def set_each(network: Network, setting: str, values: Mapping[str, object]) -> Network:
    """Set one setting of several nodes (the keys), each to its own value."""
    own = {name: _find(network, name) for name in values}
    changed = {name: _with_setting(node, setting, values[name]) for name, node in own.items()}
    nodes = tuple(changed.get(node.name, node) for node in network.nodes)
    return replace(network, nodes=nodes)


def means_the_same(one: Project, other: Project) -> bool:
    """Whether two projects differ in nothing but defaults that one of them writes down."""
    if one.network is other.network or (one.recipe, one.data) != (other.recipe, other.data):
        return one == other
    first, second = one.network, other.network
    return (
        len(first.nodes) == len(second.nodes)
        and replace(first, nodes=()) == replace(second, nodes=())
        and all(map(_alike, first.nodes, second.nodes))
    )


def _alike(one: Node, other: Node) -> bool:
    if one is other or one == other:
        return True
    if replace(one, settings=other.settings) != other:
        return False
    try:
        return registry.values(one) == registry.values(other)
    except SettingError:
        return False


def rename(network: Network, old: str, new: str) -> Network:
    """Give a node another name, and its wires with it."""
    node = _find(network, old)
    if new == old:
        return network
    if node.kind in ("entry", "exit"):
        raise EditRefused(f"the {node.kind} of a block keeps its name")
    if reason := graph.name_problem(new):
        raise EditRefused(f"{new!r} cannot be a name: {reason}")
    if any(other.name == new for other in network.nodes):
        raise EditRefused(f"another node is already called {new}")
    edges = tuple(
        Edge(
            new if edge.source == old else edge.source,
            new if edge.target == old else edge.target,
            edge.port,
        )
        if old in (edge.source, edge.target)
        else edge
        for edge in network.edges
    )
    return replace(_change(network, old, replace(node, name=new)), edges=edges)


def move_nodes(network: Network, places: Mapping[str, tuple[float, float]]) -> Network:
    """Put nodes at new places (centers, in canvas pixels)."""
    nodes = tuple(
        replace(node, x=float(places[node.name][0]), y=float(places[node.name][1]))
        if node.name in places
        else node
        for node in network.nodes
    )
    return replace(network, nodes=nodes)


def set_flow(network: Network, flow: Flow) -> Network:
    """Let the network run down or to the right, laid out anew for it."""
    return network if flow == network.flow else layout.tidy(replace(network, flow=flow))


def paste(network: Network, part: Network, dx: float, dy: float) -> tuple[Network, tuple[str, ...]]:
    """Add a copy of ``part`` under free names, moved by (dx, dy), with the wires inside it.

    The network's one input and one output are not doubled.
    """
    names: dict[str, str] = {}
    result = network
    for node in part.nodes:
        if node.kind in ("entry", "exit"):
            continue
        if node.kind in ("input", "output") and any(n.kind == node.kind for n in result.nodes):
            continue
        name = free_name(result, node.name)
        names[node.name] = name
        copy = replace(node, name=name, x=node.x + dx, y=node.y + dy)
        result = replace(result, nodes=(*result.nodes, copy))
    if len(result.nodes) > graph.MAX_NODES:
        raise EditRefused(f"a network holds at most {graph.MAX_NODES:,} nodes")
    wires = tuple(
        Edge(names[edge.source], names[edge.target], edge.port)
        for edge in part.edges
        if edge.source in names and edge.target in names
    )
    return replace(result, edges=(*result.edges, *wires)), tuple(names.values())


def part(network: Network, names: Iterable[str]) -> Network:
    """The nodes ``names`` and the wires among them, as a network to copy."""
    wanted = set(names)
    return Network(
        tuple(node for node in network.nodes if node.name in wanted),
        tuple(e for e in network.edges if e.source in wanted and e.target in wanted),
    )


def apply_fix(network: Network, fix: Fix) -> Network:
    """Do what a problem's fix offers."""
    match fix.mend:
        case SetSetting(node, setting, value):
            return set_setting(network, node, setting, value)
        case InsertBefore(node, port, layers):
            return _insert_before(network, node, port, layers)
        case RemoveNode(node):
            return remove_nodes(network, [node])
        case RemoveEdge(source, target, port):
            return disconnect(network, Edge(source, target, port))
        case AddNode(kind):
            return _add_end(network, kind)
        case Several(sets):
            for each in sets:
                network = set_setting(network, each.node, each.setting, each.value)
            return network
        case SetRecipe() | SetRecipes() | SetData():
            raise EditRefused("that is no edit of the network")


def mend(project: Project, fix: Fix) -> Project:
    """Do what a problem's fix offers, in the network, the recipe or the data settings."""
    if isinstance(fix.mend, SetRecipe):
        return replace(project, recipe=replace(project.recipe, **{fix.mend.name: fix.mend.value}))
    if isinstance(fix.mend, SetRecipes):
        return replace(project, recipe=replace(project.recipe, **fix.mend.values))
    if isinstance(fix.mend, SetData):
        return replace(project, data=replace(project.data, **{fix.mend.name: fix.mend.value}))
    return replace(project, network=apply_fix(project.network, fix))


def _insert_before(
    network: Network, target: str, port: int, layers: Iterable[tuple[str, dict[str, Any]]]
) -> Network:
    node = _find(network, target)
    kinds = list(layers)
    for number, (kind, settings) in enumerate(kinds):
        wire = next((e for e in network.edges if e.target == target and e.port == port), None)
        if wire is None:
            raise EditRefused(f"nothing feeds input {port + 1} of {target}")
        _, length = layout.turned_size(node, network.flow)
        back = (length + layout.GAP_ALONG[network.flow]) * (len(kinds) - number)
        side = 0.0 if port == 0 else 260.0
        x, y = (node.x + side, node.y - back)
        if network.flow == "right":
            x, y = node.x - back, node.y + side
        network, name = add_node(network, kind, settings, x, y)
        network = insert_on_edge(network, wire, name)
    return network


def _add_end(network: Network, kind: str) -> Network:
    down = network.flow == "down"
    along = [node.y if down else node.x for node in network.nodes] or [0.0]
    above = kind == "input"
    away = 100.0 if down else 320.0
    at = min(along) - away if above else max(along) + away
    network, name = add_node(network, kind, {}, *((0.0, at) if down else (at, 0.0)))
    if above:
        starts = [
            n.name for n in network.nodes if n.name != name and not graph.incoming(network)[n.name]
        ]
        return connect(network, name, starts[0]) if len(starts) == 1 else network
    out = graph.outgoing(network)
    ends = [n.name for n in network.nodes if n.name != name and not out[n.name]]
    return connect(network, ends[0], name) if len(ends) == 1 else network
