"""The projects opened or saved lately, in the user's settings."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSettings

MOST = 10


def remember(path: Path) -> None:
    """Put ``path`` first."""
    known = [str(path), *(p for p in _texts() if p != str(path))]
    QSettings().setValue("recent", known[:MOST])


def recent() -> list[Path]:
    """Those that still exist, newest first."""
    return [path for path in map(Path, _texts()) if path.is_file()]


def _texts() -> list[str]:
    value = QSettings().value("recent", [])
    # A list of one comes back from the settings as its only text.
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []
