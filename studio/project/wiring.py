"""What names, kinds and wires alone decide of a network, whatever its settings and shapes.

Most edits leave all of this as it was, so the analysis keeps it from one to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from studio.project import graph, registry
from studio.project.problems import AddNode, Fix, Problem, RemoveEdge, RemoveNode
from studio.project.values import Edge, Network, Node


@dataclass(frozen=True, slots=True)
class Place:
    """What a network needs and what does not belong in it, by where it is."""

    ends: tuple[tuple[str, str], ...]
    strangers: tuple[str, ...]
    belongs: str
    checks_names: bool


ON_CANVAS = Place(
    (("input", "an input"), ("output", "an output")),
    ("entry", "exit"),
    "belongs inside a block, not on the canvas",
    checks_names=True,
)
# The parts of a built-in block may only count ("0", "1"); a group's are checked by itself.
IN_BLOCK = Place(
    (("entry", "an entry"), ("exit", "an exit")),
    ("input", "output"),
    "belongs to a whole network, not inside a block",
    checks_names=False,
)


@dataclass(frozen=True, slots=True)
class Wiring:
    """The order of the nodes, and the problems that no shape can change.

    ``opening`` and ``closing`` are the problems told before and after those of the single nodes;
    ``spoiled`` has one of each node of which nothing more can be known. ``into`` and ``sequence``
    are as ``graph`` gives them.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    edges: tuple[Edge, ...]
    into: Mapping[str, list[Edge]]
    sequence: list[str]
    opening: tuple[Problem, ...]
    spoiled: Mapping[str, Problem]
    closing: tuple[Problem, ...]

    def fits(self, network: Network) -> bool:
        """Whether this is what ``network`` would be found to have."""
        return (
            self.edges == network.edges
            and self.names == tuple([node.name for node in network.nodes])
            and self.kinds == tuple([node.kind for node in network.nodes])
        )


def survey(network: Network, place: Place) -> Wiring:
    """The wiring of ``network``, which is in ``place``; takes a millisecond for 1,000 nodes."""
    return _Surveyor(network, place).wiring()


def problem_of(node: str, code: str, message: str, fix: Fix | None = None) -> Problem:
    """A problem of the node, named in front of the message; of the network for an empty name."""
    return Problem(node, code, f"{node}: {message}" if node else message, fix)


