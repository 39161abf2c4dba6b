"""What travels with every exported model: what an image goes through, and what the classes are."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from studio import __version__
from studio.engine.loading import TrainedModel
from studio.engine.weights_file import CARD

KEY = CARD
"""The name under which formats with room for text hold the card."""


def plain_title(model: TrainedModel) -> str:
    """The model's title without the date that a run folder's name ends in."""
    return re.sub(r"-\d{8}-\d{6}(-\d+)?$", "", model.title) or model.title


def card(model: TrainedModel) -> dict[str, Any]:
    """The model in words and numbers, as plain values for JSON.

    Images become ``(channels, height, width)`` by bilinear resizing of the whole image; then each
    channel is ``(pixel - mean) / deviation`` with pixels in 0..255. The output is a logit for each
    of ``classes``.
    """
    channels, height, width = model.input_shape
    return {
        "title": plain_title(model),
        "made_with": f"Training Studio {__version__}",
        "checkpoint": model.checkpoint or model.weights or "fresh weights",
        "epoch": model.epoch,
        "classes": list(model.classes),
        "input": {
            "channels": channels,
            "height": height,
            "width": width,
            "color": "gray" if channels == 1 else "RGB",
            "resize": "bilinear, the whole image",
            "pixels": "0..255",
            "mean": list(model.mean),
            "deviation": list(model.deviation),
        },
        "output": "logits",
    }


def as_json(values: dict[str, Any]) -> bytes:
    """``values`` as readable JSON."""
    return msgspec.json.format(msgspec.json.encode(values), indent=2) + b"\n"


def sha256(content: bytes) -> str:
    """The checksum by which damage to a file is noticed."""
    return hashlib.sha256(content).hexdigest()
