"""What cards and wires say: figures of blocks, numbers, faces."""

from __future__ import annotations

import pytest

from studio.app.canvas import faces, figures, speech, texts
from studio.project import registry, templates
from studio.project.analysis import analyze
from studio.project.values import Edge, Network, Node


def figure(kind: str, **settings: object) -> figures.Figure | None:
    node = Node("block", kind, settings)
    found = registry.lookup(kind)
    assert found is not None
    return figures.read(found, registry.values(node), (64, 16, 16))


def test_an_inception_block_shows_its_four_branches_with_their_numbers() -> None:
    drawn = figure("inception", c1=64, reduce3=96, c3=128, reduce5=16, c5=32, pool=32)
    assert drawn == figures.Figure(
        (
            ("1×1 · 64",),
            ("1×1 · 96", "3×3 · 128"),
            ("1×1 · 16", "5×5 · 32"),
            ("pool 3×3", "1×1 · 32"),
        ),
        "concatenate",
    )


def test_a_naive_inception_block_shows_no_reductions() -> None:
    drawn = figure("inception", variant="a")
    assert drawn is not None
    assert [len(steps) for steps in drawn.branches] == [1, 1, 1, 1]


def test_a_residual_block_of_equal_shape_shows_an_empty_shortcut() -> None:
    drawn = figure("residual", channels=64)
    assert drawn == figures.Figure((("3×3 · 64", "3×3 · 64"), ()), "add")


def test_a_residual_block_that_changes_the_shape_shows_its_projection() -> None:
    drawn = figure("residual", channels=128, stride=2)
    assert drawn is not None
    assert ("1×1 · 128 /2",) in drawn.branches


def test_a_residual_block_with_its_shortcut_cut_is_one_chain() -> None:
    assert figure("residual", channels=64, shortcut="cut") == figures.Figure(
        (("3×3 · 64", "3×3 · 64"),)
    )


def test_a_vgg_block_shows_its_convolutions_and_pooling() -> None:
    assert figure("vgg", channels=32, convolutions=3) == figures.Figure(
        (("3×3 · 32", "3×3 · 32", "3×3 · 32", "pool 2×2"),)
    )


# Entry and exit stand inside blocks and never on a canvas.
@pytest.mark.parametrize(
    "kind", [k.kind for k in registry.kinds() if k.kind not in ("entry", "exit")]
)
def test_every_kind_has_a_face_with_and_without_a_report(kind: str) -> None:
    node = Node("it", kind)
    report = analyze(Network((node,))).nodes["it"]
    for known in (None, report):
        face = faces.make(node, known, 0, "digits")
        assert face.name == "it"
        assert face.width > 100


@pytest.mark.parametrize("name", sorted(templates.TEMPLATES))
def test_every_template_gives_faces_with_shapes_on_all_nodes(name: str) -> None:
    network = templates.build(name).network
    analysis = analyze(network)
    for node in network.nodes:
        face = faces.make(node, analysis.nodes[node.name], 1, "digits")
        assert face.output
        assert not face.problem


def test_a_node_of_an_unknown_kind_says_so() -> None:
    node = Node("odd", "from_the_future")
    face = faces.make(node, analyze(Network((node,))).nodes["odd"], 0, "digits")
    assert "not known" in face.kind_line
    assert face.problem


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (9_999, "9,999"), (221_952, "222 k"), (60_200_000, "60.2 M"), (999_960, "1.00 M"),
     (11_513_000_000, "11.5 G"), (10_000, "10.0 k")],
)  # fmt: skip
def test_counts_keep_three_digits(number: int, text: str) -> None:
    assert texts.count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (512, "512 B"),
        (412_000_000, "393 MiB"),
        (23_500_000_000, "21.9 GiB"),
        (1_048_500, "1.0 MiB"),
    ],
)
def test_sizes_are_in_powers_of_1024(number: int, text: str) -> None:
    assert texts.size(number) == text


def test_a_tiny_share_is_not_rounded_to_nothing() -> None:
    assert texts.share(0.0001) == "<1 % of cost"
    assert texts.share(0.224) == "22 % of cost"
    assert texts.share(0.0) == ""


def test_a_screen_reader_hears_kind_output_and_neighbors() -> None:
    network = templates.build("quickstart").network
    text = speech.describe(network, analyze(network), ("mixed",))
    assert text.startswith("mixed, inception block, ")
    assert "output 48 by 16 by 16" in text
    assert "fed by features" in text
    assert "connected to shrink" in text


def test_a_screen_reader_hears_the_problem() -> None:
    network = Network((Node("a", "convolution"), Node("b", "convolution")), (Edge("a", "b"),))
    assert "Problem: " in speech.describe(network, analyze(network), ("a",))
    assert "2 nodes, nothing selected, " in speech.describe(network, analyze(network), ())
