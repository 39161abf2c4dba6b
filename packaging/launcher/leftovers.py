"""Finds what an installation that was cut short left behind, so that pip installs it anew."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path


def clear(site_packages: Path) -> list[str]:
    """Remove the records of half-installed distributions; returns their names.

    pip takes a distribution for installed as soon as its metadata lies there, even if it was
    killed before the files were complete. Without the record pip installs over what is there.
    """
    for stray in site_packages.glob("~*"):  # pip's names for what it was about to remove
        if stray.is_dir():
            shutil.rmtree(stray)
        else:
            stray.unlink()
    broken = [each for each in site_packages.glob("*.dist-info") if not complete(each)]
    for record in broken:
        shutil.rmtree(record)
    return sorted(each.name.partition("-")[0] for each in broken)


def complete(record: Path) -> bool:
    """Whether the distribution of that ``.dist-info`` folder has every file at its size."""
    try:
        with (record / "RECORD").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except OSError:
        return False
    if not (record / "METADATA").exists():
        return False
    return all(_as_recorded(record.parent, row) for row in rows)


def _as_recorded(site_packages: Path, row: list[str]) -> bool:
    # RECORD has path, hash and size in bytes; RECORD itself and what pip compiles have no size.
    # A compiled file that a wheel brought is compiled anew by Python when it likes.
    if len(row) != 3 or not row[2] or row[0].endswith(".pyc"):
        return True
    try:
        return (site_packages / row[0]).stat().st_size == int(row[2])
    except (OSError, ValueError):
        return False
