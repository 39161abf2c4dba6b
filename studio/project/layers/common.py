"""What several layer kinds share: limits, the activations, and shape helpers."""

from __future__ import annotations

from studio.project.kinds import Inputs, Mismatch, Window
from studio.project.settings import Choice, Real, Values
from studio.project.values import Shape

MAX_CHANNELS = 65_536

INITIALIZATIONS = (
    ("he", "He (normal)"),
    ("xavier", "Xavier (uniform)"),
    ("orthogonal", "orthogonal"),
    ("uniform", "uniform (torch)"),
    ("zero", "zero"),
    ("constant", "constant"),
)

DIRAC = ("dirac", "identity (Dirac)")
"""For convolutions alone, as the next one."""
WHITENING = ("whitening", "whitening")

_DIRAC_HELP = (
    " Dirac: the first filters pass their channel on as it is, the others are torch's uniform "
    "(Zagoruyko & Komodakis 2017; Jordan 2024)."
)
_WHITENING_HELP = (
    " Whitening: the principal directions of the patches that the layer gets from the training "
    "images, each divided by its deviation, and once more with the other sign: what goes out is "
    "uncorrelated and of one size (Coates & Ng 2012; Page 2019). Measured before the first step; "
    "without images, orthogonal. Train it as fixed with a learning-rate factor of 0."
)


def initialization(default: str, *, convolution: bool = False) -> tuple[Choice, Real]:
    """How the weights start, and the value that "constant" has."""
    more = (DIRAC, WHITENING) if convolution else ()
    return (
        Choice(name="initialization", title="Starts as", default=default,
               choices=(*INITIALIZATIONS, *more),
               help="How the weights start; biases start at zero. He: deviation √(2 / fan-out), "
                    "which keeps the gradient's size through ReLU (He et al. 2015, equation 14). "
                    "Xavier: within ±√(6 / (fan-in + fan-out)), for tanh and sigmoid (Glorot & "
                    "Bengio 2010, equation 16). Orthogonal: keeps lengths (Saxe et al. 2014). "
                    "Uniform: within ±1 / √fan-in, biases too, as torch does by itself."
                    + (_DIRAC_HELP + _WHITENING_HELP if convolution else "")),
        Real(name="constant", title="Constant", default=0.01, minimum=-100.0, maximum=100.0,
             when=("initialization", ("constant",)),
             help="What every weight starts at. Filters that start alike stay alike: a lesson."),
    )  # fmt: skip


ACTIVATIONS = (
    ("relu", "ReLU"),
    ("relu6", "ReLU6"),
    ("leaky_relu", "leaky ReLU"),
    ("elu", "ELU"),
    ("gelu", "GELU"),
    ("silu", "SiLU"),
    ("softplus", "softplus"),
    ("sigmoid", "sigmoid"),
    ("tanh", "tanh"),
)

ACTIVATION = Choice(
    name="activation",
    title="Activation",
    default="relu",
    choices=ACTIVATIONS,
    help="The nonlinearity. ReLU keeps gradients from vanishing where sigmoid and tanh saturate.",
)


def feature_map(inputs: Inputs) -> tuple[int, int, int]:
    """The first input as a feature map (C, H, W)."""
    if len(inputs[0]) != 3:
        raise Mismatch(
            f"it needs a feature map (channels × height × width), but {{0}} gives a vector of "
            f"{inputs[0][0]} values: place it before the flattening or pooling to a vector"
        )
    channels, height, width = inputs[0]
    return channels, height, width


def value_count(shape: Shape) -> int:
    total = 1
    for length in shape:
        total *= length
    return total


def nearest_divisor(number: int, most: int) -> int:
    """The largest divisor of ``number`` that is at most ``most``."""
    return next(d for d in range(min(number, most), 0, -1) if number % d == 0)


def whole_map(values: Values, inputs: Inputs) -> Window:
    """Everything is seen at once; a vector has nothing left to slide over."""
    return Window(inputs[0][1:], (1, 1)) if len(inputs[0]) == 3 else Window()
