"""Convolutions that start as whitening, against scikit-learn and the covariance that comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional

from studio.engine.module import build_module
from studio.engine.whitening import EPSILON, whiten
from studio.project.values import DataSettings, Network, Node, Project, Recipe
from studio.runs.api import Finished
from studio.runs.folder import RunFolder
from tests.engine.helpers import chain, train


def network(**settings: object) -> Network:
    own = {"kernel": 2, "padding": 0, "initialization": "whitening", **settings}
    return chain(
        Node("input", "input", {"channels": 3, "height": 12, "width": 12}),
        Node("own", "convolution", own),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output", {"classes": 10}),
    )


def images(count: int) -> Tensor:
    """Smooth images of zero mean, whose channels go together: far from white."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(count, 3, 14, 14, generator=generator)
    smooth = functional.avg_pool2d(noise, 3, 1)
    smooth = smooth + 0.7 * smooth.flip(1)
    return 10 * (smooth - smooth.mean((0, 2, 3), keepdim=True))


def conv(module: nn.Module) -> nn.Conv2d:
    layer = module.get_submodule("own")
    assert isinstance(layer, nn.Conv2d)
    return layer


def moments(values: Tensor) -> Tensor:
    """The second moment of the channels over images and places."""
    flat = values.transpose(0, 1).flatten(1)
    return flat @ flat.T / flat.shape[1]


@torch.no_grad()
def test_what_goes_out_is_white_and_comes_with_both_signs() -> None:
    module = build_module(network(channels=24), 0)
    given = images(400)
    whiten(module, lambda count: given[:count])
    out = conv(module)(given)
    assert torch.allclose(moments(out[:, :12]), torch.eye(12), atol=0.06)
    assert torch.equal(out[:, 12:], -out[:, :12])


@torch.no_grad()
def test_the_filters_are_scikit_learns_principal_components() -> None:
    module = build_module(network(channels=8), 0)
    given = images(400)
    whiten(module, lambda count: given[:count])
    patches = functional.unfold(given, 2).transpose(1, 2).flatten(0, 1).numpy()
    pca = PCA(8).fit(patches)
    expected = pca.components_ / np.sqrt(pca.explained_variance_ + EPSILON)[:, None]
    mine = conv(module).weight.flatten(1).numpy()
    signs = np.sign((mine * expected).sum(1, keepdims=True))
    assert mine == pytest.approx(signs * expected, abs=0.02)


@torch.no_grad()
def test_more_filters_than_directions_keep_their_start_and_groups_are_whitened_apart() -> None:
    module = build_module(network(channels=30), 5)
    before = conv(module).weight.clone()
    given = images(200)
    whiten(module, lambda count: given[:count])
    assert torch.equal(conv(module).weight[24:], before[24:])
    assert not torch.isclose(conv(module).weight[:24], before[:24]).all()

    module = build_module(network(channels=12, groups=3), 5)
    whiten(module, lambda count: given[:count])
    out = conv(module)(given)
    for part in out.split(4, 1):
        assert torch.allclose(moments(part), torch.eye(4), atol=0.06)


@torch.no_grad()
def test_a_kernel_larger_than_its_map_and_one_behind_others_are_whitened_too() -> None:
    wide = chain(
        Node("input", "input", {"channels": 1, "height": 12, "width": 12}),
        Node("first", "convolution", {"channels": 4, "initialization": "whitening"}),
        Node("pool", "pooling", {"kernel": 6, "stride": 6}),
        Node("own", "convolution", {"channels": 3, "kernel": 5, "initialization": "whitening"}),
        Node("flatten", "flatten"),
        Node("head", "linear"),
        Node("output", "output", {"classes": 10}),
    )
    module = build_module(wide, 0)
    given = images(300)[:, :1]
    whiten(module, lambda count: given[:count])
    assert not module.training or torch.isfinite(conv(module).weight).all()
    received = module.get_submodule("pool")(module.get_submodule("first")(given))
    out = functional.conv2d(received, conv(module).weight, padding=2)
    assert torch.allclose(moments(out), torch.eye(3), atol=0.1)


def test_a_run_begins_with_whitened_patches_of_its_training_images(tmp_path: Path) -> None:
    recipe = Recipe(
        epochs=1, batch_size=128, device="cpu", precision="float32", node_rates={"own": 0.0}
    )
    settings = {"channels": 8, "kernel": 2, "padding": 0, "initialization": "whitening"}
    small = chain(
        Node("input", "input", {"channels": 1, "height": 8, "width": 8}),
        Node("own", "convolution", settings),
        Node("flatten", "flatten"),
        Node("head", "linear"),
        Node("output", "output", {"classes": 10}),
    )
    run, messages = train(Project(small, DataSettings(), recipe), tmp_path / "run")
    assert isinstance(messages[-1], Finished), messages[-1]
    from studio.engine.loading import load_trained

    weight = load_trained(RunFolder(run.folder).path, "last").module.get_parameter("own.weight")
    rows = weight.flatten(1)[:4].double()
    products = rows @ rows.T
    assert torch.allclose(products, torch.diag(products.diag()), atol=1e-4)  # directions
    assert (products.diag().diff() > 0).all()  # the largest first, and so the shortest filter
    assert torch.equal(weight[4:], -weight[:4])
