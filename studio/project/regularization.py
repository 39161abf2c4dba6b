"""Loss and regularization: what keeps a network from learning its training images by heart."""

from __future__ import annotations

from studio.project.lists import Numbers
from studio.project.settings import Choice, Integer, Real, Setting
from studio.project.values import Recipe

LABEL_SMOOTHING = Real(
    name="label_smoothing", title="Label smoothing", default=0.0, minimum=0.0, maximum=0.9,
    help="Asks for 1 − ε of the true class and shares ε among all of them, so that logits need "
    "not grow without end (Szegedy et al. 2016). The training loss then cannot reach 0; the "
    "validation loss is measured without it.",
)  # fmt: skip

CLASS_WEIGHTING = Choice(
    name="class_weighting", title="Class weights", default="none",
    choices=(("none", "all alike"), ("balanced", "balanced"), ("given", "given")),
    help="How much an image of each class counts in the training loss. Balanced: classes with few "
    "images as much as those with many, images ÷ (classes × images of the class). The loss is "
    "divided by the number of images, where torch's weighted mean divides by the weights in the "
    "batch: an image then counts the same whatever else is in its batch.",
)  # fmt: skip

CLASS_WEIGHTS = Numbers(
    name="class_weights", title="Weights", default="", minimum=0.0, maximum=1e6, most=100_000,
    empty=True, when=("class_weighting", ("given",)),
    help="One number for each class, in the order of the classes, as 1, 1, 5.",
)  # fmt: skip

MIXUP = Real(
    name="mixup", title="Mixup α", default=0.0, minimum=0.0, maximum=100.0,
    help="Blends each image with another, λ : 1 − λ, and asks for both classes in these shares "
    "(Zhang et al. 2018); λ is drawn from Beta(α, α) for each batch. 0 is off, 0.2 is usual. The "
    "accuracy that is shown in training counts λ for the one class and 1 − λ for the other, so it "
    "stays below that of the validation.",
)  # fmt: skip

CUTMIX = Real(
    name="cutmix", title="CutMix α", default=0.0, minimum=0.0, maximum=100.0,
    help="Pastes a rectangle of another image, and asks for both classes by their areas (Yun et "
    "al. 2019). 0 is off, 1 is usual. With mixup as well, each batch takes one of the two by a "
    "coin.",
)  # fmt: skip

CLIP_NORM = Real(
    name="clip_norm", title="Clip norm at", default=0.0, minimum=0.0, maximum=1e6,
    logarithmic=True,
    help="Shortens the gradient of the whole network to at most this length (Pascanu et al. "
    "2013): one bad batch cannot throw the weights far away. 0 is off. The curves show gradients "
    "as they were before.",
)  # fmt: skip

CLIP_VALUE = Real(
    name="clip_value", title="Clip values at", default=0.0, minimum=0.0, maximum=1e6,
    logarithmic=True,
    help="Cuts each single gradient to between minus and plus this, before the norm is looked at. "
    "0 is off.",
)  # fmt: skip

AVERAGING = Real(
    name="averaging", title="Averaging", default=0.0, minimum=0.0, maximum=0.999999,
    help="Keeps a running average of all weights, of which this share stays at each step: 0.999 "
    "remembers about 1,000 steps. It is what is validated, kept as best, evaluated and exported. "
    "In the first steps less is kept, (1 + t) / (10 + t). The running statistics of batch norm "
    "are averaged with it. 0 is off.",
)  # fmt: skip

AVERAGING_START = Integer(
    name="averaging_start", title="Averages from", default=0, minimum=0, maximum=1_000_000,
    unit="epochs", unless=("averaging", (0, 0.0)),
    help="After how many epochs the average begins; until then it is the weights themselves.",
)  # fmt: skip

REGULARIZATION_SETTINGS: tuple[Setting, ...] = (
    LABEL_SMOOTHING,
    CLASS_WEIGHTING,
    CLASS_WEIGHTS,
    MIXUP,
    CUTMIX,
    CLIP_NORM,
    CLIP_VALUE,
    AVERAGING,
    AVERAGING_START,
)


def summary(recipe: Recipe) -> str:
    """What of it is on, in a few words."""
    clips = recipe.clip_norm or recipe.clip_value
    on = (
        (recipe.label_smoothing, "smoothing"),
        (recipe.class_weighting != "none", "weights"),
        (recipe.mixup, "mixup"),
        (recipe.cutmix, "cutmix"),
        (clips, "clipping"),
        (recipe.averaging, "averaging"),
    )
    return listed([word for active, word in on if active])


def listed(words: list[str]) -> str:
    """Up to two of ``words``, and how many more; "none" where there are none."""
    more = f" + {len(words) - 2}" if len(words) > 2 else ""
    return ", ".join(words[:2]) + more if words else "none"
