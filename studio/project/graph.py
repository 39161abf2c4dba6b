"""The network as a graph: order, reachability and names. Nothing here knows what a layer does."""

from __future__ import annotations

import keyword
import re
from collections import deque
from collections.abc import Iterable, Mapping

from studio.project.values import Edge, Network

MAX_NODES = 10_000
MAX_NAME = 60

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Names that torch.nn.Module uses itself; a test holds this list against torch.
RESERVED = frozenset({
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init",
    "children", "compile", "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr",
    "float", "forward", "get_buffer", "get_extra_state", "get_parameter", "get_submodule",
    "half", "ipu", "load_state_dict", "modules", "mtia", "named_buffers", "named_children",
    "named_modules", "named_parameters", "parameters", "register_backward_hook",
    "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook",
    "register_load_state_dict_post_hook", "register_load_state_dict_pre_hook",
    "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "set_extra_state", "set_submodule",
    "share_memory", "state_dict", "to", "to_empty", "train", "training", "type", "xpu",
    "zero_grad", "self",
})  # fmt: skip


def name_problem(name: str) -> str:
    """Why ``name`` cannot be a node's name, as the end of a sentence; empty where it can."""
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME:
        return f"it is longer than {MAX_NAME} characters"
    if not _NAME.match(name):
        return "it may hold only letters, digits and underscores, and may not start with a digit"
    if keyword.iskeyword(name) or name in RESERVED or name.startswith("__"):
        return "Python or torch already uses that word"
    return ""


def incoming(network: Network) -> dict[str, list[Edge]]:
    """The edges into each node, by port; every node has an entry.

    Edges that begin or end nowhere, as a damaged file may hold them, are passed over here and in
    ``outgoing``; the analysis names them.
    """
    result: dict[str, list[Edge]] = {node.name: [] for node in network.nodes}
    for edge in network.edges:
        if edge.target in result and edge.source in result:
            result[edge.target].append(edge)
    for edges in result.values():
        if len(edges) > 1:
            edges.sort(key=lambda edge: edge.port)
    return result


def outgoing(network: Network) -> dict[str, list[Edge]]:
    """The edges out of each node; every node has an entry."""
    result: dict[str, list[Edge]] = {node.name: [] for node in network.nodes}
    for edge in network.edges:
        if edge.source in result and edge.target in result:
            result[edge.source].append(edge)
    return result


def order(network: Network) -> tuple[list[str], list[str]]:
    """The nodes' names so that sources come first, and those that lie on or behind a cycle."""
    successors = outgoing(network)
    waiting = {node.name: 0 for node in network.nodes}
    for edge in network.edges:
        if edge.target in waiting and edge.source in successors:
            waiting[edge.target] += 1
    # By name and not by node: a damaged file may hold a name twice, which must come once here.
    ready = deque(name for name, count in waiting.items() if not count)
    done: list[str] = []
    while ready:
        name = ready.popleft()
        done.append(name)
        for edge in successors[name]:
            waiting[edge.target] -= 1
            if not waiting[edge.target]:
                ready.append(edge.target)
    seen = set(done)
    return done, [name for name in waiting if name not in seen]


def on_cycle(network: Network, names: Iterable[str]) -> list[str]:
    """Those of ``names`` from which a path leads back to themselves, in the network's order.

    ``names`` are all that ``order`` finds on or behind a cycle.
    """
    left = set(names)
    successors = outgoing(network)
    into = incoming(network)
    # What leads nowhere inside the set only lies behind a cycle; taken away, it may lay bare more.
    ways = {name: sum(edge.target in left for edge in successors[name]) for name in left}
    ends = [name for name, count in ways.items() if not count]
    while ends:
        name = ends.pop()
        left.discard(name)
        for edge in into[name]:
            if edge.source in left:
                ways[edge.source] -= 1
                if not ways[edge.source]:
                    ends.append(edge.source)
    return [node.name for node in network.nodes if node.name in left]


def reaches(network: Network, start: str, goal: str) -> bool:
    """Whether a path leads from ``start`` to ``goal``."""
    successors = outgoing(network)
    waiting, seen = [start], {start}
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        for edge in successors.get(name, ()):
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return False


def leading_to(network: Network, names: Iterable[str]) -> set[str]:
    """Those of the nodes, with ``names`` themselves, from which a path leads to one of them."""
    return _spread({n: [e.source for e in into] for n, into in incoming(network).items()}, names)


def behind(network: Network, names: Iterable[str]) -> set[str]:
    """Those of the nodes, with ``names`` themselves, to which a path leads from one of them."""
    return _spread({n: [e.target for e in out] for n, out in outgoing(network).items()}, names)


def _spread(ways: Mapping[str, list[str]], names: Iterable[str]) -> set[str]:
    found = {name for name in names if name in ways}
    waiting = list(found)
    while waiting:
        for name in ways[waiting.pop()]:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return found
