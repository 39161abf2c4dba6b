"""Groups: made and taken apart without a change to what is computed, and refused in words."""

from __future__ import annotations

import json
import random
import re
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from studio.project import codec, edits, graph, grouping, registry
from studio.project.analysis import Analysis, analyze
from studio.project.blocks.group import MAX_NESTING
from studio.project.edits import EditRefused
from studio.project.footprint import Arithmetic
from studio.project.kinds import BlockKind
from studio.project.layout import card_size
from studio.project.memory import forecast
from studio.project.templates import TEMPLATES, build
from studio.project.values import Chosen, Edge, Network, Node, Project, Recipe
from tests.project.networks import chain

QUICK = build("quickstart").network
SMALL = chain(
    ("conv", "convolution", {"channels": 8}),
    ("norm", "batch_norm", {}),
    ("act", "activation", {}),
    ("pool", "global_pooling", {}),
    ("head", "linear", {}),
)


def branches() -> Network:
    """A sum of two ways that part behind ``stem``, its ports not in the order of the nodes."""
    network = chain(("stem", "convolution", {"channels": 4}), ("sum", "add", {}),
                    ("pool", "global_pooling", {}), ("head", "linear", {}))  # fmt: skip
    wires = [e for e in network.edges if e.target != "sum"]
    ways = (Node("left", "convolution", {"channels": 4}), Node("right", "convolution",
            {"channels": 4, "kernel": 1}))  # fmt: skip
    wires += [Edge("stem", "left"), Edge("stem", "right"), Edge("left", "sum", 1),
              Edge("right", "sum", 0)]  # fmt: skip
    return Network((*network.nodes, *ways), tuple(wires))


RECIPE = Recipe(optimizer=Chosen("adam"), batch_size=8)


def totals(network: Network) -> tuple[object, ...]:
    analysis = analyze(network)
    assert analysis.problems == ()
    end = analysis.nodes["output"]
    return (analysis.parameters, analysis.buffers, analysis.macs, analysis.depth,
            end.receptive_field, end.output, forecast(analysis, RECIPE, Arithmetic()))  # fmt: skip


def leaves(analysis: Analysis) -> list[tuple[object, ...]]:
    """What the layer table says of each layer, but for its name."""
    rows = analysis.layers
    return sorted((r.kind, r.output, r.parameters, r.macs, r.receptive_field) for r in rows)


def as_sets(network: Network) -> tuple[object, object]:
    nodes = {
        node.name: (node.kind, json.dumps(node.settings), node.x, node.y) for node in network.nodes
    }
    return nodes, set(network.edges)


def inside_of(node: Node) -> dict[str, Any]:
    inside: dict[str, Any] = registry.values(node)["inside"]
    return inside


def test_a_group_has_the_sums_of_what_it_holds() -> None:
    grouped, name = grouping.group(SMALL, ["conv", "norm", "act"], "Conv unit")
    assert name == "conv_unit"
    assert totals(grouped) == totals(SMALL)
    assert leaves(analyze(grouped)) == leaves(analyze(SMALL))
    assert [row.name for row in analyze(grouped).layers][:2] == ["conv_unit.conv", "conv_unit.norm"]
    assert {Edge("input", name), Edge(name, "pool")} <= set(grouped.edges)


def test_a_group_stands_in_the_middle_of_what_it_holds() -> None:
    placed = edits.move_nodes(SMALL, {"conv": (100, 10), "norm": (100, 200)})
    grouped, name = grouping.group(placed, ["conv", "norm"])
    assert (grouped.node(name).x, grouped.node(name).y) == (100, 105)


def test_branches_that_meet_keep_their_ports() -> None:
    network = branches()
    grouped, name = grouping.group(network, ["left", "right", "sum"])
    assert totals(grouped) == totals(network)
    back, names = grouping.ungroup(grouped, name)
    assert set(names) == {"left", "right", "sum"}
    assert as_sets(back) == as_sets(network)
    assert [e.source for e in graph.incoming(back)["sum"]] == ["right", "left"]


def skipping() -> Network:
    """``stem`` feeds a sum at its second port and, by way of ``left``, at its first."""
    network = branches()
    wires = [e for e in network.edges if "right" not in (e.source, e.target) and e.target != "sum"]
    return Network(
        tuple(node for node in network.nodes if node.name != "right"),
        (*wires, Edge("left", "sum", 0), Edge("stem", "sum", 1)),
    )


