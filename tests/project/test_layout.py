"""Tidying: rows, sides and columns, and that wires cross only where they must."""

from __future__ import annotations

from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.project.layout import _crossings, _layers, _order, card_size, tidy
from studio.project.templates import TEMPLATES, build
from studio.project.values import Edge, Flow, Network, Node


def network(text: str, kinds: dict[str, str] | None = None) -> Network:
    """A network of wires as ``"a>b a>c b>d:1"``; nodes are identities unless ``kinds`` says so."""
    kinds = kinds or {}
    wires = []
    for word in text.split():
        source, _, rest = word.partition(">")
        target, _, port = rest.partition(":")
        wires.append(Edge(source, target, int(port or 0)))
    names = dict.fromkeys(name for wire in wires for name in (wire.source, wire.target))
    return Network(tuple(Node(name, kinds.get(name, "identity")) for name in names), tuple(wires))


def places(made: Network) -> dict[str, tuple[float, float]]:
    return {node.name: (node.x, node.y) for node in tidy(made).nodes}


@pytest.mark.parametrize(("left", "right"), [("b", "c"), ("c", "b")])
def test_branches_stand_side_by_side_in_the_order_of_their_ports(left: str, right: str) -> None:
    at = places(network(f"a>b a>c {left}>d:0 {right}>d:1"))
    assert at[left][1] == at[right][1]
    assert at[left][0] < at[right][0]


def test_a_short_branch_begins_in_the_row_of_the_long_one() -> None:
    at = places(network("a>long long>more more>sum:1 a>short short>sum:0"))
    assert at["short"][1] == at["long"][1]
    assert at["short"][0] < at["long"][0] == at["more"][0] == at["sum"][0] == 0.0


def test_the_middle_of_equal_branches_goes_straight_down() -> None:
    at = places(network("a>b a>c a>d b>e:0 c>e:1 d>e:2"))
    assert at["c"][0] == at["a"][0] == at["e"][0] == 0.0
    assert at["b"][0] == -at["d"][0] < 0.0


def test_a_chain_beside_the_trunk_is_one_column() -> None:
    kinds = {"wide": "inception"}
    at = places(network("a>b b>c c>e:0 a>narrow narrow>wide wide>e:1", kinds))
    assert at["narrow"][0] == at["wide"][0] > 0.0


def test_a_wire_past_other_rows_keeps_a_lane_free() -> None:
    at = places(network("a>b b>c c>d:0 a>d:1 b>side side>d:2"))
    assert at["side"][0] - card_size(Node("side", "identity"))[0] / 2 > 110.0 + 24.0


def test_two_branches_that_swap_are_laid_out_without_a_crossing() -> None:
    layers = _layers(network("a>b a>c b>f:0 c>e:0 e>g:0 f>g:1"))
    _order(layers)
    assert _crossings(layers) == 0


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_no_wires_of_a_template_cross(name: str) -> None:
    layers = _layers(build(name).network)
    _order(layers)
    assert _crossings(layers) == 0


@given(st.data())
def test_any_layout_is_the_same_twice_and_covers_no_card(data: st.DataObject) -> None:
    names = [f"n{number}" for number in range(data.draw(st.integers(1, 12)))]
    wires = []
    for number, name in enumerate(names[1:], 1):
        sources = data.draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=3))
        wires += [Edge(source, name, port) for port, source in enumerate(sources)]
    kind = st.sampled_from(["identity", "inception", "vgg", "add"])
    nodes = tuple(Node(name, data.draw(kind)) for name in names)
    flow: Flow = data.draw(st.sampled_from(["down", "right"]))
    done = tidy(Network(nodes, tuple(wires), flow=flow))
    assert tidy(done) == done
    along = {node.name: node.y if flow == "down" else node.x for node in done.nodes}
    assert all(along[edge.source] < along[edge.target] for edge in done.edges)
    for one, other in combinations(done.nodes, 2):
        (w, h), (w2, h2) = card_size(one), card_size(other)
        across = abs(one.x - other.x) * 2 >= w + w2 - 1e-6
        assert across or abs(one.y - other.y) * 2 >= h + h2


def test_branches_that_were_placed_by_hand_keep_their_order() -> None:
    done = tidy(network("a>b a>c b>d:0 c>d:1"))
    assert done.node("b").x < done.node("c").x
    merge = tidy(network("a>b a>c b>e c>f"))  # no merge asks for an order
    swapped = msgspec.structs.replace(
        merge,
        nodes=tuple(
            msgspec.structs.replace(node, x=-node.x + (0.25 if node.name == "f" else 0.0), y=node.y)
            for node in merge.nodes
        ),
    )
    again = tidy(swapped)
    for one, other in (("b", "c"), ("e", "f")):
        before = swapped.node(one).x < swapped.node(other).x
        assert (again.node(one).x < again.node(other).x) == before
    assert tidy(again) == again


def test_an_order_by_hand_that_crosses_wires_is_not_kept() -> None:
    done = tidy(network("a>b a>c b>d:0 c>d:1"))
    x = {"b": done.node("c").x, "c": done.node("b").x}
    swapped = msgspec.structs.replace(
        done,
        nodes=tuple(
            msgspec.structs.replace(node, x=x.get(node.name, node.x)) for node in done.nodes
        ),
    )
    assert tidy(swapped) == done
