"""The colors that a user can give to blocks, notes and tags."""

from __future__ import annotations

COLORS = {
    "violet": "group",
    "blue": "vgg",
    "sky": "convolution",
    "green": "inception",
    "gold": "activation",
    "orange": "residual",
    "pink": "pooling",
    "gray": "dropout",
}
"""Each is that of a family: people with color-blindness can tell those apart, and both schemes
have them."""
