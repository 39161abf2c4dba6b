"""The Python source of a network computes what the network does, and reads well."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise, product
from typing import Any

import pytest
import torch
from torch import nn

from studio.engine.module import build_module
from studio.project import grouping, heads
from studio.project.source import Preparation, Source, SourceError, program
from studio.project.templates import TEMPLATES, build
from studio.project.values import Edge, Network, Node

_HEAD = """\
from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F


"""


def _chain(size: tuple[int, int, int], *nodes: Node, classes: int = 7) -> Network:
    """The nodes one after another, then a global pooling and a linear layer."""
    channels, height, width = size
    shape = {"channels": channels, "height": height, "width": width}
    ends = (
        Node("pool", "global_pooling"),
        Node("fc", "linear"),
        Node("output", "output", {"classes": classes}),
    )
    line = (Node("input", "input", shape), *nodes, *ends)
    edges = tuple(Edge(a.name, b.name) for a, b in pairwise(line))
    return Network(line, edges)


def _run_source(source: Source) -> nn.Module:
    space: dict[str, Any] = {"__name__": "written"}
    exec(compile(_HEAD + source.classes, "written", "exec"), space)
    module: nn.Module = space[source.name]()
    return module.eval()


def _check_equal(network: Network) -> str:
    """The source's module takes the same state dict and gives the same logits: bit for bit, unless
    a layer norm comes before 1×1 convolutions, which the engine computes as matrix products."""
    source = Source(network, "net")
    built = build_module(network, seed=0).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            if not parameter.any():  # a scale or shift of zero would hide what it belongs to
                parameter.fill_(0.5)
    written = _run_source(source)
    assert list(written.state_dict()) == list(built.state_dict())
    written.load_state_dict(built.state_dict())
    size = network.nodes[0].settings
    images = torch.randn(2, size["channels"], size["height"], size["width"])
    with torch.inference_mode():
        expected = built(images)
        assert bool(expected.isfinite().all())
        if "LayerNorm2d" in source.classes:
            torch.testing.assert_close(written(images), expected, rtol=1e-5, atol=1e-5)
        else:
            assert torch.equal(written(images), expected)
    return source.classes


def _initialized(network: Network) -> tuple[str, nn.Module]:
    """The file without weights, and its module as its own ``initialize`` starts it."""
    preparation = Preparation((3, 8, 8), (0.0,) * 3, (1.0,) * 3)
    text = program(network, "net", "net", ("a", "b"), preparation)
    space: dict[str, Any] = {"__name__": "written"}
    exec(compile(text, "written", "exec"), space)
    module: nn.Module = space[Source(network, "net").name]()
    space["initialize"](module, seed=3)
    return text, module


def _check_starts_alike(network: Network) -> str:
    """The source's ``initialize`` gives the values that the engine gives, bit for bit."""
    text, written = _initialized(network)
    built = build_module(network, seed=3).state_dict()
    for name, values in written.state_dict().items():
        assert torch.equal(values, built[name]), name
    assert _is_formatted(text)
    call = [sys.executable, "-m", "ruff", "check", "--isolated", "-"]
    assert subprocess.run(call, input=text.encode(), capture_output=True).returncode == 0
    return text


def _is_formatted(text: str) -> bool:
    call = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", "-"]
    return subprocess.run(call, input=text.encode(), capture_output=True).returncode == 0


# 1,202 layers are slow to run, 1,001 overflow before they have been trained, and
# ``cifar_resnet110`` has the same classes; of families whose members differ in their numbers only,
# one stands in the quick suite.
_QUICK = ("quickstart", "lenet5", "vgg11_bn", "googlenet", "resnet18", "resnext50_32x4d",
          "cifar_resnet20", "cifar_plain32")  # fmt: skip
_NAMES = [
    name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in TEMPLATES
    if not name.endswith(("1202", "1001"))
]


@pytest.mark.parametrize("name", _NAMES)
def test_every_template_gives_the_same_keys_and_logits(name: str) -> None:
    channels, height, _ = TEMPLATES[name].input
    side = 32 if name.startswith("vgg") else min(height, 64)
    _check_equal(heads.without(build(name, (channels, side, side), 10).network))


@pytest.mark.parametrize("name", _NAMES)
def test_the_source_of_every_template_starts_as_the_project_does(name: str) -> None:
    channels, height, _ = TEMPLATES[name].input
    side = 32 if name.startswith("vgg") else min(height, 64)
    _check_starts_alike(heads.without(build(name, (channels, side, side), 10).network))


