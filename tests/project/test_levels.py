"""Blocks opened in their own level: what is seen there, edited there, and made one's own."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from studio.project import codec, edits, grouping, levels, registry
from studio.project.analysis import analyze
from studio.project.blocks.group import GROUP
from studio.project.edits import EditRefused
from studio.project.kinds import BlockKind
from studio.project.templates import build
from studio.project.values import Network, Node, Project

NETWORK = build("small_resnet").network


def grouped() -> Network:
    """The stem and the first stage as one block."""
    return grouping.group(NETWORK, ["stem", "stage1"], "Front")[0]


def rows(network: Network) -> dict[str, tuple[object, ...]]:
    """What the whole network's analysis says of each layer, by its full name."""
    return {r.name: (r.kind, r.output, r.parameters, r.macs) for r in analyze(network).layers}


@pytest.mark.parametrize("name", [n.name for n in NETWORK.nodes if n.kind == "stage"])
def test_an_opened_block_shows_what_the_whole_analysis_says_of_its_layers(name: str) -> None:
    level = levels.at(NETWORK, (name,))
    assert level.path == (name,)
    assert not level.analysis.problems
    inside = {
        f"{name}.{row.name}": (row.kind, row.output, row.parameters, row.macs)
        for row in level.analysis.layers
    }
    assert inside == {k: v for k, v in rows(NETWORK).items() if k.startswith(f"{name}.")}
    deeper = levels.at(NETWORK, (name, "1"))
    assert deeper.titles == ("Residual stage", "Residual block")
    assert {node.name for node in deeper.network.nodes} >= {"conv1", "conv2", "add"}


def test_the_cards_of_an_opened_block_do_not_cover_each_other() -> None:
    from studio.app.canvas import placing

    for network, path in ((NETWORK, ("stage2", "0")), (grouped(), ("front",))):
        boxes = [placing.box_of(node) for node in levels.at(network, path).network.nodes]
        assert not any(a.meets(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_a_layer_and_a_missing_node_cannot_be_opened() -> None:
    top = levels.top(NETWORK)
    with pytest.raises(EditRefused, match="pool is a layer"):
        levels.into(top, "pool")
    with pytest.raises(EditRefused, match="no node called 'nobody'"):
        levels.into(top, "nobody")


def test_a_path_that_leads_nowhere_ends_where_it_still_leads() -> None:
    assert levels.at(NETWORK, ("stage1", "gone", "conv1")).path == ("stage1",)
    assert levels.at(NETWORK, ("gone",)).path == ()


def test_an_edit_inside_a_group_changes_that_group_alone() -> None:
    network = grouped()

    def change(inner: Network) -> Network:
        return edits.set_setting(inner, "stem", "channels", 24)

    after = levels.edit(network, ("front",), change)
    assert [n for n in after.nodes if n.name != "front"] == [
        n for n in network.nodes if n.name != "front"
    ]
    assert levels.at(after, ("front",)).network.node("stem").settings["channels"] == 24
    assert rows(after)["front.stem.conv"][1] == (24, 32, 32)
    assert codec.loads(codec.dumps(Project(after))).network == after


def test_an_edit_two_groups_deep_is_an_edit_of_the_network() -> None:
    network, _ = grouping.group(grouped(), ["front", "stage2"], "Both")
    after = levels.edit(
        network, ("both", "front"), lambda inner: edits.set_setting(inner, "stem", "kernel", 5)
    )
    assert rows(after)["both.front.stem.conv"][2] != rows(network)["both.front.stem.conv"][2]
    with pytest.raises(EditRefused, match="built-in block"):
        levels.edit(network, ("both", "stage2"), lambda inner: inner)


def test_an_inside_may_be_unsound_and_says_so_as_a_problem() -> None:
    def add(inner: Network) -> Network:
        return edits.add_node(inner, "convolution", {}, 0.0, 0.0)[0]

    network = levels.edit(grouped(), ("front",), add)
    level = levels.at(network, ("front",))
    assert [(p.node, p.code) for p in level.analysis.problems] == [("conv", "dangling")]
    assert next(p.node for p in analyze(network).problems) == "front"
    mended = levels.edit(network, ("front",), lambda inner: edits.remove_nodes(inner, ["conv"]))
    assert not analyze(mended).problems
    assert rows(mended) == rows(grouped())


def test_a_block_keeps_its_ends_and_takes_no_others() -> None:
    inner = levels.at(grouped(), ("front",)).network
    with pytest.raises(EditRefused, match="keeps its entry and its exit"):
        edits.remove_nodes(inner, ["in"])
    assert {n.name for n in edits.remove_nodes(inner, ["in", "stem"]).nodes} == {
        "in", "stage1", "out",
    }  # fmt: skip
    with pytest.raises(EditRefused, match="belongs to the whole network"):
        edits.add_node(inner, "input", {}, 0.0, 0.0)
    with pytest.raises(EditRefused, match="keeps its name"):
        edits.rename(inner, "in", "start")
    with pytest.raises(EditRefused, match="block's entry"):
        grouping.group(inner, ["in", "stem"])


BLOCKS = [
    kind.kind
    for kind in registry.kinds()
    if isinstance(kind, BlockKind) and kind.kind not in (GROUP.kind, "auxiliary")
]


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_built_in_block_made_ones_own_computes_the_same(kind: str) -> None:
    nodes = tuple(Node("stage2", kind) if node.name == "stage2" else node for node in NETWORK.nodes)
    network = replace(NETWORK, nodes=nodes)
    if analyze(network).problems:
        pytest.skip("its defaults do not fit in this place")
    own = levels.adopt(levels.top(network), "stage2")
    assert own.node("stage2").kind == GROUP.kind
    assert levels.at(own, ("stage2",)).editable
    assert not analyze(own).problems
    before, after = rows(network), rows(own)
    assert sorted(before.values(), key=repr) == sorted(after.values(), key=repr)
    if not any(part.isdigit() for name in before for part in name.split(".")):
        assert before == after  # the names of the parameters too


@pytest.mark.parametrize(
    "inside",
    [
        None, 7, "x", [], {"nodes": 3}, {"nodes": [{"name": "a"}]},
        {"nodes": [], "edges": [], "more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_an_inside_that_is_none_is_refused_in_words(inside: object) -> None:
    nodes = tuple(
        Node("stage2", "group", {"inside": inside}) if node.name == "stage2" else node
        for node in NETWORK.nodes
    )
    network = replace(NETWORK, nodes=nodes)
    assert levels.at(network, ("stage2",)).path == ()
    with pytest.raises(EditRefused, match="stage2 cannot be opened"):
        levels.into(levels.top(network), "stage2")


def test_a_built_in_block_inside_ones_own_can_be_made_ones_own_too() -> None:
    network = grouped()
    level = levels.at(network, ("front",))
    after = levels.edit(network, ("front",), lambda inner: levels.adopt(level, "stage1"))
    assert levels.at(after, ("front", "stage1")).editable
    assert not analyze(after).problems
    before = sorted(map(repr, rows(network).values()))
    assert before == sorted(map(repr, rows(after).values()))
