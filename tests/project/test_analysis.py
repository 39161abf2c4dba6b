"""Shapes, counts, receptive fields and problems, held against the lecture, torch and papers."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from studio.project import edits
from studio.project.analysis import analyze
from studio.project.footprint import Arithmetic, Kept
from studio.project.templates import TEMPLATES, build
from studio.project.values import Edge, Network, Node
from tests.project.networks import chain


def problem_codes(network: Network) -> list[str]:
    return [problem.code for problem in analyze(network).problems]


@pytest.mark.parametrize(
    ("count", "kernel", "parameters", "operations"),
    [(2, 3, 20, 36), (1, 5, 26, 50), (3, 3, 30, 54), (1, 7, 50, 98)],
)
def test_the_lectures_arithmetic_for_small_kernels(
    count: int, kernel: int, parameters: int, operations: int
) -> None:
    settings = {"convolutions": count, "kernel": kernel, "channels": 1, "batch_norm": False,
                "pooling": "none"}  # fmt: skip
    network = chain(("block", "vgg", settings), size=(1, 16, 16))
    report = analyze(network).nodes["block"]
    assert report.parameters == parameters
    # The lecture counts a multiplication and an addition at one place of the map.
    assert 2 * report.macs // (16 * 16) == operations
    reach = count * (kernel - 1) + 1
    assert report.receptive_field == (reach, reach)


def test_two_small_kernels_see_as_much_as_a_large_one() -> None:
    def sees(count: int, kernel: int) -> tuple[int, int] | None:
        settings = {"convolutions": count, "kernel": kernel, "pooling": "none"}
        return analyze(chain(("block", "vgg", settings))).nodes["block"].receptive_field

    assert sees(2, 3) == sees(1, 5) == (5, 5)
    assert sees(3, 3) == sees(1, 7) == (7, 7)


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_is_without_problems_and_small_enough_to_draw(name: str) -> None:
    analysis = analyze(build(name).network)
    assert analysis.problems == ()
    assert analysis.classes == TEMPLATES[name].classes


# He et al. 2016, Table 6 (CIFAR, in millions), Table 1 (in 10^9); VGG: Table 2 (in millions);
# GoogLeNet has 22 layers with parameters; LeNet-5's variant with full connection of C3.
@pytest.mark.parametrize(
    ("name", "depth", "millions"),
    [
        ("cifar_resnet20", 20, "0.27"),
        ("cifar_resnet32", 32, "0.46"),
        ("cifar_resnet44", 44, "0.66"),
        ("cifar_resnet56", 56, "0.85"),
        ("cifar_resnet110", 110, "1.7"),
        ("cifar_resnet1202", 1202, "19.4"),
        ("vgg11", 11, "133"),
        ("vgg13", 13, "133"),
        ("vgg16", 16, "138"),
        ("vgg19", 19, "144"),
        ("resnet18", 18, "11.7"),
        ("resnet34", 34, "21.8"),
        ("resnet50", 50, "25.6"),
        ("resnet101", 101, "44.5"),
        ("resnet152", 152, "60.2"),
        ("googlenet", 22, "6.6"),
        ("googlenet_paper", 22, "7.0"),
        ("preact_resnet164", 164, "1.7"),
        ("preact_resnet1001", 1001, "10.2"),
        ("densenet121", 121, "7.98"),
    ],
)
def test_depth_and_size_agree_with_the_papers(name: str, depth: int, millions: str) -> None:
    analysis = analyze(build(name).network)
    # Papers count projections on the shortcut into no path, and neither does the longest path.
    assert analysis.depth == depth
    counted = analysis.parameters
    if name.startswith("preact"):
        # He et al. 2016b give 10.2 million for 1,001 layers: their weights without batch norm's.
        counted = sum(r.parameters for r in analysis.layers if r.kind in ("convolution", "linear"))
    digits = len(millions.partition(".")[2])
    assert f"{counted / 1e6:.{digits}f}" == millions


# Szegedy et al. 2015, Table 1: output, thousands (of 1,024) of weights, millions of multiply-adds.
GOOGLENET = {
    "3a": ((256, 28, 28), 159, 128), "3b": ((480, 28, 28), 380, 304),
    "4a": ((512, 14, 14), 364, 73), "4b": ((512, 14, 14), 437, 88),
    "4c": ((512, 14, 14), 463, 100), "4d": ((528, 14, 14), 580, 119),
    "4e": ((832, 14, 14), 840, 170), "5a": ((832, 7, 7), 1072, 54),
    "5b": ((1024, 7, 7), 1388, 71),
}  # fmt: skip


# Two cells of the table do not follow from its own widths: 4c's weights (its multiply-adds, 100
# million, are those of 509,440 weights and not of 463 thousand), and all of 5a's, by 5 %.
OFF = {("4c", "weights"): 0.08, ("5a", "weights"): 0.06, ("5a", "macs"): 0.06}


@pytest.mark.parametrize("module", sorted(GOOGLENET))
def test_googlenet_agrees_with_its_papers_table_module_by_module(module: str) -> None:
    output, thousands, millions = GOOGLENET[module]
    report = analyze(build("googlenet_paper").network).nodes[f"inception{module}"]
    assert report.output == output
    weights, macs = OFF.get((module, "weights"), 0.03), OFF.get((module, "macs"), 0.03)
    assert report.parameters / 1024 == pytest.approx(thousands, rel=weights)
    assert report.macs / 1e6 == pytest.approx(millions, rel=macs)


TORCHVISION = [
    *(f"vgg{depth}{suffix}" for depth in (11, 13, 16, 19) for suffix in ("", "_bn")),
    *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
    "resnext50_32x4d", "wide_resnet50_2", "googlenet", "mobilenet_v2", "densenet121",
    "convnext_tiny",
]  # fmt: skip


@pytest.mark.parametrize("name", TORCHVISION)
def test_size_and_shape_are_torchvisions_where_it_has_the_network(name: str) -> None:
    import torchvision

    arguments = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None, **arguments)
        output = module.eval()(torch.empty(1, 3, 224, 224))
    analysis = analyze(build(name).network)
    assert analysis.parameters == sum(p.numel() for p in module.parameters())
    assert analysis.nodes["output"].output == tuple(output.shape[1:])
    theirs = sorted(tuple(p.shape) for p in module.parameters() if p.dim() == 1)
    from studio.engine.module import build_empty

    ours = build_empty(build(name).network)
    if name != "convnext_tiny":  # its layer scale and 1×1 convolutions are linear layers there
        assert sorted(tuple(p.shape) for p in ours.parameters() if p.dim() == 1) == theirs


def test_a_plain_twin_has_the_same_parameters_and_no_sum() -> None:
    residual, plain = (analyze(build(f"cifar_{kind}20").network) for kind in ("resnet", "plain"))
    assert residual.parameters == plain.parameters
    assert not [row for row in plain.layers if row.kind == "add"]


def _support(network: Network, node: str) -> int:
    """The most rows of the input that any one output row of ``node`` has a gradient at."""
    from studio.engine.module import build_module

    module = build_module(network, seed=0).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.01)  # nothing cancels
    outputs: list[torch.Tensor] = []
    module.get_submodule(node).register_forward_hook(lambda m, i, out: outputs.append(out))
    image = torch.zeros(1, 1, 96, 96, dtype=torch.float64, requires_grad=True)
    module(image)
    rows = outputs[0].shape[2]
    most = 0
    for row in range(rows // 2 - min(8, rows // 4), rows // 2 + min(8, rows // 4) + 1):
        (grad,) = torch.autograd.grad(outputs[0][0, 0, row].sum(), image, retain_graph=True)
        seen = grad[0, 0].abs().sum(1).nonzero().flatten()
        most = max(most, int(seen.max() - seen.min()) + 1)
    return most


def _random_layer(rng: random.Random) -> tuple[str, dict[str, Any]]:
    kernel, stride = rng.choice((1, 2, 3, 5)), rng.choice((1, 1, 2))
    match rng.choice(("convolution", "convolution", "pooling", "upsample", "vgg", "residual")):
        case "convolution":
            dilation = rng.choice((1, 1, 2))
            return "convolution", {"channels": 2, "kernel": kernel, "stride": stride,
                                   "dilation": dilation}  # fmt: skip
        case "pooling":
            return "pooling", {"mode": "average", "kernel": max(2, kernel), "stride": stride}
        case "upsample":
            return "upsample", {"scale": 2, "mode": rng.choice(("nearest", "bilinear"))}
        case "vgg":
            return "vgg", {"channels": 2, "convolutions": 2, "batch_norm": False,
                           "activation": "softplus", "pooling": "average"}  # fmt: skip
    return "residual", {"channels": 2, "batch_norm": False, "activation": "softplus"}


@pytest.mark.parametrize("seed", range(40))
def test_the_receptive_field_is_the_support_of_the_gradient_at_the_input(seed: int) -> None:
    rng = random.Random(seed)
    # One upsampling at most: a map made larger, and smaller, and larger again has rows that see
    # less than the rule's bound.
    layers: list[tuple[str, str, dict[str, Any]]] = []
    for number in range(rng.randint(2, 4)):
        kind, settings = _random_layer(rng)
        if kind == "upsample" and any(layer[1] == "upsample" for layer in layers):
            kind, settings = "convolution", {"channels": 2, "kernel": 3}
        layers.append((f"n{number}", kind, settings))
    last = layers[-1][0]
    ends: list[tuple[str, str, dict[str, Any]]] = [
        ("pool", "global_pooling", {}),
        ("head", "linear", {}),
    ]
    network = chain(*layers, *ends, size=(1, 96, 96))
    field = analyze(network).nodes[last].receptive_field
    assert field is not None
    measured = _support(network, last)
    assert field == (measured, measured), layers


def test_a_mismatched_sum_names_both_sides_and_offers_the_channels() -> None:
    network = chain(
        ("stem", "convolution", {"channels": 64}),
        ("side", "convolution", {"channels": 32}),
        ("sum", "add", {}),
        ("pool", "global_pooling", {}),
        ("head", "linear", {}),
    )
    network = edits.connect(network, "stem", "sum", 1)
    problem = analyze(network).problems[0]
    assert problem.node == "sum"
    assert "side gives 32×32×32, but stem gives 64×32×32" in problem.message
    assert problem.fix is not None
    assert problem.fix.text == "Set stem's channels to 32"
    assert analyze(edits.apply_fix(network, problem.fix)).problems == ()


def test_a_sum_across_a_stride_is_mended_by_a_projection() -> None:
    network = chain(
        ("pool", "pooling", {}), ("conv", "convolution", {"channels": 8}), ("sum", "add", {}),
        ("last", "global_pooling", {}), ("head", "linear", {}),
    )  # fmt: skip
    network = edits.connect(network, "input", "sum", 1)
    problem = analyze(network).problems[0]
    assert problem.fix is not None
    mended = edits.apply_fix(network, problem.fix)
    assert analyze(mended).problems == ()
    assert analyze(mended).nodes["sum"].output == (8, 16, 16)


@pytest.mark.parametrize(
    ("layers", "node"),
    [
        ((("head", "linear", {}),), "head"),
        ((("conv", "convolution", {}),), "output"),
        ((("pool", "global_pooling", {}), ("head", "linear", {"features": 3})), "output"),
    ],
)
def test_the_offered_fix_leaves_no_problem(
    layers: tuple[tuple[str, str, dict[str, Any]], ...], node: str
) -> None:
    network = chain(*layers)
    problem = analyze(network).problems[0]
    assert (problem.node, problem.code) == (node, "shape")
    assert problem.fix is not None
    assert analyze(edits.apply_fix(network, problem.fix)).problems == ()


def test_a_circle_is_named_with_its_members_and_mended_by_cutting_it() -> None:
    network = chain(("a", "convolution", {}), ("sum", "add", {}), ("b", "convolution", {}),
                    ("pool", "global_pooling", {}), ("head", "linear", {}))  # fmt: skip
    network = replace(network, edges=(*network.edges, Edge("b", "sum", 1)))
    problem = next(p for p in analyze(network).problems if p.code == "cycle")
    assert "sum, b" in problem.message
    assert problem.fix is not None
    assert "cycle" not in problem_codes(edits.apply_fix(network, problem.fix))


def test_what_is_fed_by_nothing_or_leads_nowhere_is_named() -> None:
    network = chain(("pool", "global_pooling", {}), ("head", "linear", {}))
    network, lonely = edits.add_node(network, "convolution", {}, 0, 0)
    network, dead = edits.add_node(network, "convolution", {}, 0, 0)
    network = edits.connect(network, "input", dead)
    problems = {problem.node: problem.code for problem in analyze(network).problems}
    assert problems == {lonely: "dangling", dead: "unused"}


def test_missing_ends_can_be_added_by_the_fix() -> None:
    network = Network((Node("pool", "global_pooling"), Node("head", "linear")),
                      (Edge("pool", "head"),))  # fmt: skip
    while problems := analyze(network).problems:
        fix = next(p.fix for p in problems if p.code in ("no-input", "no-output"))
        assert fix is not None
        network = edits.apply_fix(network, fix)
    assert analyze(network).nodes["output"].output == (10,)


def test_shrinking_to_nothing_is_refused_at_the_layer_where_it_happens() -> None:
    layers = [(f"pool{i}", "pooling", {}) for i in range(6)]
    network = chain(*layers, ("last", "global_pooling", {}), ("head", "linear", {}))
    problems = analyze(network).problems
    assert [problem.node for problem in problems] == ["pool5"]
    assert "larger than the 1×1 that pool4 gives" in problems[0].message


def test_a_block_says_where_inside_it_the_shape_breaks() -> None:
    network = chain(("tail", "stage", {"shortcut": "identity", "channels": 8, "stride": 2}))
    message = analyze(network).problems[0].message
    assert message.startswith("tail: ")
    assert "choose a projection or zero-padding shortcut" in message


@pytest.mark.parametrize(
    "settings",
    [{"channels": 0}, {"channels": 1e9}, {"channels": "64"}, {"channels": True}, {"kernel": 2.5},
     {"channels": [1]}, {"channels": None}, {"colour": 3}, {"stride": -1}, {"padding": 10**30}],
)  # fmt: skip
def test_a_setting_out_of_bounds_is_a_problem_and_not_an_error(settings: dict[str, Any]) -> None:
    assert problem_codes(chain(("conv", "convolution", settings)))[0] == "setting"


def test_an_unknown_kind_is_kept_and_named() -> None:
    network = chain(("new", "from_the_future", {"a": [1, {"b": None}]}))
    assert problem_codes(network) == ["unknown-kind"]
    assert network.node("new").settings == {"a": [1, {"b": None}]}


def test_names_used_twice_and_names_torch_needs_are_problems() -> None:
    network = Network((Node("forward", "input"), Node("a", "identity"), Node("a", "identity")))
    named = {problem.node for problem in analyze(network).problems if problem.code == "name"}
    assert named == {"forward", "a"}


def test_a_hostile_size_is_refused_within_bounds() -> None:
    layers = [(f"s{i}", "stage", {"repeats": 1000, "channels": 3}) for i in range(60)]
    assert "too-large" in problem_codes(chain(*layers))
    many = Network(tuple(Node(f"n{i}", "identity") for i in range(20_000)))
    assert problem_codes(many) == ["too-large"]


@pytest.mark.parametrize("name", ["cifar_resnet20", "resnet50", "googlenet", "densenet121"])
def test_what_the_rows_keep_is_what_the_network_keeps(name: str) -> None:
    network = build(name).network
    analysis = analyze(network)
    whole = sum(Kept(analysis.steps, Arithmetic()).by_step)
    assert sum(row.kept for row in analysis.layers) == whole
    assert sum(row.kept for row in analysis.node_rows) == whole
    for row in analysis.node_rows:
        inside = [layer for layer in analysis.layers if layer.node == row.name]
        assert row.kept == sum(layer.kept for layer in inside), row.name
        assert row.receptive_field == inside[-1].receptive_field
        assert row.macs == sum(layer.macs for layer in inside)


ENDS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("mean", "global_pooling", {}), ("head", "linear", {}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ((("p", "pooling", {"kernel": 2, "padding": 3}),), "Set padding to 1"),
        ((("p", "pooling", {"kernel": 40}),), "Set kernel to 32"),
        ((("c", "convolution", {"kernel": 41, "padding": 0}),), "Set padding to automatic"),
        ((("c", "convolution", {"groups": 2}),), "Set groups to 1"),
        ((("c", "convolution", {"channels": 12}), ("d", "convolution", {"channels": 8,
          "groups": 3})), "Set groups to 2"),
        ((("c", "convolution", {"channels": 12}), ("n", "group_norm", {"groups": 8})),
         "Set groups to 6"),
        ((("c", "convolution", {"channels": 12}), ("z", "zero_shortcut", {"channels": 4})),
         "Set channels to 12"),
        ((("r", "residual", {"shortcut": "identity", "stride": 2}),), "Set shortcut to projection"),
        ((("r", "stage", {"shortcut": "identity"}),), "Set shortcut to projection"),
    ],
)  # fmt: skip
def test_a_setting_that_the_problem_names_is_offered_and_mends_it(
    layers: tuple[tuple[str, str, dict[str, Any]], ...], text: str
) -> None:
    network = chain(*layers, *ENDS)
    problem = analyze(network).problems[0]
    assert problem.fix is not None
    assert problem.fix.text.startswith(text)
    assert analyze(edits.apply_fix(network, problem.fix)).problems == ()


@pytest.mark.parametrize("merge", ["add", "concatenate"])
@pytest.mark.parametrize(("deep", "flat", "text"), [
    ({"kernel": 5}, {"kernel": 3, "padding": 0}, "Set flat's padding to automatic"),
    ({"kernel": 5, "padding": 0}, {"kernel": 3}, "Set deep's padding to automatic"),
    ({"kernel": 5, "padding": 0}, {"kernel": 1}, "Set deep's padding to automatic"),
])  # fmt: skip
def test_two_sides_that_differ_by_a_border_are_mended_by_a_padding(
    merge: str, deep: dict[str, Any], flat: dict[str, Any], text: str
) -> None:
    network = chain(
        ("stem", "convolution", {"channels": 4}),
        ("deep", "convolution", {"channels": 8, **deep}),
        ("join", merge, {}),
        *ENDS,
    )
    nodes = (*network.nodes, Node("flat", "convolution", {"channels": 8, **flat}))
    network = replace(network, nodes=nodes)
    network = edits.connect(edits.connect(network, "stem", "flat"), "flat", "join", 1)
    problem = analyze(network).problems[0]
    assert (problem.node, problem.code) == ("join", "shape")
    assert problem.fix is not None
    assert problem.fix.text == text
    mended = analyze(edits.apply_fix(network, problem.fix))
    assert mended.problems == ()


def test_a_gate_of_another_length_gets_the_channels_of_what_it_gates() -> None:
    network = chain(
        ("stem", "convolution", {"channels": 12}), ("mean", "global_pooling", {}),
        ("gate", "linear", {"features": 5}), ("scale", "multiply", {}), *ENDS[1:],
    )  # fmt: skip
    network = edits.disconnect(network, Edge("gate", "scale"))
    network = edits.connect(edits.connect(network, "stem", "scale", 0), "gate", "scale", 1)
    network = edits.disconnect(network, Edge("scale", "head"))
    nodes = (*network.nodes, Node("mean2", "global_pooling", {}))
    network = replace(network, nodes=nodes)
    network = edits.connect(edits.connect(network, "scale", "mean2"), "mean2", "head")
    problem = analyze(network).problems[0]
    assert problem.fix is not None
    assert problem.fix.text == "Set gate's features to 12"
    assert analyze(edits.apply_fix(network, problem.fix)).problems == ()


def test_a_vgg_block_pools_behind_its_first_convolution_by_choice() -> None:
    usual = analyze(chain(("block", "vgg", {"channels": 8, "convolutions": 3})))
    early = analyze(
        chain(("block", "vgg", {"channels": 8, "convolutions": 3, "pooling_at": "first"}))
    )
    assert early.nodes["block"].output == usual.nodes["block"].output
    assert early.parameters == usual.parameters
    order = [row.name.rpartition(".")[2] for row in early.layers if row.name.startswith("block.")]
    assert order[:4] == ["conv1", "pool", "bn1", "act1"]
    assert early.macs < usual.macs
