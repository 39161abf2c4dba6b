"""studio new: a project file from a template."""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec.structs import replace

from studio.commands.loading import load_engine
from studio.commands.source import input_size
from studio.project import codec
from studio.project.analysis import analyze
from studio.project.pretrained import of_architecture, start_from, title
from studio.project.recipes import NORMALIZATION
from studio.project.templates import build
from studio.project.values import Project

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
    parser.add_argument("--weights", metavar="NAME-or-FILE",
                        help="start from torchvision's pretrained weights (DEFAULT, IMAGENET1K_V1, "
                             "or in full ResNet50_Weights.IMAGENET1K_V1; downloaded when they are "
                             "first used), or from a file of weights (.pt, .pth, .safetensors), "
                             "which is checked now")  # fmt: skip
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
    said = ""
    if arguments.weights is not None:
        project, said = _starting_from(project, arguments.weights)
    codec.save(project, path)
    print(f"{path}: {arguments.template}, {len(project.network.nodes)} nodes")
    if said:
        print(said)
    return 0


def _starting_from(project: Project, weights: str) -> tuple[Project, str]:
    """The project with the weights to start from and the normalization that they want, and what
    there is to say of them. A name needs no torch; a file is read and held against the network."""
    project = start_from(project, weights)
    recipe = project.recipe
    if not recipe.weights:
        return project, ""
    if known := of_architecture(recipe.weights):
        size = known.megabytes[recipe.weights.rpartition(".")[2]]
        said = (
            f"starts from torchvision's {title(recipe.weights)}, {size} MB, which are downloaded "
            "when they are first used"
        )
    else:
        report = load_engine().check_weights(project)
        said = report.text
        if not report.normalization:
            return project, f"{said} Set the normalization that they were trained with."
        data = replace(project.data, normalization=report.normalization)
        project = replace(project, data=data)
    return project, f"{said}\nnormalization: {NORMALIZATION.show(project.data.normalization)}"
