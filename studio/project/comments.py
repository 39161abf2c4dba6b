"""Edits of the notes on a canvas, as pure functions."""

from __future__ import annotations

from msgspec.structs import replace

from studio.project.comment_limits import LARGEST, MOST, SMALLEST, fault
from studio.project.edits import EditRefused, free_among
from studio.project.values import Comment, Network


def find(network: Network, name: str) -> Comment:
    """The note called ``name``; raises EditRefused."""
    for comment in network.comments:
        if comment.name == name:
            return comment
    raise EditRefused(f"there is no note called {name!r}")


def add(network: Network, comment: Comment) -> tuple[Network, str]:
    """Add a note under a free name, and give the name."""
    if len(network.comments) >= MOST:
        raise EditRefused(f"a canvas holds at most {MOST:,} notes")
    name = free_among({each.name for each in network.comments}, comment.name)
    added = _checked(replace(comment, name=name))
    return replace(network, comments=(*network.comments, added)), name


def write(network: Network, name: str, text: str) -> Network:
    """Give a note another text."""
    return _change(network, replace(find(network, name), text=text))


def place(network: Network, name: str, x: float, y: float, width: float, height: float) -> Network:
    """Put a note elsewhere, or give it another size; too small or large a one is brought in."""
    width = min(max(width, SMALLEST[0]), LARGEST[0])
    height = min(max(height, SMALLEST[1]), LARGEST[1])
    return _change(network, replace(find(network, name), x=x, y=y, width=width, height=height))


def paint(network: Network, name: str, color: str) -> Network:
    """Give a note another color."""
    return _change(network, replace(find(network, name), color=color))


def remove(network: Network, name: str) -> Network:
    """Take a note away."""
    gone = find(network, name)
    return replace(network, comments=tuple(c for c in network.comments if c is not gone))


def _change(network: Network, comment: Comment) -> Network:
    checked = _checked(comment)
    comments = tuple(checked if c.name == comment.name else c for c in network.comments)
    return replace(network, comments=comments)


def _checked(comment: Comment) -> Comment:
    if reason := fault(comment):
        raise EditRefused(reason)
    return comment
