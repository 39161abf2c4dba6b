"""The value a user edits and saves: one immutable Project of network, data and recipe.

Every edit is a pure function from Project to Project (see ``edits``); nothing here is ever
changed in place, so snapshots share structure and undo is keeping the old value.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Shape = tuple[int, ...]
"""The shape of one sample, without the batch: ``(C, H, W)`` for a feature map or ``(N,)``."""


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A layer or a block on the canvas.

    ``name`` is the module's name, and so the first part of its parameters' names. ``settings``
    holds what differs from the defaults. ``x``, ``y`` are the card's center in canvas pixels.
    ``tag`` is a mark of the user's, one of ``tags.TAGS`` or empty.
    """

    name: str
    kind: str
    settings: dict[str, Any] = {}
    x: float = 0.0
    y: float = 0.0
    tag: str = ""


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The output of ``source`` feeds input number ``port`` of ``target``."""

    source: str
    target: str
    port: int = 0


class Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A note on the canvas, from which nothing is computed.

    ``x``, ``y`` are its upper left corner; these and its size are in canvas pixels.
    """

    name: str
    text: str = ""
    x: float = 0.0
    y: float = 0.0
    width: float = 240.0
    height: float = 104.0
    color: str = "gold"


Flow = Literal["down", "right"]
"""The way a network is drawn and read: from top to bottom, or from left to right."""


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A graph of nodes; names are unique, and a port takes one edge."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    comments: tuple[Comment, ...] = ()
    flow: Flow = "down"

    def node(self, name: str) -> Node:
        """The node called ``name``; raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


Normalization = Literal["none", "unit", "symmetric", "standard", "imagenet"]
"""Input normalization: raw 0..255, [0, 1], [-1, 1], zero mean and unit deviation, or ImageNet's
mean and deviation."""


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the images come from and how they are prepared.

    ``source`` is ``"digits"`` (embedded) or the path of a folder of images. The shares are parts
    of all images, and hold where the folder does not bring that split itself.
    """

    source: str = "digits"
    normalization: str = "standard"
    validation_share: float = 0.2
    test_share: float = 0.2
    split_seed: int = 0


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An optimizer or a schedule by kind, with the settings that differ from its defaults."""

    kind: str
    settings: dict[str, Any] = {}


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the network is trained. ``recipes`` declares the fields with their bounds and help.

    ``weights`` is what it starts from: empty for random weights, ``torchvision:`` and a name for
    torchvision's pretrained ones (see ``pretrained``), anything else is the path of a file.
    ``node_rates`` are factors of the learning rate by a node's name or the beginning of a dotted
    one (see ``rates``); 0 keeps it as it is.
    """

    optimizer: Chosen = Chosen("momentum")
    learning_rate: float = 0.05
    schedule: Chosen = Chosen("constant")
    batch_size: int = 64
    epochs: int = 15
    device: str = "auto"
    precision: str = "auto"
    seed: int = 0
    weights: str = ""
    warmup: float = 0.0
    warmup_unit: str = "epochs"
    warmup_start: float = 0.1
    accumulate: int = 1
    node_rates: dict[str, float] = {}
    label_smoothing: float = 0.0
    class_weighting: str = "none"
    class_weights: str = ""
    mixup: float = 0.0
    cutmix: float = 0.0
    clip_norm: float = 0.0
    clip_value: float = 0.0
    averaging: float = 0.0
    averaging_start: int = 0
    crop: int = 0
    flip: bool = False
    translate: float = 0.0
    cutout: int = 0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    channels_last: str = "auto"
    compile: bool = False
    deterministic: bool = False
    divergence: str = "stop"
    sync_batch_norm: bool = False
    threads: int = 0


class Project(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a ``.studio`` file holds."""

    network: Network = Network()
    data: DataSettings = DataSettings()
    recipe: Recipe = Recipe()
