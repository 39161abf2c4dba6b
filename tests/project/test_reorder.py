"""Edits of an order, held against what the network computes and against their own inverse."""

from __future__ import annotations

import random

import pytest

from studio.project import graph, layout, reorder
from studio.project.analysis import analyze
from studio.project.edits import EditRefused, add_node, connect
from studio.project.templates import build
from studio.project.values import Edge, Network


def network(*nodes: str, wires: str) -> Network:
    """Nodes "name:kind" below each other and wires "a>b"."""
    result = Network()
    for number, node in enumerate(nodes):
        name, kind = node.split(":")
        result, _ = add_node(result, kind, {}, 0.0, number * 100.0, name)
    for wire in wires.split():
        result = connect(result, *wire.split(">"))
    return result


CHAIN = network(
    "input:input", "conv:convolution", "act:activation", "output:output",
    wires="input>conv conv>act act>output",
)  # fmt: skip


def test_a_node_changes_places_with_the_one_before_it() -> None:
    after = reorder.earlier(CHAIN, "act")
    assert set(after.edges) == {Edge("input", "act"), Edge("act", "conv"), Edge("conv", "output")}
    assert after.node("act").y < after.node("conv").y


def test_the_two_take_the_room_that_they_had_together() -> None:
    def ends(of: Network) -> tuple[float, float]:
        boxes = [
            (n.y - layout.card_size(n)[1] / 2, n.y + layout.card_size(n)[1] / 2)
            for n in of.nodes
            if n.name in ("conv", "act")
        ]
        return min(top for top, _ in boxes), max(bottom for _, bottom in boxes)

    assert ends(reorder.earlier(CHAIN, "act")) == pytest.approx(ends(CHAIN))


@pytest.mark.parametrize("flow", ["down", "right"])
def test_later_takes_back_what_earlier_did(flow: str) -> None:
    start = layout.tidy(Network(CHAIN.nodes, CHAIN.edges, (), flow))  # type: ignore[arg-type]
    back = reorder.later(reorder.earlier(start, "act"), "act")
    assert set(back.edges) == set(start.edges)
    for node in start.nodes:
        assert (back.node(node.name).x, back.node(node.name).y) == pytest.approx((node.x, node.y))


@pytest.mark.parametrize(
    ("name", "way", "reason"),
    [
        ("conv", reorder.earlier, "input is the beginning of the network"),
        ("output", reorder.earlier, "output is an end of the network"),
        ("act", reorder.later, "output is an end of the network"),
        ("input", reorder.earlier, "nothing feeds it"),
        ("output", reorder.later, "it feeds nothing"),
        ("nobody", reorder.earlier, "no node called"),
    ],
)
def test_what_cannot_change_places_is_refused_in_words(name: str, way: object, reason: str) -> None:
    with pytest.raises(EditRefused, match=reason):
        way(CHAIN, name)  # type: ignore[operator]


def test_a_node_does_not_go_before_a_branching_or_a_merge() -> None:
    forked = network(
        "input:input", "a:convolution", "b:activation", "c:activation", "sum:add", "d:activation",
        wires="input>a a>b a>c b>sum c>sum sum>d",
    )  # fmt: skip
    with pytest.raises(EditRefused, match="feeds others too"):
        reorder.earlier(forked, "b")
    with pytest.raises(EditRefused, match="several wires meet in sum"):
        reorder.earlier(forked, "d")
    with pytest.raises(EditRefused, match="several wires lead to it"):
        reorder.earlier(forked, "sum")


def test_any_order_of_a_chain_can_be_reached_and_stays_a_network() -> None:
    chance = random.Random(5)
    now = build("lenet5").network
    names = sorted(node.name for node in now.nodes)
    for _ in range(200):
        name = chance.choice(names)
        try:
            now = chance.choice([reorder.earlier, reorder.later])(now, name)
        except EditRefused:
            continue
        assert sorted(node.name for node in now.nodes) == names
        sequence, behind = graph.order(now)
        assert not behind
        assert all(len(into) <= 1 for into in graph.incoming(now).values())
        assert len(sequence) == len(names)


def test_inputs_change_places_and_with_them_what_concatenate_gives() -> None:
    joined = network(
        "input:input", "a:convolution", "b:activation", "join:concatenate",
        wires="input>a input>b a>join b>join",
    )  # fmt: skip
    before = analyze(joined).nodes["join"].inputs
    after, moved = reorder.swap_inputs(joined, Edge("a", "join", 0), 1)
    assert moved == Edge("a", "join", 1)
    assert analyze(after).nodes["join"].inputs == before[::-1]
    assert reorder.swap_inputs(after, moved, -1)[0] == joined
    with pytest.raises(EditRefused, match="a is the last input of join already"):
        reorder.swap_inputs(after, moved, 1)
    with pytest.raises(EditRefused, match="no wire from a to b"):
        reorder.swap_inputs(after, Edge("a", "b"), 1)


def test_what_leads_to_a_node_and_what_lies_behind_it() -> None:
    forked = network(
        "input:input", "a:convolution", "b:activation", "c:activation", "alone:activation",
        wires="input>a a>b a>c",
    )  # fmt: skip
    assert graph.leading_to(forked, ["b"]) == {"b", "a", "input"}
    assert graph.behind(forked, ["a"]) == {"a", "b", "c"}
    assert graph.behind(forked, ["alone", "nobody"]) == {"alone"}
