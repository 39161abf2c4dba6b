"""The squeeze-and-excitation block: a gate for every channel."""

from __future__ import annotations

from studio.project.blocks.body import Body
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, feature_map
from studio.project.settings import Integer, Values
from studio.project.values import Network, Shape


def _expand(values: Values, shape: Shape) -> Network:
    channels, _, _ = feature_map((shape,))
    body = Body()
    body.add("squeeze", "global_pooling")
    body.add("reduce", "linear", features=max(1, channels // values["reduction"]))
    body.activation("act", values["activation"])
    body.add("restore", "linear", features=channels)
    body.activation("gate", "sigmoid")
    body.add("scale", "multiply", ("in", "gate"))
    return body.network()


SQUEEZE_EXCITATION = BlockKind(
    kind="squeeze_excitation",
    title="Squeeze and excite",
    family="residual",
    help="Looks at the mean of every channel and decides how much of each to let through.",
    formula="y = x · σ(W₂ ReLU(W₁ mean(x)))",
    source="Hu et al. 2018, equations 2 to 4",
    settings=(
        Integer(name="reduction", title="Reduction", default=16, minimum=1, maximum=256,
                help="The hidden layer has this many times fewer values than there are channels."),
        ACTIVATION,
    ),
    chips=lambda values: (f"÷{values['reduction']}",),
    expand=_expand,
)  # fmt: skip
