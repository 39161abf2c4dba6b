"""The small card beside a faulty node: what is wrong, and a link that mends it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from studio.app.canvas import texts
from studio.app.canvas.faces import Face
from studio.app.canvas.geometry import Box, Grid
from studio.app.canvas.ink import ink
from studio.app.canvas.scene import CanvasScene
from studio.app.theme.tokens import RADIUS

WIDTH = 236.0
PADDING = 11.0
GAP = 18.0
AT_ONCE = 4
"""More problems than this are shown for the selection alone, or they would hide the network."""
SHOWN_FROM = 0.42
"""Zoom below which a note could not be read and is left out."""
_WRAP = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap


class NoteItem(QGraphicsRectItem):
    """The first problem of one card, in words."""

    def __init__(self, face: Face, card: Box, cards: Grid, *, wired_out: bool) -> None:
        super().__init__()
        self.node = face.name
        self.fix = face.fix
        self._sentence = sentence(face, cards.names())
        room = QRectF(0, 0, WIDTH - 2 * PADDING, 4000)
        small = QFontMetricsF(ink().small_font)
        self._text_height = small.boundingRect(room, _WRAP, self._sentence).height()
        bold = QFontMetricsF(ink().badge_font)
        self._link_height = bold.boundingRect(room, _WRAP, face.fix).height() if face.fix else 0.0
        height = 2 * PADDING - 4 + self._text_height
        if face.fix:
            height += self._link_height + 4
        below = 14.0
        if face.shortcut is not None or face.output:
            below = 42.0 if face.shortcut is not None else 30.0
        # A wire that leaves below would run behind the note.
        self.box = place(card, WIDTH, height, cards, None if wired_out else below)
        self.setPen(Qt.PenStyle.NoPen)
        self.setZValue(3.0)
        self.setRect(QRectF(self.box.left - 1, self.box.top - 1, WIDTH + 2, height + 2))

    def link_holds(self, x: float, y: float) -> bool:
        """Whether (x, y) is on the words of the fix."""
        return bool(self.fix) and self._link().contains(QPointF(x, y))

    def _link(self) -> QRectF:
        return QRectF(
            self.box.left + PADDING,
            self.box.bottom - PADDING + 2 - self._link_height,
            WIDTH - 2 * PADDING,
            self._link_height,
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
        painter.setPen(colors.outline)
        painter.setBrush(colors.card)
        body = QRectF(self.box.left, self.box.top, self.box.width, self.box.height)
        painter.drawRoundedRect(body, RADIUS, RADIUS)
        painter.setPen(colors.text_pen)
        painter.setFont(colors.small_font)
        text = QRectF(
            body.left() + PADDING, body.top() + PADDING - 3, WIDTH - 2 * PADDING, self._text_height
        )
        painter.drawText(text, _WRAP, self._sentence)
        if self.fix:
            painter.setPen(colors.accent)
            painter.setFont(colors.badge_font)
            painter.drawText(self._link(), _WRAP, self.fix)


class Notes:
    """The notes of one scene: of all faulty cards when they are few, else of the selected."""

    def __init__(self, scene: CanvasScene) -> None:
        self._scene = scene
        self.items: list[NoteItem] = []

    def sync(self, selection: tuple[str, ...]) -> None:
        """Draw them anew."""
        for note in self.items:
            self._scene.removeItem(note)
        faulty = [name for name, card in self._scene.cards.items() if card.face.problem]
        if len(faulty) > AT_ONCE:
            faulty = [name for name in faulty if name in selection]
        self.items = []
        for name in faulty[:AT_ONCE]:
            card, box = self._scene.cards[name], self._scene.grid.get(name)
            if box is not None:
                note = NoteItem(card.face, box, self._scene.grid, wired_out=card.wired_out)
                self._scene.addItem(note)
                self.items.append(note)

    def link_at(self, x: float, y: float) -> str | None:
        """The node whose fix stands at this place of the canvas."""
        return next((note.node for note in self.items if note.link_holds(x, y)), None)


def sentence(face: Face, names: Iterable[str]) -> str:
    """The problem without the node's name in front: the note stands beside the node."""
    return texts.sentence(face.problem.removeprefix(f"{face.name}: "), names)


def place(card: Box, width: float, height: float, cards: Grid, below: float | None) -> Box:
    """Below the card (by that many pixels), right, or left: the first that covers no other card."""
    candidates = [
        Box.around(card.right + GAP + width / 2, card.top + height / 2, width, height),
        Box.around(card.left - GAP - width / 2, card.top + height / 2, width, height),
    ]
    if below is not None:
        middle = card.bottom + below + height / 2
        candidates.insert(0, Box.around(card.center.x, middle, width, height))
    for box in candidates:
        if not cards.near(box.grown(4.0)):
            return box
    return candidates[0]
