"""The inside of a block as a network of its own: seen, and for a user's block edited, in its place.

A *level* is named by the path of blocks that lead to it, outermost first; the empty path is the
network itself. An edit of a level is an edit of the network: the block's inside is replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from studio.project import graph, grouping, layout, registry
from studio.project.analysis import Analysis, analyze, analyze_inside, inside
from studio.project.blocks.auxiliary import KIND as AUXILIARY
from studio.project.blocks.group import GROUP, check_extent, plain
from studio.project.edits import EditRefused, free_among
from studio.project.kinds import BlockKind, Mismatch
from studio.project.settings import SettingError
from studio.project.values import Edge, Flow, Network, Node, Shape

Path = tuple[str, ...]


@dataclass(frozen=True)
class Level:
    """What lies at a path: ``titles`` are those of the blocks on the way. ``editable`` says
    whether all of them are the user's own."""

    path: Path
    titles: tuple[str, ...]
    network: Network
    analysis: Analysis
    editable: bool


def top(network: Network, analysis: Analysis | None = None) -> Level:
    """The network itself, with its analysis where that is known."""
    return Level((), (), network, analysis or analyze(network), editable=True)


def into(level: Level, name: str) -> Level:
    """The inside of a level's block; raises EditRefused where it has none, or none can be known."""
    block = next((node for node in level.network.nodes if node.name == name), None)
    if block is None:
        raise EditRefused(f"there is no node called {name!r}")
    kind = registry.lookup(block.kind)
    if not isinstance(kind, BlockKind):
        raise EditRefused(f"{name} is a layer: only a block has an inside to open")
    shape = next((s for s in level.analysis.nodes[name].inputs if s is not None), None)
    own = block.kind == GROUP.kind
    network = read(block) if own else _expanded(block, shape, level.network.flow)
    return Level(
        (*level.path, name),
        (*level.titles, kind.title_of(block.settings)),
        network,
        analyze_inside(network, shape, level.analysis.classes),
        editable=level.editable and own,
    )


def at(network: Network, path: Path, analysis: Analysis | None = None) -> Level:
    """What lies at ``path``, or as far along it as it still leads somewhere."""
    level = top(network, analysis)
    for name in path:
        try:
            level = into(level, name)
        except EditRefused:
            break
    return level


def edit(network: Network, path: Path, change: Callable[[Network], Network]) -> Network:
    """``change`` made to the inside at ``path``; raises EditRefused where that is no user's block.

    What is made need not be sound: a node that nothing feeds yet is a problem, and no refusal.
    """
    if not path:
        return change(network)
    block = network.node(path[0])
    if block.kind != GROUP.kind:
        raise EditRefused(
            f"{block.name} is a built-in block, whose inside cannot be changed: make it a block of "
            "your own first"
        )
    before = read(block)
    after = edit(before, path[1:], change)
    if after is before:
        return network
    content = plain(after)
    try:
        check_extent(content)
    except SettingError as error:
        raise EditRefused(f"{block.name}: {error}") from None
    changed = replace(block, settings={**block.settings, "inside": content})
    nodes = tuple(changed if node is block else node for node in network.nodes)
    return replace(network, nodes=nodes)


def read(block: Node) -> Network:
    """The inside of a user's block as it is, sound or not; raises EditRefused where it is none."""
    content: Any = block.settings.get("inside", GROUP.settings[-1].initial)
    try:
        check_extent(content)
        network = msgspec.convert(content, Network)
    except (SettingError, msgspec.ValidationError, AttributeError) as error:
        raise EditRefused(f"{block.name} cannot be opened: {error}") from None
    return _with_ends(network)


def adopt(level: Level, name: str) -> Network:
    """Make a level's built-in block one of the user's own, of the same name and the same inside.

    Gives the level's network. The layers keep their names, and so the parameters, unless they only
    count ("0", "1").
    """
    network = level.network
    block = network.node(name)
    kind = registry.lookup(block.kind)
    if not isinstance(kind, BlockKind) or block.kind in (GROUP.kind, AUXILIARY):
        raise EditRefused(f"{name} is no built-in block that could become your own")
    inner = into(level, name).network
    names: dict[str, str] = {}
    for node in inner.nodes:
        wish = node.name
        if node.kind not in ("entry", "exit") and graph.name_problem(wish):
            wish = f"block{wish}" if not graph.name_problem(f"block{wish}") else node.kind
        names[node.name] = free_among(set(names.values()), wish)
    renamed = replace(
        inner,
        nodes=tuple(replace(node, name=names[node.name]) for node in inner.nodes),
        edges=tuple(Edge(names[e.source], names[e.target], e.port) for e in inner.edges),
    )
    title = kind.title_of(block.settings)
    settings = grouping.checked({"title": title, "inside": plain(renamed)})
    own = replace(block, kind=GROUP.kind, settings=settings)
    return replace(network, nodes=tuple(own if n is block else n for n in network.nodes))


def _expanded(block: Node, shape: Shape | None, flow: Flow) -> Network:
    """A built-in block's inside, laid out."""
    if shape is None:
        raise EditRefused(
            f"what {block.name} holds depends on what feeds it, which is not known: wire it first, "
            "and mend what is wrong before it"
        )
    try:
        part = inside(block, (shape,))
    except (Mismatch, SettingError) as error:
        text = str(error).replace("{0}", "what feeds it").removeprefix(f"{block.name}: ")
        raise EditRefused(f"{block.name} cannot be opened: {text}") from None
    assert part is not None
    return layout.tidy(replace(part, flow=flow))


def _with_ends(network: Network) -> Network:
    """Places for entry and exit, which had none when the block was made of a selection."""
    ends = [node for node in network.nodes if node.kind in ("entry", "exit")]
    others = [node for node in network.nodes if node.kind not in ("entry", "exit")]
    if not others or any(node.x or node.y for node in ends):
        return network
    boxes = [(node, layout.card_size(node)) for node in others]
    down = network.flow == "down"
    place = {
        "entry": min((n.y - h / 2 if down else n.x - w / 2) for n, (w, h) in boxes),
        "exit": max((n.y + h / 2 if down else n.x + w / 2) for n, (w, h) in boxes),
    }
    placed = {}
    for end in ends:
        size = layout.turned_size(end, network.flow)[1]
        away = layout.GAP_ALONG[network.flow] + size / 2
        along = place[end.kind] + (-away if end.kind == "entry" else away)
        near = _neighbor(network, end)
        across = 0.0 if near is None else (near.x if down else near.y)
        placed[end.name] = (across, along) if down else (along, across)
    nodes = tuple(
        replace(n, x=placed[n.name][0], y=placed[n.name][1]) if n.name in placed else n
        for n in network.nodes
    )
    return replace(network, nodes=nodes)


def _neighbor(network: Network, end: Node) -> Node | None:
    """The node that an end is wired to."""
    for edge in network.edges:
        if end.name in (edge.source, edge.target):
            other = edge.target if edge.source == end.name else edge.source
            return next((node for node in network.nodes if node.name == other), None)
    return None
