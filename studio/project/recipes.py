"""The settings of the recipe and the data as declarations, and the checks across them."""

from __future__ import annotations

import contextlib

import msgspec

from studio.project import pretrained, registry
from studio.project.optimizers import OPTIMIZERS
from studio.project.precision import PRECISION
from studio.project.problems import Problem
from studio.project.schedules import SCHEDULES
from studio.project.settings import Choice, Integer, Real, Setting, SettingError, complete
from studio.project.values import Project

LEARNING_RATE = Real(
    name="learning_rate", title="Learning rate α₀", default=0.05, minimum=0.0, maximum=100.0,
    above=True, logarithmic=True,
    help="The size of a step. Too large and the loss bounces around, too small and it takes "
    "forever.",
)  # fmt: skip
BATCH_SIZE = Integer(
    name="batch_size", title="Batch", default=64, minimum=1, maximum=1_000_000, unit="images",
    help="How many images one step looks at. More give a steadier gradient and need more memory.",
)  # fmt: skip
EPOCHS = Integer(
    name="epochs", title="Epochs", default=15, minimum=1, maximum=1_000_000,
    help="How many times every training image is seen.",
)  # fmt: skip
DEVICE = Choice(
    name="device", title="Device", default="auto",
    choices=(("auto", "automatic"), ("cpu", "processor"), ("cuda", "NVIDIA GPU"),
             ("mps", "Apple GPU")),
    help="Where the network is trained. Automatic takes a GPU where there is one.",
)  # fmt: skip
SEED = Integer(
    name="seed", title="Seed", default=0, minimum=0, maximum=2**31 - 1,
    help="Starts the random numbers: the same seed gives the same first weights and order.",
)  # fmt: skip

RECIPE_SETTINGS: tuple[Setting, ...] = (
    LEARNING_RATE,
    BATCH_SIZE,
    EPOCHS,
    DEVICE,
    PRECISION,
    SEED,
)

NORMALIZATION = Choice(
    name="normalization", title="Normalization", default="standard",
    choices=(("none", "none, 0 to 255"), ("unit", "[0, 1]"), ("symmetric", "[−1, 1]"),
             ("standard", "zero mean, unit deviation"), ("imagenet", "ImageNet's mean, deviation")),
    help="Brings dark and bright images to the same range, so that no weight's gradient "
    "dominates the update. Pretrained weights want the one they were trained with: ImageNet's "
    "mean (0.485, 0.456, 0.406) and deviation (0.229, 0.224, 0.225) of pixels in [0, 1], as in "
    "torchvision's presets; its GoogLeNet wants [−1, 1].",
)  # fmt: skip

IMAGENET_MEAN = tuple(255 * share for share in (0.485, 0.456, 0.406))
IMAGENET_DEVIATION = tuple(255 * share for share in (0.229, 0.224, 0.225))
"""Of red, green and blue in 0..255 over ImageNet's training images, as torchvision rounds them
(``torchvision.transforms.ImageClassification``)."""
VALIDATION_SHARE = Real(
    name="validation_share", title="Validation share", default=0.2, minimum=0.0, maximum=0.9,
    above=True,
    help="The part of all images that is held back to watch the training with. A folder that "
    "brings its own val folder keeps that.",
)  # fmt: skip
TEST_SHARE = Real(
    name="test_share", title="Test share", default=0.2, minimum=0.0, maximum=0.9, above=True,
    help="The part of all images that is only looked at in the end. A folder that brings its "
    "own test folder keeps that.",
)  # fmt: skip
SPLIT_SEED = Integer(
    name="split_seed", title="Split seed", default=0, minimum=0, maximum=2**31 - 1,
    help="Starts the random numbers that choose which images are held back.",
)  # fmt: skip

DATA_SETTINGS: tuple[Setting, ...] = (NORMALIZATION, VALIDATION_SHARE, TEST_SHARE, SPLIT_SEED)


def recipe_problems(project: Project) -> tuple[Problem, ...]:
    """What is wrong with the recipe and the data settings; the nodes of these problems are
    ``recipe`` and ``data``."""
    problems: list[Problem] = []

    def note(node: str, message: str) -> None:
        problems.append(Problem(node, "setting", f"{node}: {message}"))

    recipe, data = project.recipe, project.data
    for owner, settings, given in (
        ("recipe", RECIPE_SETTINGS, msgspec.structs.asdict(recipe)),
        ("data", DATA_SETTINGS, msgspec.structs.asdict(data)),
    ):
        for setting in settings:
            try:
                setting.check(given[setting.name])
            except SettingError as error:
                note(owner, str(error))
    for chosen, known, word in (
        (recipe.optimizer, OPTIMIZERS, "optimizer"),
        (recipe.schedule, SCHEDULES, "schedule"),
    ):
        kind = known.get(chosen.kind)
        if kind is None:
            note("recipe", f"there is no {word} {chosen.kind[:40]!r}; known are {', '.join(known)}")
            continue
        try:
            values = complete(kind.settings, chosen.settings, kind.title)
        except SettingError as error:
            note("recipe", str(error))
            continue
        if values.get("nesterov") and not values.get("momentum"):
            note("recipe", "Nesterov needs a momentum above 0: raise it or switch Nesterov off")
    if data.validation_share + data.test_share > 0.95:
        note("data", "validation and test take more than 95 % of the images: lower one of them")
    channels = _input_channels(project)
    if data.normalization == "imagenet" and channels not in (3, None):
        note("data", f"ImageNet's normalization is for the 3 channels of color images, and the "
             f"network's input has {channels}: choose another one, or set the input's channels "
             "to 3")  # fmt: skip
    if fault := pretrained.fault(recipe.weights):
        note("recipe", fault)
    if not data.source:
        note("data", "no data is chosen: pick the embedded digits or a folder of images")
    return tuple(problems)


def _input_channels(project: Project) -> int | None:
    for node in project.network.nodes:
        if node.kind == "input":
            with contextlib.suppress(SettingError):
                return int(registry.values(node)["channels"])
    return None
