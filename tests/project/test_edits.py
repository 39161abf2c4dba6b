"""Edits: what they do, what they refuse, and that no sequence of them breaks a network."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from studio.project import codec, edits, graph
from studio.project.analysis import analyze
from studio.project.assign import set_value
from studio.project.edits import EditRefused
from studio.project.layout import card_size, tidy
from studio.project.registry import kinds, palette
from studio.project.templates import TEMPLATES, build
from studio.project.values import Edge, Network, Node, Project
from tests.project.networks import chain

SMALL = chain(("a", "convolution", {}), ("b", "convolution", {}), ("pool", "global_pooling", {}),
              ("head", "linear", {}))  # fmt: skip


def test_inserting_on_a_wire_rewires_both_sides() -> None:
    network, name = edits.add_node(SMALL, "residual", {}, 5, 6)
    network = edits.insert_on_edge(network, Edge("a", "b"), name)
    assert Edge("a", name) in network.edges
    assert Edge(name, "b") in network.edges
    assert Edge("a", "b") not in network.edges
    assert analyze(network).problems == ()


def test_removing_heals_the_chain() -> None:
    network = edits.remove_nodes(SMALL, ["a", "b"])
    assert Edge("input", "pool") in network.edges
    assert analyze(network).problems == ()


def test_removing_one_side_of_a_sum_closes_its_ports() -> None:
    network, name = edits.add_node(SMALL, "add", {}, 0, 0)
    for source in ("a", "b", "input"):
        network = edits.connect(network, source, name)
    network = edits.disconnect(network, Edge("a", name, 0))
    assert sorted(e.port for e in network.edges if e.target == name) == [0, 1]
    assert [e.source for e in graph.incoming(network)[name]] == ["b", "input"]


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [("a", "a", "cannot feed itself"), ("b", "a", "circle"), ("a", "input", "beginning"),
     ("output", "a", "end of the network"), ("a", "b", "already feeds"), ("a", "x", "no node")],
)  # fmt: skip
def test_a_wrong_wire_is_refused_in_words(source: str, target: str, words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        edits.connect(SMALL, source, target)


def test_a_wire_to_a_taken_input_replaces_the_one_there() -> None:
    network = edits.connect(SMALL, "input", "b")
    assert [e.source for e in graph.incoming(network)["b"]] == ["input"]


def test_a_second_input_and_a_second_output_are_refused() -> None:
    for kind in ("input", "output"):
        with pytest.raises(EditRefused, match="one fits"):
            edits.add_node(SMALL, kind, {}, 0, 0)


def test_a_default_is_stored_by_leaving_it_out() -> None:
    changed = edits.set_setting(SMALL, "a", "channels", 32)
    assert changed.node("a").settings == {"channels": 32}
    assert edits.set_setting(changed, "a", "channels", 64) == SMALL


@pytest.mark.parametrize("name", ["", "2nd", "for", "forward", "train", "a b", "ä", "x" * 61, "b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(EditRefused):
        edits.rename(SMALL, "a", name)


def test_reserved_names_are_those_of_torchs_module() -> None:
    import torch

    known = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert known <= graph.RESERVED


def test_renaming_takes_the_wires_along() -> None:
    network = edits.rename(SMALL, "a", "stem")
    assert {Edge("input", "stem"), Edge("stem", "b")} <= set(network.edges)
    assert analyze(network).problems == ()


def test_pasting_finds_free_names_and_keeps_the_inner_wires() -> None:
    network, names = edits.paste(SMALL, edits.part(SMALL, ["input", "a", "b"]), 10, 20)
    assert names == ("a2", "b2")
    assert Edge("a2", "b2") in network.edges


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [("epochs", "0", "between 1"), ("epochs", "many", "whole number"), ("speed", "1", "known are"),
     ("optimizer", "lion", "sgd, momentum"), ("optimizer.beta1", "0.9", "no setting"),
     ("head.features", "-3", "between"), ("nobody.channels", "3", "no node"),
     ("a.colour", "red", "no setting"), ("learning_rate", "nan", "at most"),
     ("normalization", "loud", "one of"), ("schedule.k", "1", "no setting")],
)  # fmt: skip
def test_set_refuses_in_words(key: str, text: str, words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        set_value(Project(network=SMALL), key, text)


def test_set_reaches_recipe_data_optimizer_and_nodes() -> None:
    project = Project(network=SMALL)
    for key, text in (("learning_rate", "0.1"), ("optimizer", "adam"), ("optimizer.beta1", "0.8"),
                      ("schedule", "step"), ("schedule.every", "3"), ("normalization", "unit"),
                      ("data", "/tmp/images"), ("head.features", "classes"),
                      ("a.channels", "32")):  # fmt: skip
        project = set_value(project, key, text)
    assert project.recipe.learning_rate == 0.1
    assert project.recipe.optimizer.settings == {"beta1": 0.8}
    assert project.recipe.schedule.settings == {"every": 3}
    assert project.data.normalization == "unit"
    assert project.data.source == "/tmp/images"
    assert project.network.node("a").settings == {"channels": 32}


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_no_two_cards_of_a_tidy_template_overlap(name: str) -> None:
    nodes = build(name).network.nodes
    boxes = [(n.x, n.y, *card_size(n)) for n in nodes]
    for i, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[:i]:
            assert abs(x - x2) * 2 >= w + w2 or abs(y - y2) * 2 >= h + h2


KINDS = [(entry.kind, entry.settings) for section in palette() for entry in section.entries]


class AnyEdits(RuleBasedStateMachine):
    """Random edits: names stay unique, ports single, and nothing raises but refusals."""

    def __init__(self) -> None:
        super().__init__()
        self.network = build("quickstart").network

    def pick(self, number: int) -> str:
        return self.network.nodes[number % len(self.network.nodes)].name

    def attempt(self, edit: object, *arguments: object) -> None:
        try:
            result = edit(self.network, *arguments)  # type: ignore[operator]
        except EditRefused as refusal:
            assert str(refusal)
        else:
            self.network = result[0] if isinstance(result, tuple) else result

    @rule(kind=st.sampled_from(KINDS))
    def add(self, kind: tuple[str, dict[str, object]]) -> None:
        self.attempt(edits.add_node, *kind, 0.0, 0.0)

    @rule(a=st.integers(0, 99), b=st.integers(0, 99), port=st.sampled_from([None, 0, 1, 2, 50]))
    def wire(self, a: int, b: int, port: int | None) -> None:
        if self.network.nodes:
            self.attempt(edits.connect, self.pick(a), self.pick(b), port)

    @rule(a=st.integers(0, 99), heal=st.booleans())
    def remove(self, a: int, heal: bool) -> None:
        if self.network.nodes:
            self.attempt(edits.remove_nodes, [self.pick(a), self.pick(2 * a)], heal)

    @rule(a=st.integers(0, 99), b=st.integers(0, 99))
    def insert(self, a: int, b: int) -> None:
        if self.network.edges:
            edge = self.network.edges[a % len(self.network.edges)]
            self.attempt(edits.insert_on_edge, edge, self.pick(b))

    @rule(a=st.integers(0, 99))
    def cut(self, a: int) -> None:
        if self.network.edges:
            self.attempt(edits.disconnect, self.network.edges[a % len(self.network.edges)])

    @rule(a=st.integers(0, 99), value=st.integers(-2, 300))
    def channels(self, a: int, value: int) -> None:
        if self.network.nodes:
            self.attempt(edits.set_setting, self.pick(a), "channels", value)

    @rule()
    def mend(self) -> None:
        for problem in analyze(self.network).problems:
            if problem.fix:
                self.attempt(edits.apply_fix, problem.fix)
                break

    @rule(a=st.integers(0, 99))
    def double(self, a: int) -> None:
        if self.network.nodes and len(self.network.nodes) < 40:
            part = edits.part(self.network, [self.pick(a), self.pick(a + 1)])
            self.attempt(edits.paste, part, 1.0, 1.0)

    @invariant()
    def whole(self) -> None:
        names = [node.name for node in self.network.nodes]
        assert len(set(names)) == len(names)
        for edges in graph.incoming(self.network).values():
            assert len({edge.port for edge in edges}) == len(edges)
        assert not graph.order(self.network)[1]
        analyze(self.network)
        assert set(tidy(self.network).edges) == set(self.network.edges)
        project = Project(network=self.network)
        assert codec.loads(codec.dumps(project)) == project


TestAnyEdits = AnyEdits.TestCase
TestAnyEdits.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


@given(st.data())
def test_any_tangle_of_any_kinds_is_analyzed(data: st.DataObject) -> None:
    """As a hand-edited file may hold it: entries on the canvas, wires anywhere, unknown kinds."""
    names = data.draw(st.lists(st.sampled_from(["a", "b", "c", "d", "1", "for"]), max_size=8))
    every = st.sampled_from([kind.kind for kind in kinds()] + ["unheard_of"])
    nodes = tuple(Node(name, data.draw(every)) for name in names)
    end = st.sampled_from([*names, "nobody"])
    wires = data.draw(st.lists(st.tuples(end, end, st.integers(-1, 17)), max_size=12))
    network = Network(nodes, tuple(Edge(*wire) for wire in wires))
    analysis = analyze(network)
    assert set(analysis.nodes) == set(names)
    assert len(tidy(network).nodes) == len(nodes)
    for problem in analysis.problems:
        if problem.fix:
            try:
                analyze(edits.apply_fix(network, problem.fix))
            except EditRefused as refusal:
                assert str(refusal)


def test_a_name_twice_in_a_circle_ends_in_a_layout() -> None:
    """Every small tangle of doubled names, since one of them once had no end."""
    pairs = [Edge(a, b) for a in "ab" for b in "ab"]
    for names in itertools.product("ab", repeat=3):
        nodes = tuple(Node(name, "identity") for name in names)
        for count in range(4):
            for wires in itertools.combinations(pairs, count):
                network = Network(nodes, wires)
                assert analyze(network).problems
                assert len(tidy(network).nodes) == 3
