"""How good a network is on a split, and what it says about single images."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.engine.data import DataReader
from studio.engine.decoding import BadImage, decode_image
from studio.engine.feed import Batch, Feed
from studio.engine.loading import load_trained
from studio.engine.module import logits
from studio.engine.pictures import SPLITS
from studio.engine.team import ALONE, Team
from studio.engine.views import VIEWS, average_logits
from studio.runs.api import Evaluation, Prediction, WorkFailed

BATCH = 128
"""Images a batch: enough to be quick, little next to what training keeps for the backward pass."""


@torch.inference_mode()
def measure(
    module: nn.Module,
    batches: Iterable[Batch],
    stopped: Callable[[], bool] = lambda: False,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    team: Team = ALONE,
) -> tuple[float, float] | None:
    """Mean cross entropy and accuracy (0..1) of ``module``, which is left in evaluation mode.

    Logits are computed within ``autocast``, as in training. None where ``stopped`` says so between
    two batches. Sums stay on the device until the end, and are those of the whole ``team``.
    """
    module.eval()
    images = 0
    device = next((each.device for each in module.parameters()), torch.device("cpu"))
    losses, hits = [torch.zeros((), device=device)], [torch.zeros((), device=device)]
    for inputs, labels in batches:
        if stopped():
            return None
        with autocast():
            outputs = logits(module, inputs).float()
        losses.append(functional.cross_entropy(outputs, labels, reduction="sum"))
        hits.append((outputs.argmax(1) == labels).sum().float())
        images += len(labels)
    count = torch.tensor(float(images), device=device)
    sums = torch.stack((torch.stack(losses).sum(), torch.stack(hits).sum(), count))
    loss, correct, together = team.add_up(sums).tolist()
    return loss / together, correct / together


@torch.inference_mode()
def classify(
    module: nn.Module, batches: Iterable[Batch], views: str = "one"
) -> tuple[Tensor, Tensor]:
    """Logits ``(N, classes)``, averaged over ``views``, and true classes ``(N,)`` of all batches,
    on the CPU."""
    module.eval()
    outputs, truths = [], []
    for inputs, labels in batches:
        outputs.append(average_logits(lambda images: logits(module, images), inputs, views))
        truths.append(labels)
    return torch.cat(outputs).cpu(), torch.cat(truths).cpu()


def evaluate(
    reader: DataReader,
    folder: Path,
    split: str,
    checkpoint: str,
    device: torch.device,
    views: str = "one",
) -> Evaluation:
    """The metrics of a run's network on ``split``, where it sees each image in ``views``; raises
    WorkFailed.

    Precision, recall and F1 are per class, 0 where a class was never predicted or never shown.
    """
    # Imported here: scikit-learn takes a second to import.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    if split not in SPLITS:
        raise WorkFailed(f"There is no split {split!r}.", f"Choose {', '.join(SPLITS)}.")
    if views not in VIEWS:
        raise WorkFailed(f"There are no views {views!r}.", f"Choose {', '.join(VIEWS)}.")
    model = load_trained(folder, checkpoint)
    if views == "moved" and min(model.input_shape[1:]) < 2:
        raise WorkFailed(
            "An image of a single row or column of pixels cannot be moved by a pixel.",
            "Evaluate with one view, or mirrored.",
        )
    data = reader.read(model.project.data, model.input_shape)
    if data.classes != model.classes:
        raise WorkFailed(
            f"The data now has the classes {', '.join(data.classes[:5])} ..., and the network "
            f"was trained on {', '.join(model.classes[:5])} ...",
            "Bring back the data it was trained on.",
        )
    if not len(data.splits[split]):
        raise WorkFailed(f"The {split} split has no images.", "Evaluate another split.")
    feed = Feed(data, device, model.mean, model.deviation, batch_size=BATCH)
    with contextlib.closing(feed):
        outputs, labels = classify(model.module.to(device), feed.split(split, BATCH), views)
    predicted = outputs.argmax(1)
    names = list(range(len(model.classes)))
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels.numpy(), predicted.numpy(), labels=names, zero_division=0.0
    )
    top5 = outputs.topk(min(5, len(names))).indices.eq(labels[:, None]).any(1)
    return Evaluation(
        split=split,
        checkpoint=checkpoint,
        images=len(labels),
        loss=float(functional.cross_entropy(outputs, labels)),
        accuracy=float((predicted == labels).double().mean()),
        top5=float(top5.double().mean()),
        classes=model.classes,
        precision=tuple(map(float, precision)),
        recall=tuple(map(float, recall)),
        f1=tuple(map(float, f1)),
        confusion=tuple(
            tuple(map(int, row))
            for row in confusion_matrix(labels.numpy(), predicted.numpy(), labels=names)
        ),
        views=views,
    )


@torch.inference_mode()
def predict(folder: Path, images: Sequence[Path], checkpoint: str) -> tuple[Prediction, ...]:
    """The (at most five) most probable classes of each image; raises WorkFailed for a bad one."""
    model = load_trained(folder, checkpoint)
    results = []
    for path in images:
        if not path.is_file():
            raise WorkFailed(f"There is no image {path}.")
        try:
            pixels = torch.from_numpy(decode_image(path, model.input_shape).copy())
        except BadImage as error:
            raise WorkFailed(f"{path} cannot be read as an image: {error}.") from None
        outputs = logits(model.module, model.normalize(pixels[None]))
        best = outputs.softmax(1)[0].topk(min(5, len(model.classes)))
        pairs = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        top = tuple((model.classes[index], value) for value, index in pairs)
        results.append(Prediction(str(path), top))
    return tuple(results)
