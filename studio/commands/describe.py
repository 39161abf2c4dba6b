"""studio describe: the layer table of a network, without torch."""

from __future__ import annotations

import argparse
import json
from typing import Any

from studio.commands.source import input_size, open_project
from studio.project.analysis import Analysis, analyze
from studio.project.kinds import show_shape
from studio.project.memory import forecast
from studio.project.precision import arithmetic, resolve
from studio.project.values import Project

HELP = "print shapes, parameters, multiply-adds and receptive fields layer by layer"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="FILE-or-TEMPLATE",
                        help="a project file, or a template's name")  # fmt: skip
    parser.add_argument("--input", metavar="CxHxW", type=input_size,
                        help="another input size, as 3x224x224")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the table; the status is 1 where the network has problems, which are listed too."""
    project = open_project(arguments.source, arguments.input)
    analysis = analyze(project.network)
    if arguments.json:
        print(json.dumps(as_json(analysis), ensure_ascii=False))
    else:
        print(as_text(project, analysis))
    return 1 if analysis.problems else 0


def as_json(analysis: Analysis) -> dict[str, Any]:
    """The contract's object: input, layers, totals and problems."""
    return {
        "input": list(analysis.input_shape) if analysis.input_shape else None,
        "layers": [
            {
                "name": row.name,
                "kind": row.kind,
                "block": row.block,
                "output": list(row.output),
                "parameters": row.parameters,
                "macs": row.macs,
                "receptive_field": list(row.receptive_field),
            }
            for row in analysis.layers
        ],
        "parameters": analysis.parameters,
        "macs": analysis.macs,
        "problems": [
            {
                "node": problem.node,
                "code": problem.code,
                "message": problem.message,
                "fix": problem.fix.text if problem.fix else None,
            }
            for problem in analysis.problems
        ],
    }


def as_text(project: Project, analysis: Analysis) -> str:
    """The layer table with totals, memory forecast and problems."""
    width = max([len(row.name) for row in analysis.layers] + [len("layer")])
    lines = [f"{'layer':<{width}}  {'kind':<16} {'output':>14} {'parameters':>12} "
             f"{'multiply-adds':>15} {'sees':>11}"]  # fmt: skip
    for row in analysis.layers:
        height, across = row.receptive_field
        lines.append(
            f"{row.name:<{width}}  {row.kind:<16} {show_shape(row.output):>14} "
            f"{row.parameters:>12,} {row.macs:>15,} {f'{height}×{across}':>11}"
        )
    # What automatic comes to is known by torch alone; float32 is the most that it takes.
    precision = resolve(project.recipe, analysis, fastest="float32")
    memory = forecast(analysis, project.recipe, arithmetic(precision))
    lines += [
        "",
        f"{analysis.parameters:,} parameters, {analysis.macs:,} multiply-adds for one image, "
        f"{analysis.depth} layer{'s' if analysis.depth != 1 else ''} deep (convolutions and linear "
        "layers)",
        f"memory to train with batch {project.recipe.batch_size} and "
        f"{project.recipe.optimizer.kind}, {precision}: about {_mebibytes(memory.total)} "
        f"(parameters {_mebibytes(memory.parameters)}, gradients {_mebibytes(memory.gradients)}, "
        f"optimizer {_mebibytes(memory.optimizer)}, activations {_mebibytes(memory.activations)})",
    ]
    for problem in analysis.problems:
        lines.append(
            f"problem: {problem.message}" + (f" [{problem.fix.text}]" if problem.fix else "")
        )
    return "\n".join(lines)


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count < 2**30 else f"{count / 2**30:,.2f} GiB"
