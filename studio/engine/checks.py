"""What must hold before the first step, said in words where it does not."""

from __future__ import annotations

from studio.engine.data import DataSet
from studio.engine.module import checked
from studio.project.analysis import Analysis
from studio.project.course import LENGTH
from studio.project.fit import fit_problems
from studio.project.problems import Problem
from studio.project.recipes import recipe_problems
from studio.project.values import Project
from studio.runs.api import WorkFailed


def check_project(project: Project, begun: bool = False) -> Analysis:
    """The analysis of a project that can be trained; raises WorkFailed for its first problem.

    A run that has ``begun`` is not kept from going on by steps that lie behind its end.
    """
    analysis = checked(project.network)
    if problems := _that_count(recipe_problems(project), begun):
        raise WorkFailed(f"{problems[0].message[:1].upper()}{problems[0].message[1:]}.")
    if not analysis.parameters:
        raise WorkFailed(
            "The network has nothing to learn.", "Add a convolution or a linear layer."
        )
    return analysis


def check_data(data: DataSet, project: Project, begun: bool = False) -> None:
    """Whether the network and the recipe suit the data; raises WorkFailed."""
    found = fit_problems(project, len(data.classes), len(data.splits["train"]))
    for problem in _that_count(found, begun):
        advice = problem.fix.text if problem.fix else ""
        if advice.lower() in problem.message.lower():
            advice = ""  # said already
        raise WorkFailed(
            f"{problem.message[:1].upper()}{problem.message[1:]}.", f"{advice}." if advice else ""
        )


def _that_count(problems: tuple[Problem, ...], begun: bool) -> tuple[Problem, ...]:
    return tuple(each for each in problems if not (begun and each.code == LENGTH))
