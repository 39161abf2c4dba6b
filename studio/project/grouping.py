"""Makes a block of several nodes, and several nodes of a block.

Both keep what the network computes. A group made and taken apart again leaves names, places and
wires as they were; a built-in block's inside gets names that begin with the block's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from studio.project import comments, edits, graph, layout, registry
from studio.project.analysis import analyze, inside
from studio.project.blocks.auxiliary import KIND as AUXILIARY
from studio.project.blocks.group import ENTRY, EXIT, GROUP, MAX_TITLE, plain
from studio.project.edits import EditRefused
from studio.project.kinds import BlockKind, Mismatch
from studio.project.settings import SettingError
from studio.project.values import Edge, Flow, Network, Node

_SHOWN = 4
"""Names that a refusal lists."""


def group(
    network: Network, names: Iterable[str], title: str = "Group", color: str = "violet"
) -> tuple[Network, str]:
    """Put the nodes ``names`` into one block, and give its name.

    They may be fed by one node outside and feed others from one of them; anything else is
    refused, naming the nodes in the way.
    """
    nodes = _chosen(network, names)
    chosen = {node.name for node in nodes}
    inward = [e for e in network.edges if e.source not in chosen and e.target in chosen]
    outward = [e for e in network.edges if e.source in chosen and e.target not in chosen]
    within = [e for e in network.edges if e.source in chosen and e.target in chosen]
    _refuse_detour(network, chosen)
    feeder = _feeder(network, nodes, inward)
    last = _last(network, nodes, outward)
    exit_ = edits.free_name(Network(nodes), EXIT)
    starts = [Edge(ENTRY, e.target, e.port) for e in inward]
    if feeder is None:
        starts = [Edge(ENTRY, _only_start(network, nodes))]
    # Whole pixels, so that adding and taking away the same place gives the same number.
    x, y = _middle(nodes)
    part = Network(
        (
            Node(ENTRY, "entry"),
            *(replace(node, x=node.x - x, y=node.y - y) for node in nodes),
            Node(exit_, "exit"),
        ),
        (*starts, *within, Edge(last, exit_)),
    )
    given = {"title": title[:MAX_TITLE], "color": color, "inside": plain(part)}
    settings = checked(given)
    left = tuple(node for node in network.nodes if node.name not in chosen)
    name = edits.free_name(Network(left), edits.first_name(GROUP.kind, settings))
    block = Node(name, GROUP.kind, settings, x, y)
    wires = [e for e in network.edges if e.source not in chosen and e.target not in chosen]
    if feeder is not None:
        wires.append(Edge(feeder, name))
    wires += (Edge(name, e.target, e.port) for e in outward)
    first = next(n for n, node in enumerate(network.nodes) if node.name in chosen)
    nodes_left = (*left[:first], block, *left[first:])
    return replace(network, nodes=nodes_left, edges=tuple(wires)), name


_STAGES = {
    "residual": "stage",
    "inverted_residual": "inverted_stage",
    "convnext_block": "convnext_stage",
}
"""Blocks that have a stage of their own, which holds them several times."""


def repeats_of(node: Node) -> int | None:
    """How often ``node`` holds its block; None where it is no stage and no group."""
    kind = registry.lookup(node.kind)
    if kind is None or not any(setting.name == "repeats" for setting in kind.settings):
        return None
    try:
        return int(registry.values(node)["repeats"])
    except SettingError:
        return None


def repeat(network: Network, names: Iterable[str], times: int) -> tuple[Network, str]:
    """Make one stage of the nodes ``names``, which stands for them ``times`` times in a row.

    A stage or a group takes the number, a block that has a stage of its own becomes it, and
    anything else becomes a group. Gives the name of the node.
    """
    chosen = tuple(names)
    if len(chosen) != 1:
        network, name = group(network, chosen, "Stage")
        return edits.set_setting(network, name, "repeats", times), name
    name = chosen[0]
    node = next((node for node in network.nodes if node.name == name), None)
    if node is None:
        raise EditRefused(f"there is no node called {name!r}")
    if node.kind in _STAGES:
        stage = replace(node, kind=_STAGES[node.kind])
        network = replace(network, nodes=tuple(stage if n is node else n for n in network.nodes))
    elif repeats_of(node) is None:
        network, name = group(network, chosen, "Stage")
    return edits.set_setting(network, name, "repeats", times), name


def retitle(network: Network, name: str, title: str) -> tuple[Network, str]:
    """Give a group another title, and give its name.

    A name that was made of the old title is made of the new one; one that the user chose stays.
    """
    before = network.node(name).settings
    network = edits.set_setting(network, name, "title", title)
    after = network.node(name).settings
    made = re.fullmatch(re.escape(edits.first_name(GROUP.kind, before)) + r"\d*", name)
    wish = edits.first_name(GROUP.kind, after)
    if made is None or wish == edits.first_name(GROUP.kind, before):
        return network, name
    new = edits.free_among({node.name for node in network.nodes} - {name}, wish)
    return edits.rename(network, name, new), new


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a node keeps them: checked, and without those that are the default."""
    settings: dict[str, Any] = {}
    for declared in GROUP.settings:
        if declared.name not in given:
            continue
        try:
            value = declared.check(given[declared.name])
        except SettingError as error:
            raise EditRefused(f"these nodes cannot be grouped: {error}") from None
        if value != declared.initial:
            settings[declared.name] = value
    return settings


