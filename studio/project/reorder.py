"""Edits of an order: of the inputs of a merge, and of the nodes in a chain."""

from __future__ import annotations

from msgspec.structs import replace

from studio.project import graph, layout, registry
from studio.project.edits import EditRefused
from studio.project.values import Edge, Network, Node


def swap_inputs(network: Network, edge: Edge, by: int) -> tuple[Network, Edge]:
    """Let a wire change places with the one ``by`` inputs further; the wire as it is then.

    What concatenate gives depends on the order.
    """
    if edge not in network.edges:
        raise EditRefused(f"there is no wire from {edge.source} to {edge.target}")
    port = edge.port + by
    other = next((e for e in network.edges if e.target == edge.target and e.port == port), None)
    if other is None:
        end = "first" if by < 0 else "last"
        raise EditRefused(f"{edge.source} is the {end} input of {edge.target} already")
    moved = Edge(edge.source, edge.target, port)
    back = Edge(other.source, other.target, edge.port)
    changed = {edge: moved, other: back}
    return replace(network, edges=tuple(changed.get(e, e) for e in network.edges)), moved


def earlier(network: Network, name: str) -> Network:
    """Put a node of a chain before the one that feeds it; the two change their places."""
    node = _find(network, name)
    inward = graph.incoming(network)
    if len(inward[name]) != 1:
        what = "nothing feeds it" if not inward[name] else "several wires lead to it"
        raise EditRefused(f"{name} cannot go before what feeds it: {what}")
    between = inward[name][0]
    before = _find(network, between.source)
    _check_pair(network, node, before)
    feed = next(iter(inward[before.name]), None)
    edges = []
    for edge in network.edges:
        if edge == feed:
            edge = Edge(feed.source, name, between.port)
        elif edge == between:
            edge = Edge(name, before.name, feed.port if feed is not None else 0)
        elif edge.source == name:
            edge = Edge(before.name, edge.target, edge.port)
        edges.append(edge)
    places = _exchanged(network, before, node)
    nodes = tuple(places.get(n.name, n) for n in network.nodes)
    return replace(network, nodes=nodes, edges=tuple(edges))


def later(network: Network, name: str) -> Network:
    """Put a node of a chain behind the one that it feeds; the two change their places."""
    _find(network, name)
    outward = graph.outgoing(network)[name]
    if len(outward) != 1:
        what = "it feeds nothing" if not outward else "it feeds several nodes"
        raise EditRefused(f"{name} cannot go behind what it feeds: {what}")
    return earlier(network, outward[0].target)


def _find(network: Network, name: str) -> Node:
    try:
        return network.node(name)
    except KeyError:
        raise EditRefused(f"there is no node called {name!r}") from None


def _check_pair(network: Network, node: Node, before: Node) -> None:
    """Whether the two stand in a chain that both can stand in the other way round."""
    kind, first = registry.lookup(node.kind), registry.lookup(before.kind)
    if kind is not None and kind.ends:
        raise EditRefused(f"{node.name} is an end of the network; nothing can come behind it")
    if first is not None and not first.max_inputs:
        raise EditRefused(f"{before.name} is the beginning of the network; it stays before all")
    if len(graph.incoming(network)[before.name]) > 1:
        raise EditRefused(f"several wires meet in {before.name}: {node.name} cannot go before it")
    if len(graph.outgoing(network)[before.name]) > 1:
        raise EditRefused(
            f"{before.name} feeds others too, which would get what {node.name} gives: cut these "
            "wires first"
        )


def _exchanged(network: Network, first: Node, second: Node) -> dict[str, Node]:
    """The two with their places exchanged, so that together they take the room they had."""
    down = network.flow == "down"
    sizes = [layout.turned_size(node, network.flow)[1] for node in (first, second)]
    start = (first.y if down else first.x) - sizes[0] / 2 + sizes[1] / 2
    end = (second.y if down else second.x) + sizes[1] / 2 - sizes[0] / 2
    if down:
        moved = replace(second, x=first.x, y=start), replace(first, x=second.x, y=end)
    else:
        moved = replace(second, x=start, y=first.y), replace(first, x=end, y=second.y)
    return {node.name: node for node in moved}
