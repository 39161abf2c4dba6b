"""Shapes, counts, receptive fields and problems of a network, without torch.

``analyze`` never raises: whatever is wrong becomes a problem with a node, a sentence and, where
one is known, a fix. It takes milliseconds and is run on every edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from studio.project import graph, registry
from studio.project.kinds import MAX_LAYERS, BlockKind, Mismatch
from studio.project.layer_rows import LayerRow, layer_rows, node_rows
from studio.project.mending import mend
from studio.project.problems import (
    AddNode,
    Fix,
    Problem,
    RemoveEdge,
    RemoveNode,
)
from studio.project.settings import SettingError
from studio.project.tracing import Step, follow
from studio.project.values import Edge, Network, Node, Shape


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One node of the canvas. ``inputs`` has None where no shape arrives; ``share`` is its part
    of the network's multiply-adds in 0..1; ``receptive_field`` is (height, width) in pixels."""

    name: str
    inputs: tuple[Shape | None, ...]
    output: Shape | None
    parameters: int
    macs: int
    receptive_field: tuple[int, int] | None
    share: float
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Analysis:
    """What is known of a network. ``steps`` are those nodes whose shapes are known, in order."""

    nodes: Mapping[str, NodeReport]
    problems: tuple[Problem, ...]
    steps: tuple[Step, ...]
    parameters: int
    buffers: int
    macs: int
    depth: int
    input_shape: tuple[int, int, int] | None
    classes: int | None
    _cache: dict[str, object] = field(default_factory=dict, repr=False)

    @cached_property
    def layers(self) -> tuple[LayerRow, ...]:
        """Every layer in forward order, blocks expanded."""
        return layer_rows(self.steps)

    @cached_property
    def node_rows(self) -> tuple[LayerRow, ...]:
        """The same for each node of the canvas, blocks as a whole."""
        return node_rows(self.steps)

    @property
    def layer_count(self) -> int:
        """How many layers the expanded network has."""
        return sum(step.trace.layers for step in self.steps)


def with_findings(analysis: Analysis, findings: Sequence[Problem]) -> Analysis:
    """``analysis`` with problems found elsewhere (in the data) at the nodes that they name."""
    added: dict[str, tuple[Problem, ...]] = {}
    for each in findings:
        if each.node in analysis.nodes:
            added[each.node] = (*added.get(each.node, ()), each)
    if not added:
        return analysis
    nodes = dict(analysis.nodes)
    for name, own in added.items():
        nodes[name] = replace(nodes[name], problems=(*nodes[name].problems, *own))
    told = tuple(problem for own in added.values() for problem in own)
    return replace(analysis, nodes=nodes, problems=(*analysis.problems, *told))


def analyze(network: Network) -> Analysis:
    """Everything that can be known of ``network`` without running it."""
    if len(network.nodes) > graph.MAX_NODES:
        message = f"the network has {len(network.nodes):,} nodes; at most {graph.MAX_NODES:,} fit"
        return Analysis({}, (Problem("", "too-large", message),), (), 0, 0, 0, 0, None, None)
    return _Analyst(network).analysis()


def analyze_inside(network: Network, entry: Shape | None, classes: int | None) -> Analysis:
    """``analyze`` for the inside of a block, whose ``entry`` receives that shape (None: unknown).

    ``input_shape`` is None, and shares are parts of the block's own multiply-adds.
    """
    return _Inside(network, entry, classes).analysis()


MAX_DIFFERENT = 30_000
"""Of the layers of a whole network that differ from all before them: what a second allows."""

_MOST_DIFFERENT = (MAX_DIFFERENT, "different layers")


