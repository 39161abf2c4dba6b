"""What must hold before the first step, said in words where it does not."""

from __future__ import annotations

from studio.engine.data import DataSet
from studio.engine.module import checked
from studio.project import registry
from studio.project.analysis import Analysis
from studio.project.recipes import recipe_problems
from studio.project.values import Project
from studio.runs.api import WorkFailed


def check_project(project: Project) -> Analysis:
    """The analysis of a project that can be trained; raises WorkFailed for its first problem."""
    analysis = checked(project.network)
    if problems := recipe_problems(project):
        raise WorkFailed(f"{problems[0].message[:1].upper()}{problems[0].message[1:]}.")
    if not analysis.parameters:
        raise WorkFailed(
            "The network has nothing to learn.", "Add a convolution or a linear layer."
        )
    return analysis


def check_data(data: DataSet, project: Project) -> None:
    """Whether the network and the recipe suit the data; raises WorkFailed."""
    output = next(node for node in project.network.nodes if node.kind == "output")
    found, wanted = len(data.classes), registry.values(output)["classes"]
    if found != wanted:
        raise WorkFailed(
            f"The data has {found} classes, but the network's output {output.name!r} has {wanted}.",
            f"Set the classes of {output.name!r} to {found}.",
        )
    images, batch = len(data.splits["train"]), project.recipe.batch_size
    if batch > images:
        raise WorkFailed(
            f"The batch size is {batch:,}, but the training split has only {images:,} images.",
            f"Set the batch size to {images:,} or less.",
        )
