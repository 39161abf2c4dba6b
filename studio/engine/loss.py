"""The loss that training lowers, and the share of images that a network gets right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from studio.project.regularization import CLASS_WEIGHTS
from studio.project.values import Recipe


@dataclass(frozen=True)
class Targets:
    """The true classes ``(B,)``; where images are mixed, ``share`` of the first and the rest of
    the ``others``."""

    labels: Tensor
    others: Tensor | None = None
    share: float = 1.0


class Loss:
    """Cross entropy with the recipe's label smoothing and class weights, a mean over the images.

    The sum of the weighted losses is divided by the number of images: each counts alike in every
    batch, and batches that are accumulated add up to what one large batch gives.
    """

    def __init__(self, recipe: Recipe, counts: np.ndarray, device: torch.device) -> None:
        """``counts`` are the training images of each class."""
        self._smoothing = recipe.label_smoothing
        weights = class_weights(recipe, counts)
        self._weights = None if weights is None else torch.tensor(weights, device=device).float()

    def __call__(self, outputs: Tensor, targets: Targets) -> Tensor:
        """The loss of logits ``(B, classes)``."""
        loss = self._of(outputs, targets.labels)
        if targets.others is None:
            return loss
        return targets.share * loss + (1 - targets.share) * self._of(outputs, targets.others)

    def _of(self, outputs: Tensor, labels: Tensor) -> Tensor:
        if self._weights is None:
            return functional.cross_entropy(outputs, labels, label_smoothing=self._smoothing)
        return functional.cross_entropy(
            outputs, labels, self._weights, reduction="none", label_smoothing=self._smoothing
        ).mean()


def class_weights(recipe: Recipe, counts: np.ndarray) -> np.ndarray | None:
    """What an image of each class counts; None where all count alike."""
    if recipe.class_weighting == "given":
        return np.array(CLASS_WEIGHTS.numbers(recipe.class_weights))
    if recipe.class_weighting == "balanced":
        present = np.maximum(counts, 1)
        return np.asarray(counts.sum() / ((counts > 0).sum() * present))
    return None


def hits(outputs: Tensor, targets: Targets) -> Tensor:
    """How many images are right; of a mixed one, the share of the class that is predicted."""
    predicted = outputs.argmax(1)
    right = (predicted == targets.labels).sum(dtype=torch.float32)
    if targets.others is None:
        return right
    other = (predicted == targets.others).sum(dtype=torch.float32)
    return targets.share * right + (1 - targets.share) * other
