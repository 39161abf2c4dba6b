"""Boxes and ports in canvas pixels, and a grid that finds the boxes near a place.

Plain floats, no Qt: the router and the hit tests run over thousands of cards in Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from studio.project.values import Flow

CELL = 400.0
PORT_RADIUS = 4.0


class Point(NamedTuple):
    """A place on the canvas."""

    x: float
    y: float

    @property
    def turned(self) -> Point:
        """The place with its axes exchanged: what lies below lies to the right."""
        return Point(self.y, self.x)


class Box(NamedTuple):
    """A rectangle with ``left <= right`` and ``top <= bottom``."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """The box of this size whose center is (x, y)."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    @property
    def center(self) -> Point:
        return Point((self.left + self.right) / 2, (self.top + self.bottom) / 2)

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def turned(self) -> Box:
        """The rectangle with its axes exchanged."""
        return Box(self.top, self.left, self.bottom, self.right)

    def grown(self, by: float) -> Box:
        """The box with ``by`` pixels more on every side."""
        return Box(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def moved(self, dx: float, dy: float) -> Box:
        return Box(self.left + dx, self.top + dy, self.right + dx, self.bottom + dy)

    def holds(self, x: float, y: float) -> bool:
        """Whether (x, y) lies inside or on the border."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def contains(self, other: Box) -> bool:
        """Whether all of the other lies inside."""
        return self.holds(other.left, other.top) and self.holds(other.right, other.bottom)

    def meets(self, other: Box) -> bool:
        """Whether the two share a place; touching counts."""
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )


def union(boxes: Iterable[Box]) -> Box | None:
    """The smallest box around all of them; None for none."""
    result: Box | None = None
    for box in boxes:
        result = (
            box
            if result is None
            else Box(
                min(result.left, box.left),
                min(result.top, box.top),
                max(result.right, box.right),
                max(result.bottom, box.bottom),
            )
        )
    return result


def output_port(box: Box, flow: Flow) -> Point:
    """Where wires leave a card: the middle of its lower edge, or of its right one."""
    if flow == "right":
        return output_port(box.turned, "down").turned
    return Point((box.left + box.right) / 2, box.bottom)


def input_port(box: Box, port: int, ports: int, flow: Flow) -> Point:
    """Where the wire into input ``port`` of ``ports`` ends, on the upper or the left edge."""
    if flow == "right":
        return input_port(box.turned, port, ports, "down").turned
    if ports <= 1:
        return Point((box.left + box.right) / 2, box.top)
    step = min(40.0, max(box.width - 32.0, 0.6 * box.width) / max(1, ports - 1))
    return Point((box.left + box.right) / 2 + (port - (ports - 1) / 2) * step, box.top)


class Obstacles(Protocol):
    """Boxes that can be asked for by place."""

    def near(self, area: Box) -> dict[str, Box]:
        """The boxes that meet ``area``, in a stable order."""


class TurnedGrid:
    """A grid as it looks with its axes exchanged."""

    def __init__(self, grid: Obstacles) -> None:
        self._grid = grid

    def near(self, area: Box) -> dict[str, Box]:
        return {name: box.turned for name, box in self._grid.near(area.turned).items()}


class Grid:
    """Boxes by name, found by place without looking at all of them."""

    def __init__(self) -> None:
        self._boxes: dict[str, Box] = {}
        self._cells: dict[tuple[int, int], set[str]] = {}
        self.changes = 0
        """Counts the changes: where it is the same, every box is."""

    def __len__(self) -> int:
        return len(self._boxes)

    def __contains__(self, name: str) -> bool:
        return name in self._boxes

    def get(self, name: str) -> Box | None:
        return self._boxes.get(name)

    def names(self) -> Iterable[str]:
        return self._boxes.keys()

    def items(self) -> Iterable[tuple[str, Box]]:
        return self._boxes.items()

    def boxes(self) -> Iterable[Box]:
        return self._boxes.values()

    def put(self, name: str, box: Box) -> None:
        """Adds the box, or moves it there."""
        if self._boxes.get(name) == box:
            return
        self.remove(name)
        self.changes += 1
        self._boxes[name] = box
        for cell in _cells(box):
            self._cells.setdefault(cell, set()).add(name)

    def remove(self, name: str) -> None:
        """Takes the box out; a name that is not there is no fault."""
        box = self._boxes.pop(name, None)
        if box is None:
            return
        self.changes += 1
        for cell in _cells(box):
            members = self._cells[cell]
            members.discard(name)
            if not members:
                del self._cells[cell]

    def near(self, area: Box) -> dict[str, Box]:
        """The boxes that meet ``area``, in a stable order."""
        cells = list(_cells(area))
        if len(cells) > len(self._boxes):
            found = set(self._boxes)
        else:
            found = set()
            for cell in cells:
                found |= self._cells.get(cell, set())
        result = {}
        for name in sorted(found):
            box = self._boxes[name]
            if box.meets(area):
                result[name] = box
        return result


def _cells(box: Box) -> Iterator[tuple[int, int]]:
    for column in range(int(box.left // CELL), int(box.right // CELL) + 1):
        for row in range(int(box.top // CELL), int(box.bottom // CELL) + 1):
            yield column, row