class _Analyst:
    """One pass over one network."""

    ends = (("input", "an input"), ("output", "an output"))
    strangers: tuple[str, ...] = ("entry", "exit")
    belongs = "belongs inside a block, not on the canvas"
    name_problem = staticmethod(graph.name_problem)

    def __init__(self, network: Network) -> None:
        self.network = network
        self.problems: list[Problem] = []
        self.steps: dict[str, Step] = {}
        self.nodes = {node.name: node for node in network.nodes}
        self.into = graph.incoming(network)
        self.classes = self._classes()

    def _classes(self) -> int | None:
        for node in self.network.nodes:
            if node.kind == "output":
                try:
                    return int(registry.values(node)["classes"])
                except SettingError:
                    return None
        return None

    def analysis(self) -> Analysis:
        self._check_names()
        self._check_ends()
        sequence, behind = graph.order(self.network)
        self._check_cycle(behind)
        total = different = 0
        seen: set[int] = set()
        for name in sequence:
            step = self._follow(self.nodes[name])
            if step is None:
                continue
            total += step.trace.layers
            if id(step.trace) not in seen:
                seen.add(id(step.trace))
                different += step.trace.different
            if total > MAX_LAYERS or different > MAX_DIFFERENT:
                most, word = (MAX_LAYERS, "layers") if total > MAX_LAYERS else _MOST_DIFFERENT
                self._note(name, "too-large", f"with it the network has more than {most:,} {word}")
                break
            self.steps[name] = step
        self._check_unused()
        return self._collect()

    def _note(self, node: str, code: str, message: str, fix: Fix | None = None) -> None:
        text = f"{node}: {message}" if node else message
        self.problems.append(Problem(node, code, text, fix))

    def _check_names(self) -> None:
        counts = Counter(node.name for node in self.network.nodes)
        for name, count in counts.items():
            if count > 1:
                self._note(name, "name", f"{count} nodes have this name; rename all but one")
            elif self.nodes[name].kind not in ("entry", "exit") and (
                reason := self.name_problem(name)
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
        for kind, word in self.ends:
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

    def _follow(self, node: Node) -> Step | None:
        """The node's step; None where a shape is missing, with a problem where it began here."""
        kind = registry.lookup(node.kind)
        if kind is None:
            fix = Fix("Remove it", RemoveNode(node.name))
            message = f"this version does not know the kind {node.kind[:40]!r}; it is kept as it is"
            self._note(node.name, "unknown-kind", message, fix)
            return None
        if node.kind in self.strangers:
            message = f"{kind.title.lower()} {self.belongs}"
            self._note(node.name, "misplaced", message, Fix("Remove it", RemoveNode(node.name)))
            return None
        if not self._check_arity(node, kind.min_inputs, kind.max_inputs):
            return None
        edges = self.into[node.name]
        if any(edge.source not in self.steps for edge in edges):
            self._check_settings(node)
            return None
        step = self._step(node, edges)
        if step is None:
            return None
        if step.trace.error is None:
            return step
        self._explain(node, step)
        return None

    def _step(self, node: Node, edges: list[Edge]) -> Step | None:
        return follow(node, edges, self.steps, self.classes or 2)

    def _check_arity(self, node: Node, least: int, most: int) -> bool:
        edges = [edge for edge in self.into[node.name] if edge.source in self.nodes]
        if len(edges) > most:
            wire = edges[-1]
            fix = Fix(f"Remove the wire from {wire.source}",
                      RemoveEdge(wire.source, wire.target, wire.port))  # fmt: skip
            takes = f"{most} input{'s' if most != 1 else ''}" if most else "no input"
            self._note(node.name, "arity", f"it takes {takes}, but {len(edges)} wires lead to it",
                       fix)  # fmt: skip
            return False
        if len(edges) < least:
            message = "nothing feeds it: draw a wire to it, or remove it"
            if edges:
                message = (
                    f"only {len(edges)} wire feeds it, and it needs {least}: draw another, or "
                    "remove it"
                )
            self._note(node.name, "dangling", message, Fix("Remove it", RemoveNode(node.name)))
            return False
        if len(edges) == 1 and edges[0].port == 0:
            return True  # nearly every node, kept quick
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
                return False
        return True

    def _check_settings(self, node: Node) -> None:
        try:
            registry.values(node)
        except SettingError as error:
            self._note(node.name, "setting", str(error).removeprefix(f"{node.name}: "))

    def _explain(self, node: Node, step: Step) -> None:
        error = step.trace.error
        if not isinstance(error, Mismatch):
            self._note(node.name, "setting", str(error))
            return
        message = error.message.format(*step.sources)
        fix = mend(node, step, error, self.nodes, self.steps, self.classes)
        self._note(node.name, "shape", message, fix)

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

    def _collect(self) -> Analysis:
        own: dict[str, list[Problem]] = {}
        for problem in self.problems:
            own.setdefault(problem.node, []).append(problem)
        macs = sum(step.trace.macs for step in self.steps.values())
        reports = {
            node.name: self._report(node, macs, tuple(own.get(node.name, ())))
            for node in self.network.nodes
        }
        first = next((n for n in self.network.nodes if n.kind == "input"), None)
        shape = self.steps[first.name].trace.output if first and first.name in self.steps else None
        last = next((n.name for n in self.network.nodes if n.kind == "output"), "")
        steps = tuple(self.steps.values())
        end = [self.steps[last]] if last in self.steps else steps
        depth = max((step.depth for step in end), default=0)
        return Analysis(
            reports,
            tuple(self.problems),
            steps,
            sum(step.trace.parameters for step in steps),
            sum(step.trace.buffers for step in steps),
            macs,
            depth,
            (shape[0], shape[1], shape[2]) if shape else None,
            self.classes,
        )

    def _report(self, node: Node, macs: int, problems: tuple[Problem, ...]) -> NodeReport:
        step = self.steps.get(node.name)
        if step is None:
            return NodeReport(node.name, self._known_inputs(node), None, 0, 0, None, 0.0, problems)
        trace = step.trace
        return NodeReport(
            node.name,
            step.inputs,
            trace.output,
            trace.parameters,
            trace.macs,
            step.span.pixels,
            trace.macs / macs if macs else 0.0,
            problems,
        )

    def _known_inputs(self, node: Node) -> tuple[Shape | None, ...]:
        sources = (self.steps.get(edge.source) for edge in self.into[node.name])
        return tuple(step.trace.output if step else None for step in sources)


def _no_problem(name: str) -> str:
    """The parts of a built-in block may only count ("0", "1"); a group's are checked by itself."""
    return ""


class _Inside(_Analyst):
    """One pass over the inside of a block: it begins at its entry and ends at its exit."""

    ends = (("entry", "an entry"), ("exit", "an exit"))
    strangers = ("input", "output")
    belongs = "belongs to a whole network, not inside a block"
    name_problem = staticmethod(_no_problem)

    def __init__(self, network: Network, entry: Shape | None, classes: int | None) -> None:
        super().__init__(network)
        self.entry = entry
        self.classes = classes

    def _step(self, node: Node, edges: list[Edge]) -> Step | None:
        if node.kind != "entry":
            return super()._step(node, edges)
        if self.entry is None:
            return None
        return follow(node, (), self.steps, self.classes or 2, entry=(self.entry,))


def inside(node: Node, inputs: tuple[Shape, ...]) -> Network | None:
    """A block's sub-network for its input shapes, with one ``entry`` and one ``exit``; None for a
    layer. Raises Mismatch and SettingError where the analysis has a problem."""
    kind = registry.lookup(node.kind)
    if not isinstance(kind, BlockKind):
        return None
    return kind.expand(registry.values(node), inputs[0])


def edge_into(network: Network, target: str, port: int) -> Edge | None:
    """The wire that feeds a port, or None."""
    for edge in network.edges:
        if edge.target == target and edge.port == port:
            return edge
    return None
