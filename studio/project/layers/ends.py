"""Where a network, or a block, begins and ends."""

from __future__ import annotations

from studio.project.kinds import Inputs, Keeps, LayerKind, Mismatch, show_shape
from studio.project.settings import Integer, Values
from studio.project.values import Shape

INPUT = LayerKind(
    kind="input",
    title="Input",
    family="input",
    help=(
        "The images as the network receives them. Whatever the data holds is resized to this "
        "size and turned to gray (1 channel) or color (3)."
    ),
    settings=(
        Integer(name="channels", title="Channels", default=3, minimum=1, maximum=64,
                help="1 for gray, 3 for color."),
        Integer(name="height", title="Height", default=32, minimum=1, maximum=4096, unit="px",
                help="To which images are resized. Twice the size is four times the work."),
        Integer(name="width", title="Width", default=32, minimum=1, maximum=4096, unit="px",
                help="To which images are resized. Twice the size is four times the work."),
    ),
    min_inputs=0,
    max_inputs=0,
    chips=lambda values: (f"{values['channels']}×{values['height']}×{values['width']}",),
    shape=lambda values, inputs: (values["channels"], values["height"], values["width"]),
)  # fmt: skip


def _output_shape(values: Values, inputs: Inputs) -> Shape:
    classes = values["classes"]
    if inputs[0] == (classes,):
        return inputs[0]
    if len(inputs[0]) == 3:
        raise Mismatch(
            f"it needs one value for each of the {classes} classes, but {{0}} gives "
            f"{show_shape(inputs[0])}: end with a global pooling and a linear layer",
            insert=(("global_pooling", {}), ("linear", {})),
            insert_text="Put a global pooling and a linear layer before it",
        )
    raise Mismatch(
        f"{{0}} gives {inputs[0][0]} values, but there are {classes} classes",
        wanted=(classes,),
        insert=(("linear", {}),),
        insert_text="Put a linear layer before it",
    )


OUTPUT = LayerKind(
    kind="output",
    title="Output",
    family="output",
    help="One logit per class; softmax and cross entropy follow in the loss.",
    formula="L = −log softmax(y)[class]",
    settings=(
        Integer(name="classes", title="Classes", default=10, minimum=2, maximum=1_000_000,
                help="How many classes the data has."),
    ),
    chips=lambda values: (f"{values['classes']} classes",),
    shape=_output_shape,
    keeps=Keeps(view=True),
)  # fmt: skip

ENTRY = LayerKind(
    kind="entry",
    title="Entry",
    family="input",
    help="Where a block's input comes in.",
    min_inputs=0,
    max_inputs=0,
    # Its shape is handed in by the block around it and never asked for here.
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(view=True),
)

EXIT = LayerKind(
    kind="exit",
    title="Exit",
    family="output",
    help="Where a block's output goes out.",
    shape=lambda values, inputs: inputs[0],
    keeps=Keeps(view=True),
)
