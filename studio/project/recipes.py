"""The settings of the recipe and the data as declarations, and the checks across them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec

from studio.project import course, pretrained, rates, registry
from studio.project.augmentation import AUGMENTATION_SETTINGS
from studio.project.optimizers import OPTIMIZERS
from studio.project.precision import PRECISION
from studio.project.problems import Fix, Problem, SetRecipe
from studio.project.regularization import REGULARIZATION_SETTINGS
from studio.project.schedules import SCHEDULES
from studio.project.settings import Choice, Flag, Integer, Real, Setting, SettingError, complete
from studio.project.values import Project, Recipe

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

WARMUP = Real(
    name="warmup", title="Warm-up", default=0.0, minimum=0.0, maximum=1_000_000,
    help="How many epochs or steps the learning rate first rises along a line; 0 is none. Only "
    "then does the schedule begin to count. The first gradients are large and point to nowhere in "
    "particular (Goyal et al. 2017).",
)  # fmt: skip
WARMUP_UNIT = Choice(
    name="warmup_unit", title="in", default="epochs",
    choices=(("epochs", "epochs"), ("steps", "steps")), unless=("warmup", (0, 0.0)),
    help="What the length of the warm-up counts.",
)  # fmt: skip
WARMUP_START = Real(
    name="warmup_start", title="from", default=0.1, minimum=0.0, maximum=1.0, unit="of α₀",
    unless=("warmup", (0, 0.0)),
    help="What the learning rate is multiplied by at the first step.",
)  # fmt: skip
ACCUMULATE = Integer(
    name="accumulate", title="Accumulate", default=1, minimum=1, maximum=100_000, unit="batches",
    help="How many batches make one step: their gradients are added up, so that a step sees "
    "batch × accumulate images in the memory of one batch. Batch norm still measures each batch. "
    "Steps, schedule and curves count whole steps; what is left at an epoch's end makes a smaller "
    "one.",
)  # fmt: skip

COMPILE = Flag(
    name="compile", title="Compile", default=False,
    help="Lets torch.compile write machine code for this network. It takes about half a minute "
    "before the first step and pays in long runs; where it cannot, training goes on without. A "
    "compiled network's activations are not looked at: dead ReLUs and saturated sigmoids stay "
    "unfound.",
)  # fmt: skip
CHANNELS_LAST = Choice(
    name="channels_last", title="Channels last", default="auto",
    choices=(("auto", "automatic"), ("on", "on"), ("off", "off")),
    help="Keeps the channels of a pixel side by side in memory, which is how fast convolutions "
    "read them. Numbers stay the same up to rounding. Automatic uses it on processors and NVIDIA "
    "GPUs.",
)  # fmt: skip
DETERMINISTIC = Flag(
    name="deterministic", title="Deterministic", default=False,
    help="Allows only operations that give the same bits every time. Slower on a GPU, where sums "
    "otherwise depend on the order in which threads finish; a few layers have no such form there.",
)  # fmt: skip

DIVERGENCE = Choice(
    name="divergence", title="If it diverges", default="stop",
    choices=(("stop", "stop"), ("roll_back", "roll back")),
    help="What happens when the loss or a gradient is no longer a finite number. Rolled back, the "
    "run goes on from its last checkpoint with a tenth of the learning rate, three times at most. "
    "Either way the layer is named where it began.",
)  # fmt: skip
SYNC_BATCH_NORM = Flag(
    name="sync_batch_norm", title="Sync batch norm", default=False,
    help="Where several processes train together (torchrun), batch norm measures the whole batch "
    "and not each process's part of it. It costs an exchange for every norm, and is worth it "
    "where each process has few images.",
)  # fmt: skip

THREADS = Integer(
    name="threads", title="Threads", default=0, minimum=0, maximum=1024, special="automatic",
    help="How many threads compute on the processor. Automatic takes one for each core, and in the "
    "window one fewer, so that it keeps up; the environment variable OMP_NUM_THREADS may say less. "
    "Runs are repeated bit for bit with the same number only.",
)  # fmt: skip

BATCH_SETTINGS = (BATCH_SIZE, ACCUMULATE, EPOCHS)
WARMUP_SETTINGS = (WARMUP, WARMUP_UNIT, WARMUP_START)
MACHINE_SETTINGS = (
    DEVICE, PRECISION, CHANNELS_LAST, THREADS, COMPILE, DETERMINISTIC, SYNC_BATCH_NORM, DIVERGENCE,
    SEED,
)  # fmt: skip

RECIPE_SETTINGS: tuple[Setting, ...] = (
    LEARNING_RATE,
    *WARMUP_SETTINGS,
    *BATCH_SETTINGS,
    *REGULARIZATION_SETTINGS,
    *AUGMENTATION_SETTINGS,
    *MACHINE_SETTINGS,
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
        elif values.get("nesterov") and values.get("dampening"):
            note("recipe", "Nesterov needs a dampening of 0: lower it or switch Nesterov off")
    problems += _across(recipe)
    if fault := rates.fault(project):
        note("recipe", fault)
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


def _across(recipe: Recipe) -> Iterator[Problem]:
    """What is wrong between the settings of a recipe, each of which is right in itself."""
    yield from course.too_long(recipe)
    if recipe.averaging and recipe.averaging_start >= recipe.epochs >= 1:
        yield _problem(
            f"averaging begins after epoch {recipe.averaging_start:,} and the run has "
            f"{recipe.epochs:,}: begin earlier",
            Fix("Average from the start", SetRecipe("averaging_start", 0)),
        )
    if recipe.class_weighting == "given" and not recipe.class_weights.strip():
        yield _problem("class weights are to be given, and none are: type one for each class")


def _problem(message: str, fix: Fix | None = None) -> Problem:
    return Problem("recipe", "setting", f"recipe: {message}", fix)


def _input_channels(project: Project) -> int | None:
    for node in project.network.nodes:
        if node.kind == "input":
            with contextlib.suppress(SettingError):
                return int(registry.values(node)["channels"])
    return None
