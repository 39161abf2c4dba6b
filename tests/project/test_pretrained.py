"""Names of weights without torch: what is meant, and what is refused in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.project import codec, edits
from studio.project.analysis import analyze
from studio.project.assign import set_value
from studio.project.edits import EditRefused
from studio.project.pretrained import PRETRAINED, matching, start_from, title
from studio.project.recipes import recipe_problems
from studio.project.templates import TEMPLATES, build

V2 = "torchvision:ResNet50_Weights.IMAGENET1K_V2"


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_a_template_is_its_own_architecture_or_none(name: str) -> None:
    # Auxiliary classifiers are not looked at: torchvision's weights fit without them.
    plain = name.removesuffix("_auxiliary")
    for classes in (None, 5):
        network = build(name, classes=classes).network
        assert matching(analyze(network)) == (plain if plain in PRETRAINED else None)


def test_another_activation_is_the_same_architecture_and_another_width_none() -> None:
    network = build("resnet18").network
    changed = edits.set_setting(network, "act", "function", "gelu")
    assert matching(analyze(changed)) == "resnet18"
    changed = edits.set_setting(network, "layer4", "channels", 256)
    assert matching(analyze(changed)) is None


@pytest.mark.parametrize(
    "text", ["DEFAULT", "IMAGENET1K_V2", "ResNet50_Weights.DEFAULT", V2, f" {V2} "]
)
def test_every_spelling_of_a_name_means_the_same_weights(text: str) -> None:
    project = start_from(build("resnet50", classes=7), text)
    assert project.recipe.weights == V2
    assert project.data.normalization == "imagenet"
    assert title(V2) == "ResNet50_Weights.IMAGENET1K_V2"


def test_googlenet_wants_symmetric_since_transform_input_is_not_part_of_the_network() -> None:
    assert start_from(build("googlenet"), "DEFAULT").data.normalization == "symmetric"


def test_random_takes_them_away() -> None:
    project = start_from(build("resnet50"), "DEFAULT")
    assert start_from(project, "random").recipe.weights == ""
    assert title("") == "random weights"


def test_a_file_is_kept_by_its_whole_path_whatever_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert start_from(build("lenet5"), "a.pth").recipe.weights == str(tmp_path / "a.pth")
    (tmp_path / "DEFAULT").write_text("")
    assert start_from(build("lenet5"), "DEFAULT").recipe.weights == str(tmp_path / "DEFAULT")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("resnet50", "IMAGENET1K_V9", "torchvision has ResNet50_Weights.IMAGENET1K_V1 and Res"),
        ("resnet50", "ResNet18_Weights.DEFAULT", "of resnet18, but the network is resnet50"),
        ("resnet50", "ResNet51_Weights.DEFAULT", "there are no weights 'ResNet51_Weights'"),
        ("cifar_resnet20", "ResNet18_Weights.DEFAULT", "start from one of its templates"),
        ("resnet50", "torchvision:", "there are no weights ''"),
        ("quickstart", "DEFAULT", "color images, but the network's input has 1 channel"),
        ("cifar_resnet20", "DEFAULT", "start from one of its templates"),
        ("vgg16", "IMAGENET1K_FEATURES", "there are no weights VGG16_Weights.IMAGENET1K_FEATURES"),
    ],
)
def test_a_name_that_is_none_is_refused_with_those_that_are(
    name: str, text: str, words: str
) -> None:
    with pytest.raises(EditRefused) as caught:
        start_from(build(name), text)
    assert words in str(caught.value)


def test_set_weights_works_and_a_later_normalization_wins() -> None:
    project = set_value(build("resnet50"), "weights", "DEFAULT")
    assert project.recipe.weights == V2
    assert set_value(project, "normalization", "unit").data.normalization == "unit"


def test_a_file_of_an_older_version_starts_at_random() -> None:
    content = codec.dumps(build("resnet50")).replace(b',\n    "weights": ""', b"")
    assert b"weights" not in content
    assert codec.loads(content).recipe.weights == ""


def test_what_a_file_may_hold_by_hand_is_a_problem_in_words() -> None:
    project = build("resnet50", (1, 64, 64))
    recipe = replace(project.recipe, weights="torchvision:ResNet50_Weights.NEWEST")
    data = replace(project.data, normalization="imagenet")
    said = [p.message for p in recipe_problems(replace(project, recipe=recipe, data=data))]
    assert any("there are no weights ResNet50_Weights.NEWEST" in text for text in said)
    assert any("3 channels of color images, and the network's input has 1" in text for text in said)


def test_the_names_need_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from studio.commands.main import main\n"
        "assert main(['templates', '--json']) == 0\n"
        "assert main(['new', 'resnet18', '-o', sys.argv[1], '--weights', 'DEFAULT']) == 0\n"
        "assert not {'torch', 'torchvision', 'numpy'} & set(sys.modules)\n"
    )
    call = [sys.executable, "-c", code, str(tmp_path / "net")]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr
    assert codec.load(tmp_path / "net.studio").recipe.weights == (
        "torchvision:ResNet18_Weights.IMAGENET1K_V1"
    )
