"""Where the files that ship with the program are: icons, style images, the logo.

A checkout has them in ``resources/`` beside the package, a wheel in ``studio/_resources``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import studio


@cache
def root() -> Path:
    """The folder of resources; raises FileNotFoundError for a broken installation."""
    package = Path(studio.__file__).resolve().parent
    for folder in (package / "_resources", package.parent / "resources"):
        if (folder / "icons").is_dir():
            return folder
    raise FileNotFoundError(
        "The icons of Training Studio are missing. Install it again: "
        "python3 packaging/bootstrap.py in a checkout, or pip install --force-reinstall."
    )


def path(*parts: str) -> Path:
    """The file below the resources folder, for example ``path("icons", "play.svg")``."""
    return root().joinpath(*parts)
