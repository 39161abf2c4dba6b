"""What a layer kind and a block kind declare, and how their rules refuse an input.

A *layer* is a primitive with rules for its shape, parameters, multiply-adds and window. A *block*
is a macro that expands into layers. Both are plain declarations: palette, forms, validation, help
and tests are made from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from studio.project.settings import Setting, Values
from studio.project.values import Network, Shape

Inputs = tuple[Shape, ...]

MAX_LAYERS = 100_000
"""A network, and so a block, holds at most as many when everything in it is expanded."""


class Mismatch(Exception):
    """An input that a rule does not take.

    ``message`` may hold ``{0}``, ``{1}``, ...: the names of the nodes that feed those ports.
    ``wanted`` is the shape that port ``port`` should have had, where that is known, from which a
    fix is made; ``insert`` names layers that would mend the input when put before it, ``setting`` a
    setting of the node's own and a value that would.
    """

    def __init__(
        self,
        message: str,
        *,
        port: int = 0,
        wanted: Shape | None = None,
        insert: tuple[tuple[str, dict[str, Any]], ...] = (),
        insert_text: str = "",
        setting: tuple[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.port = port
        self.wanted = wanted
        self.insert = insert
        self.insert_text = insert_text
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Window:
    """What one output position sees of the input along (height, width), in input positions.

    ``stride`` is below 1 where the map becomes larger. ``start`` is where the first position's
    window begins, below 0 in the padding; it looks at every ``dilation``-th input position.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[int | Fraction, int | Fraction] = (1, 1)
    start: tuple[int, int] = (0, 0)
    dilation: int = 1


@dataclass(frozen=True, slots=True)
class Keeps:
    """What a layer keeps for the backward pass, for the memory forecast.

    Beyond its own input and output there may be ``extra`` bytes (indices, statistics) and a number
    of ``values`` as wide as its output (masks); a ``view`` shares its input's memory.
    """

    input: bool = False
    output: bool = False
    view: bool = False
    extra: Callable[[Values, Inputs, Shape], int] = lambda values, inputs, output: 0
    values: Callable[[Values, Inputs, Shape], int] = lambda values, inputs, output: 0


Mixed = Literal["half", "same", "single", "norm"]
"""What automatic mixed precision makes of a layer: it computes in half precision, with what its
inputs have, gives single precision whatever comes in, or does so on a GPU alone (the lists of
torch.amp)."""


Stretch = tuple[int, int]
"""The first and the last of some positions along an axis."""
Sees = Callable[[Values, int, int, Stretch], Stretch]
"""From settings, the input's and the output's length, and a stretch of the output."""


def _no_chips(values: Values) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What layers and blocks have in common.

    ``chips`` gives the two or three short texts on the card. ``max_inputs`` above
    ``min_inputs`` lets a merge take more wires. ``own_title`` and ``own_family`` give the title
    and the family (for the color) of one node where each has its own.
    """

    kind: str
    title: str
    family: str
    help: str
    formula: str = ""
    source: str = ""
    settings: tuple[Setting, ...] = ()
    min_inputs: int = 1
    max_inputs: int = 1
    chips: Callable[[Values], tuple[str, ...]] = _no_chips
    about: Callable[[Values], tuple[str, str]] | None = None
    """Formula and source under some settings, where these choose among several."""
    own_title: Callable[[Values], str] | None = None
    own_family: Callable[[Values], str] | None = None

    def formula_and_source(self, values: Values) -> tuple[str, str]:
        """What holds under ``values``; empty texts where there is none."""
        return self.about(values) if self.about else (self.formula, self.source)

    @property
    def ends(self) -> bool:
        """Whether nothing comes out of it that another node could take."""
        return self.family == "output"

    def title_of(self, values: Values) -> str:
        """The title of a node with these settings; they need not be complete."""
        return self.own_title(values) if self.own_title is not None else self.title

    def family_of(self, values: Values) -> str:
        """The family whose color a node with these settings has; they need not be complete."""
        return self.own_family(values) if self.own_family is not None else self.family

    @property
    def is_block(self) -> bool:
        """Whether it expands into other nodes."""
        return isinstance(self, BlockKind)


@dataclass(frozen=True, kw_only=True)
class LayerKind(Kind):
    """A primitive and its rules; ``shape`` raises Mismatch, the others rely on its consent.

    ``parameters`` counts trainable values, ``macs`` multiply-adds for one sample (convolution
    and linear layers only, biases left out), ``counted`` says whether it adds to the depth.
    """

    shape: Callable[[Values, Inputs], Shape]
    parameters: Callable[[Values, Inputs], int] = lambda values, inputs: 0
    buffers: Callable[[Values, Inputs], int] = lambda values, inputs: 0
    macs: Callable[[Values, Inputs, Shape], int] = lambda values, inputs, output: 0
    window: Callable[[Values, Inputs], Window] = lambda values, inputs: Window()
    sees: Sees | None = None
    """Where the windows do not slide evenly: what of the input some output positions see."""
    keeps: Keeps | Callable[[Values], Keeps] = Keeps()
    mixed: Mixed = "same"
    counted: bool = False


@dataclass(frozen=True, kw_only=True)
class BlockKind(Kind):
    """A macro; ``expand`` gives its inside for an input shape and may raise Mismatch.

    The inside has one node of kind ``entry`` and one of kind ``exit``. ``hidden`` blocks are
    parts of others and do not stand in the palette.
    """

    expand: Callable[[Values, Shape], Network]
    hidden: bool = False


def show_shape(shape: Shape) -> str:
    """``(64, 8, 8)`` as "64×8×8"."""
    return "×".join(str(size) for size in shape)
