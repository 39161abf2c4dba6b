"""Nodes as text: copied between windows, sent in a message, pasted back."""

from __future__ import annotations

import msgspec

from studio.project import comment_limits, graph
from studio.project.values import Network

FORMAT = "training-studio-nodes"
MAX_TEXT = 16 * 2**20


class ClipboardError(Exception):
    """A text that holds no nodes; the message is a sentence for the user."""


class _Copied(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    network: Network


def dumps(network: Network) -> str:
    """``network`` as JSON text."""
    content = msgspec.json.encode(_Copied(FORMAT, 1, network))
    return msgspec.json.format(content, indent=1).decode()


def loads(text: str) -> Network:
    """The nodes in a text; raises ClipboardError in words. Nothing in it is executed."""
    if not text.strip():
        raise ClipboardError("The clipboard is empty. Copy some nodes first.")
    if len(text) > MAX_TEXT or FORMAT not in text[:200]:
        raise ClipboardError("The clipboard holds no nodes. Copy some on a canvas first.")
    try:
        copied = msgspec.json.decode(text.encode("utf-8", "replace"), type=_Copied)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise ClipboardError(f"The copied nodes cannot be read: {error}.") from None
    if copied.version != 1:
        raise ClipboardError(
            "The nodes were copied from a newer Training Studio. Update this one to paste them."
        )
    if len(copied.network.nodes) > graph.MAX_NODES:
        raise ClipboardError(f"More than {graph.MAX_NODES:,} nodes do not fit on a canvas.")
    for node in copied.network.nodes:
        if reason := graph.name_problem(node.name):
            raise ClipboardError(f"The copied nodes cannot be read: a name is wrong, {reason}.")
        # JSON has no infinity, but 1e999 reads as one.
        if not (abs(node.x) < 1e6 and abs(node.y) < 1e6):
            raise ClipboardError("The copied nodes lie outside the canvas.")
    for comment in copied.network.comments:
        if reason := comment_limits.fault(comment):
            raise ClipboardError(f"The copied nodes cannot be read: {reason}.")
    return copied.network
