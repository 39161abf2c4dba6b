"""What a project's file held when the window last read or wrote it, to tell others' changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["same", "other", "gone", "unknown"]


def digest_of(content: bytes) -> str:
    """A short name for ``content``, which no other content has."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file by its path and the digest of its content: times and sizes are not to be relied on,
    and a project's file is read faster than a window is painted."""

    path: Path
    digest: str

    def now(self) -> tuple[State, str]:
        """Whether it still holds that content (``unknown``: it cannot be read), and the digest."""
        try:
            digest = digest_of(self.path.read_bytes())
        except FileNotFoundError:
            return "gone", ""
        except OSError:
            return "unknown", ""
        return ("same" if digest == self.digest else "other"), digest
