"""The folders that the user has opened besides the app's own: runs, and folders of runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from PySide6.QtCore import QSettings

_KEY = "runs/others"
_MOST = 30


def opened() -> list[Path]:
    """These folders, the last one opened first."""
    value = QSettings().value(_KEY, [])
    # A list of one comes back from the settings as its only text.
    if isinstance(value, str):
        return [Path(value)]
    return [Path(str(item)) for item in value] if isinstance(value, list) else []


def remember(folders: Sequence[Path]) -> None:
    """List what is in ``folders`` from now on."""
    known = [*folders, *(folder for folder in opened() if folder not in folders)]
    QSettings().setValue(_KEY, [str(folder) for folder in known[:_MOST]])


def forget(folders: Collection[Path]) -> None:
    """List what is in ``folders`` no longer."""
    QSettings().setValue(_KEY, [str(folder) for folder in opened() if folder not in folders])


def listing(run: Path, root: Path) -> tuple[Path, ...]:
    """The opened folders for which ``run`` is listed; none where it is the app's own, in ``root``,
    and would be listed without them."""
    if root in (run, run.parent):
        return ()
    return tuple(folder for folder in opened() if folder in (run, run.parent))
