"""Models to take away: from a run folder with its weights, or from a project file as it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import nn

from studio.engine.checkpoint import CheckpointError, read_checkpoint
from studio.engine.data import normalization
from studio.engine.download import Watch, watch_nothing
from studio.engine.module import build_module
from studio.engine.pretrained import load_weights
from studio.project import codec, heads
from studio.project.analysis import analyze
from studio.project.pretrained import title
from studio.project.values import Project
from studio.runs.api import WorkFailed
from studio.runs.folder import RunFolder


@dataclass(frozen=True)
class TrainedModel:
    """A module in evaluation mode on the CPU, with all that is needed to use it on an image.

    The network takes ``(N, *input_shape)`` float32, made from pixels in 0..255 of the same size
    as ``(pixels - mean) / deviation`` per channel, and gives logits ``(N, len(classes))``.
    ``checkpoint`` is "best" or "last", or empty where nothing was trained; ``weights`` then says
    what the recipe starts from, empty for freshly initialized weights.
    """

    module: nn.Module
    project: Project
    title: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    checkpoint: str = ""
    epoch: int = 0
    weights: str = ""

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """Images ``(N, C, H, W)`` with pixels in 0..255 as the network wants them, float32."""
        shape = (1, -1, 1, 1)
        mean = torch.tensor(self.mean).view(shape)
        deviation = torch.tensor(self.deviation).view(shape)
        return (pixels.float() - mean) / deviation


def load(source: Path, checkpoint: str = "best", watch: Watch = watch_nothing) -> TrainedModel:
    """The model of a run folder, or of a project file as it starts; raises WorkFailed."""
    if source.is_dir():
        return load_trained(source, checkpoint)
    return load_fresh(source, watch)


def load_trained(folder: Path, checkpoint: str = "best") -> TrainedModel:
    """The model of the run in ``folder`` with the weights of ``checkpoint``; raises WorkFailed."""
    run = RunFolder.open(folder)
    trained, info = run.project(), run.info()
    project = _predicting(trained)
    module = build_module(project.network, seed=project.recipe.seed)
    dropped = tuple(f"{name}." for name in heads.weights(analyze(trained.network)))
    try:
        saved = read_checkpoint(run.checkpoint(checkpoint))
        module.load_state_dict(
            {name: value for name, value in saved.weights.items() if not name.startswith(dropped)}
        )
    except CheckpointError as error:
        raise WorkFailed(error.message, error.advice) from None
    except RuntimeError:
        raise WorkFailed(
            f"The {checkpoint} checkpoint in {folder} belongs to another network.",
            "Use the run folder as training left it.",
        ) from None
    mean, deviation = normalization(project.data.normalization, info.mean, info.deviation)
    return TrainedModel(
        module=module.eval(),
        project=project,
        title=info.title,
        classes=info.classes,
        input_shape=_input_shape(project),
        mean=mean,
        deviation=deviation,
        checkpoint=checkpoint,
        epoch=saved.place.epochs_done,
    )


def load_fresh(path: Path, watch: Watch = watch_nothing) -> TrainedModel:
    """The model of a project file, initialized with its seed or with the weights that its recipe
    starts from; raises WorkFailed. ``watch`` is told of a download.

    No image is read: the classes are numbered unless the weights bring their names, and
    normalization to zero mean and unit deviation takes the middle of 0..255 for the mean it would
    have measured.
    """
    try:
        project = _predicting(codec.load(path))
    except codec.ProjectError as error:
        raise WorkFailed(str(error)) from None
    module = build_module(project.network, seed=project.recipe.seed)
    shape = _input_shape(project)
    middle = (127.5,) * shape[0]
    mean, deviation = normalization(project.data.normalization, middle, middle)
    count = analyze(project.network).classes or 0
    classes = tuple(str(number) for number in range(count))
    if project.recipe.weights:
        report = load_weights(module, project, watch)
        if len(report.classes) == count:
            classes = report.classes
    return TrainedModel(
        module=module.eval(),
        project=project,
        title=path.stem,
        classes=classes,
        input_shape=shape,
        mean=mean,
        deviation=deviation,
        weights=title(project.recipe.weights) if project.recipe.weights else "",
    )


def _predicting(project: Project) -> Project:
    """The project without what serves its training alone."""
    return msgspec.structs.replace(project, network=heads.without(project.network))


def _input_shape(project: Project) -> tuple[int, int, int]:
    shape = analyze(project.network).input_shape
    if shape is None:
        raise WorkFailed("The network has no input node.", "Add one from the palette.")
    return shape