def test_a_group_that_feeds_a_merge_takes_the_port_of_what_it_holds() -> None:
    network = branches()
    grouped, name = grouping.group(network, ["left"])
    assert Edge(name, "sum", 1) in grouped.edges
    assert as_sets(grouping.ungroup(grouped, name)[0]) == as_sets(network)


def test_what_is_fed_at_a_later_port_is_so_inside_the_group() -> None:
    network = skipping()
    grouped, name = grouping.group(network, ["left", "sum"])
    wires = [(e["source"], e["target"], e.get("port", 0)) for e in
             inside_of(grouped.node(name))["edges"]]  # fmt: skip
    assert {("in", "left", 0), ("left", "sum", 0), ("in", "sum", 1)} <= set(wires)
    assert totals(grouped) == totals(network)
    assert as_sets(grouping.ungroup(grouped, name)[0]) == as_sets(network)


def test_a_group_inside_a_group_comes_out_as_it_went_in() -> None:
    one, inner = grouping.group(QUICK, ["deep", "pool"], "Tail")
    two, outer = grouping.group(one, ["shrink", inner], "Whole")
    assert totals(two) == totals(QUICK)
    assert as_sets(grouping.ungroup(two, outer)[0]) == as_sets(one)


def test_a_classifier_inside_a_group_still_follows_the_classes() -> None:
    grouped, _ = grouping.group(SMALL, ["pool", "head"], "Classifier")
    wide = edits.set_setting(grouped, "output", "classes", 37)
    assert analyze(wide).problems == ()
    assert analyze(wide).nodes["output"].output == (37,)


def test_repeats_make_a_row_whose_members_count_from_zero() -> None:
    network = chain(("conv", "convolution", {"channels": 3}), ("act", "activation", {}),
                    ("pool", "global_pooling", {}), ("head", "linear", {}))  # fmt: skip
    grouped, name = grouping.group(network, ["conv", "act"], "Step")
    thrice = edits.set_setting(grouped, name, "repeats", 3)
    analysis = analyze(thrice)
    assert analysis.problems == ()
    once = analyze(grouped).nodes[name].parameters
    assert analysis.nodes[name].parameters == 3 * once
    assert [row.name for row in analysis.layers if row.kind == "convolution"] == [
        "step.0.conv", "step.1.conv", "step.2.conv",
    ]  # fmt: skip
    apart, names = grouping.ungroup(thrice, name)
    assert names == ("step_0", "step_1", "step_2")
    assert totals(apart) == totals(thrice)


def test_a_group_that_nothing_feeds_yet_can_be_made_and_wired_later() -> None:
    loose = Network((Node("a", "convolution"), Node("b", "activation")), (Edge("a", "b"),))
    grouped, name = grouping.group(loose, ["a", "b"])
    assert grouped.edges == ()
    assert as_sets(grouping.ungroup(grouped, name)[0]) == as_sets(loose)


def test_a_node_called_out_can_be_grouped() -> None:
    network = edits.rename(SMALL, "act", "out")
    grouped, name = grouping.group(network, ["norm", "out"])
    assert totals(grouped) == totals(SMALL)
    assert as_sets(grouping.ungroup(grouped, name)[0]) == as_sets(network)


def test_a_kind_from_a_newer_version_stays_as_it_is_in_a_group() -> None:
    odd = chain(("a", "convolution", {}), ("odd", "from_the_future", {"deep": [1, {"x": None}]}))
    grouped, name = grouping.group(odd, ["a", "odd"])
    problems = [problem.message for problem in analyze(grouped).problems]
    assert any("inside it, odd: this version does not know" in message for message in problems)
    saved = codec.loads(codec.dumps(Project(network=grouped))).network
    assert saved == grouped
    assert as_sets(grouping.ungroup(saved, name)[0]) == as_sets(odd)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "select the nodes"),
        (["nobody"], "no node called 'nobody'"),
        (["input", "conv"], "input is the network's input"),
        (["head", "output"], "output is the network's output"),
        (["conv", "act"], "through norm and back into it: select that too"),
    ],
)
def test_what_cannot_be_grouped_is_refused_in_words(names: list[str], words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        grouping.group(SMALL, names)


def test_two_ways_out_are_refused_naming_both() -> None:
    with pytest.raises(EditRefused, match="left and right all lead out"):
        grouping.group(branches(), ["left", "right"])


def test_two_ways_in_are_refused_naming_both() -> None:
    with pytest.raises(EditRefused, match="left and right feed the selection"):
        grouping.group(branches(), ["sum", "pool"])


def test_all_that_lies_on_a_way_out_and_back_is_named() -> None:
    with pytest.raises(EditRefused, match="through left and right and back into it: select those"):
        grouping.group(branches(), ["stem", "sum"])


def test_loose_ends_inside_the_selection_are_refused_naming_them() -> None:
    loose, extra = edits.add_node(SMALL, "convolution", {}, 0, 0, "extra")
    with pytest.raises(EditRefused, match="nothing feeds extra"):
        grouping.group(loose, ["norm", "act", extra])
    wired = edits.connect(loose, "conv", extra)
    with pytest.raises(EditRefused, match="output of extra goes nowhere"):
        grouping.group(wired, ["norm", "act", extra])


def test_an_auxiliary_classifier_is_neither_grouped_nor_taken_apart() -> None:
    network = build("googlenet_auxiliary").network
    with pytest.raises(EditRefused, match="aux1 is an end of the network, which no group"):
        grouping.group(network, ["inception4a", "aux1"], "Part")
    with pytest.raises(EditRefused, match="aux1 is an end of the network: apart"):
        grouping.ungroup(network, "aux1")


def test_a_layer_has_no_inside() -> None:
    with pytest.raises(EditRefused, match="conv is a layer"):
        grouping.ungroup(SMALL, "conv")


BLOCKS = [k for k in registry.kinds() if isinstance(k, BlockKind) and not k.ends]
SPECIAL: dict[str, list[dict[str, Any]]] = {
    "residual": [
        {"channels": 8, "shortcut": "zero"}, {"channels": 16, "order": "pre"},
        {"block": "bottleneck", "stride": 2}, {"channels": 8, "shortcut": "cut"},
    ],
    "inception": [{"variant": "a"}],
    "inception_branch": [{"first": "none", "channels": 0}, {"first": "pool"}],
    "stage": [{"repeats": 1}, {"repeats": 3, "channels": 16, "stride": 2}],
    "group": [{"repeats": 2}],
}  # fmt: skip


@pytest.mark.parametrize("kind", BLOCKS, ids=lambda kind: kind.kind)
def test_every_block_comes_apart_with_the_same_totals(kind: BlockKind) -> None:
    for given_settings in ({}, *SPECIAL.get(kind.kind, [])):
        network = chain(
            ("stem", "convolution", {"channels": 8}),
            ("block", kind.kind, given_settings),
            ("pool", "global_pooling", {}),
            ("head", "linear", {}),
        )
        apart, names = grouping.ungroup(network, "block")
        assert totals(apart) == totals(network)
        assert leaves(analyze(apart)) == leaves(analyze(network))
        assert all(not graph.name_problem(name) for name in names)
        boxes = [(n.x, n.y, *card_size(n)) for n in apart.nodes if n.name in names]
        for i, (x, y, w, h) in enumerate(boxes):
            for x2, y2, w2, h2 in boxes[:i]:
                assert abs(x - x2) * 2 >= w + w2 or abs(y - y2) * 2 >= h + h2


def test_a_block_whose_input_is_not_known_is_not_taken_apart() -> None:
    network = Network((Node("loose", "residual"),))
    with pytest.raises(EditRefused, match="what loose holds depends on what feeds it"):
        grouping.ungroup(network, "loose")


@given(name=st.sampled_from(sorted(set(TEMPLATES) - {"preact_resnet1001"})), seed=st.integers(0))
@settings(max_examples=150, deadline=None)
def test_grouping_and_ungrouping_gives_the_network_back(name: str, seed: int) -> None:
    """Whatever is selected: it is refused in words, or comes back the same."""
    network = build(name).network
    chance = random.Random(seed)
    middle = [node for node in network.nodes if node.kind not in ("input", "output")]
    start = chance.randrange(len(middle))
    some = {node.name for node in middle[start : start + chance.randint(1, 12)]}
    if chance.random() < 0.2:
        some ^= {chance.choice(middle).name}
    try:
        grouped, block = grouping.group(network, some, "Part")
    except EditRefused as refusal:
        assert str(refusal)
        return
    assert totals(grouped) == totals(network)
    assert codec.loads(codec.dumps(Project(network=grouped))).network == grouped
    back, names = grouping.ungroup(grouped, block)
    assert set(names) == some
    assert as_sets(back) == as_sets(network)


# Files from elsewhere ----------------------------------------------------------------------------


def plain(*nodes: tuple[str, str], wires: list[tuple[Any, ...]] | None = None) -> dict[str, Any]:
    """An inside as a file may hold it: (name, kind) in a chain unless ``wires`` are given."""
    names = [name for name, _ in nodes]
    edges = [Edge(*wire) for wire in (wires if wires is not None else pairwise(names))]
    return {
        "nodes": [{"name": name, "kind": kind} for name, kind in nodes],
        "edges": [{"source": e.source, "target": e.target, "port": e.port} for e in edges],
    }


IN, OUT = ("in", "entry"), ("out", "exit")
A, B = ("a", "identity"), ("b", "identity")


def nested(levels: int, repeats: int = 1) -> dict[str, Any]:
    inside = plain(IN, A, OUT)
    for _ in range(levels - 1):
        inside = plain(IN, A, OUT) | {"nodes": [
            {"name": "in", "kind": "entry"},
            {"name": "a", "kind": "group", "settings": {"inside": inside, "repeats": repeats}},
            {"name": "out", "kind": "exit"},
        ]}  # fmt: skip
    return inside


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ([], "must be a network"),
        ({}, "missing required field|nothing|no entry"),
        (plain(A, OUT), "no entry"),
        (plain(IN, A), "no exit"),
        (plain(IN, IN, A, OUT), "2 nodes are called|2 entry"),
        (plain(IN, ("in2", "entry"), A, OUT), "2 entry"),
        (plain(IN, OUT), "holds nothing"),
        (plain(IN, A, A, OUT), "2 nodes are called 'a'"),
        (plain(IN, ("for", "identity"), OUT), "'for' cannot be a name"),
        (plain(IN, ("a.b", "identity"), OUT), "cannot be a name"),
        (plain(IN, ("__class__", "identity"), OUT), "cannot be a name"),
        (plain(IN, ("x", "input"), OUT), "belongs to a whole network"),
        (plain(IN, A, OUT, wires=[("in", "a"), ("a", "out"), ("a", "nobody")]), "'nobody'"),
        (plain(IN, A, B, OUT, wires=[("in", "b"), ("a", "b", 1), ("b", "out")]), "nothing feeds a"),
        (plain(IN, A, B, OUT, wires=[("in", "a"), ("in", "b"), ("a", "out")]), "b feeds nothing"),
        (plain(IN, A, OUT, wires=[("in", "a"), ("a", "out"), ("out", "a", 1)]), "exit feeds"),
        (plain(IN, A, OUT, wires=[("in", "a"), ("a", "out"), ("a", "in")]), "feeds its entry"),
        (plain(IN, A, OUT, wires=[("in", "a"), ("in", "a"), ("a", "out")]), "input 1 of a"),
        (plain(IN, A, OUT, wires=[("in", "a", -1), ("a", "out")]), "input 0 of a"),
        (plain(IN, A, OUT, wires=[("in", "a"), ("a", "out"), ("in", "out", 1)]), "one fits"),
        (
            plain(IN, A, B, OUT, wires=[("in", "a"), ("b", "a", 1), ("a", "b"), ("b", "out")]),
            "a circle leads through a, b",
        ),
        ({"nodes": [{"name": 3, "kind": "x"}], "edges": []}, "cannot be read"),
        ({"nodes": [{"name": "a", "kind": "x", "extra": 1}], "edges": []}, "cannot be read"),
        ({"nodes": "abc", "edges": []}, "cannot be read"),
        ({"nodes": None, "edges": None, "more": []}, "cannot be read"),
        (nested(MAX_NESTING + 1), "at most 8 groups"),
        (nested(200), "at most 8 groups"),
        (nested(4, repeats=1000), "more than 100,000 layers"),
        ({"nodes": [{"name": "a", "kind": "x"}] * 1_000_000, "edges": []}, "more than 10,000"),
    ],
)
def test_a_damaged_inside_becomes_a_problem_in_words_at_once(inside: Any, words: str) -> None:
    network = chain(("mine", "group", {"inside": inside}))
    problems = [problem for problem in analyze(network).problems if problem.node == "mine"]
    assert len(problems) == 1
    assert re.search(words, problems[0].message), problems[0].message
    with pytest.raises(EditRefused):
        grouping.ungroup(network, "mine")


def test_a_deep_but_allowed_nesting_is_saved_and_read_again() -> None:
    network = chain(("mine", "group", {"inside": nested(MAX_NESTING)}))
    assert analyze(network).nodes["mine"].problems == ()
    assert codec.loads(codec.dumps(Project(network=network))).network == network
    with pytest.raises(EditRefused, match="at most 8 groups"):
        grouping.group(network, ["mine"])


@pytest.mark.parametrize("kind", ["concatenate", "dense_block", "stage", "convolution"])
@pytest.mark.parametrize("repeats", [7, 17, 40, 1000])
def test_repeats_without_end_are_refused_before_they_are_worked_out(
    kind: str, repeats: int
) -> None:
    """Shapes that change at each repeat, so that nothing is remembered from the one before."""
    wires = [("in", "a"), ("a", "out")]
    if kind == "concatenate":
        wires.insert(0, ("in", "a", 1))  # type: ignore[arg-type]
    inside = plain(IN, ("a", kind), OUT, wires=wires)
    extra = {"dense_block": {"layers": 256}, "stage": {"repeats": 1000},
             "convolution": {"padding": 0, "kernel": 2}}.get(kind, {})  # fmt: skip
    inside["nodes"][1]["settings"] = extra
    for _ in range(3):
        held = {"name": "a", "kind": "group", "settings": {"inside": inside, "repeats": repeats}}
        inside = plain(IN, A, OUT)
        inside["nodes"][1] = held
    network = chain(("mine", "group", {"inside": inside, "repeats": repeats}), size=(3, 64, 64))
    assert [problem.node for problem in analyze(network).problems].count("mine") == 1


