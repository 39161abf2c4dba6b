"""What a command's FILE-or-TEMPLATE argument stands for."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.project import codec
from studio.project.templates import TEMPLATES, build
from studio.project.values import Project


def input_size(text: str) -> tuple[int, int, int]:
    """``CxHxW`` ("3x224x224") as a size, for argparse."""
    parts = text.lower().replace("×", "x").split("x")
    try:
        channels, height, width = (int(part) for part in parts)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no input size: write channels×height×width, as 3x224x224"
        ) from None
    return channels, height, width


def open_project(text: str, size: tuple[int, int, int] | None = None) -> Project:
    """The project file or template called ``text``, for another input by choice.

    Raises ProjectError and EditRefused in words.
    """
    if text in TEMPLATES and not Path(text).is_file():
        return build(text, size)
    if Path(text).suffix != codec.SUFFIX and not Path(text).exists():
        raise codec.ProjectError(
            f"{text!r} is neither a project file nor a template; studio templates lists those"
        )
    project = codec.load(Path(text))
    return with_input(project, size) if size else project


def with_input(project: Project, size: tuple[int, int, int]) -> Project:
    """The project with its input node set to ``size``; raises EditRefused."""
    from msgspec.structs import replace

    from studio.project.edits import EditRefused, set_setting

    network = project.network
    name = next((node.name for node in network.nodes if node.kind == "input"), None)
    if name is None:
        raise EditRefused("the network has no input node whose size could be set")
    for setting, value in zip(("channels", "height", "width"), size, strict=True):
        network = set_setting(network, name, setting, value)
    return replace(project, network=network)
