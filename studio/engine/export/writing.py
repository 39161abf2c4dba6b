"""Where an exported file may go, and what is said when it cannot go there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from studio.engine.devices import is_out_of_memory
from studio.runs.api import WorkFailed
from studio.runs.files import explain_write_error


@dataclass(frozen=True)
class Exported:
    """What a writer wrote; ``reload`` reads it back as a function from images to logits, and
    ``checked`` begins the sentence on how ("It was loaded with torch.load")."""

    files: tuple[Path, ...]
    reload: Callable[[], Callable[[Tensor], Tensor]]
    checked: str


def check_target(path: Path, suffix: str) -> Path:
    """``path`` with ``suffix`` where it has none; raises WorkFailed for a place that cannot be."""
    path = path.expanduser()
    if path.is_dir():
        raise WorkFailed(f"{path} is a folder.", f"Name a file in it, as model{suffix}.")
    if not path.suffix:
        path = path.with_name(path.name + suffix)
    if suffix == ".py" and path.suffix != suffix:
        raise WorkFailed(f"{path.name} is no name for a Python file.", "Let it end in .py.")
    if path.is_dir():
        raise WorkFailed(f"{path} is a folder.", "Choose another name.")
    if not path.parent.is_dir():
        raise WorkFailed(f"The folder {path.parent} does not exist.", "Create it first.")
    return path


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what goes wrong while writing ``path`` into a WorkFailed.

    torch raises RuntimeError, safetensors its own error, where the disk is full.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise WorkFailed(
            explain_write_error(error, str(path)), "Choose another place, or free some space."
        ) from None
