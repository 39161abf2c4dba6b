"""From a network to a module: names, initialization, and agreement with the analysis."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from studio.engine.module import (
    build_empty,
    build_module,
    count_parameters,
    parameterized_layers,
)
from studio.project import edits, grouping, templates
from studio.project.analysis import analyze
from studio.project.values import Edge, Network, Node
from studio.runs.api import WorkFailed
from tests.engine.helpers import chain, small_network


def test_parameters_are_named_after_the_nodes() -> None:
    network = chain(
        Node("input", "input"),
        Node("stage1", "stage", {"channels": 8, "repeats": 1}),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    names = [name for name, _ in build_module(network, 0).named_parameters()]
    assert names[0] == "stage1.0.conv1.weight"
    assert "stage1.0.downsample.0.weight" in names
    assert names[-2:] == ["head.weight", "head.bias"]


@pytest.mark.parametrize("name", ["graph", "code", "recompile", "x"])
def test_a_node_may_have_a_name_that_torch_fx_uses(name: str) -> None:
    nodes = small_network().nodes
    network = chain(*(Node(name, n.kind, n.settings) if n.name == "drop" else n for n in nodes))
    assert build_module(network, 0)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


@pytest.mark.parametrize("name", ["quickstart", "googlenet", "resnet50", "cifar_resnet20"])
def test_layers_and_counts_are_those_of_the_analysis(name: str) -> None:
    network = templates.build(name).network
    module, analysis = build_empty(network), analyze(network)
    layers = parameterized_layers(module)
    assert list(layers) == [row.name for row in analysis.layers if row.parameters]
    assert [sum(p.numel() for p in group) for group in layers.values()] == [
        row.parameters for row in analysis.layers if row.parameters
    ]
    assert count_parameters(module) == analysis.parameters
    assert analysis.input_shape is not None
    with torch.device("meta"):
        output = module.eval()(torch.empty(2, *analysis.input_shape))
    assert output.shape == (2, analysis.classes)


def test_branches_join_in_the_order_of_their_ports() -> None:
    network = Network(
        (
            Node("input", "input", {"channels": 1, "height": 4, "width": 4}),
            Node("left", "convolution", {"channels": 2, "kernel": 1}),
            Node("right", "convolution", {"channels": 3, "kernel": 1}),
            Node("both", "concatenate"),
            Node("pool", "global_pooling"),
            Node("output", "output", {"classes": 5}),
        ),
        (
            Edge("input", "left"),
            Edge("input", "right"),
            Edge("left", "both", 1),
            Edge("right", "both", 0),
            Edge("both", "pool"),
            Edge("pool", "output"),
        ),
    )
    module = build_module(network, 0)
    images = torch.rand(2, 1, 4, 4)
    left, right = module.get_submodule("left"), module.get_submodule("right")
    expected = torch.cat((right(images), left(images)), 1).mean((2, 3))
    assert torch.equal(module(images), expected)


def test_convolutions_start_as_he_and_others_say_and_the_rest_as_torch_does() -> None:
    network = chain(
        Node("input", "input", {"channels": 16, "height": 8, "width": 8}),
        Node("conv", "convolution", {"channels": 256, "kernel": 3}),
        Node("norm", "batch_norm"),
        Node("zero", "batch_norm", {"scale": "zero"}),
        Node("pool", "global_pooling"),
        Node("head", "linear", {"features": 10}),
        Node("output", "output"),
    )
    module = build_module(network, 3)
    conv = module.get_parameter("conv.weight")
    assert conv.std().item() == pytest.approx(math.sqrt(2 / (256 * 9)), rel=0.02)
    assert not module.get_parameter("conv.bias").any()
    assert (module.get_parameter("norm.weight") == 1).all()
    assert not module.get_parameter("zero.weight").any()
    assert (module.get_buffer("norm.running_var") == 1).all()
    head = module.get_parameter("head.weight")
    torch.manual_seed(0)
    bound = nn.Linear(256, 10).weight.abs().max().item()
    assert head.abs().max().item() == pytest.approx(bound, rel=0.02)
    assert head.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_the_seed_alone_decides_the_weights_and_no_global_random_number_is_drawn() -> None:
    before = torch.get_rng_state()
    first = build_module(small_network(), 5).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    second = build_module(small_network(), 5).state_dict()
    other = build_module(small_network(), 6).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_a_network_with_a_problem_is_refused_naming_the_node() -> None:
    network = chain(*(node for node in small_network().nodes if node.name != "flatten"))
    with pytest.raises(WorkFailed, match="head: it needs a vector") as caught:
        build_module(network, 0)
    assert caught.value.advice == "Put a flatten before it."


@pytest.mark.parametrize(("channels", "groups"), [(4, 1), (6, 1), (9, 1), (12, 2), (6, 3)])
def test_a_dirac_start_passes_channels_on(channels: int, groups: int) -> None:
    own = {"channels": channels, "groups": groups, "initialization": "dirac"}
    first = Node("input", "input", {"channels": 6, "height": 8, "width": 8})
    ends = (Node("pool", "global_pooling"), Node("head", "linear"), Node("output", "output"))
    module = build_module(chain(first, Node("own", "convolution", own), *ends), 3)
    layer = module.get_submodule("own")
    images = torch.randn(2, 6, 8, 8)
    given = images.chunk(groups, 1)
    made = layer(images).chunk(groups, 1)
    for before, after in zip(given, made, strict=True):
        same = min(before.shape[1], after.shape[1])
        assert torch.allclose(after[:, :same], before[:, :same], atol=1e-6)
        assert not after[:, same:].numel() or after[:, same:].std() > 0.01


@pytest.mark.parametrize("kind", ["convolution", "linear"])
@pytest.mark.parametrize("start", ["he", "xavier", "orthogonal", "uniform", "zero", "constant"])
def test_weights_start_as_torchs_own_functions_have_them(kind: str, start: str) -> None:
    own = {"channels": 48, "kernel": 3} if kind == "convolution" else {"features": 48}
    middle = Node("own", kind, {**own, "initialization": start, "constant": 0.25})
    ends = (Node("pool", "global_pooling"), Node("head", "linear"), Node("output", "output"))
    first = Node("input", "input", {"channels": 24, "height": 8, "width": 8})
    line = (first, middle, *ends) if kind == "convolution" else (first, ends[0], middle, *ends[1:])
    module = build_module(chain(*line), 3)
    weight, bias = module.get_parameter("own.weight"), module.get_parameter("own.bias")
    same = torch.empty_like(weight)
    torch.manual_seed(0)
    match start:
        case "he":
            nn.init.kaiming_normal_(same, mode="fan_out", nonlinearity="relu")
        case "xavier":
            nn.init.xavier_uniform_(same)
        case "orthogonal":
            nn.init.orthogonal_(same)
        case "uniform":
            layer = nn.Conv2d(24, 48, 3) if kind == "convolution" else nn.Linear(24, 48)
            same = layer.weight.detach()
        case "zero":
            nn.init.zeros_(same)
        case "constant":
            nn.init.constant_(same, 0.25)
    assert weight.std().item() == pytest.approx(same.std().item(), rel=0.1)
    assert weight.mean().item() == pytest.approx(same.mean().item(), abs=0.02)
    assert weight.abs().max().item() == pytest.approx(same.abs().max().item(), rel=0.35)
    assert bool(bias.any()) == (start == "uniform")
    if start == "orthogonal":
        rows = weight.flatten(1)
        rows = rows if len(rows) <= rows.shape[1] else rows.T
        assert torch.allclose(rows @ rows.T, torch.eye(len(rows)), atol=1e-5)


def test_a_vector_that_multiplies_a_map_scales_its_channels() -> None:
    network = chain(
        Node("input", "input", {"channels": 3, "height": 6, "width": 6}),
        Node("se", "squeeze_excitation", {"reduction": 1}),
        Node("pool", "global_pooling"),
        Node("head", "linear", {"features": 10}),
        Node("output", "output"),
    )
    module = build_module(network, 0)
    images = torch.randn(2, 3, 6, 6)
    # Hu et al. 2018, equations 2 to 4, written out.
    reduce, restore = module.get_submodule("se.reduce"), module.get_submodule("se.restore")
    gate = torch.sigmoid(restore(torch.relu(reduce(images.mean((2, 3))))))
    expected = torch.stack([image * g.view(3, 1, 1) for image, g in zip(images, gate, strict=True)])
    assert torch.allclose(module.get_submodule("se")(images), expected)


@pytest.mark.parametrize("how", [{"initialization": "zero"}, {"zero_scale": True}], ids=str)
@pytest.mark.parametrize("order", ["post", "pre"])
@pytest.mark.parametrize("shortcut", ["projection", "zero", "identity"])
@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_a_residual_block_whose_weights_are_zero_passes_its_input_through(
    block: str, shortcut: str, order: str, how: dict[str, Any]
) -> None:
    settings = {"channels": 4, "block": block, "shortcut": shortcut, "order": order, **how}
    network = chain(
        Node("input", "input", {"channels": 4, "height": 6, "width": 6}),
        Node("block", "residual", settings),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    images = torch.rand(3, 4, 6, 6)  # not negative, so that the last ReLU changes nothing
    module = build_module(network, 0).get_submodule("block")
    assert torch.equal(module(images), images)
    images.requires_grad_()
    module(images).backward(torch.ones(3, 4, 6, 6))
    assert images.grad is not None
    assert torch.equal(images.grad, torch.ones_like(images))


def test_a_stage_may_leave_its_branches_out_in_training_and_never_in_evaluation() -> None:
    def with_rate(rate: float) -> nn.Module:
        settings = {"channels": 8, "repeats": 3, "drop": rate, "squeeze": 4}
        return build_module(
            chain(
                Node("input", "input", {"channels": 8, "height": 8, "width": 8}),
                Node("stage", "stage", settings),
                Node("pool", "global_pooling"),
                Node("head", "linear"),
                Node("output", "output"),
            ),
            0,
        )

    dropping, plain = with_rate(0.99), with_rate(0.0)
    images = torch.rand(4, 8, 8, 8)
    assert torch.equal(dropping.eval()(images), plain.eval()(images))
    torch.manual_seed(0)
    # Nearly every branch is left out, so nearly every image comes through as it is.
    through = dropping.train().get_submodule("stage")(images)
    assert sum(torch.equal(a, b) for a, b in zip(through, images, strict=True)) >= 3


@pytest.mark.parametrize("repeats", [1, 2])
def test_a_group_computes_what_its_nodes_compute_apart(repeats: int) -> None:
    network = chain(
        Node("input", "input", {"channels": 3, "height": 16, "width": 16}),
        Node("stem", "convolution", {"channels": 6}),
        Node("widen", "inverted_residual", {"channels": 6}),
        Node("act", "activation"),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    inner, name = grouping.group(network, ["widen", "act"], "Step")
    inner = edits.set_setting(inner, name, "repeats", repeats)
    grouped, _ = grouping.group(inner, ["stem", name], "All of it")
    apart, _ = grouping.ungroup(grouped, "all_of_it")
    if repeats > 1:
        apart, rounds = grouping.ungroup(apart, name)
        for one in rounds:
            apart, _ = grouping.ungroup(apart, one)
    one, other = build_module(grouped, 1).eval(), build_module(apart, 2).eval()
    weights = list(one.state_dict().values())
    assert [w.shape for w in other.state_dict().values()] == [w.shape for w in weights]
    other.load_state_dict(dict(zip(other.state_dict(), weights, strict=True)))
    images = torch.rand(2, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(one(images), other(images))
    assert type(one.get_submodule("all_of_it")).__name__ == "AllOfIt"
    expected = (
        "all_of_it.step.0.widen.project.0.weight"
        if repeats > 1
        else ("all_of_it.step.widen.project.0.weight")
    )
    assert expected in one.state_dict()