def test_every_start_of_layers_and_blocks_is_written_into_the_source() -> None:
    starts = ("he", "xavier", "orthogonal", "uniform", "zero", "dirac")
    plain = [
        Node(f"plain_{start}", "convolution",
             {"channels": 8, "groups": 4 if start == "dirac" else 1, "initialization": start,
              "bias": start != "zero"})
        for start in (*starts, "whitening")
    ]  # fmt: skip
    blocks = [
        Node(f"{kind}_{start}", kind, {**settings, "initialization": start})
        for start in starts
        for kind, settings in (
            ("vgg", {"channels": 4, "pooling": "none"}), ("residual", {"channels": 8}),
            ("separable", {"channels": 4}), ("inverted_stage", {"channels": 6, "expansion": 2.0}),
            ("dense_block", {"growth": 2, "layers": 2}), ("transition", {}), ("inception", {}),
            ("convnext_stage", {"repeats": 1}),
        )
        if kind != "transition" or start in ("xavier", "zero")
    ]  # fmt: skip
    same = {"initialization": "constant", "constant": 0.25}
    network = _chain((3, 16, 16), *plain, Node("same", "convolution", {"channels": 4, **same}),
                     Node("identity_start", "residual", {"channels": 8, "zero_scale": True}),
                     *blocks)  # fmt: skip
    text = _check_starts_alike(network)
    assert "constant_(layer.weight, 0.25)" in text
    started = build_module(network, 3).state_dict()
    # Every convolution of a block follows its setting, those of the shortcut and behind others too.
    for block in ("separable_zero", "inverted_stage_zero", "dense_block_zero", "residual_zero",
                  "transition_zero", "convnext_stage_zero"):  # fmt: skip
        weights = [v for k, v in started.items() if k.startswith(f"{block}.") and v.dim() == 4]
        assert weights
        assert not any(bool(weight.any()) for weight in weights), block


@pytest.mark.parametrize(
    ("block", "order", "shortcut"),
    list(
        product(("basic", "bottleneck"), ("post", "pre"), ("projection", "zero", "always", "cut"))
    ),
)
def test_residual_stages_of_every_make_compute_the_same(
    block: str, order: str, shortcut: str
) -> None:
    settings = {"block": block, "order": order, "shortcut": shortcut, "repeats": 3}
    text = _check_equal(
        _chain(
            (3, 16, 16),
            Node("one", "stage", {**settings, "channels": 8}),
            Node("two", "stage", {**settings, "channels": 16, "stride": 2}),
        )
    )
    # The whole stage is one expression, however often its block is repeated.
    assert "for _ in range(2)" in text or "for _ in range(3)" in text


@pytest.mark.parametrize(
    "function",
    ["relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh"],
)
def test_every_activation_computes_the_same_in_rows_loops_and_forwards(function: str) -> None:
    _check_equal(
        _chain(
            (3, 8, 8),
            Node("loop", "vgg", {"convolutions": 3, "channels": 4, "activation": function}),
            Node("unit", "conv_unit", {"channels": 5, "activation": function}),
            Node("plain", "activation", {"function": function}),
        )
    )


@pytest.mark.parametrize("mode", ["max", "average"])
def test_every_pooling_computes_the_same(mode: str) -> None:
    _check_equal(
        _chain(
            (3, 17, 13),
            Node("a", "pooling", {"mode": mode, "kernel": 3, "padding": 1, "ceil_mode": True}),
            Node("b", "adaptive_pooling", {"mode": mode, "size": 3}),
            Node("c", "dropout", {"rate": 0.3}),
            Node("d", "convolution", {"channels": 6, "groups": 3, "dilation": 2, "kernel": 2}),
            Node("e", "batch_norm", {"epsilon": 0.001, "momentum": 0.2}),
            Node("f", "identity"),
        )
    )


def test_blocks_that_are_equal_by_chance_keep_their_own_parameters() -> None:
    widths = {"c1": 8, "reduce3": 8, "c3": 8, "reduce5": 8, "c5": 8, "pool": 8}
    text = _check_equal(_chain((8, 8, 8), Node("mixed", "inception", widths)))
    assert "c1=8, reduce3=8, c3=8, reduce5=8, c5=8, pool=8" in text


def test_merges_on_the_canvas_compute_the_same() -> None:
    shape = {"channels": 3, "height": 8, "width": 8}
    nodes = (
        Node("input", "input", shape),
        Node("a", "convolution", {"channels": 4}),
        Node("b", "convolution", {"channels": 4, "kernel": 1}),
        Node("sum", "add"),
        Node("both", "concatenate"),
        Node("pool", "global_pooling", {"mode": "max"}),
        Node("act", "activation", {"function": "tanh"}),
        Node("fc", "linear"),
        Node("output", "output", {"classes": 3}),
    )
    wires = [
        ("input", "a", 0), ("input", "b", 0), ("a", "sum", 0), ("b", "sum", 1), ("sum", "both", 0),
        ("a", "both", 1), ("input", "both", 2), ("both", "pool", 0), ("pool", "act", 0),
        ("act", "fc", 0), ("fc", "output", 0),
    ]  # fmt: skip
    _check_equal(Network(nodes, tuple(Edge(*wire) for wire in wires)))


def test_gates_and_enlarged_maps_compute_the_same() -> None:
    shape = {"channels": 4, "height": 8, "width": 8}
    nodes = (
        Node("input", "input", shape),
        Node("stage", "stage", {"channels": 4, "squeeze": 2, "drop": 0.1, "repeats": 3}),
        Node("sum", "add"),
        Node("small", "pooling"),
        Node("large", "upsample"),
        Node("smooth", "upsample", {"scale": 1, "mode": "bilinear"}),
        Node("gate", "squeeze_excitation", {"reduction": 2}),
        Node("mean", "global_pooling"),
        Node("product", "multiply"),
        Node("pool", "global_pooling"),
        Node("fc", "linear"),
        Node("output", "output", {"classes": 3}),
    )
    wires = [
        ("input", "stage", 0), ("stage", "sum", 0), ("input", "sum", 1), ("sum", "small", 0),
        ("small", "large", 0), ("large", "smooth", 0), ("smooth", "gate", 0), ("input", "mean", 0),
        ("sum", "product", 0), ("gate", "product", 1), ("mean", "product", 2),
        ("product", "pool", 0), ("pool", "fc", 0), ("fc", "output", 0),
    ]  # fmt: skip
    text = _check_equal(Network(nodes, tuple(Edge(*wire) for wire in wires)))
    assert _is_formatted(_HEAD + text)


def _grouped(title: str = "My block", repeats: int = 1) -> Network:
    """Two groups of one make with other widths, the second in a third group, and a sum in each."""
    network = _chain((4, 12, 12), Node("conv", "convolution", {"channels": 4}), Node("sum", "add"))
    network = Network(network.nodes, (*network.edges, Edge("input", "sum", 1)))
    one, name = grouping.group(network, ["conv", "sum"], title)
    settings = one.node(name).settings
    return _chain(
        (4, 12, 12),
        Node("first", "group", {**settings, "repeats": repeats}),
        Node("stage", "stage", {"channels": 8}),
        Node("vgg", "vgg", {"channels": 4, "convolutions": 3}),
        Node("second", "group", settings),
        Node("unit", "conv_unit", {"channels": 4}),
    )


@pytest.mark.parametrize("repeats", [1, 3])
def test_a_group_is_a_class_of_its_title_and_computes_the_same(repeats: int) -> None:
    text = _check_equal(_grouped(repeats=repeats))
    assert text.count("class MyBlock(nn.Module)") == 1
    assert "self.second = MyBlock(" in text
    assert ("MyBlock() for _ in range(3)" in text) == (repeats == 3)


def test_groups_that_differ_in_numbers_only_share_a_class_with_a_parameter() -> None:
    units = [
        Node(name, "conv_unit", {"channels": channels})
        for name, channels in (("one", 5), ("two", 7), ("three", 7))
    ]
    network = _chain((3, 8, 8), *units)
    for name in ("one", "two", "three"):
        plain = grouping.group(network, [name], "Step")[0].node("step").settings
        inside = plain["inside"]
        for node in inside["nodes"]:
            node["name"] = "unit" if node["name"] == name else node["name"]
        for edge in inside["edges"]:
            edge.update({k: "unit" for k, v in edge.items() if v == name})
        nodes = (Node(n.name, "group", plain) if n.name == name else n for n in network.nodes)
        network = Network(tuple(nodes), network.edges)
    text = _check_equal(network)
    assert text.count("class Step(") == 1
    assert "Step(3, " in text


