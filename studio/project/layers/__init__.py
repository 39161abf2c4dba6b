"""The layer kinds. Each is one declaration; the tests hold every rule against torch."""

from __future__ import annotations

from studio.project.layers.convolution import CONVOLUTION, convolution_padding
from studio.project.layers.elementwise import (
    ACTIVATION_LAYER,
    DROPOUT,
    IDENTITY,
    LAYER_SCALE,
    SPATIAL_DROPOUT,
    STOCHASTIC_DEPTH,
)
from studio.project.layers.ends import ENTRY, EXIT, INPUT, OUTPUT
from studio.project.layers.merges import ADD, CONCATENATE, MULTIPLY, ZERO_SHORTCUT
from studio.project.layers.normalization import (
    BATCH_NORM,
    GROUP_NORM,
    LAYER_NORM,
    LOCAL_RESPONSE_NORM,
)
from studio.project.layers.pooling import ADAPTIVE_POOLING, GLOBAL_POOLING, POOLING
from studio.project.layers.upsampling import UPSAMPLE
from studio.project.layers.vectors import FLATTEN, LINEAR

LAYERS = (
    INPUT, OUTPUT, ENTRY, EXIT, CONVOLUTION, POOLING, GLOBAL_POOLING, ADAPTIVE_POOLING, BATCH_NORM,
    GROUP_NORM, LAYER_NORM, LOCAL_RESPONSE_NORM, LAYER_SCALE, ACTIVATION_LAYER, DROPOUT,
    SPATIAL_DROPOUT, STOCHASTIC_DEPTH, LINEAR, FLATTEN, UPSAMPLE, IDENTITY, ADD, CONCATENATE,
    MULTIPLY, ZERO_SHORTCUT,
)  # fmt: skip

__all__ = ["LAYERS", "convolution_padding"]
