"""What sets one project apart from another, in words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from studio.project import edits, templates
from studio.project.differing import differences, in_words
from studio.project.values import Chosen, DataSettings, Project

QUICKSTART = templates.build("quickstart")


def recipe(**fields: Any) -> Project:
    return replace(QUICKSTART, recipe=replace(QUICKSTART.recipe, **fields))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"learning_rate": 0.01}, "learning rate 0.01"),
        ({"batch_size": 128, "epochs": 40}, "batch 128, 40 epochs"),
        ({"optimizer": Chosen("adam")}, "Adam"),
        ({"optimizer": Chosen("momentum", {"momentum": 0.8})}, "momentum γ 0.8"),
        ({"optimizer": Chosen("momentum", {"momentum": 0.9})}, ""),  # the default, written down
        ({"schedule": Chosen("cosine")}, "cosine schedule"),
        ({"flip": True, "seed": 3}, "flip sideways on, seed 3"),
        ({"warmup_start": 0.5}, ""),  # without a warm-up it has no effect
        ({"weights": "/models/best.pt"}, "from best.pt"),
        ({"node_rates": {"features": 0.1}}, "other layer rates"),
    ],
)
def test_the_recipe(fields: dict[str, Any], words: str) -> None:
    assert in_words(recipe(**fields), QUICKSTART) == words


def test_the_data() -> None:
    other = replace(QUICKSTART, data=DataSettings("/images/flowers", test_share=0.1))
    assert in_words(other, QUICKSTART) == "images of flowers, test share 0.1"


def test_the_network() -> None:
    network = QUICKSTART.network
    wider = replace(QUICKSTART, network=edits.set_setting(network, "features", "channels", 48))
    assert differences(wider, QUICKSTART) == ("features: channels 48",)
    less = replace(QUICKSTART, network=edits.remove_nodes(network, ["deep"]))
    assert differences(less, QUICKSTART) == ("1 node more or fewer",)
    unplugged = replace(QUICKSTART, network=edits.disconnect(network, network.edges[0]))
    assert differences(unplugged, QUICKSTART) == ("other wires",)
    assert differences(templates.build("resnet50"), QUICKSTART)[-1] == "another network"


def test_where_a_card_stands_is_no_difference() -> None:
    node = replace(QUICKSTART.network.nodes[0], x=500.0, tag="red")
    nodes = (node, *QUICKSTART.network.nodes[1:])
    moved = replace(QUICKSTART, network=replace(QUICKSTART.network, nodes=nodes))
    assert differences(moved, QUICKSTART) == ()


def test_many_differences_are_counted() -> None:
    other = recipe(learning_rate=0.1, batch_size=8, epochs=2, seed=9, mixup=0.2, flip=True)
    assert in_words(other, QUICKSTART) == "learning rate 0.1, batch 8, 2 epochs, 3 more"
