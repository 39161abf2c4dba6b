"""What one output position of the selected node sees, drawn over an image of the data."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, color, theme
from studio.project.seeing import View

WIDEST = 232
TALLEST = 200
_MARGIN = 0.75
"""So much of the image's side is shown beyond it at most; a frame that reaches farther is cut."""
_APART = 7.0
"""Pixels on screen between grid points, below which they would be a gray veil."""

Look = Callable[[tuple[int, int] | None], View | None]
"""The view from a position of the node's output, from its middle for None."""


class FieldPicture(QWidget):
    """The picture with a line of words below. Pointing at it moves the position."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = _Canvas(self)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        set_role(self.words, "small")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(S1)
        column.addWidget(self.canvas)
        column.addWidget(self.words)
        self.canvas.moved.connect(self._describe)

    def set_sample(self, image: QImage | None) -> None:
        """An image of the data, as the network receives it; without one a test card is drawn."""
        self.canvas.sample = image if image is not None and not image.isNull() else None
        self.canvas.update()

    def show_view(self, look: Look | None, image: tuple[int, int] | None) -> None:
        """Show what ``look`` tells of an input of (height, width); hidden where it is nothing."""
        self.canvas.show_view(look, image)
        self.setVisible(self.canvas.view is not None)
        self._describe()

    def _describe(self) -> None:
        view, image = self.canvas.view, self.canvas.image
        if view is None or image is None:
            return
        text = in_words(view, image)
        self.words.setText(text)
        self.canvas.setAccessibleDescription(text)


def in_words(view: View, image: tuple[int, int]) -> str:
    """What a view shows, as two short sentences."""
    height, width = view.size
    if view.step is None:
        text = f"Its values see {height:,} × {width:,} px together."
    else:
        (row, column), (rows, columns) = view.position, view.positions
        text = (
            f"Position {row + 1:,}, {column + 1:,} of {rows:,} × {columns:,} "
            f"sees {height:,} × {width:,} px"
        )
        text += "." if view.seen is not None else ", all of it padding."
    beyond = view.beyond(image)
    if beyond:
        text += f" Reaches {beyond:,} px beyond the image."
    elif view.seen == ((0, image[0] - 1), (0, image[1] - 1)):
        text += " That is the whole image."
    return text


class _Canvas(QWidget):
    """The image, darkened where it is not seen, and the frame of the receptive field."""

    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sample: QImage | None = None
        self.view: View | None = None
        self.image: tuple[int, int] | None = None
        self._look: Look | None = None
        self._home: View | None = None
        """The view from the middle, to which the picture returns and for which it is laid out."""
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Receptive field over a sample image")
        self.setToolTip(
            "<qt>What one output position sees of the input image: its receptive field. "
            "Point at the image to see what another position sees.</qt>"
        )
        theme().scheme_changed.connect(self.update)

    def show_view(self, look: Look | None, image: tuple[int, int] | None) -> None:
        self._look, self.image = look, image
        self.view = self._home = look(None) if look is not None and image is not None else None
        self._settle()
        self.update()

    # Where things are -----------------------------------------------------------------------------

    def _world(self) -> QRectF:
        """What is shown, in pixels of the input: the image, and some of what lies around it."""
        assert self.image is not None
        assert self._home is not None
        height, width = self.image
        most = _MARGIN * max(height, width)
        (top, bottom), (left, right) = self._home.field
        beyond = (-left, right + 1 - width, -top, bottom + 1 - height)
        west, east, north, south = (min(max(0.0, pixels), most) for pixels in beyond)
        # A hair more, in which the frame's own line has room.
        line = 0.02 * max(height, width)
        return QRectF(
            -west - line,
            -north - line,
            width + west + east + 2 * line,
            height + north + south + 2 * line,
        )

    def _scale(self) -> float:
        world = self._world()
        room = max(1, min(self.width(), WIDEST))
        return min(room / world.width(), TALLEST / world.height())

    def _settle(self) -> None:
        if self._home is not None:
            self.setFixedHeight(round(self._world().height() * self._scale()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle()

    def _frame(self, view: View) -> QRectF:
        (top, bottom), (left, right) = view.field
        return QRectF(left, top, right + 1 - left, bottom + 1 - top)

    # The pointer --------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        home = self._home
        if home is None or home.step is None or self._look is None:
            return
        world, scale = self._world(), self._scale()
        center = self._frame(home).center()
        x = event.position().x() / scale + world.left() - center.x()
        y = event.position().y() / scale + world.top() - center.y()
        down, across = home.step
        position = (home.position[0] + round(y / down), home.position[1] + round(x / across))
        position = (
            min(max(0, position[0]), home.positions[0] - 1),
            min(max(0, position[1]), home.positions[1] - 1),
        )
        if self.view is None or position != self.view.position:
            self._show(self._look(position))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self.view is not self._home:
            self._show(self._home)

    def _show(self, view: View | None) -> None:
        self.view = view
        self.update()
        self.moved.emit()

    # Drawing ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.view is None or self.image is None:
            return
        world, scale = self._world(), self._scale()

        def on_screen(rect: QRectF) -> QRectF:
            return QRectF((rect.left() - world.left()) * scale, (rect.top() - world.top()) * scale,
                          rect.width() * scale, rect.height() * scale)  # fmt: skip

        painter = QPainter(self)
        shown = QRectF(0, 0, world.width() * scale, world.height() * scale)
        painter.setClipRect(shown)
        height, width = self.image
        image, frame = on_screen(QRectF(0, 0, width, height)), on_screen(self._frame(self.view))
        outside = QPainterPath()
        outside.addRect(frame.intersected(shown))
        inside = QPainterPath()
        inside.addRect(image)
        hatch = QColor(color("accent"))
        hatch.setAlphaF(0.35)
        brush = QBrush(hatch, Qt.BrushStyle.BDiagPattern)
        painter.fillPath(outside.subtracted(inside), brush)
        self._paint_image(painter, image)
        dim = QPainterPath()
        dim.addRect(image)
        if self.view.seen is not None:
            (top, bottom), (left, right) = self.view.seen
            seen = QPainterPath()
            seen.addRect(on_screen(QRectF(left, top, right + 1 - left, bottom + 1 - top)))
            dim = dim.subtracted(seen)
        veil = QColor(color("panel"))
        veil.setAlphaF(0.62)
        painter.fillPath(dim, veil)
        self._paint_grid(painter, world, scale)
        painter.setPen(QPen(color("line_strong"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(image.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QPen(color("accent"), 2))
        painter.drawRect(frame)

    def _paint_image(self, painter: QPainter, place: QRectF) -> None:
        picture = self.sample if self.sample is not None else neutral_image(*(self.image or (1, 1)))
        # Few pixels are shown as pixels, many as a photograph.
        smooth = self.sample is None or place.width() < 2 * picture.width()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(place, picture)

    def _paint_grid(self, painter: QPainter, world: QRectF, scale: float) -> None:
        """A point at the middle of each position's field."""
        home = self._home
        if home is None or home.step is None or min(home.step) * scale < _APART:
            return
        tone = QColor(color("text"))
        tone.setAlphaF(0.3)
        painter.setPen(QPen(tone, 1.5))
        center = self._frame(home).center()
        for row in range(home.positions[0]):
            y = center.y() + (row - home.position[0]) * home.step[0]
            for column in range(home.positions[1]):
                x = center.x() + (column - home.position[1]) * home.step[1]
                painter.drawPoint(
                    QPointF((x - world.left()) * scale, (y - world.top()) * scale)
                )  # fmt: skip


def neutral_image(height: int, width: int) -> QImage:
    """A neutral image to look at while there is none of the data: rings, and light from above."""
    side = 256
    rows = max(8, min(side, round(side * height / max(height, width))))
    columns = max(8, min(side, round(side * width / max(height, width))))
    card = QImage(columns, rows, QImage.Format.Format_RGB32)
    card.fill(QColor(176, 180, 186))
    painter = QPainter(card)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle, unit = QPointF(columns / 2, rows / 2), min(rows, columns) / 2
    for reach, gray in ((0.86, 214), (0.62, 120), (0.4, 232), (0.2, 84)):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(gray, gray, gray))
        painter.drawEllipse(middle, unit * reach, unit * reach)
    painter.end()
    return card
