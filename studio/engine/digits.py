"""The embedded data: scikit-learn's 1,797 handwritten digits of 8×8 pixels."""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch.nn import functional

from studio.engine.pictures import Pictures
from studio.runs.api import WorkFailed


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    # Imported here: scikit-learn takes a second, and only this data set and reports need it.
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images.astype(np.float32), data.target.astype(np.int64)


def read_digits(shape: tuple[int, int, int]) -> Pictures:
    """The digits as a network with a ``(C, H, W)`` input receives them.

    Their values 0..16 become 0..255; they are enlarged bilinearly and, for color, the gray is
    repeated. Raises WorkFailed for other than 1 or 3 channels.
    """
    channels, height, width = shape
    if channels not in (1, 3):
        raise WorkFailed(
            f"The network's input has {channels} channels, but images are gray (1) or color (3).",
            "Set the channels of the input node to 1 or 3.",
        )
    images, labels = _digits()
    gray = torch.from_numpy(images).unsqueeze(1) * (255 / 16)
    gray = functional.interpolate(
        gray, size=(height, width), mode="bilinear", align_corners=False, antialias=True
    )
    pixels = gray.round_().clamp_(0, 255).to(torch.uint8).expand(-1, channels, -1, -1)
    return Pictures(
        title="Handwritten digits (scikit-learn)",
        classes=tuple(str(digit) for digit in range(10)),
        pixels=pixels.contiguous().numpy(),
        labels=labels,
        given={"train": np.arange(len(labels))},
        fingerprint=f"digits {len(labels)}",
    )