def test_groups_of_one_title_that_hold_different_things_are_two_classes() -> None:
    network = _chain((3, 8, 8), Node("a", "convolution", {"channels": 4}), Node("b", "batch_norm"),
                     Node("c", "inverted_residual", {"channels": 4}))  # fmt: skip
    for names in (["a", "b"], ["c"]):
        network, _ = grouping.group(network, names, "Part")
    text = _check_equal(network)
    assert text.count("Part(nn.Module)") == 2


def test_groups_of_two_titles_that_hold_the_same_are_two_classes() -> None:
    network = _grouped("First part")
    other = {**network.node("second").settings, "title": "Other part"}
    nodes = tuple(Node(n.name, n.kind, other) if n.name == "second" else n for n in network.nodes)
    text = _check_equal(Network(nodes, network.edges))
    assert "self.first = FirstPart(" in text
    assert "self.second = OtherPart(" in text


@pytest.mark.parametrize(
    "title",
    ["Tensor", "Value error", "3 tails", "class", "None", "注意", "a \"quoted\" \\", '""\"', "Net",
     "Convolution unit", "{0} %s"],
)  # fmt: skip
def test_any_title_of_a_group_gives_source_that_runs_and_is_formatted(title: str) -> None:
    network = _grouped(title)
    _check_equal(network)
    preparation = Preparation((4, 12, 12), (0.0,) * 4, (1.0,) * 4)
    text = program(network, "net", "some file", ["a", "b"], preparation, "0" * 64)
    assert _is_formatted(text)
    assert "class ValueError(" not in text
    assert "class Tensor(" not in text


def test_the_source_of_resnet152_stays_short() -> None:
    text = Source(build("resnet152").network, "ResNet-152").classes
    assert text.count("\n") < 100
    assert text.count("class ") == 2


def test_the_layers_of_a_dense_block_are_a_loop_whatever_their_widths() -> None:
    text = Source(build("densenet121").network, "DenseNet-121").classes
    assert text.count("\n") < 100
    assert "self.denseblock3 = DenseBlock(256, layers=24, growth=32, width=4)" in text
    _check_equal(_chain((6, 8, 8), Node("dense", "dense_block", {"growth": 3, "layers": 3}),
                        Node("other", "dense_block", {"activation": "silu"})))  # fmt: skip


def test_all_vgg_blocks_share_one_class_whatever_their_length() -> None:
    text = Source(build("vgg16").network, "VGG-16").classes
    assert text.count("class ") == 2


@pytest.mark.parametrize("name", ["quickstart", "vgg11", "googlenet", "resnet152", "cifar_plain20"])
def test_the_file_is_formatted_as_ruff_does_and_has_no_lint(name: str) -> None:
    project = build(name)
    classes = [f"class {number} \"q\" 'é'" for number in range(120)]
    for names in (classes[:3], classes, tuple(map(str, range(1000)))):
        preparation = Preparation((3, 224, 224), (123.675, 116.28, 103.53), (58.4, 57.1, 57.4))
        text = program(project.network, 'a "title" \\', "some file", names, preparation, "0" * 64)
        assert _is_formatted(text)
        space: dict[str, Any] = {"__name__": "written", "__file__": "x.py"}
        exec(compile(text, "x.py", "exec"), space)
        assert list(space["CLASSES"]) == list(names)
    call = [sys.executable, "-m", "ruff", "check", "--isolated", "-"]
    assert subprocess.run(call, input=text.encode(), capture_output=True).returncode == 0


def test_a_network_with_a_problem_has_no_source() -> None:
    network = _chain((3, 8, 8), Node("big", "convolution", {"kernel": 31, "padding": 0}))
    with pytest.raises(SourceError, match="big"):
        Source(network, "net")


@pytest.mark.parametrize("title", ["", "1st try", "class", "Tensor", "π"])
def test_a_title_that_is_no_class_name_gives_network(title: str) -> None:
    assert Source(build("lenet5").network, title).name in ("Network", "Class")


@pytest.mark.parametrize("name", ["quickstart", "resnet152", "densenet121"])
def test_the_file_without_weights_is_short_formatted_and_free_of_lint(name: str) -> None:
    preparation = Preparation((3, 224, 224), (0.0,) * 3, (1.0,) * 3)
    text = program(build(name).network, name, "net", ("cat", "dog"), preparation)
    assert _is_formatted(text)
    call = [sys.executable, "-m", "ruff", "check", "--isolated", "-"]
    assert subprocess.run(call, input=text.encode(), capture_output=True).returncode == 0
    assert "hashlib" not in text
    if name == "resnet152":
        assert text.count("\n") < 150
