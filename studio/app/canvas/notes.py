"""The small card beside a faulty node: what is wrong, and a link that mends it.

It is as large on screen at every zoom, so that it can be read where the network is small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from studio.app.canvas import texts
from studio.app.canvas.faces import Face
from studio.app.canvas.geometry import Box, Point
from studio.app.canvas.ink import ink
from studio.app.canvas.routing import sample
from studio.app.canvas.scene import CanvasScene
from studio.app.theme.text_size import px
from studio.app.theme.tokens import RADIUS
from studio.project.values import Edge

WIDTH = 236.0
PADDING = 11.0
GAP = 18.0
AT_ONCE = 4
"""More problems than this are shown for the selection alone, or they would hide the network."""
SHOWN_FROM = 0.15
"""Zoom below which a note would cover more than it explains, and is left out."""
_WRAP = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap


class NoteItem(QGraphicsRectItem):
    """The first problem of one card, in words, in canvas pixels for one zoom.

    ``room`` knows the cards, the wires and the notes that are placed already.
    """

    def __init__(
        self,
        face: Face,
        card: Box,
        room: Room,
        *,
        wired_out: bool,
        zoom: float = 1.0,
        view: Box | None = None,
    ) -> None:
        super().__init__()
        self._scale = 1.0 / zoom
        self._width = float(px(WIDTH))
        if view is not None:  # beside the cards in the middle of a narrow view
            self._width = max(WIDTH * 0.8, min(self._width, view.width * zoom / 2 - 3 * GAP))
        self.node = face.name
        self.fix = face.fix
        self._sentence = sentence(face, room.names)
        inside = QRectF(0, 0, self._width - 2 * PADDING, 4000)
        small = QFontMetricsF(ink().note_font)
        self._text_height = small.boundingRect(inside, _WRAP, self._sentence).height()
        bold = QFontMetricsF(ink().note_bold)
        self._link_height = bold.boundingRect(inside, _WRAP, face.fix).height() if face.fix else 0.0
        height = 2 * PADDING - 4 + self._text_height
        if face.fix:
            height += self._link_height + 4
        below = 14.0
        if face.shortcut is not None or face.output:
            below = 42.0 if face.shortcut is not None else 30.0
        # A wire that leaves below would run behind the note.
        size = (self._width * self._scale, height * self._scale)
        places = around(card, size, None if wired_out else below, GAP * self._scale)
        self.box = best(places, room, GAP * self._scale / 4, view)
        self.setPen(Qt.PenStyle.NoPen)
        self.setZValue(3.0)
        box = self.box.grown(self._scale)
        self.setRect(QRectF(box.left, box.top, box.width, box.height))

    def link_holds(self, x: float, y: float) -> bool:
        """Whether (x, y) is on the words of the fix."""
        at = QPointF((x - self.box.left) / self._scale, (y - self.box.top) / self._scale)
        return bool(self.fix) and self._link().contains(at)

    def _link(self) -> QRectF:
        """Where the words of the fix stand, in screen pixels from the note's corner."""
        bottom = self.box.height / self._scale - PADDING + 2
        return QRectF(
            PADDING, bottom - self._link_height, self._width - 2 * PADDING, self._link_height
        )

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        if painter.worldTransform().m11() < SHOWN_FROM:
            return
        colors = ink()
        painter.save()
        painter.translate(self.box.left, self.box.top)
        painter.scale(self._scale, self._scale)
        painter.setPen(colors.faulty_thin)
        painter.setBrush(colors.card)
        body = QRectF(0, 0, self._width, self.box.height / self._scale)
        painter.drawRoundedRect(body, RADIUS, RADIUS)
        painter.setPen(colors.text_pen)
        painter.setFont(colors.note_font)
        text = QRectF(
            body.left() + PADDING,
            body.top() + PADDING - 3,
            self._width - 2 * PADDING,
            self._text_height,
        )
        painter.drawText(text, _WRAP, self._sentence)
        if self.fix:
            painter.setPen(colors.accent)
            painter.setFont(colors.note_bold)
            painter.drawText(self._link(), _WRAP, self.fix)
        painter.restore()


class Room:
    """What a note should not cover."""

    def __init__(self, scene: CanvasScene) -> None:
        self._scene = scene
        self.notes: list[Box] = []
        self._places: dict[Edge, list[Point]] = {}

    @property
    def names(self) -> Iterable[str]:
        """The nodes of the network."""
        return self._scene.grid.names()

    def is_free(self, box: Box) -> bool:
        """Whether no card and no other note lies there."""
        return not self._scene.grid.near(box) and not any(box.meets(other) for other in self.notes)

    def is_clear(self, box: Box) -> bool:
        """Whether no wire leads through."""
        area = QRectF(box.left, box.top, box.width, box.height)
        for edge, wire in self._scene.wires.items():
            if wire.boundingRect().intersects(area):
                if edge not in self._places:
                    self._places[edge] = sample(wire.route.points)
                if any(box.holds(*at) for at in self._places[edge]):
                    return False
        return True


class Notes:
    """The notes of one scene: of all faulty cards when they are few, else of the selected."""

    def __init__(self, scene: CanvasScene) -> None:
        self._scene = scene
        self.items: list[NoteItem] = []

    def sync(self, selection: tuple[str, ...], zoom: float = 1.0, view: Box | None = None) -> None:
        """Draw them anew for this zoom, if there is room in the ``view`` (canvas pixels)."""
        for note in self.items:
            self._scene.removeItem(note)
        faulty = self._scene.faulty
        if len(faulty) > AT_ONCE:
            faulty = [name for name in faulty if name in selection]
        self.items = []
        room = Room(self._scene)
        for name in faulty[:AT_ONCE]:
            card, box = self._scene.cards[name], self._scene.grid.get(name)
            if box is not None:
                note = NoteItem(
                    card.face, box, room, wired_out=card.wired_out, zoom=zoom, view=view
                )
                room.notes.append(note.box)
                self._scene.addItem(note)
                self.items.append(note)

    def link_at(self, x: float, y: float) -> str | None:
        """The node whose fix stands at this place of the canvas."""
        return next((note.node for note in self.items if note.link_holds(x, y)), None)


def sentence(face: Face, names: Iterable[str]) -> str:
    """The problem without the node's name in front: the note stands beside the node."""
    return texts.sentence(face.problem.removeprefix(f"{face.name}: "), names)


def around(card: Box, size: tuple[float, float], below: float | None, gap: float) -> Iterator[Box]:
    """Below the card (by that many pixels), then right and left of it, ever further away."""
    width, height = size
    if below is not None:
        yield Box.around(card.center.x, card.bottom + below + height / 2, width, height)
    for aside in (1, 3, 5, 8):
        for step in (0, 1, -1, 2, -2):
            y = card.top + height / 2 + step * (height + gap) / 2
            yield Box.around(card.right + aside * gap + width / 2, y, width, height)
            yield Box.around(card.left - aside * gap - width / 2, y, width, height)


def best(places: Iterable[Box], room: Room, gap: float, view: Box | None) -> Box:
    """The first of ``places`` that covers no card and no note, if possible no wire either, and
    that lies in the view; the first of all where everything is full."""
    every = list(places)
    free = [box for box in every if room.is_free(box.grown(gap))]
    seen = [box for box in free if view is None or view.contains(box)]
    for box in seen:
        if room.is_clear(box):
            return box
    if seen:
        return seen[0]
    return next((box for box in free if room.is_clear(box)), (free or every)[0])
