"""The curve of the learning rate, whose points can be dragged where it is drawn by hand."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from studio.app.theme.style import focus_pen
from studio.app.theme.text_size import px
from studio.app.theme.tokens import color
from studio.app.train.rate_preview import UNKNOWN_STEPS_PER_EPOCH, RatePreview
from studio.project import schedules
from studio.project.schedules import drawn
from studio.project.schedules.drawn import DRAWN, POINTS, Point
from studio.project.settings import SettingError, complete
from studio.project.values import Recipe

RADIUS = 4
REACH = 10
"""How near to a point a press takes hold of it, in pixels."""

FLOOR = 1e-4
"""The lowest factor on the logarithmic scale, unless a point is lower."""

SHORTCUTS = (
    "In a learning rate drawn by hand",
    (
        ("←  →", "Choose a point"),
        ("↑  ↓", "Move it up or down"),
        ("Shift + ←  →", "Move it sideways"),
        ("Ins, Del", "Add a point behind it; take it away"),
    ),
)
"""The curve's part of the sheet of shortcuts."""

HELP = (
    "Drag a point. A double click adds one, or takes one away. With the keyboard: Left and Right "
    "choose a point, Up and Down move it, Shift with Left and Right too; Insert adds one, Delete "
    "takes it away."
)


class CurveEditor(RatePreview):
    """``edited`` sends the points as the setting keeps them, ``committed`` the end of an edit."""

    edited = Signal(str)
    committed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.points: tuple[Point, ...] = ()
        """Empty where the schedule is not drawn by hand."""
        self.chosen = 0
        self._logarithmic = False
        self._warm = 0.0
        self._start = 1.0
        self._dragging = False
        self._over: int | None = None
        """The point below the pointer."""

    def show_recipe(self, recipe: Recipe, steps_per_epoch: int | None = None) -> None:
        """Draw this recipe's rate, with handles where it goes through points of the user's."""
        self.points = ()
        if recipe.schedule.kind == DRAWN.kind:
            try:
                values = complete(DRAWN.settings, recipe.schedule.settings, DRAWN.title)
                self.points = POINTS.points(values["points"])
                self._logarithmic = values["scale"] == "logarithmic"
            except SettingError:
                self.points = ()
        steps = steps_per_epoch or UNKNOWN_STEPS_PER_EPOCH
        self._warm = schedules.warmup_steps(recipe, steps) / steps
        self._start = recipe.learning_rate
        self.chosen = min(self.chosen, max(0, len(self.points) - 1))
        handles = bool(self.points)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if handles else Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(handles)
        super().show_recipe(recipe, steps_per_epoch)
        if handles:
            self.setToolTip(f"<qt>{HELP}</qt>")
            place, height = self.points[self.chosen]
            self.setAccessibleDescription(
                f"{len(self.points)} points; point {self.chosen + 1} at {place:.0%} of the run, "
                f"{height:g} times the start. {HELP}"
            )

    # Where things are ----------------------------------------------------------------------------

    def _height(self, rate: float) -> float:
        if not self.points:
            return super()._height(rate)
        factor = rate / self._start
        if not self._logarithmic:
            return factor / self._top()
        floor, top = self._floor(), self._top()
        return math.log(max(factor, floor) / floor) / math.log(top / floor)

    def _ceiling(self) -> float:
        return self._start * self._top() if self.points else super()._ceiling()

    def _top_words(self) -> tuple[str, str]:
        at = self.chosen if self._dragging or self.hasFocus() else self._over
        if at is None or at >= len(self.points):
            return super()._top_words()
        place, height = self.points[at]
        epoch = self._warm + place * (self._epochs - self._warm)
        return f"epoch {epoch:.3g}: {height * self._start:.3g}", f"{height:g} α₀"

    def _top(self) -> float:
        return max(1.0, *(height for _, height in self.points))

    def _floor(self) -> float:
        least = min(height for _, height in self.points)
        return FLOOR if least == 0 or least >= FLOOR else max(drawn.LEAST, least)

    def _handle(self, point: Point) -> QPointF:
        place, height = point
        epoch = self._warm + place * (self._epochs - self._warm)
        return QPointF(self._x(epoch), self._y(height * self._start))

    def _point_at(self, position: QPointF) -> Point:
        """The share of the run and the factor that a position in the widget stands for."""
        box = self._box()
        epoch = (position.x() - box.left()) / box.width() * self._epochs
        place = (epoch - self._warm) / max(1e-9, self._epochs - self._warm)
        high = min(1.0, max(0.0, (box.bottom() - position.y()) / box.height()))
        if not self._logarithmic:
            return place, high * self._top()
        floor = self._floor()
        return place, floor * (self._top() / floor) ** high

    def _hit(self, position: QPointF) -> int | None:
        distances = [(self._handle(point) - position).manhattanLength() for point in self.points]
        nearest = min(range(len(distances)), key=distances.__getitem__, default=None)
        return nearest if nearest is not None and distances[nearest] <= px(REACH) else None

    # Edits ---------------------------------------------------------------------------------------

    def _send(self, points: tuple[Point, ...]) -> None:
        if points != self.points:
            self.edited.emit(POINTS.text(points))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._hit(event.position()) if self.points else None
        if at is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        self.chosen, self._dragging = at, True
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._send(drawn.moved(self.points, self.chosen, *self._point_at(event.position())))
        elif self.points:
            over = self._hit(event.position())
            hand = Qt.CursorShape.ArrowCursor if over is None else Qt.CursorShape.SizeAllCursor
            self.setCursor(hand)
            self._look_at(over)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._look_at(None)

    def _look_at(self, over: int | None) -> None:
        if over != self._over:
            self._over = over
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._dragging:
            self._dragging = False
            self.committed.emit()
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if not self.points:
            return
        at = self._hit(event.position())
        self._dragging = False
        self.committed.emit()
        if at is not None:
            self._send(drawn.removed(self.points, at))
        else:
            points, self.chosen = drawn.added(self.points, *self._point_at(event.position()))
            self._send(points)
        self.committed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self.points or not self._press(event):
            super().keyPressEvent(event)

    def _press(self, event: QKeyEvent) -> bool:
        """Whether the key meant something."""
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        place, height = self.points[self.chosen]
        sideways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key), 0)
        upward = {Qt.Key.Key_Down: -1, Qt.Key.Key_Up: 1}.get(Qt.Key(key), 0)
        if sideways and not shift:
            self.chosen = min(max(0, self.chosen + sideways), len(self.points) - 1)
            self.update()
        elif sideways:
            self._send(drawn.moved(self.points, self.chosen, place + sideways / 100, height))
        elif upward:
            self._send(drawn.moved(self.points, self.chosen, place, self._stepped(height, upward)))
        elif key == Qt.Key.Key_Insert:
            self._add_behind()
        elif key == Qt.Key.Key_Delete:
            points = drawn.removed(self.points, self.chosen)
            self._send(points)
        else:
            return False
        return True

    def _stepped(self, height: float, direction: int) -> float:
        if self._logarithmic:
            factor: float = 10 ** (direction / 20)
            return min(self._top(), max(height, self._floor()) * factor)
        return min(self._top(), height + direction * self._top() / 50)

    def _add_behind(self) -> None:
        """Add a point on the line half way to the next one, or to the one before."""
        at = min(self.chosen, len(self.points) - 2)
        (left, low), (right, high) = self.points[at], self.points[at + 1]
        points, self.chosen = drawn.added(self.points, (left + right) / 2, (low + high) / 2)
        self._send(points)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.committed.emit()
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def _paint_over(self, painter: QPainter) -> None:
        for at, point in enumerate(self.points):
            chosen = at == self.chosen and self.hasFocus()
            painter.setPen(focus_pen() if chosen else QPen(color("plot1"), 1.5))
            painter.setBrush(color("plot1") if chosen else color("field"))
            painter.drawEllipse(self._handle(point), px(RADIUS), px(RADIUS))
