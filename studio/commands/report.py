"""studio report: one page, or one picture, that tells what a run did."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.commands.loading import load_engine

HELP = "write a page on a run with its curves, metrics, recipe and network"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True,
                        help="FILE.html for the page, FILE.png for the curves alone")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Write the page or the picture."""
    engine = load_engine()

    from studio.engine.curves import save_curves
    from studio.runs.api import WorkFailed
    from studio.runs.files import explain_write_error, write_whole

    path: Path = arguments.output
    if path.is_dir():
        raise WorkFailed(f"{path} is a folder.", "Name a file in it, as report.html.")
    if not path.parent.is_dir():
        raise WorkFailed(f"The folder {path.parent} does not exist.", "Create it first.")
    match path.suffix.lower():
        case ".png":
            save_curves(arguments.run, path)
        case ".html" | ".htm":
            from studio.commands.report_page import page

            content = page(arguments.run, engine).encode()
            try:
                write_whole(path, content)
            except OSError as error:
                raise WorkFailed(
                    explain_write_error(error, str(path)), "Choose another place."
                ) from None
        case _:
            raise WorkFailed(
                f"{path.name} ends in neither .html nor .png.", "A page is .html, a picture .png."
            )
    print(f"wrote {path} ({path.stat().st_size:,} bytes)")
    return 0
