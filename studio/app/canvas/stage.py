"""The view onto the scene: zoom, place, background, and what gestures and overlays ask of it.

Gestures, minimap, offer and actions know this class and not the canvas built from them.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QNativeGestureEvent,
    QPainter,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from studio.app.canvas.dots import Dots
from studio.app.canvas.editor import Editor
from studio.app.canvas.scene import CanvasScene
from studio.app.canvas.tip import PointerTip
from studio.app.workspace import Workspace
from studio.project.analysis import Analysis, with_findings
from studio.project.problems import Problem

MIN_ZOOM, MAX_ZOOM = 0.05, 4.0
ZOOM_STEP = 1.2
READABLE = 0.55
"""Zoom from which the texts of a card can be read."""
DOTS_FROM = 0.6


class Stage(QGraphicsView):
    """Shows the scene of one workspace at some zoom and place."""

    zoom_changed = Signal(float)
    moved = Signal()
    """Another part of the canvas is in view."""
    feed_wanted = Signal(str, QPointF)
    """A wire from this node was let go over nothing, at this place of the canvas."""
    offer_wanted = Signal(str, str)
    """These two nodes could be connected; the user should be asked."""
    quick_add_wanted = Signal(QPoint)
    rename_wanted = Signal(str)
    open_wanted = Signal(str)
    """The inside of this block shall come into view."""
    repeat_wanted = Signal()
    """The number of repeats of the selection shall be asked for."""
    note_wanted = Signal(QPointF)
    """A note shall be added at this place of the canvas."""
    note_text_wanted = Signal(str)
    """The text of this note shall be edited."""
    next_note_wanted = Signal()
    wire_wanted = Signal(bool)
    """A wire shall be led by keys: out of what is selected, or (True) into it."""
    edge_wanted = Signal(object)
    """This Edge shall be selected."""
    moving = Signal()
    """Many cards are about to be moved."""
    moved_all = Signal()
    """They have been: let it be seen where each went."""
    settings_wanted = Signal()
    """The keyboard shall go to the settings of the selected node."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.editor = Editor(workspace)
        self.canvas = CanvasScene(self)
        self.setScene(self.canvas)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.tip = PointerTip(self.viewport())
        self.findings: tuple[Problem, ...] = ()
        """Problems beyond the network: what the data has to say about its nodes."""
        self.covered = 0
        """Screen pixels at the top over which the path of an open block lies."""
        self._fitted = False
        self._dots = Dots()

    @property
    def data_name(self) -> str:
        """What the input pill calls the images."""
        source = self.workspace.project.data.source
        return source.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or source

    @property
    def known(self) -> Analysis:
        """What is known of the network, with the findings at the nodes that they name."""
        level = self.workspace.level
        return level.analysis if level.path else with_findings(level.analysis, self.findings)

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        if self.zoom >= DOTS_FROM:
            self._dots.paint(painter, QRectF(rect), self.viewport().size())
        else:
            super().drawBackground(painter, rect)

    # Zoom and place -----------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Screen pixels for a canvas pixel."""
        return self.transform().m11()

    def set_zoom(self, zoom: float, around: QPointF | None = None) -> None:
        """Zoom so that the place ``around`` (viewport pixels; the middle by default) stays."""
        zoom = max(MIN_ZOOM, min(MAX_ZOOM, zoom))
        if abs(zoom - 1.0) < 0.03:
            zoom = 1.0  # Text is sharpest there.
        spot = around if around is not None else QPointF(self.viewport().rect().center())
        place = self.mapToScene(spot.toPoint())
        self.setTransform(QTransform.fromScale(zoom, zoom))
        moved = self.mapFromScene(place) - spot.toPoint()
        self.scroll_by(moved)
        self.moved.emit()
        self.zoom_changed.emit(zoom)

    def zoom_by(self, factor: float, around: QPointF | None = None) -> None:
        """Zoom in (above 1) or out."""
        self.set_zoom(self.zoom * factor, around)

    @Slot()
    def zoom_to_fit(self) -> None:
        """Show the whole network, never larger than life."""
        area = self.canvas.content()
        if area is None:
            return
        self._fitted = True
        margin = 28.0
        room = self._room()
        wanted = area.adjusted(-margin, -margin, margin, margin)
        zoom = min(room.width() / wanted.width(), room.height() / wanted.height(), 1.0)
        self.set_zoom(zoom)
        self._center(area.center() - QPointF(0.0, self.covered / 2 / self.zoom))

    def _room(self) -> QRect:
        """The part of the viewport that nothing lies over."""
        return self.viewport().rect().adjusted(0, self.covered, 0, 0)

    def _center(self, place: QPointF) -> None:
        self.centerOn(place)
        self.moved.emit()
        # What finds its place by zoom and view did so before the view was centered.
        self.zoom_changed.emit(self.zoom)

    def look_afresh(self) -> None:
        """Another project is here: let the next ``zoom_to_fit_once`` fit it."""
        self._fitted = False

    def zoom_to_fit_once(self) -> None:
        """Fit a network that has not been looked at yet; of a long one show the readable start."""
        if self._fitted or not self.isVisible() or not self.canvas.cards:
            return
        self.zoom_to_fit()
        area = self.canvas.content()
        if self.zoom < READABLE and area is not None:
            room = self._room()
            down = self.canvas.flow == "down"
            across = room.width() / (area.width() + 80.0)
            if not down:
                across = room.height() / (area.height() + 80.0)
            self.set_zoom(max(READABLE, min(0.85, across)))
            lifted = self.covered / 2 / self.zoom
            if down and (area.height() + 56.0) * self.zoom <= room.height():
                self._center(area.center() - QPointF(0.0, lifted))
                return
            top = area.top() + room.height() / 2 / self.zoom - 28.0 - lifted
            left = area.left() + room.width() / 2 / self.zoom - 28.0
            start = QPointF(area.center().x(), top) if down else QPointF(left, area.center().y())
            self._center(start)

    def reveal(self, name: str) -> None:
        """Bring a card into view where it is not."""
        box = self.canvas.grid.get(name)
        if box is not None:
            area = QRectF(box.left, box.top, box.width, box.height)
            if not self.shown_area().contains(area):
                self.ensureVisible(area, 60, 60)
                self.moved.emit()

    def zoom_to(self, area: QRectF) -> None:
        """Show this part of the canvas, never larger than life."""
        self._fitted = True
        margin = 60.0
        wanted = area.adjusted(-margin, -margin, margin, margin)
        room = self.viewport().rect()
        self.set_zoom(min(room.width() / wanted.width(), room.height() / wanted.height(), 1.0))
        self._center(area.center())

    def announce(self, text: str) -> None:
        """Let a screen reader say what has just happened."""
        if text and QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, text))

    def scroll_by(self, by: QPoint) -> None:
        """Move the view over the canvas, in screen pixels."""
        for bar, way in ((self.horizontalScrollBar(), by.x()), (self.verticalScrollBar(), by.y())):
            bar.setValue(bar.value() + way)
        self.moved.emit()

    def shown_area(self) -> QRectF:
        """The part of the canvas in view."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_by(ZOOM_STEP ** (event.angleDelta().y() / 120.0), event.position())
        else:
            way = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta() / 2
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                way = QPoint(way.y(), way.x())
            self.scroll_by(-way)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if (
            isinstance(event, QNativeGestureEvent)
            and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
        ):
            self.zoom_by(1.0 + event.value(), event.position())
            return True
        return super().viewportEvent(event)
