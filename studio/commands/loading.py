"""Loads the engine for a command, and says in words where torch cannot be loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from studio.commands import shared_cores
from studio.project.codec import ProjectError

if TYPE_CHECKING:
    from studio.engine import TorchEngine


def load_engine() -> TorchEngine:
    """The engine; raises ProjectError where torch, or what it needs, cannot be imported.

    A broken installation may raise anything: a missing package, a library that does not load, an
    error of torch's own.
    """
    shared_cores.share()
    try:
        from studio.engine import TorchEngine
    except Exception as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ProjectError(
            f"PyTorch cannot be imported: {said}. Run studio doctor, which says the command that "
            "mends it"
        ) from None
    return TorchEngine(watch=_Lines())


class _Lines:
    """Prints what an engine is at on standard error, each text once."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, text: str) -> None:
        if text != self._said:
            self._said = text
            print(text, file=sys.stderr, flush=True)
