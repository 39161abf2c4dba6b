"""What the window and the command line ask of the engine: plain values only.

The engine implements these protocols with torch; the window's tests hand the window a scripted
one. Only structs and numpy arrays cross, control is flags, and nothing here waits for a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from studio.project.problems import Fix
from studio.project.values import DataSettings, Project, Recipe

if TYPE_CHECKING:
    # For annotations alone: numpy takes a tenth of a second that the first window need not wait.
    import numpy as np

    from studio.runs.telemetry import Telemetry


class WorkFailed(Exception):
    """The work cannot be done; ``message`` says what happened and ``advice`` what to do next."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".strip())
        self.message = message
        self.advice = advice


class Device(msgspec.Struct, frozen=True):
    """A place to compute. ``name`` is torch's (``cpu``, ``cuda:0``, ``mps``), memory in bytes.

    ``fastest`` is the precision that its hardware computes convolutions fastest in. ``uncompiled``
    says in sentences why torch.compile cannot work on it; it is empty where it may.
    """

    name: str
    title: str
    memory: int
    fastest: str = "float32"
    uncompiled: str = ""


class Machine(msgspec.Struct, frozen=True):
    """What the engine found; ``devices`` starts with the one that ``auto`` picks."""

    devices: tuple[Device, ...]
    torch: str
    note: str = ""


