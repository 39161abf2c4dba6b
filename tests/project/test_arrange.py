"""Notes, tags, alignment and repeats, as edits of the value."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from msgspec.structs import replace

from studio.project import arrange, codec, comments, grouping, layout, tags
from studio.project.analysis import analyze
from studio.project.edits import EditRefused
from studio.project.templates import build
from studio.project.values import Comment, Edge, Network, Node, Project

CARDS = Network(
    (
        Node("a", "convolution", {}, 0.0, 0.0),
        Node("b", "residual", {}, 500.0, 100.0),
        Node("c", "activation", {}, 240.0, 700.0),
        Node("d", "activation", {}, -900.0, 900.0),
    )
)


def sides(network: Network, name: str) -> tuple[float, float, float, float]:
    node = network.node(name)
    width, height = layout.card_size(node)
    return (node.x - width / 2, node.y - height / 2, node.x + width / 2, node.y + height / 2)


@pytest.mark.parametrize(("line", "side"), [("left", 0), ("top", 1), ("right", 2), ("bottom", 3)])
def test_aligned_edges_are_those_of_the_outermost_card(line: arrange.Line, side: int) -> None:
    names = ("a", "b", "c")
    aligned = arrange.align(CARDS, names, line)
    outermost = (min if side < 2 else max)(sides(CARDS, name)[side] for name in names)
    assert {sides(aligned, name)[side] for name in names} == {outermost}
    assert aligned.node("d") == CARDS.node("d")


@pytest.mark.parametrize(("line", "axis"), [("center", 0), ("middle", 1)])
def test_aligned_centers_are_in_the_middle_of_all(line: arrange.Line, axis: int) -> None:
    names = ("a", "b", "c")
    aligned = arrange.align(CARDS, names, line)
    ends = [sides(CARDS, name) for name in names]
    middle = (min(e[axis] for e in ends) + max(e[axis + 2] for e in ends)) / 2
    nodes = [aligned.node(name) for name in names]
    assert {(n.x, n.y)[axis] for n in nodes} == {middle}
    assert [(n.x, n.y)[1 - axis] for n in nodes] == [
        (CARDS.node(n).x, CARDS.node(n).y)[1 - axis] for n in names
    ]


@pytest.mark.parametrize(("axis", "at"), [("across", 0), ("down", 1)])
def test_distributed_cards_have_equal_gaps_and_the_outermost_stay(
    axis: arrange.Axis, at: int
) -> None:
    spread = arrange.distribute(CARDS, "abcd", axis)
    order = sorted("abcd", key=lambda name: sides(CARDS, name)[at])
    for end in (order[0], order[-1]):
        assert spread.node(end) == CARDS.node(end)
    placed = sorted((sides(spread, name) for name in "abcd"), key=lambda side: side[at])
    gaps = [later[at] - earlier[at + 2] for earlier, later in itertools.pairwise(placed)]
    assert gaps == pytest.approx([gaps[0]] * 3)


def test_too_few_cards_are_refused_in_words() -> None:
    with pytest.raises(EditRefused, match="at least 2 nodes to align"):
        arrange.align(CARDS, ("a",), "left")
    with pytest.raises(EditRefused, match="at least 3 nodes to distribute"):
        arrange.distribute(CARDS, ("a", "b"), "down")


def test_a_tag_stays_with_its_node_in_the_file_and_changes_nothing_else() -> None:
    project = build("quickstart")
    tagged = tags.set_tag(project.network, ("features",), "star")
    assert tagged.node("features").tag == "star"
    read = codec.loads(codec.dumps(replace(project, network=tagged)))
    assert read.network == tagged
    assert tags.set_tag(tagged, ("features",), "") == project.network
    with pytest.raises(EditRefused, match="no tag 'heart'"):
        tags.set_tag(project.network, ("features",), "heart")


def test_notes_are_added_written_moved_colored_and_removed() -> None:
    network, name = comments.add(CARDS, Comment("note"))
    network, other = comments.add(network, Comment("note"))
    assert (name, other) == ("note", "note2")
    network = comments.write(network, other, "why")
    network = comments.place(network, other, 5.0, 6.0, 1.0, 1e9)
    network = comments.paint(network, other, "sky")
    assert comments.find(network, other) == Comment("note2", "why", 5.0, 6.0, 80.0, 4000.0, "sky")
    assert comments.remove(comments.remove(network, name), other) == CARDS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": "x" * 4001}, "at most 4,000 characters"),
        ({"color": "beige"}, "no color"),
        ({"x": 1e300}, "beyond the canvas"),
        ({"width": 3.0}, "too small or too large"),
    ],
)
def test_a_note_that_cannot_be_is_refused_in_edits_and_files(
    change: dict[str, object], words: str
) -> None:
    bad = replace(Comment("note"), **change)
    with pytest.raises(EditRefused, match=words):
        comments.add(CARDS, bad)
    content = codec.dumps(Project(replace(CARDS, comments=(bad,))))
    with pytest.raises(codec.ProjectError, match="damaged"):
        codec.loads(content)


def test_two_notes_of_one_name_are_a_damaged_file() -> None:
    twice = replace(CARDS, comments=(Comment("note"), Comment("note")))
    with pytest.raises(codec.ProjectError, match="one name"):
        codec.loads(codec.dumps(Project(twice)))


def test_a_network_without_notes_is_saved_as_before() -> None:
    plain = msgspec.to_builtins(build("quickstart").network)
    assert set(plain) == {"nodes", "edges"}


def test_a_residual_block_repeated_becomes_a_stage_that_keeps_its_settings() -> None:
    network = build("small_resnet").network
    block = Node("block", "residual", {"channels": 24, "order": "pre"})
    nodes = tuple(block if n.name == "stage1" else n for n in network.nodes)
    edges = tuple(
        Edge(*("block" if end == "stage1" else end for end in (e.source, e.target)), e.port)
        for e in network.edges
    )
    staged, name = grouping.repeat(Network(nodes, edges), ("block",), 5)
    assert name == "block"
    node = staged.node("block")
    assert (node.kind, node.settings) == ("stage", {"channels": 24, "order": "pre", "repeats": 5})
    assert not analyze(staged).problems


def test_several_nodes_repeated_become_a_group_that_holds_them_that_often() -> None:
    network = build("small_vgg").network
    names = [n.name for n in network.nodes if n.kind == "vgg"][:1]
    before = analyze(network)
    staged, name = grouping.repeat(network, names, 2)
    assert grouping.repeats_of(staged.node(name)) == 2
    again, same = grouping.repeat(staged, (name,), 3)
    assert same == name
    assert grouping.repeats_of(again.node(name)) == 3
    assert analyze(again).layer_count > analyze(staged).layer_count > before.layer_count
