"""Shapes, counts, receptive fields and problems of a network, without torch.

``analyze`` never raises: whatever is wrong becomes a problem with a node, a sentence and, where
one is known, a fix. It takes milliseconds and is run on every edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import msgspec

from studio.project import graph, registry
from studio.project.kinds import MAX_LAYERS, BlockKind, Mismatch
from studio.project.layer_rows import LayerRow, layer_rows, node_rows
from studio.project.mending import mend
from studio.project.problems import Fix, Problem
from studio.project.settings import SettingError
from studio.project.tracing import Step, follow
from studio.project.values import Edge, Network, Node, Shape
from studio.project.wiring import IN_BLOCK, ON_CANVAS, Wiring, problem_of, survey


class NodeReport(msgspec.Struct, frozen=True):
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


@dataclass(frozen=True, slots=True)
class Past:
    """What an analysis leaves to the one after the next edit."""

    wiring: Wiring
    nodes: Mapping[str, Node]
    steps: Mapping[str, Step]
    classes: int | None


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
    past: Past | None = field(default=None, repr=False, compare=False)

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
        nodes[name] = msgspec.structs.replace(nodes[name], problems=(*nodes[name].problems, *own))
    told = tuple(problem for own in added.values() for problem in own)
    return replace(analysis, nodes=nodes, problems=(*analysis.problems, *told))


def analyze(network: Network, before: Analysis | None = None) -> Analysis:
    """Everything that can be known of ``network`` without running it.

    ``before``, what was known before an edit, changes nothing of that and saves time.
    """
    if len(network.nodes) > graph.MAX_NODES:
        message = f"the network has {len(network.nodes):,} nodes; at most {graph.MAX_NODES:,} fit"
        return Analysis({}, (Problem("", "too-large", message),), (), 0, 0, 0, 0, None, None)
    return _Analyst(network, before.past if before is not None else None).analysis()


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

    place = ON_CANVAS

    def __init__(self, network: Network, past: Past | None = None) -> None:
        self.network = network
        self.problems: list[Problem] = []
        self.steps: dict[str, Step] = {}
        self.nodes = {node.name: node for node in network.nodes}
        self.classes = self._classes()
        self.past: Past | None = None
        if past is not None and past.wiring.fits(network):
            self.wiring = past.wiring
            # A step depends on its node, on the steps before it and on the classes.
            self.past = past if past.classes == self.classes else None
        else:
            self.wiring = survey(network, self.place)
        self.into = self.wiring.into

    def _classes(self) -> int | None:
        for node in self.network.nodes:
            if node.kind == "output":
                try:
                    return int(registry.values(node)["classes"])
                except SettingError:
                    return None
        return None

    def analysis(self) -> Analysis:
        self.problems += self.wiring.opening
        total = different = 0
        seen: set[int] = set()
        for name in self.wiring.sequence:
            step = self._known(name) or self._follow(self.nodes[name])
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
        self.problems += self.wiring.closing
        return self._collect()

    def _note(self, node: str, code: str, message: str, fix: Fix | None = None) -> None:
        self.problems.append(problem_of(node, code, message, fix))

    def _known(self, name: str) -> Step | None:
        """The step that was found before the edit, where nothing that it depends on changed."""
        if self.past is None or self.past.nodes[name] is not self.nodes[name]:
            return None
        before = self.past.steps
        for edge in self.into[name]:
            step = self.steps.get(edge.source)
            if step is None or step is not before.get(edge.source):
                return None
        return before.get(name)

    def _follow(self, node: Node) -> Step | None:
        """The node's step; None where a shape is missing, with a problem where it began here."""
        spoiled = self.wiring.spoiled.get(node.name)
        if spoiled is not None:
            self.problems.append(spoiled)
            return None
        edges = self.into[node.name]
        for edge in edges:
            if edge.source not in self.steps:
                self._check_settings(node)
                return None
        step = self._step(node, edges)
        if step is None or step.trace.error is None:
            return step
        self._explain(node, step)
        return None

    def _step(self, node: Node, edges: list[Edge]) -> Step | None:
        return follow(node, edges, self.steps, self.classes or 2)

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
            Past(self.wiring, self.nodes, self.steps, self.classes),
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


class _Inside(_Analyst):
    """One pass over the inside of a block: it begins at its entry and ends at its exit."""

    place = IN_BLOCK

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
