"""The user's own blocks: kept in one file of the user's, for every project and window.

They are no part of a project, so undo does not reach them; what is removed can be put back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal, Slot

from studio.project import codec, shelf
from studio.project.blocks.group import GROUP
from studio.project.registry import PaletteEntry
from studio.project.settings import SettingError
from studio.project.shelf import OwnBlock
from studio.project.values import Network, Node

FILE = "blocks.json"
_WAIT_MILLISECONDS = 400
"""A title is written when the typing pauses, and not at each key."""


class Shelf(QObject):
    """Holds the blocks and writes each change; another window's additions are taken along."""

    changed = Signal()
    removed = Signal(str)
    """The title of a block that was taken off; ``put_back`` brings it again."""
    refused = Signal(str)
    failed = Signal(str)

    def __init__(self, path: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._blocks: tuple[OwnBlock, ...] | None = None
        self._seen: tuple[OwnBlock, ...] = ()
        self._stamp: tuple[int, int] | None = None
        self._gone: tuple[int, OwnBlock] | None = None
        self._fresh: str | None = None
        self.complaint = ""
        """What was wrong with the file when it was read, as sentences; "" for nothing."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MILLISECONDS)
        self._timer.timeout.connect(self._save)

    @property
    def path(self) -> Path:
        """The file; in the user's folder for settings where none was given."""
        if self._path is None:
            place = QStandardPaths.StandardLocation.AppConfigLocation
            self._path = Path(QStandardPaths.writableLocation(place)) / FILE
        return self._path

    @property
    def blocks(self) -> tuple[OwnBlock, ...]:
        """The blocks in the order in which they were made; read when first asked for."""
        if self._blocks is None:
            self._blocks = self._seen = self._read()
        return self._blocks

    @property
    def entries(self) -> tuple[PaletteEntry, ...]:
        """What the palette shows under Mine."""
        return tuple(block.entry for block in self.blocks)

    # Changing -----------------------------------------------------------------------------------

    def naming(self, inside: Mapping[str, Any]) -> tuple[str, str]:
        """Title and color for a new group of ``inside``: those it had before, if it was here."""
        known = shelf.like(self.blocks, inside)
        if known is not None:
            return known.title, known.color
        return shelf.free_title(self.blocks, GROUP.title), "violet"

    def keep(self, settings: Mapping[str, Any]) -> None:
        """Take in the group that was just made and is selected; one that is here already stays.

        Its title, color and repeats follow the node's as long as that stays selected.
        """
        block = shelf.own_block(settings)
        known = shelf.like(self.blocks, block.inside)
        if known is None:
            if len(self.blocks) >= shelf.MAX_BLOCKS:
                self.failed.emit(
                    f"The palette keeps at most {shelf.MAX_BLOCKS} blocks of yours: remove some."
                )
                return
            block = replace(block, title=shelf.free_title(self.blocks, block.title))
            self._set((*self.blocks, block))
            self._save()
        self._fresh = (known or block).title

    def follow(self, network: Network, selection: Sequence[str]) -> None:
        """Take over what the user calls the group that was just made, while it is selected."""
        if self._fresh is None:
            return
        at = self._find(self._fresh)
        node = next((n for n in network.nodes if n.name in selection), None)
        block = _block(node) if node is not None and len(selection) == 1 else None
        if at is None or block is None or block.inside != self.blocks[at].inside:
            self._fresh = None
            self.flush()
            return
        others = (*self.blocks[:at], *self.blocks[at + 1 :])
        block = replace(block, title=shelf.free_title(others, block.title))
        if block != self.blocks[at]:
            self._fresh = block.title
            self._set((*self.blocks[:at], block, *self.blocks[at + 1 :]))
            self._timer.start()

    def rename(self, title: str, wish: str) -> bool:
        """Give a block another title; ``refused`` says why it cannot have it."""
        at = self._find(title)
        if at is None:
            return False
        try:
            new = GROUP.settings[0].check(wish)
        except SettingError as error:
            self.refused.emit(str(error))
            return False
        others = (*self.blocks[:at], *self.blocks[at + 1 :])
        if shelf.free_title(others, str(new)) != new:
            self.refused.emit(f"another block of yours is already called {new}")
            return False
        block = replace(self.blocks[at], title=str(new))
        self._set((*self.blocks[:at], block, *self.blocks[at + 1 :]))
        self._save()
        return True

    def remove(self, title: str) -> None:
        """Take a block off; projects that use it keep theirs."""
        at = self._find(title)
        if at is not None:
            self._gone = (at, self.blocks[at])
            self._set((*self.blocks[:at], *self.blocks[at + 1 :]))
            self._save()
            self.removed.emit(title)

    @Slot()
    def put_back(self) -> None:
        """Undo the last removal."""
        if self._gone is None:
            return
        (at, block), self._gone = self._gone, None
        block = replace(block, title=shelf.free_title(self.blocks, block.title))
        self._set((*self.blocks[:at], block, *self.blocks[at:]))
        self._save()

    def _find(self, title: str) -> int | None:
        return next((i for i, block in enumerate(self.blocks) if block.title == title), None)

    def _set(self, blocks: tuple[OwnBlock, ...]) -> None:
        self._blocks = blocks
        self.changed.emit()

    # The file -----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what waits to be written."""
        if self._timer.isActive():
            self._timer.stop()
            self._save()

    def _read(self) -> tuple[OwnBlock, ...]:
        """The blocks in the file. One that cannot be read wholly is set aside, never lost."""
        try:
            stamp = self._stamp_now()
            if stamp is None:
                return ()
            content = self.path.read_bytes() if stamp[1] <= shelf.MAX_BYTES else b""
        except OSError as error:
            self.complaint = (
                f"Your own blocks cannot be read from {self.path} ({error.strerror or error})."
            )
            return ()
        self._stamp = stamp
        blocks, wrong = shelf.loads(content)
        if wrong:
            self._set_aside(wrong, stamp)
        return blocks

    def _set_aside(self, wrong: str, stamp: tuple[int, int]) -> None:
        beside = self.path.with_name(f"{self.path.stem}-damaged-{stamp[0]}{self.path.suffix}")
        self.complaint = f"Your own blocks could not all be read from {self.path}: {wrong}. "
        try:
            self.path.replace(beside)
        except OSError as error:
            self.complaint += f"The file cannot be set aside ({error.strerror or error})."
        else:
            self.complaint += f"The file is kept as {beside.name}."
            self._stamp = None

    def _stamp_now(self) -> tuple[int, int] | None:
        """When the file was written, and its size in bytes; None where there is none."""
        try:
            known = self.path.stat()
        except FileNotFoundError:
            return None
        return known.st_mtime_ns, known.st_size

    @Slot()
    def _save(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self._stamp_now() not in (None, self._stamp):
                self._take_along()
            codec.write_atomically(self.path, shelf.dumps(self.blocks))
            self._stamp = self._stamp_now()
        except (OSError, codec.ProjectError) as error:
            self.failed.emit(f"Your own blocks are not kept: {error}.")
            return
        self._seen = self.blocks

    def _take_along(self) -> None:
        """Add what another window wrote since: all that is new to this one."""
        added = [
            block
            for block in self._read()
            if block not in self._seen and shelf.like(self.blocks, block.inside) is None
        ]
        blocks = list(self.blocks)
        for block in added:
            blocks.append(replace(block, title=shelf.free_title(blocks, block.title)))
        if added:
            self._set(tuple(blocks))


def _block(node: Node) -> OwnBlock | None:
    """The user's block that ``node`` is, or None."""
    try:
        return shelf.own_block(node.settings) if node.kind == GROUP.kind else None
    except SettingError:
        return None
