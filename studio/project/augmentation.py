"""Augmentation: what is done to training images so that no two epochs show the same ones."""

from __future__ import annotations

from studio.project.regularization import listed
from studio.project.settings import Flag, Integer, Real, Setting
from studio.project.values import Recipe

CROP = Integer(
    name="crop", title="Random crop", default=0, minimum=0, maximum=1000, unit="pixels",
    help="Pads each image with this much black on all sides and cuts one of the old size out at "
    "random (He et al. 2016 use 4 for CIFAR-10). 0 is off.",
)  # fmt: skip
FLIP = Flag(
    name="flip", title="Flip sideways", default=False,
    help="Mirrors every other image, by a coin. Not for digits and letters, which are other ones "
    "in the mirror.",
)  # fmt: skip
TRANSLATE = Real(
    name="translate", title="Translate", default=0.0, minimum=0.0, maximum=1.0,
    unit="of the side",
    help="Moves each image by up to this share of its side; what comes in is mirrored at the "
    "border. 0 is off.",
)  # fmt: skip
CUTOUT = Integer(
    name="cutout", title="Cutout", default=0, minimum=0, maximum=10_000, unit="pixels",
    help="Covers a square of this side at a random place with the mean color, part of it perhaps "
    "outside (DeVries & Taylor 2017). 0 is off.",
)  # fmt: skip
BRIGHTNESS = Real(
    name="brightness", title="Brightness ±", default=0.0, minimum=0.0, maximum=1.0,
    help="Multiplies each image by a number between 1 − this and 1 + this.",
)  # fmt: skip
CONTRAST = Real(
    name="contrast", title="Contrast ±", default=0.0, minimum=0.0, maximum=1.0,
    help="Draws each image toward its mean gray, or away from it, by up to this share.",
)  # fmt: skip
SATURATION = Real(
    name="saturation", title="Saturation ±", default=0.0, minimum=0.0, maximum=1.0,
    help="Draws each pixel of a color image toward its gray, or away from it, by up to this share.",
)  # fmt: skip

AUGMENTATION_SETTINGS: tuple[Setting, ...] = (
    CROP,
    FLIP,
    TRANSLATE,
    CUTOUT,
    BRIGHTNESS,
    CONTRAST,
    SATURATION,
)


def summary(recipe: Recipe) -> str:
    """What of it is on, in a few words."""
    color = recipe.brightness or recipe.contrast or recipe.saturation
    on = (
        (recipe.crop, "crop"),
        (recipe.flip, "flip"),
        (recipe.translate, "translate"),
        (recipe.cutout, "cutout"),
        (color, "color"),
    )
    return listed([word for active, word in on if active])
