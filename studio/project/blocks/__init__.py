"""The block kinds: macros that expand into layers and smaller blocks.

The names inside are those of torchvision where it has the block (``conv1``, ``bn1``,
``downsample.0``, ``branch2.1.conv``), so that weights can be carried over by name.
"""

from __future__ import annotations

from studio.project.blocks.attention import SQUEEZE_EXCITATION
from studio.project.blocks.auxiliary import AUXILIARY
from studio.project.blocks.convnext import CONVNEXT_BLOCK, CONVNEXT_STAGE
from studio.project.blocks.dense import DENSE_BLOCK, DENSE_LAYER, TRANSITION
from studio.project.blocks.group import GROUP
from studio.project.blocks.inception import CONV_UNIT, INCEPTION, INCEPTION_BRANCH
from studio.project.blocks.mobile import INVERTED_RESIDUAL, INVERTED_STAGE, SEPARABLE
from studio.project.blocks.residual import PROJECTION, RESIDUAL, STAGE
from studio.project.blocks.vgg import VGG

BLOCKS = (
    VGG, INCEPTION, RESIDUAL, STAGE, CONV_UNIT, INCEPTION_BRANCH, PROJECTION, SEPARABLE,
    INVERTED_RESIDUAL, INVERTED_STAGE, DENSE_BLOCK, DENSE_LAYER, TRANSITION, CONVNEXT_BLOCK,
    CONVNEXT_STAGE, SQUEEZE_EXCITATION, AUXILIARY, GROUP,
)  # fmt: skip
