"""studio export: a model in a format that works elsewhere."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from studio.commands.loading import load_engine

HELP = "write a trained network in a format that works elsewhere"

FORMATS = ("state-dict", "safetensors", "torch-export", "onnx", "python", "torchvision")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="RUN-or-FILE", type=Path,
                        help="a run folder, or a project file for what it starts from")  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, required=True,
                        help="state-dict, safetensors and torchvision hold the weights; "
                             "torch-export, onnx and python the network too")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="PATH", type=Path, required=True,
                        help="the file to write; its suffix may be left out")  # fmt: skip
    parser.add_argument("--checkpoint", metavar="NAME", default="best",
                        help="best or last (default: best)")  # fmt: skip
    parser.add_argument("--no-weights", action="store_true",
                        help="with python: the network's classes alone")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Write, reload, compare, and say what came of it."""
    report = load_engine().export(
        arguments.source,
        arguments.format,
        arguments.output,
        arguments.checkpoint,
        not arguments.no_weights,
    )
    if arguments.json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(report), ensure_ascii=False))
        return 0
    for file in report.files:
        print(f"wrote {file} ({Path(file).stat().st_size:,} bytes)")
    print(report.checked)
    return 0