def _chosen(network: Network, names: Iterable[str]) -> tuple[Node, ...]:
    """The nodes in the network's order; raises EditRefused for those no group can hold."""
    wanted = dict.fromkeys(names)
    if not wanted:
        raise EditRefused("select the nodes that the group shall hold")
    known = {node.name: node for node in network.nodes}
    for name in wanted:
        if name not in known:
            raise EditRefused(f"there is no node called {name!r}")
        kind = known[name].kind
        if kind in ("input", "output", "entry", "exit", AUXILIARY):
            whole = "block's" if kind in ("entry", "exit") else "network's"
            what = "an end of the network" if kind == AUXILIARY else f"the {whole} {kind}"
            raise EditRefused(
                f"{name} is {what}, which no group can hold: leave it out of the selection"
            )
    return tuple(node for node in network.nodes if node.name in wanted)


def _feeder(network: Network, nodes: Sequence[Node], inward: Sequence[Edge]) -> str | None:
    """The one node outside that feeds the selection; None where nothing does."""
    sources = list(dict.fromkeys(edge.source for edge in inward))
    if len(sources) > 1:
        raise EditRefused(
            f"{_listed(sources)} feed the selection, and a group has one input: select what lies "
            "between them too, or fewer nodes"
        )
    into = graph.incoming(network)
    if sources:
        for node in nodes:
            if not into[node.name]:
                raise EditRefused(
                    f"nothing feeds {node.name}, and the group's one input is fed by {sources[0]}: "
                    f"wire it, or leave it out of the selection"
                )
    return sources[0] if sources else None


def _only_start(network: Network, nodes: Sequence[Node]) -> str:
    into = graph.incoming(network)
    starts = [node.name for node in nodes if not into[node.name]]
    if len(starts) == 1:
        return starts[0]
    if not starts:
        raise EditRefused(f"a circle leads through {_listed([node.name for node in nodes])}")
    raise EditRefused(
        f"{_listed(starts)} are fed by nothing, and a group has one input: wire them first, or "
        "leave all but one out of the selection"
    )


def _last(network: Network, nodes: Sequence[Node], outward: Sequence[Edge]) -> str:
    """The one node of the selection whose output leaves it."""
    out = graph.outgoing(network)
    ends = dict.fromkeys(edge.source for edge in outward)
    loose = [node.name for node in nodes if not out[node.name]]
    ends.update(dict.fromkeys(loose))
    names = list(ends)
    if len(names) == 1:
        return names[0]
    if not names:
        raise EditRefused(f"a circle leads through {_listed([node.name for node in nodes])}")
    if outward and loose:
        raise EditRefused(
            f"the output of {loose[0]} goes nowhere, and a group has one output: wire it, or leave "
            "it out of the selection"
        )
    raise EditRefused(
        f"{_listed(names)} all lead out of the selection, and a group has one output: select the "
        "merge in which they meet too, or fewer nodes"
    )


def _refuse_detour(network: Network, chosen: set[str]) -> None:
    """A way out of the selection and back into it would become a circle."""
    out, into = graph.outgoing(network), graph.incoming(network)
    behind = _reached(chosen, {name: [e.target for e in wires] for name, wires in out.items()})
    before = _reached(chosen, {name: [e.source for e in wires] for name, wires in into.items()})
    between = [n.name for n in network.nodes if n.name in behind & before and n.name not in chosen]
    if between:
        raise EditRefused(
            f"a way leads out of the selection through {_listed(between)} and back into it: select "
            f"{'that' if len(between) == 1 else 'those'} too"
        )


def _reached(start: set[str], leads: Mapping[str, Iterable[str]]) -> set[str]:
    """All that can be reached from ``start``, itself included."""
    waiting, seen = list(start), set(start)
    while waiting:
        for name in leads[waiting.pop()]:
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _middle(nodes: Sequence[Node]) -> tuple[float, float]:
    """The middle of the nodes' cards, in whole pixels."""
    boxes = [(node.x, node.y, *layout.card_size(node)) for node in nodes]
    left = min(x - width / 2 for x, _, width, _ in boxes)
    right = max(x + width / 2 for x, _, width, _ in boxes)
    top = min(y - height / 2 for _, y, _, height in boxes)
    bottom = max(y + height / 2 for _, y, _, height in boxes)
    return float(round((left + right) / 2)), float(round((top + bottom) / 2))


