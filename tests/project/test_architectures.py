"""A network is recognized as one of torchvision's by its layers alone."""

from __future__ import annotations

import pytest

from studio.project import edits
from studio.project.analysis import analyze
from studio.project.architectures import SMALLEST, TORCHVISION, torchvision_name
from studio.project.templates import TEMPLATES, build


def test_the_list_is_what_templates_and_torchvision_share() -> None:
    models = pytest.importorskip("torchvision.models")
    assert set(TORCHVISION) == set(models.list_models(module=models)) & set(TEMPLATES)


@pytest.mark.parametrize("name", TORCHVISION)
def test_each_is_recognized_whatever_its_classes(name: str) -> None:
    analysis = analyze(build(name, classes=2).network)
    assert analysis.parameters > SMALLEST
    assert torchvision_name(analysis) == name


@pytest.mark.parametrize("name", sorted(set(TEMPLATES) - set(TORCHVISION)))
def test_no_other_template_is(name: str) -> None:
    assert torchvision_name(analyze(build(name).network)) == ""


def test_a_changed_one_is_not() -> None:
    network = build("resnet18").network
    stage = next(node.name for node in network.nodes if node.kind == "stage")
    assert torchvision_name(analyze(edits.set_setting(network, stage, "channels", 60))) == ""
