"""studio templates: the networks to start from."""

from __future__ import annotations

import argparse
import json

from studio.project.analysis import analyze
from studio.project.pretrained import PRETRAINED
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
                "weights": _weights(template.name),
            }
            for template in TEMPLATES.values()
        ]
        print(json.dumps({"templates": listed}, ensure_ascii=False))
        return 0
    print(
        f"{'name':<18} {'input':<10} {'classes':>7} {'parameters':>12} {'pretrained':>10}  network"
    )
    for template in TEMPLATES.values():
        size = "×".join(str(length) for length in template.input)
        parameters = analyze(build(template.name).network).parameters
        known = PRETRAINED.get(template.name)
        pretrained = f"{known.megabytes[known.default]} MB" if known else ""
        print(
            f"{template.name:<18} {size:<10} {template.classes:>7} {parameters:>12,} "
            f"{pretrained:>10}  "
            f"{template.title}{f' ({template.source})' if template.source else ''}"
        )
    return 0


def _weights(name: str) -> list[str]:
    """The full names of torchvision's weights for a template, the recommended ones last."""
    known = PRETRAINED.get(name)
    return [f"{known.enum}.{member}" for member in known.megabytes] if known else []
