"""The auxiliary classifier: a second head, early in the network, that only training listens to."""

from __future__ import annotations

from studio.project.blocks.body import BATCH_NORM_FLAG, Body, channels_setting
from studio.project.kinds import BlockKind
from studio.project.layers.common import ACTIVATION, feature_map
from studio.project.settings import Choice, Integer, Real, Values
from studio.project.values import Network, Shape

KIND = "auxiliary"


def _expand(values: Values, shape: Shape) -> Network:
    feature_map((shape,))
    body = Body()
    if values["pooling"] == "adaptive":
        body.add("pool", "adaptive_pooling", size=4)
    else:
        body.add("pool", "pooling", mode="average", kernel=5, stride=3)
    body.add("conv", "conv_unit", channels=values["channels"], kernel=1, epsilon=0.001,
             batch_norm=values["batch_norm"], activation=values["activation"])  # fmt: skip
    body.add("flatten", "flatten")
    body.add("fc1", "linear", features=values["features"])
    body.activation("act", values["activation"])
    body.add("dropout", "dropout", rate=values["drop"])
    body.add("fc2", "linear")
    return body.network()


AUXILIARY = BlockKind(
    kind=KIND,
    title="Auxiliary classifier",
    family="output",
    help=(
        "A small classifier in the middle of a deep network. Its loss is added to the network's, "
        "so that early layers get a gradient over a shorter way. It serves training alone: "
        "validation, evaluation and export leave it out."
    ),
    formula="L = L_output + w L_auxiliary",
    source="Szegedy et al. 2015, section 5",
    settings=(
        Real(name="weight", title="Loss weight w", default=0.3, minimum=0.0, maximum=10.0,
             help="How much its loss counts beside the output's."),
        channels_setting("channels", "Channels", 128, "Channels of the 1×1 convolution."),
        Integer(name="features", title="Features", default=1024, minimum=1, maximum=1_000_000,
                help="Values of the hidden layer."),
        Choice(name="pooling", title="Pooling", default="adaptive",
               choices=(("adaptive", "to 4×4 (torchvision)"), ("window", "5×5, stride 3 (paper)")),
               help="The paper's window makes 4×4 of its 14×14; torchvision pools to 4×4 whatever "
                    "comes in."),
        Real(name="drop", title="Dropout", default=0.7, minimum=0.0, maximum=0.99,
             help="The share of hidden values that is set to zero in training."),
        BATCH_NORM_FLAG,
        ACTIVATION,
    ),
    chips=lambda values: (f"weight {values['weight']:g}",),
    expand=_expand,
)  # fmt: skip