class _Surveyor:
    """One pass over one network."""

    def __init__(self, network: Network, place: Place) -> None:
        self.network = network
        self.place = place
        self.nodes = {node.name: node for node in network.nodes}
        self.into = graph.incoming(network)
        self.problems: list[Problem] = []

    def wiring(self) -> Wiring:
        self._check_names()
        self._check_ends()
        sequence, behind = graph.order(self.network)
        self._check_cycle(behind)
        opening = self._told()
        for name in sequence:
            self._check_node(self.nodes[name])
        spoiled = {problem.node: problem for problem in self._told()}
        self._check_unused()
        return Wiring(
            tuple([node.name for node in self.network.nodes]),
            tuple([node.kind for node in self.network.nodes]),
            self.network.edges,
            self.into,
            sequence,
            opening,
            spoiled,
            self._told(),
        )

    def _told(self) -> tuple[Problem, ...]:
        """The problems found since this was asked last."""
        found, self.problems = tuple(self.problems), []
        return found

    def _note(self, node: str, code: str, message: str, fix: Fix | None = None) -> None:
        self.problems.append(problem_of(node, code, message, fix))

    def _check_names(self) -> None:
        counts = Counter(node.name for node in self.network.nodes)
        for name, count in counts.items():
            if count > 1:
                self._note(name, "name", f"{count} nodes have this name; rename all but one")
            elif (
                self.place.checks_names
                and self.nodes[name].kind not in ("entry", "exit")
                and (reason := graph.name_problem(name))
            ):
                self._note(name, "name", f"this cannot be a name: {reason}")
        for edge in self.network.edges:
            for end in (edge.source, edge.target):
                if end not in counts:
                    fix = Fix("Remove the wire", RemoveEdge(edge.source, edge.target, edge.port))
                    self._note("", "edge", f"a wire leads to {end!r}, which does not exist", fix)
        ports = Counter((edge.target, edge.port) for edge in self.network.edges)
        for (target, port), count in ports.items():
            if count > 1:
                self._note(target, "edge", f"{count} wires lead to its input {port + 1}; one fits")

    def _check_ends(self) -> None:
        for kind, word in self.place.ends:
            found = [node.name for node in self.network.nodes if node.kind == kind]
            if not found:
                fix = Fix(f"Add {word}", AddNode(kind))
                self._note("", f"no-{kind}", f"the network has no {kind}: add {word} node", fix)
            for name in found[1:]:
                fix = Fix("Remove it", RemoveNode(name))
                self._note(name, f"two-{kind}s", f"there is already {found[0]}; one {kind} fits",
                           fix)  # fmt: skip

    def _check_cycle(self, behind: list[str]) -> None:
        if not behind:
            return
        members = graph.on_cycle(self.network, behind)
        inside = set(members)
        back = [e for e in self.network.edges if e.source in inside and e.target in inside]
        shown = ", ".join(members[:5]) + (" and more" if len(members) > 5 else "")
        edge = back[-1]
        fix = Fix(
            f"Remove the wire from {edge.source} to {edge.target}",
            RemoveEdge(edge.source, edge.target, edge.port),
        )
        self._note(members[0], "cycle", f"a circle leads through {shown}: remove one wire of it",
                   fix)  # fmt: skip

    def _check_node(self, node: Node) -> None:
        """What spoils a node whatever shape arrives."""
        kind = registry.lookup(node.kind)
        if kind is None:
            message = f"this version does not know the kind {node.kind[:40]!r}; it is kept as it is"
            self._note(node.name, "unknown-kind", message, Fix("Remove it", RemoveNode(node.name)))
        elif node.kind in self.place.strangers:
            message = f"{kind.title.lower()} {self.place.belongs}"
            self._note(node.name, "misplaced", message, Fix("Remove it", RemoveNode(node.name)))
        else:
            self._check_arity(node, kind.min_inputs, kind.max_inputs)

    def _check_arity(self, node: Node, least: int, most: int) -> None:
        edges = [edge for edge in self.into[node.name] if edge.source in self.nodes]
        if len(edges) > most:
            wire = edges[-1]
            fix = Fix(f"Remove the wire from {wire.source}",
                      RemoveEdge(wire.source, wire.target, wire.port))  # fmt: skip
            takes = f"{most} input{'s' if most != 1 else ''}" if most else "no input"
            self._note(node.name, "arity", f"it takes {takes}, but {len(edges)} wires lead to it",
                       fix)  # fmt: skip
            return
        if len(edges) < least:
            message = "nothing feeds it: draw a wire to it, or remove it"
            if edges:
                message = (
                    f"only {len(edges)} wire feeds it, and it needs {least}: draw another, or "
                    "remove it"
                )
            self._note(node.name, "dangling", message, Fix("Remove it", RemoveNode(node.name)))
            return
        if len(edges) == 1 and edges[0].port == 0:
            return  # nearly every node, kept quick
        ports = {edge.port for edge in edges}
        for edge in edges:
            if not 0 <= edge.port < len(edges) and len(ports) == len(edges):
                fix = Fix(f"Remove the wire from {edge.source}",
                          RemoveEdge(edge.source, edge.target, edge.port))  # fmt: skip
                self._note(
                    node.name,
                    "arity",
                    f"the wire from {edge.source} leads to its input "
                    f"number {edge.port + 1:,}, but they count from 1 without a gap",
                    fix,
                )
                return

    def _check_unused(self) -> None:
        used = {edge.source for edge in self.network.edges if edge.target in self.nodes}
        for node in self.network.nodes:
            kind = registry.lookup(node.kind)
            if node.name in used or kind is None or kind.ends:
                continue
            if not self.into[node.name] and node.kind not in ("input", "entry"):
                continue  # It is already said that nothing feeds it.
            self._note(node.name, "unused", "its output goes nowhere: draw a wire from it, or "
                       "remove it", Fix("Remove it", RemoveNode(node.name)))  # fmt: skip
