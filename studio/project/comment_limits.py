"""What a note on a canvas may be: limits that edits and files are held to."""

from __future__ import annotations

from studio.project.colors import COLORS
from studio.project.values import Comment

MOST = 1_000
"""Notes on one canvas."""
LONGEST = 4_000
"""Characters of a note."""
SMALLEST, LARGEST = (80.0, 40.0), (4_000.0, 4_000.0)
"""Width and height of a note in canvas pixels."""
FARTHEST = 1e6


def fault(comment: Comment) -> str:
    """What is wrong with a note, from a file say; empty where nothing is."""
    if len(comment.text) > LONGEST:
        return f"a note holds at most {LONGEST:,} characters, and this has {len(comment.text):,}"
    if comment.color not in COLORS:
        return f"there is no color {comment.color[:40]!r}; known are {', '.join(COLORS)}"
    if not (abs(comment.x) <= FARTHEST and abs(comment.y) <= FARTHEST):
        return "a note lies beyond the canvas"
    sized = zip((comment.width, comment.height), SMALLEST, LARGEST, strict=True)
    if not all(least <= length <= most for length, least, most in sized):
        return "a note is too small or too large to be drawn"
    return ""
