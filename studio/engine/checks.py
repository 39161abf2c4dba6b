"""What must hold before the first step, said in words where it does not."""

from __future__ import annotations

from studio.engine.data import DataSet
from studio.engine.module import checked
from studio.project.analysis import Analysis
from studio.project.fit import fit_problems
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
    for problem in fit_problems(project, len(data.classes), len(data.splits["train"])):
        raise WorkFailed(
            f"{problem.message[:1].upper()}{problem.message[1:]}.",
            f"{problem.fix.text}." if problem.fix else "",
        )