class DataReport(msgspec.Struct, frozen=True):
    """A data set as read: counts per split and class, and some samples to look at.

    ``counts`` maps a split (``train``, ``validation``, ``test``) to the images of each class in
    the order of ``classes``. ``samples`` is uint8 ``(N, H, W, C)`` as the network will receive
    them before normalization, ``labels`` their classes. ``mean`` and ``deviation`` are those of
    the training split per channel, in units of 0..255. ``warnings`` are sentences. ``own`` names
    the splits that the source brings itself, which no share changes.
    """

    title: str
    classes: tuple[str, ...]
    counts: dict[str, tuple[int, ...]]
    samples: np.ndarray
    labels: tuple[int, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    warnings: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


class Stage(msgspec.Struct, frozen=True, tag=True):
    """The run is at some work before, between or after the steps ("reading images")."""

    text: str


class Started(msgspec.Struct, frozen=True, tag=True):
    """The first step is about to be taken; ``step`` is above 0 where a run is resumed, and
    ``precision`` is what the recipe's came to, ``threads`` how many compute on the processor.
    ``mean`` and ``deviation`` are those of the training pixels as the network receives them,
    ``class_counts`` its training images. A branch says at which step it left its parent
    (``branched``). ``earlier`` are the epochs behind ``step``, of a branch its parent's among them,
    as far as their curves came along."""

    device: str
    device_title: str
    steps_per_epoch: int
    total_steps: int
    step: int
    classes: tuple[str, ...]
    train_images: int
    validation_images: int
    precision: str = "float32"
    threads: int = 0
    mean: float | None = None
    deviation: float | None = None
    class_counts: dict[str, int] = {}
    branched: int = 0
    earlier: tuple[EpochDone, ...] = ()


class EpochDone(msgspec.Struct, frozen=True, tag=True):
    """Means over the epoch; accuracies are shares in 0..1, ``seconds`` without the pauses."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float
    best: bool


class Probed(msgspec.Struct, frozen=True, tag=True):
    """A look at the activations of one training batch.

    ``shares`` has for each of ``layers`` the part of its channels that are zero for every image
    (kind ``relu``), or of its outputs that lie at an end of their range (``sigmoid``, ``tanh``).
    ``waiting`` is the share of the time since the last look that went by waiting for batches.
    """

    step: int
    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    shares: tuple[float, ...]
    waiting: float = 0.0


class PausedChanged(msgspec.Struct, frozen=True, tag=True):
    """The run now waits, or goes on."""

    paused: bool


class RecipeChanged(msgspec.Struct, frozen=True, tag=True):
    """From ``step`` on the run follows ``recipe``; ``text`` says what is new."""

    step: int
    recipe: Recipe
    total_steps: int
    text: str


class Warned(msgspec.Struct, frozen=True, tag=True):
    """Something the user should know while the run goes on (a full disk, say)."""

    message: str


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The last message of a run that was completed or stopped. ``seconds`` is its own training
    time, and the best epoch is the best of its own: those before a branch are its parent's."""

    reason: str  # "completed" or "stopped"
    epochs: int
    best_epoch: int
    best_accuracy: float
    seconds: float


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The last message of a run that broke; ``saved`` says what was kept, ``remedies`` are edits
    of the project with which it may succeed. One that ``diverged`` will do so again without."""

    message: str
    advice: str
    saved: str = ""
    remedies: tuple[Fix, ...] = ()
    diverged: bool = False


Message = (
    Stage
    | Started
    | EpochDone
    | Probed
    | PausedChanged
    | RecipeChanged
    | Warned
    | Finished
    | Failed
)


class Evaluation(msgspec.Struct, frozen=True):
    """Metrics on one split; ``confusion`` counts truth (row) against prediction (column).

    ``views`` says what was seen of each image, the logits averaged: "one", the image itself;
    "mirrored", it and its mirror image; "moved", both of these moved by a pixel as well.
    """

    split: str
    checkpoint: str
    images: int
    loss: float
    accuracy: float
    top5: float
    classes: tuple[str, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    views: str = "one"


class Prediction(msgspec.Struct, frozen=True):
    """The most probable classes of one image, best first, as (class, probability)."""

    image: str
    top: tuple[tuple[str, float], ...]


class ExportReport(msgspec.Struct, frozen=True):
    """What was written, and how far the reloaded model's logits lie from the original's."""

    format: str
    files: tuple[str, ...]
    bytes: int
    difference: float
    checked: str  # a sentence: what was reloaded and compared


class WeightsReport(msgspec.Struct, frozen=True):
    """What a network starts from, and how far it fits.

    ``source`` is torchvision's name or a file's path, ``sha256`` that of the file. Of the
    network's ``tensors`` so many are ``taken``; ``fresh`` names the others, which keep their
    random start. ``normalization`` is the one that the weights want and ``classes`` are what
    their outputs mean, both empty where that is not known. ``text`` says it all in sentences.
    """

    source: str
    sha256: str
    taken: int
    tensors: int
    fresh: tuple[str, ...]
    normalization: str
    classes: tuple[str, ...]
    text: str


class RateSearch(msgspec.Struct, frozen=True):
    """The smoothed losses over growing learning rates, and the rate that they suggest; 0 where
    the loss falls at no rate. ``planned`` is how many rates are tried at most."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggested: float
    planned: int = 0


class RunHandle(Protocol):
    """A run under way on the engine's thread."""

    @property
    def folder(self) -> Path: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def alive(self) -> bool:
        """Whether the thread still works (stays true while it writes the last checkpoint)."""

    def poll(self, limit: int = 100) -> Sequence[Message]:
        """Up to ``limit`` messages that arrived since the last call, in order."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def stop(self) -> None:
        """Ask for an end after the step under way, with a checkpoint."""

    def stop_after_epoch(self, wanted: bool = True) -> None:
        """Ask for an end after the epoch under way, or take that back."""

    def keep(self) -> None:
        """Ask for a checkpoint after the step under way."""

    def change(self, recipe: Recipe) -> None:
        """Let the run follow this recipe's learning rate, its course and its number of epochs
        from the next step on."""

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end at most ``timeout`` seconds; whether it has come."""


class Engine(Protocol):
    """All that the app and the commands ask for. Every method may raise WorkFailed."""

    def machine(self) -> Machine: ...

    def warm_up(self) -> None:
        """Load what the first step needs, so that Train answers at once."""

    def inspect(self, data: DataSettings, input_shape: tuple[int, int, int]) -> DataReport:
        """Read the data set as a network with that ``(C, H, W)`` input would receive it."""

    def check_weights(self, project: Project) -> WeightsReport:
        """See whether the weights that ``project`` starts from fit its network.

        Pretrained weights of torchvision's are downloaded where they are not there yet.
        """

    def find_rate(
        self,
        project: Project,
        stopped: Callable[[], bool] = lambda: False,
        tell: Callable[[RateSearch], None] = lambda so_far: None,
    ) -> RateSearch:
        """Suggest a learning rate by a range test on a copy of the network.

        ``tell`` is called on the calling thread after each step, with what was found so far.
        """

    def start(self, project: Project, folder: Path, parent: Path | None = None) -> RunHandle:
        """Train ``project`` into the new run folder ``folder``: from the beginning, or from
        ``parent``, a checkpoint file of another run with the same network.

        A branch takes weights, epochs and, where the optimizer is the same, its state from the
        parent, and follows its own recipe from there on.
        """

    def resume(self, folder: Path, epochs: int | None = None) -> RunHandle:
        """Go on with the run in ``folder`` from its last checkpoint.

        With ``epochs`` up to that many, which extends a run that is complete.
        """

    def evaluate(
        self, folder: Path, split: str = "test", checkpoint: str = "best", views: str = "one"
    ) -> Evaluation:
        """Measure a run's network on a split, where it sees each image in ``views``: "one",
        "mirrored" or "moved", as ``Evaluation`` has them."""

    def predict(
        self, folder: Path, images: Sequence[Path], checkpoint: str = "best"
    ) -> Sequence[Prediction]: ...

    def export(
        self,
        source: Path,
        format: str,
        path: Path,
        checkpoint: str = "best",
        weights: bool = True,
    ) -> ExportReport:
        """Write the model of a run folder or project file, reload it and compare.

        ``format`` is one of state-dict, safetensors, torch-export, onnx, python, torchvision.
        Without ``weights``, which only python can do without, the network alone is written.
        """