def can_ungroup(node: Node) -> bool:
    """Whether ``node`` is a block, so that its inside could stand in its place."""
    return isinstance(registry.lookup(node.kind), BlockKind)


def ungroup(network: Network, name: str) -> tuple[Network, tuple[str, ...]]:
    """Put a block's inside in its place, around its middle, and give the nodes' names."""
    block = next((node for node in network.nodes if node.name == name), None)
    if block is None:
        raise EditRefused(f"there is no node called {name!r}")
    part = _inside(network, block)
    ends = {node.name: node.kind for node in part.nodes if node.kind in ("entry", "exit")}
    inner = tuple(node for node in part.nodes if node.name not in ends)
    # What a user grouped was on the canvas once, with names and places; a repeat only counts.
    own = block.kind == GROUP.kind and all(not graph.name_problem(node.name) for node in inner)
    if not own:
        inner = _laid_out(part, inner, network.flow)
    if len(network.nodes) - 1 + len(inner) > graph.MAX_NODES:
        raise EditRefused(f"a network holds at most {graph.MAX_NODES:,} nodes")
    names = _names({n.name for n in network.nodes if n is not block}, inner, "" if own else name)
    feeder = next((e.source for e in network.edges if e.target == name), None)
    wires: list[Edge] = []
    for edge in part.edges:
        source = feeder if ends.get(edge.source) == "entry" else names[edge.source]
        if source is None:
            continue
        if edge.target in ends:
            wires += (Edge(source, e.target, e.port) for e in network.edges if e.source == name)
        else:
            wires.append(Edge(source, names[edge.target], edge.port))
    kept = [e for e in network.edges if name not in (e.source, e.target)]
    placed = tuple(
        replace(node, name=names[node.name], x=node.x + block.x, y=node.y + block.y)
        for node in inner
    )
    at = network.nodes.index(block)
    nodes = (*network.nodes[:at], *placed, *network.nodes[at + 1 :])
    apart = replace(network, nodes=nodes, edges=(*kept, *wires))
    for comment in part.comments:
        moved = replace(comment, x=comment.x + block.x, y=comment.y + block.y)
        apart, _ = comments.add(apart, moved)
    return apart, tuple(names[node.name] for node in inner)


def _inside(network: Network, block: Node) -> Network:
    """The block's inside; raises EditRefused where it has none, or none can be known."""
    if block.kind == AUXILIARY:
        raise EditRefused(f"{block.name} is an end of the network: apart it would lead nowhere")
    if not can_ungroup(block):
        raise EditRefused(f"{block.name} is a layer: only a block has an inside")
    shapes = analyze(network).nodes[block.name].inputs
    shape = next((shape for shape in shapes if shape is not None), None)
    if shape is None and block.kind != GROUP.kind:
        raise EditRefused(
            f"what {block.name} holds depends on what feeds it, which is not known: wire it first, "
            "and mend what is wrong before it"
        )
    try:
        part = inside(block, (shape or (),))
    except (Mismatch, SettingError) as error:
        text = str(error).replace("{0}", "what feeds it").removeprefix(f"{block.name}: ")
        raise EditRefused(f"{block.name} cannot be ungrouped: {text}") from None
    assert part is not None
    return part


def _laid_out(part: Network, inner: Sequence[Node], flow: Flow) -> tuple[Node, ...]:
    """The nodes in rows around (0, 0)."""
    names = {node.name for node in inner}
    wires = tuple(e for e in part.edges if e.source in names and e.target in names)
    if not inner:
        return ()
    tidy = layout.tidy(Network(tuple(inner), wires, flow=flow)).nodes
    x, y = _middle(tidy)
    # The trunk stays at 0, so that it stands in line with what the block stood in line with.
    if flow == "right":
        return tuple(replace(node, x=node.x - x) for node in tidy)
    return tuple(replace(node, y=node.y - y) for node in tidy)


def _names(taken: set[str], inner: Sequence[Node], prefix: str) -> dict[str, str]:
    """A free name for each node of an inside."""
    names: dict[str, str] = {}
    for node in inner:
        wish = f"{prefix}_{node.name}" if prefix else node.name
        if graph.name_problem(wish):
            wish = edits.first_name(node.kind, node.settings)
        names[node.name] = edits.free_among(taken, wish)
        taken.add(names[node.name])
    return names
