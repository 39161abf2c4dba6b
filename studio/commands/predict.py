"""studio predict: what a trained network sees in images."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from studio.commands.loading import load_engine

HELP = "name the most probable classes of images"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path, help="image files")
    parser.add_argument("--checkpoint", metavar="NAME", default="best",
                        help="best or last (default: best)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print a line for each image."""
    found = load_engine().predict(arguments.run, arguments.images, arguments.checkpoint)
    if arguments.json:
        images = [
            {
                "image": prediction.image,
                "top": [{"class": name, "probability": share} for name, share in prediction.top],
            }
            for prediction in found
        ]
        print(json.dumps({"predictions": images}, ensure_ascii=False))
        return 0
    for prediction in found:
        ranking = ", ".join(f"{name} {share:.1%}" for name, share in prediction.top)
        print(f"{prediction.image}: {ranking}")
    return 0
