"""A user's own blocks outside of any project: the file that keeps them for the palette."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from studio.project.blocks.group import GROUP, MAX_TITLE, size
from studio.project.registry import PaletteEntry
from studio.project.settings import SettingError, complete

FORMAT = "training-studio-blocks"
VERSION = 1
MAX_BLOCKS = 500
MAX_BYTES = 64 * 2**20


class OwnBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a group, all of them; ``title`` is the only one of its name on the shelf."""

    title: str
    color: str
    repeats: int
    inside: dict[str, Any]

    @property
    def entry(self) -> PaletteEntry:
        """What stands in the palette."""
        initial = {setting.name: setting.initial for setting in GROUP.settings}
        given = {k: v for k, v in msgspec.structs.asdict(self).items() if v != initial[k]}
        count = size(self.inside)
        hint = f"{count} node{'s' if count != 1 else ''}"
        if self.repeats > 1:
            hint += f", ×{self.repeats}"
        return PaletteEntry(key_of(self.title), self.title, hint, GROUP.kind, given)


def key_of(title: str) -> str:
    """The palette's key of the block ``title``."""
    return f"mine/{title}"


def own_block(settings: Mapping[str, Any]) -> OwnBlock:
    """The block that a group with ``settings`` is; raises SettingError where they are none."""
    return OwnBlock(**complete(GROUP.settings, settings, "the block"))


def free_title(blocks: Sequence[OwnBlock], wish: str) -> str:
    """``wish``, with a number behind it where a block already has that title."""
    taken = {block.title.casefold() for block in blocks}
    title, number = wish, 1
    while title.casefold() in taken:
        number += 1
        end = f" {number}"
        title = wish[: MAX_TITLE - len(end)].rstrip() + end
    return title


def like(blocks: Sequence[OwnBlock], inside: Mapping[str, Any]) -> OwnBlock | None:
    """The block that holds exactly ``inside``, or None."""
    return next((block for block in blocks if block.inside == inside), None)


def dumps(blocks: Sequence[OwnBlock]) -> bytes:
    """The blocks as the bytes of a file: sorted, indented UTF-8."""
    content = {"format": FORMAT, "version": VERSION, "blocks": msgspec.to_builtins(list(blocks))}
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def loads(content: bytes) -> tuple[tuple[OwnBlock, ...], str]:
    """The blocks in the bytes of a file, and what is wrong with it ("" for nothing).

    What can be read is given even where something else in the file cannot. Nothing is executed.
    """
    if len(content) > MAX_BYTES:
        return (), f"it is larger than {MAX_BYTES // 2**20} MiB"
    try:
        file = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return (), "it is no JSON"
    if not isinstance(file, dict) or file.get("format") != FORMAT:
        return (), f'"format" in it is not "{FORMAT}"'
    if file.get("version") != VERSION:
        return (), f"it is of version {str(file.get('version'))[:20]}, and this one is {VERSION}"
    listed = file.get("blocks")
    if not isinstance(listed, list):
        return (), '"blocks" in it is no list'
    blocks: list[OwnBlock] = []
    wrong = f"it has more than {MAX_BLOCKS} blocks" if len(listed) > MAX_BLOCKS else ""
    for number, given in enumerate(listed[:MAX_BLOCKS], start=1):
        try:
            block = own_block(given if isinstance(given, dict) else {"title": given})
        except SettingError as error:
            wrong = wrong or f"block {number} in it cannot be read ({error})"
            continue
        title = free_title(blocks, block.title)
        blocks.append(msgspec.structs.replace(block, title=title))
    return tuple(blocks), wrong
