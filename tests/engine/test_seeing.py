"""Where a position's receptive field lies, held against the support of torch's gradient."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from torch import nn

from studio.engine.module import build_module
from studio.project import edits
from studio.project.analysis import analyze
from studio.project.seeing import Region, look
from studio.project.templates import build
from studio.project.values import Network
from tests.project.networks import chain


def _plain(module: nn.Module) -> nn.Module:
    """Weights under which nothing cancels, and means for maxima, whose gradient takes one pixel."""
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.MaxPool2d):
                mean = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(parent, name, mean)
            elif isinstance(child, nn.ReLU | nn.ReLU6):
                setattr(parent, name, nn.Softplus())
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0 / max(1, parameter[0].numel()) if parameter.dim() > 1 else 0.5)
    return module.double().eval()


def _supports(
    network: Network, name: str, positions: list[tuple[int, int]]
) -> list[tuple[Region | None, tuple[int, int]]]:
    """The rows and columns of the input at which each position of ``name`` has a gradient."""
    module = _plain(build_module(network, seed=0))
    outputs: list[torch.Tensor] = []
    module.get_submodule(name).register_forward_hook(lambda m, i, out: outputs.append(out))
    shape = analyze(network).input_shape
    assert shape is not None
    image = torch.rand(1, *shape, dtype=torch.float64, requires_grad=True)
    module(image)
    found: list[tuple[Region | None, tuple[int, int]]] = []
    for row, column in positions:
        value = outputs[0][0, :, row, column].sum() if outputs[0].dim() == 4 else outputs[0].sum()
        (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
        here = gradient[0].abs().sum(0) > 0
        rows, columns = here.any(1).nonzero().flatten(), here.any(0).nonzero().flatten()
        region = None
        if len(rows):
            top, bottom = int(rows.min()), int(rows.max())
            region = (top, bottom), (int(columns.min()), int(columns.max()))
        found.append((region, (shape[1], shape[2])))
    return found


def _hold(network: Network, name: str) -> None:
    analysis = analyze(network)
    output = analysis.nodes[name].output
    assert output is not None
    height, width = output[1:] if len(output) == 3 else (1, 1)
    places = [(height // 2, width // 2), (0, 0), (height - 1, width - 1), (height // 3, width - 1)]
    for place, (support, size) in zip(places, _supports(network, name, places), strict=True):
        view = look(analysis, name, place)
        assert view is not None
        assert support is not None
        assert view.seen == support, (name, place)
        for (first, last), (low, high), length in zip(view.field, support, size, strict=True):
            # The support lies in the frame, and touches its borders where they are in the image.
            assert first <= low <= high <= last
            assert low == first or (first < 0 and low == 0)
            assert high == last or last >= length - 1


@pytest.mark.parametrize(
    ("template", "size", "nodes"),
    [
        ("lenet5", None, None),
        ("cifar_resnet20", None, ("conv1", "stage1", "stage2", "stage3", "pool", "fc")),
        pytest.param(*("resnet18", (3, 96, 64), ("layer1", "layer3")), marks=pytest.mark.slow),
        pytest.param(*("vgg11", (3, 64, 96), None), marks=pytest.mark.slow),
        pytest.param(
            *("googlenet", (3, 97, 97), ("conv1", "maxpool2", "inception3a", "inception4a")),
            marks=pytest.mark.slow,
        ),
        pytest.param(*("densenet121", (3, 65, 65), None), marks=pytest.mark.slow),
        pytest.param(*("mobilenet_v2", (3, 64, 64), None), marks=pytest.mark.slow),
    ],
)
def test_the_frame_is_the_support_of_the_gradient_in_templates(
    template: str, size: tuple[int, int, int] | None, nodes: tuple[str, ...] | None
) -> None:
    network = build(template, size).network
    known = [node.name for node in network.nodes if node.kind not in ("input", "output")]
    maps = analyze(network).nodes
    names = [n for n in nodes or known if n in known and len(maps[n].output or ()) == 3]
    assert names, known
    for name in names[:: max(1, len(names) // 4)]:
        _hold(network, name)


def _layer(rng: random.Random) -> tuple[str, dict[str, Any]]:
    kernel, stride = rng.choice((1, 2, 3, 4, 5)), rng.choice((1, 1, 2, 3))
    match rng.randrange(7):
        case 0 | 1:
            padding = rng.choice((-1, 0, 1, 2))
            return "convolution", {"channels": 2, "kernel": kernel, "stride": stride,
                                   "dilation": rng.choice((1, 2)), "padding": padding}  # fmt: skip
        case 2:
            kernel = max(2, kernel)
            return "pooling", {"mode": "average", "kernel": kernel, "stride": min(stride, kernel),
                               "padding": rng.choice((0, kernel // 2)),
                               "ceil_mode": rng.random() < 0.5}  # fmt: skip
        case 3:
            return "adaptive_pooling", {"size": rng.choice((5, 6, 9))}
        case 4:
            scale, mode = rng.choice((2, 3)), rng.choice(("nearest", "bilinear"))
            return "upsample", {"scale": scale, "mode": mode}
        case 5:
            return "vgg", {"channels": 2, "convolutions": 2, "pooling": "average"}
    return "residual", {"channels": 2, "stride": rng.choice((1, 2))}


@pytest.mark.parametrize("seed", range(40))
def test_the_frame_is_the_support_of_the_gradient_in_random_networks(seed: int) -> None:
    rng = random.Random(seed)
    layers = [(f"n{number}", *_layer(rng)) for number in range(rng.randint(2, 4))]
    size = (1, rng.randint(40, 60), rng.randint(40, 60))
    network = chain(
        *layers, ("mean", "global_pooling", {}), ("head", "linear", {}), size=size
    )  # fmt: skip
    if analyze(network).problems:
        pytest.skip("these layers do not fit one another")
    _hold_random(network, layers[-1][0])


def _hold_random(network: Network, name: str) -> None:
    """As ``_hold``, but for the borders: an uneven window has no field beyond the image."""
    analysis = analyze(network)
    output = analysis.nodes[name].output
    assert output is not None
    height, width = output[1:]
    places = [(height // 2, width // 2), (0, width - 1), (height - 1, 0)]
    for place, (support, _) in zip(places, _supports(network, name, places), strict=True):
        view = look(analysis, name, place)
        assert view is not None
        assert view.seen == support, place
        if support is None:
            continue  # a position that looks at padding alone
        for (first, last), (low, high) in zip(view.field, support, strict=True):
            assert first <= low <= high <= last


def test_branches_are_seen_through_together() -> None:
    network = chain(
        ("stem", "convolution", {"channels": 2, "kernel": 1}),
        ("deep", "convolution", {"channels": 2, "kernel": 5}),
        ("sum", "add", {}),
        ("mean", "global_pooling", {}),
        ("head", "linear", {}),
    )
    network = edits.connect(network, "stem", "sum", 1)
    _hold(network, "sum")
    view = look(analyze(network), "sum")
    assert view is not None
    assert view.size == (5, 5)


def test_a_vector_sees_what_its_map_sees() -> None:
    network = build("lenet5").network
    analysis = analyze(network)
    last = [n.name for n in network.nodes if n.kind == "linear"][-1]
    view = look(analysis, last)
    assert view is not None
    assert view.step is None
    (support, _), = _supports(network, last, [(0, 0)])  # fmt: skip
    assert view.seen == support


def test_the_lectures_two_threes_see_as_much_as_one_five() -> None:
    two = chain(("a", "convolution", {}), ("b", "convolution", {}))
    view = look(analyze(two), "b")
    assert view is not None
    assert (view.position, view.field) == ((16, 16), ((14, 18), (14, 18)))
    assert view.beyond((32, 32)) == 0
    corner = look(analyze(two), "b", (0, 31))
    assert corner is not None
    assert corner.field == ((-2, 2), (29, 33))
    assert corner.seen == ((0, 2), (29, 31))
    assert corner.beyond((32, 32)) == 2


def test_what_no_shape_reaches_sees_nothing() -> None:
    broken = chain(("a", "convolution", {"kernel": 200, "padding": 0}), ("b", "convolution", {}))
    assert look(analyze(broken), "b") is None
    assert look(analyze(broken), "none") is None


def test_a_deep_network_is_followed_through_repeats_and_groups() -> None:
    analysis = analyze(build("cifar_resnet110").network)
    for name in ("stage1", "stage2", "stage3"):
        view = look(analysis, name)
        assert view is not None
        assert view.size == analysis.nodes[name].receptive_field
