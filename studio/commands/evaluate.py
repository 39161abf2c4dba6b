"""studio evaluate: how good a trained network is on images it has not learned from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.loading import load_engine

if TYPE_CHECKING:
    from studio.runs.api import Evaluation

HELP = "measure a trained network on the test, validation or training images"

_MOST_ROWS = 50
_VIEWS = {
    "one": "",
    "mirrored": ", each with its mirror image (2 views)",
    "moved": ", each with its mirror image and moved by a pixel (6 views)",
}
"""What is said of an image's views; the names are the engine's, which is loaded only for work."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument("--split", choices=("test", "validation", "train"), default="test",
                        help="which images (default: test)")  # fmt: skip
    parser.add_argument("--checkpoint", metavar="NAME", default="best",
                        help="best or last (default: best)")  # fmt: skip
    parser.add_argument(
        "--views", choices=tuple(_VIEWS), default="one",
        help="what the network sees of each image, its answers averaged: one, the image itself "
        "(default); mirrored, with its mirror image, twice the time; moved, both also moved by a "
        "pixel up-left and down-right, six times. As papers measure; compare only with numbers "
        "measured alike. Mirror images harm digits, letters and whatever else has a left and a "
        "right",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the metrics."""
    result = load_engine().evaluate(
        arguments.run, arguments.split, arguments.checkpoint, arguments.views
    )
    if arguments.json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(result), ensure_ascii=False))
    else:
        print(as_text(result))
    return 0


def as_text(result: Evaluation) -> str:
    """The totals, the classes, and what is mistaken for what most often."""
    lines = [
        f"{result.split} images, {result.checkpoint} checkpoint: {result.images:,} images"
        f"{_VIEWS[result.views]}",
        f"accuracy {result.accuracy:.2%}   top-5 {result.top5:.2%}   loss {result.loss:.4f}",
        "",
    ]
    width = max(len(name) for name in (*result.classes, "class"))
    lines.append(f"{'class':<{width}}  {'precision':>9}  {'recall':>9}  {'F1':>9}  {'images':>8}")
    rows = zip(
        result.classes, result.precision, result.recall, result.f1, result.confusion, strict=True
    )
    for name, precision, recall, f1, counts in list(rows)[:_MOST_ROWS]:
        lines.append(
            f"{name:<{width}}  {precision:>9.1%}  {recall:>9.1%}  {f1:>9.1%}  {sum(counts):>8,}"
        )
    if len(result.classes) > _MOST_ROWS:
        lines.append(f"... and {len(result.classes) - _MOST_ROWS:,} more; --json has them all")
    mistakes = most_mistaken(result)
    if mistakes:
        lines += ["", "most often mistaken:"]
        lines += [f"  {truth} for {other}: {count}" for truth, other, count in mistakes]
    return "\n".join(lines)


def most_mistaken(result: Evaluation, count: int = 5) -> list[tuple[str, str, int]]:
    """The largest counts off the confusion matrix's diagonal: (truth, taken for, images)."""
    pairs = [
        (number, truth, other)
        for truth, row in enumerate(result.confusion)
        for other, number in enumerate(row)
        if number and truth != other
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1:]))
    return [(result.classes[t], result.classes[o], number) for number, t, o in pairs[:count]]
