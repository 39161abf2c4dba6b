"""The layers' gradient norms against torch's own norm of all of a layer's gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from studio.engine import norms
from studio.engine.norms import GradientNorms


def layers_with_gradients() -> dict[str, list[nn.Parameter]]:
    """Matrices, vectors and both, in both orders; one layer with a part that does not learn."""
    torch.manual_seed(0)
    shapes = {
        "conv": [(4, 3, 2, 2)],
        "norm": [(5,), (5,)],
        "linear": [(6, 5), (6,)],
        "odd": [(3,), (2, 2), (7,)],
        "frozen": [(3,), (3,)],
    }
    layers = {
        name: [nn.Parameter(torch.randn(shape)) for shape in group]
        for name, group in shapes.items()
    }
    for parameter in (*layers["frozen"], layers["odd"][0]):
        parameter.requires_grad_(False)
    return layers


def set_gradients(layers: dict[str, list[nn.Parameter]]) -> list[float]:
    """Draw new gradients; the norm that torch gives of each layer's."""
    expected = []
    for group in layers.values():
        learning = [p for p in group if p.requires_grad]
        for parameter in learning:
            parameter.grad = torch.randn_like(parameter)
        whole = [p.grad.flatten() for p in learning if p.grad is not None]
        expected.append(float(torch.linalg.vector_norm(torch.cat(whole))) if whole else 0.0)
    return expected


@pytest.mark.parametrize("most", [0, 8, 10_000])
def test_norms_of_two_steps_are_torchs(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(norms, "_MOST", most)  # all normed, some of each, all vectors whole
    layers = layers_with_gradients()
    gradients = GradientNorms(layers)
    rows, expected = [], []
    for step in range(2):
        expected.append(set_gradients(layers))
        rows.append(gradients.take(torch.tensor(1.0), torch.tensor(float(step))))
    numbers = torch.stack(rows).numpy()
    assert numbers[:, :2].tolist() == [[1.0, 0.0], [1.0, 1.0]]
    assert gradients.read(numbers[:, 2:]) == pytest.approx(np.array(expected), rel=1e-6)


def norms_now(gradients: GradientNorms) -> list[float]:
    """The norms of a single step."""
    numbers = gradients.take(torch.tensor(0.0)).numpy()[None, 1:]
    return [float(norm) for norm in gradients.read(numbers)[0]]


def test_biases_that_learn_alone_have_their_norm() -> None:
    bias = nn.Parameter(torch.zeros(2))
    bias.grad = torch.tensor([3.0, 4.0])
    assert norms_now(GradientNorms({"linear": [bias]})) == [5.0]


def test_a_gradient_beyond_float32_is_infinite_and_no_warning() -> None:
    weight = nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), 3e38)
    gradients = GradientNorms({"norm": [weight]})
    assert gradients.read(gradients.take(torch.tensor(0.0)).numpy()[None, 1:]).tolist() == [
        [np.inf]
    ]
