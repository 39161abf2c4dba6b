"""A network is recognized as one of torchvision's by its layers alone."""

from __future__ import annotations

import pytest

from studio.project import edits
from studio.project.analysis import analyze
from studio.project.pretrained import PRETRAINED, matching
from studio.project.templates import TEMPLATES, build


@pytest.mark.parametrize("name", sorted(PRETRAINED))
def test_each_is_recognized_whatever_its_classes(name: str) -> None:
    analysis = analyze(build(name, classes=2).network)
    assert matching(analysis) == name


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - set(PRETRAINED)))
def test_no_other_template_is(name: str) -> None:
    # Auxiliary classifiers are not looked at: torchvision's weights fit without them.
    expected = "googlenet" if name == "googlenet_auxiliary" else None
    assert matching(analyze(build(name).network)) == expected


def test_a_changed_one_is_not() -> None:
    network = build("resnet18").network
    stage = next(node.name for node in network.nodes if node.kind == "stage")
    assert matching(analyze(edits.set_setting(network, stage, "channels", 60))) is None