@pytest.mark.parametrize("kind", ["{9}", "{0.__class__}", "}{", "x" * 4000])
def test_a_kinds_name_cannot_break_the_sentence_that_quotes_it(kind: str) -> None:
    inside = plain(IN, ("a", kind), OUT)
    outer = plain(IN, A, OUT)
    outer["nodes"][1] = {"name": "a", "kind": "group", "settings": {"inside": inside}}
    network = chain(("mine", "group", {"inside": outer}))
    message = analyze(network).nodes["mine"].problems[0].message
    assert kind[:40] in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (plain(IN, ("a", "add"), OUT), "a is fed by 1 wire, and takes 2"),
        (plain(IN, ("a", "entry"), OUT), "2 entry"),
        (
            plain(IN, A, B, OUT, wires=[("in", "a"), ("in", "b"), ("b", "a", 1), ("a", "out")]),
            "a is fed by 2 wires, and takes 1",
        ),
    ],
)
def test_a_node_inside_that_is_wired_wrongly_is_named(inside: dict[str, Any], words: str) -> None:
    network = chain(("mine", "group", {"inside": inside}))
    assert words in analyze(network).nodes["mine"].problems[0].message


@given(st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_a_mangled_inside_never_raises(seed: int) -> None:
    chance = random.Random(seed)
    grouped, name = grouping.group(branches(), ["left", "right", "sum"], "Part")
    inside = json.loads(json.dumps(inside_of(grouped.node(name))))
    odd = (None, -1, "", "in", "left", [], {}, 1e308, True, "{0}", {"inside": {}})
    for _ in range(chance.randint(1, 4)):
        place: Any = inside
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = chance.choice(keys)
            if not isinstance(place[key], dict | list) or not place[key] or chance.random() < 0.2:
                place[key] = chance.choice(odd)
                break
            place = place[key]
    node = Node(name, "group", {"inside": inside, "repeats": chance.choice([1, 2])})
    nodes = tuple(node if other.name == name else other for other in grouped.nodes)
    network = Network(nodes, grouped.edges)
    analyze(network)
    try:
        analyze(grouping.ungroup(network, name)[0])
    except EditRefused as refusal:
        assert str(refusal)


@pytest.mark.parametrize("title", ["", "   ", "x" * 41, "two\nlines", "\u202egnol", 3, None])
def test_a_title_that_cannot_be_shown_is_refused(title: object) -> None:
    grouped, name = grouping.group(SMALL, ["conv", "norm"])
    with pytest.raises(EditRefused, match="title"):
        edits.set_setting(grouped, name, "title", title)


@pytest.mark.parametrize(
    ("title", "name"),
    [("My block", "my_block"), ("Squeeze & excite!", "squeeze_excite"), ("3 tails", "group"),
     ("für", "f_r"), ("class", "group"), ("注意", "group"), ("Train", "group")],
)  # fmt: skip
def test_a_group_is_named_after_its_title_where_that_can_be_a_name(title: str, name: str) -> None:
    assert grouping.group(SMALL, ["conv"], title)[1] == name
