"""A wire between two cards. Qt paints it from path and pen; no Python runs at a frame."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath
from PySide6.QtWidgets import QGraphicsPathItem

from studio.app.canvas.geometry import Point
from studio.app.canvas.ink import ink
from studio.app.canvas.routing import Route, distance
from studio.project.values import Edge


def painter_path(points: tuple[Point, ...]) -> QPainterPath:
    """Cubic curves (first point, then three for each curve) as Qt draws them."""
    path = QPainterPath(QPointF(*points[0]))
    for index in range(1, len(points) - 2, 3):
        path.cubicTo(
            QPointF(*points[index]), QPointF(*points[index + 1]), QPointF(*points[index + 2])
        )
    return path


class WireItem(QGraphicsPathItem):
    """Draws ``edge`` along its route. A faulty wire is dashed, so that it needs no color."""

    def __init__(self, edge: Edge, way: Route) -> None:
        super().__init__()
        self.edge = edge
        self.faulty = False
        self.selected = False
        self.hovered = False
        self.setBrush(Qt.BrushStyle.NoBrush)
        self.route = way
        self.setPath(painter_path(way.points))
        self.refresh_ink()

    def set_route(self, way: Route) -> None:
        """Take another way."""
        if way.points != self.route.points:
            self.setPath(painter_path(way.points))
        self.route = way

    def set_state(
        self,
        *,
        faulty: bool | None = None,
        selected: bool | None = None,
        hovered: bool | None = None,
    ) -> None:
        """Change what is given."""
        before = (self.faulty, self.selected, self.hovered)
        if faulty is not None:
            self.faulty = faulty
        if selected is not None:
            self.selected = selected
        if hovered is not None:
            self.hovered = hovered
        if before != (self.faulty, self.selected, self.hovered):
            self.refresh_ink()

    def refresh_ink(self) -> None:
        """Take the pen that state and scheme ask for."""
        colors = ink()
        if self.selected:
            self.setPen(colors.wire_selected)
        elif self.faulty:
            self.setPen(colors.wire_faulty)
        else:
            self.setPen(colors.wire_hovered if self.hovered else colors.wire)

    def near(self, x: float, y: float, reach: float) -> bool:
        """Whether (x, y) lies within ``reach`` pixels of the wire."""
        bounds = self.boundingRect().adjusted(-reach, -reach, reach, reach)
        return bounds.contains(x, y) and distance(self.route.points, x, y) <= reach
