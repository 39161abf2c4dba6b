"""Augmentation and mixing: pixel for pixel against torchvision and by hand; what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.transforms import functional as vision

from studio.engine.augment import Augment, _cut_rows, _cut_windows
from studio.engine.loss import Loss, Targets, hits
from studio.engine.mixing import Mixing
from studio.project.values import Recipe

MEAN = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1)
SIDE = 12


def images(count: int = 40, channels: int = 3, height: int = SIDE, width: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels, height, width)
    return torch.randint(1, 256, shape, generator=generator, dtype=torch.uint8)


def augmented(pixels: torch.Tensor, **settings: object) -> torch.Tensor:
    return Augment(Recipe(seed=3, **settings), MEAN[:, : pixels.shape[1]])(pixels, 2, 5)


def test_a_random_crop_is_one_of_torchvisions_of_the_padded_image() -> None:
    pixels = images()
    found = set()
    for before, after in zip(pixels, augmented(pixels, crop=2), strict=True):
        padded = vision.pad(before, [2, 2])
        places = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.equal(vision.crop(padded, top, left, SIDE, 9), after)
        ]
        assert len(places) == 1
        found.update(places)
    assert len(found) > 15  # of 25: it is random


def test_both_ways_to_cut_out_give_the_same_parts() -> None:
    pixels = images(9).permute(0, 2, 3, 1).contiguous()
    tops, lefts = np.arange(9) % 5, np.arange(9) % 4
    parts = [cut(pixels, 8, 6, tops, lefts) for cut in (_cut_rows, _cut_windows)]
    assert torch.equal(*parts)
    for part, image, top, left in zip(parts[0], pixels, tops, lefts, strict=True):
        assert torch.equal(part, image[top : top + 8, left : left + 6])


def test_half_of_the_images_are_flipped_sideways() -> None:
    pixels = images(200)
    after = augmented(pixels, flip=True)
    flipped = [torch.equal(vision.hflip(a), b) for a, b in zip(pixels, after, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(pixels, after, strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 70 < sum(flipped) < 130


def test_a_translated_image_is_mirrored_at_its_border() -> None:
    pixels = images(40, 1)
    after = augmented(pixels, translate=0.25)  # up to 3 rows and 2 columns
    padded = functional.pad(pixels.float(), (2, 2, 3, 3), mode="reflect").to(torch.uint8)
    for before, image in zip(padded, after, strict=True):
        assert any(
            torch.equal(before[:, top : top + SIDE, left : left + 9], image)
            for top in range(7)
            for left in range(5)
        )
    assert not torch.equal(pixels, after)


def test_cutout_covers_one_square_with_the_mean_color() -> None:
    pixels = images(60)
    after = augmented(pixels, cutout=4)
    covered = (after == MEAN).all(1)
    assert torch.equal(
        after.where(~covered[:, None], 0), pixels.float().where(~covered[:, None], 0)
    )
    for mask in covered:
        rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
        height, width = len(rows), len(columns)
        assert mask.sum() == height * width
        assert 2 <= height <= 4
        assert 2 <= width <= 4


@pytest.mark.parametrize(
    ("name", "adjust"),
    [
        ("brightness", vision.adjust_brightness),
        ("contrast", vision.adjust_contrast),
        ("saturation", vision.adjust_saturation),
    ],
)
def test_colors_are_adjusted_as_torchvision_does(name: str, adjust: object) -> None:
    pixels = images(8)
    after = augmented(pixels, **{name: 0.4})
    changed = 0
    for before, image in zip(pixels.float(), after, strict=True):
        # The factor that was drawn, found by bisection on torchvision's own function.
        low, high = 0.6, 1.4
        span = [adjust(before / 255, f) * 255 for f in (low, high)]  # type: ignore[operator]
        pixel = int((span[0] - span[1]).abs().flatten().argmax())
        rising = span[1].flatten()[pixel] > span[0].flatten()[pixel]
        for _ in range(40):
            middle = (low + high) / 2
            value = (adjust(before / 255, middle) * 255).flatten()[pixel]  # type: ignore[operator]
            if (value < image.flatten()[pixel]) == bool(rising):
                low = middle
            else:
                high = middle
        expected = adjust(before / 255, low) * 255  # type: ignore[operator]
        assert torch.allclose(image, expected, atol=0.05)
        changed += not torch.allclose(image, before, atol=1)
    assert changed >= 6


def test_what_is_drawn_depends_on_seed_epoch_and_batch_alone() -> None:
    pixels = images()
    recipe = Recipe(seed=3, crop=2, flip=True, cutout=3, brightness=0.2)
    first = Augment(recipe, MEAN)(pixels, 2, 5)
    torch.rand(10)
    assert torch.equal(Augment(recipe, MEAN)(pixels, 2, 5), first)
    for epoch, batch in ((2, 6), (3, 5)):
        assert not torch.equal(Augment(recipe, MEAN)(pixels, epoch, batch), first)


# Mixing ------------------------------------------------------------------------------------------


def test_mixup_blends_images_and_asks_for_both_classes() -> None:
    pixels, labels = images(6).float(), torch.tensor([0, 1, 2, 0, 1, 2])
    mixed, targets = Mixing(Recipe(mixup=1.0))(pixels, labels, 0, 0)
    share = targets.share
    assert 0 < share < 1
    assert torch.allclose(mixed, share * pixels + (1 - share) * pixels.flip(0), atol=1e-3)
    assert targets.others is not None
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    soft = share * functional.one_hot(labels, 3) + (1 - share) * functional.one_hot(
        labels.flip(0), 3
    )
    for smoothing in (0.0, 0.2):
        loss = Loss(Recipe(label_smoothing=smoothing), np.array([2, 2, 2]), pixels.device)
        expected = functional.cross_entropy(outputs, soft, label_smoothing=smoothing)
        assert torch.allclose(loss(outputs, targets), expected)
    right = soft.gather(1, outputs.argmax(1, keepdim=True)).sum()
    assert torch.allclose(hits(outputs, targets), right)


def test_cutmix_pastes_a_rectangle_and_weighs_by_its_area() -> None:
    pixels, labels = images(6).float(), torch.arange(6)
    areas = set()
    for batch in range(20):
        mixed, targets = Mixing(Recipe(cutmix=1.0))(pixels, labels, 0, batch)
        pasted = (mixed == pixels.flip(0)).all(1) & (pixels != pixels.flip(0)).any(1)
        kept = (mixed == pixels).all(1)
        assert (pasted | kept).all()
        area = pasted[0].sum().item() / pasted[0].numel()
        assert targets.share == pytest.approx(1 - area)
        areas.add(area)
    assert len(areas) > 10


def test_both_take_turns_by_a_coin_and_neither_leaves_the_batch_alone() -> None:
    pixels, labels = images(6).float(), torch.arange(6)
    both = Mixing(Recipe(mixup=1.0, cutmix=1.0))
    blends = 0
    for batch in range(60):
        mixed, _ = both(pixels, labels, 1, batch)
        blends += not ((mixed == pixels) | (mixed == pixels.flip(0))).all()
    assert 15 < blends < 45
    same, targets = Mixing(Recipe())(pixels, labels, 0, 0)
    assert same is pixels
    assert targets == Targets(labels)


def test_balanced_weights_let_every_class_count_alike() -> None:
    counts = np.array([30, 10, 0, 60])
    labels = torch.repeat_interleave(torch.arange(4), torch.tensor(counts))
    outputs = torch.zeros(100, 4)
    loss = Loss(Recipe(class_weighting="balanced"), counts, labels.device)
    whole = loss(outputs, Targets(labels))
    parts = [
        loss(outputs[labels == name], Targets(labels[labels == name])) * (labels == name).sum()
        for name in (0, 1, 3)
    ]
    assert torch.allclose(torch.stack(parts), torch.full((3,), whole.item() * 100 / 3))
    assert whole == pytest.approx(np.log(4))
