"""studio templates: the networks to start from."""

from __future__ import annotations

import argparse
import json

from studio.project.analysis import analyze
from studio.project.templates import TEMPLATES, build

HELP = "list the networks to start from"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    if arguments.json:
        listed = [
            {
                "name": template.name,
                "title": template.title,
                "description": template.description,
                "source": template.source,
                "input": list(template.input),
                "classes": template.classes,
                "parameters": analyze(build(template.name).network).parameters,
            }
            for template in TEMPLATES.values()
        ]
        print(json.dumps({"templates": listed}, ensure_ascii=False))
        return 0
    print(f"{'name':<18} {'input':<10} {'classes':>7} {'parameters':>12}  network")
    for template in TEMPLATES.values():
        size = "×".join(str(length) for length in template.input)
        parameters = analyze(build(template.name).network).parameters
        print(
            f"{template.name:<18} {size:<10} {template.classes:>7} {parameters:>12,}  "
            f"{template.title}{f' ({template.source})' if template.source else ''}"
        )
    return 0
