"""What a few letters find in the palette, best first."""

from __future__ import annotations

import pytest

from studio.app.canvas import catalog
from studio.project.layers.common import ACTIVATIONS


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("res", "residual"),
        ("conv", "convolution"),
        ("1x1", "pointwise"),
        ("bottleneck", "residual"),
        ("sigmoid", "sigmoid"),
        ("leaky", "leaky_relu"),
        ("add", "add"),
        ("aux", "auxiliary"),
    ],
)
def test_a_few_letters_find_what_is_meant(text: str, first: str) -> None:
    assert catalog.find(text)[0].key == first


def test_every_activation_has_an_entry_of_its_own_that_sets_it() -> None:
    entries = [entry for entry in catalog.entries() if entry.kind == "activation"]
    functions = [entry.settings.get("function", "relu") for entry in entries]
    assert functions == [word for word, _ in ACTIVATIONS]


def test_nothing_is_found_for_letters_that_mean_nothing() -> None:
    assert catalog.find("qzx") == []
