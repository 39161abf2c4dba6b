"""studio new: a project file from a template."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.commands.source import input_size
from studio.project import codec
from studio.project.analysis import analyze
from studio.project.templates import build

HELP = "write a project file from a template"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("template", metavar="TEMPLATE", help="its name, from studio templates")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, type=Path,
                        help="the project file to write")  # fmt: skip
    parser.add_argument("--input", metavar="CxHxW", type=input_size,
                        help="input size, where it is not the template's own")  # fmt: skip
    parser.add_argument("--classes", metavar="N", type=_classes,
                        help="number of classes, where it is not the template's own")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="write over a file that is there")


def _classes(text: str) -> int:
    """A number of classes, for argparse."""
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of classes: give 2 or more")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; refuses a network that its input is too small for."""
    project = build(arguments.template, arguments.input, arguments.classes)
    problems = analyze(project.network).problems
    if problems:
        raise codec.ProjectError(
            f"{arguments.template} does not fit that input: {problems[0].message}"
        )
    path: Path = arguments.output
    if path.suffix != codec.SUFFIX:
        path = path.with_name(path.name + codec.SUFFIX)
    if path.exists() and not arguments.force:
        raise codec.ProjectError(f"{path} exists already; choose another name, or add --force")
    codec.save(project, path)
    print(f"{path}: {arguments.template}, {len(project.network.nodes)} nodes")
    return 0
