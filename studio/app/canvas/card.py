"""A card on the canvas: draws one face, in as much detail as its size on screen can show."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from studio.app.canvas import face_paint, tag_paint
from studio.app.canvas.faces import Face, Form
from studio.app.canvas.geometry import PORT_RADIUS, Box, Point, input_port, output_port
from studio.app.canvas.ink import Ink, ink
from studio.app.theme.tokens import RADIUS

BRIEF_BELOW = 0.52
"""Zoom below which a card shows its name alone."""
SHAPE_BELOW = 0.2
"""Zoom below which a card is a colored rectangle."""
STACK = 5.0
LOOP = 34.0
MARGIN = 14.0
LABEL_HEIGHT = 36.0
LABEL_WIDTH = 150.0
PLUS = 6.5
_EXCHANGED = QTransform(0.0, 1.0, 1.0, 0.0, 0.0, 0.0)
"""Exchanges x and y."""


class CardItem(QGraphicsRectItem):
    """Draws a face; where it lies and what is selected is told by the scene.

    The face is made when it is first seen: of a large network most is not. The rectangle covers
    all that any face of this form may paint, so bounds and clipping stay in C++.
    """

    def __init__(self, form: Form, make: Callable[[], Face]) -> None:
        super().__init__()
        self.setZValue(1.0)
        self.setPen(Qt.PenStyle.NoPen)
        self.form = form
        self.selected = False
        self.hovered = False
        self.targeted = False
        self.refused = False
        self.wired_out = False
        self.label_aside = False
        self._make = make
        self._face: Face | None = None
        self._laid: face_paint.Texts | None = None
        self._brief: face_paint.BriefText | None = None
        self._laid_for: Face | None = None
        self._body = QRectF()
        self._measure()

    @property
    def face(self) -> Face:
        """What is drawn."""
        if self._face is None:
            self._face = self._make()
            if self._face != self._laid_for:
                self._laid = self._brief = None
                self._laid_for = self._face
        return self._face

    def _measure(self) -> None:
        width, height = self.form.width, self.form.height
        self._body = QRectF(-width / 2, -height / 2, width, height)
        right, below = LOOP, LABEL_HEIGHT
        if self.form.flow == "right":
            right, below = LABEL_WIDTH, LOOP
        self.setRect(self._body.adjusted(-MARGIN, -MARGIN, right, below))

    def show_face(self, form: Form, make: Callable[[], Face]) -> None:
        """Show another face, which is made when it is seen."""
        self._make, self._face = make, None
        if form is not self.form:
            self.form = form
            self._measure()
        self.update()

    def refresh_ink(self) -> None:
        """Follow a change of the color scheme."""
        self._laid = self._brief = None
        self.update()

    def set_state(
        self,
        *,
        selected: bool | None = None,
        hovered: bool | None = None,
        targeted: bool | None = None,
        refused: bool | None = None,
        wired_out: bool | None = None,
        label_aside: bool | None = None,
    ) -> None:
        """Change what is given; the card repaints when anything differs."""
        before = self._state()
        if selected is not None:
            self.selected = selected
        if hovered is not None:
            self.hovered = hovered
        if targeted is not None:
            self.targeted = targeted
        if refused is not None:
            self.refused = refused
        if wired_out is not None:
            self.wired_out = wired_out
        if label_aside is not None:
            self.label_aside = label_aside
        if before != self._state():
            self.setZValue(2.0 if self.selected else 1.0)
            self.update()

    def _state(self) -> tuple[bool, ...]:
        marks = (self.selected, self.hovered, self.targeted, self.refused)
        return *marks, self.wired_out, self.label_aside

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        zoom = painter.worldTransform().m11()
        colors = ink()
        if zoom < SHAPE_BELOW:
            self._paint_shape(painter, colors)
            return
        face = self.face
        self._paint_back(painter, colors)
        brief = zoom < BRIEF_BELOW
        if brief:
            if self._brief is None:
                self._brief = face_paint.BriefText(face, colors)
            self._brief.paint(painter, self._body, colors)
        else:
            # Texts are laid out when they are first seen: most of a large network is not.
            if self._laid is None:
                self._laid = face_paint.Texts(face, colors)
            face_paint.paint(painter, self._body, face, self._laid, colors)
            if face.shortcut is not None:
                self._paint_shortcut(painter, colors)
            self._paint_ports(painter, colors, self._laid)
        if face.tag:
            corner = QPointF(self._body.left() + 3.0, self._body.top() + 1.0)
            tag_paint.paint(painter, corner, 14.0 if brief else 8.5, face.tag, colors)
        if face.problem:
            self._paint_badge(painter, colors, brief)

    def _paint_shape(self, painter: QPainter, colors: Ink) -> None:
        family = colors.family[self.form.family]
        painter.fillRect(self._body, family)
        if self.selected or self.form.faulty:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            pen = QPen(colors.accent if self.selected else colors.warning, 3.0)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawRect(self._body.adjusted(-8, -8, 8, 8))

    def _outline(self, colors: Ink) -> QPen:
        if self.refused:
            return colors.refused
        if self.selected or self.targeted:
            return colors.selected
        if self.face.problem:
            return colors.faulty
        return colors.hovered if self.hovered else colors.outline

    def _paint_back(self, painter: QPainter, colors: Ink) -> None:
        body = self._body
        painter.setBrush(colors.card)
        if self.face.style == "pill":
            painter.setPen(self._outline(colors))
            painter.drawRoundedRect(body, body.height() / 2, body.height() / 2)
            return
        if self.face.style == "stack":
            painter.setPen(colors.outline)
            for depth in (2, 1):
                shift = STACK * depth
                painter.drawRoundedRect(body.translated(shift, -shift), RADIUS, RADIUS)
            self._paint_loop(painter, colors)
            painter.setBrush(colors.card)
        painter.setPen(self._outline(colors))
        painter.drawRoundedRect(body, RADIUS, RADIUS)
        painter.fillRect(
            QRectF(body.left(), body.top() + 7.0, 4.0, body.height() - 14.0),
            colors.family[self.face.family],
        )

    def _along(self, painter: QPainter) -> QRectF:
        """Let what follows be drawn for a card that flows down, and give its body: one that flows
        to the right is drawn with its axes exchanged. The caller saves and restores."""
        if self.face.flow == "down":
            return self._body
        painter.setTransform(_EXCHANGED, True)
        body = self._body
        return QRectF(body.top(), body.left(), body.height(), body.width())

    def _paint_loop(self, painter: QPainter, colors: Ink) -> None:
        """The arrow from a stage's end back to its start."""
        painter.save()
        body = self._along(painter)
        off = STACK * 2 if self.face.flow == "down" else 0.0  # the sheets behind lie on the right
        x, top, bottom = body.right() + off + 2.0, body.top() + 16.0, body.bottom() - 18.0
        pen = QPen(colors.family[self.face.family], 1.5)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawArc(QRectF(x - 18.0, top, 36.0, bottom - top), -90 * 16, 180 * 16)
        painter.setBrush(pen.color())
        head = QPainterPath(QPointF(x - 2, bottom))
        head.lineTo(x + 5, bottom - 4)
        head.lineTo(x + 5, bottom + 4)
        head.closeSubpath()
        painter.drawPath(head)
        painter.restore()

    def _paint_shortcut(self, painter: QPainter, colors: Ink) -> None:
        """A residual block's second path: around the card, and added to what comes out."""
        painter.save()
        body = self._along(painter)
        side, above, below = body.right() + 16.0, body.top() - 9.0, body.bottom() + 11.0
        pen = QPen(colors.family[self.face.family], 1.5)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        way = QPainterPath(QPointF(0.0, above))
        way.lineTo(side - 10.0, above)
        way.quadTo(side, above, side, above + 10.0)
        way.lineTo(side, below - 10.0)
        way.quadTo(side, below, side - 10.0, below)
        way.lineTo(PLUS, below)
        painter.drawPath(way)
        painter.setBrush(colors.card)
        painter.drawEllipse(QPointF(0.0, below), PLUS, PLUS)
        painter.drawLine(QPointF(-3.5, below), QPointF(3.5, below))
        painter.drawLine(QPointF(0.0, below - 3.5), QPointF(0.0, below + 3.5))
        painter.restore()
        if self.face.shortcut:
            down = self.face.flow == "down"
            center = QPointF(side, body.center().y()) if down else QPointF(body.center().y(), side)
            chip = QRectF(center.x() - 15.0, center.y() - 9.0, 30.0, 18.0)
            painter.setPen(pen)
            painter.setBrush(colors.card)
            painter.drawRoundedRect(chip, 4.0, 4.0)
            painter.setPen(colors.text_pen)
            painter.setFont(colors.tiny_font)
            painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, self.face.shortcut)

    def _paint_ports(self, painter: QPainter, colors: Ink, laid: face_paint.Texts) -> None:
        box = Box(self._body.left(), self._body.top(), self._body.right(), self._body.bottom())
        strong = self.hovered or self.selected or self.targeted
        painter.setPen(colors.wire_hovered if strong else colors.wire)
        painter.setBrush(colors.card)
        radius = PORT_RADIUS + (1.0 if strong else 0.0)
        for port in range(self.face.ports):
            at = input_port(box, port, self.face.ports, self.face.flow)
            painter.drawEllipse(QPointF(at.x, at.y), radius, radius)
        if self.face.leaves:
            at = output_port(box, self.face.flow)
            painter.drawEllipse(QPointF(at.x, at.y), radius, radius)
            if self.face.output:
                laid.paint_label(painter, self._label_place(at, laid.label.size()), colors)

    def _label_place(self, port: Point, size: QSizeF) -> QPointF:
        """The corner of the shape's text: beside the wire, or above it."""
        off = 6.0 if self.face.shortcut is None else 17.0
        if self.face.flow == "down":
            aside = -10.0 - size.width() if self.label_aside else 10.0
            return QPointF(port.x + aside, port.y + off)
        off += STACK * 2 if self.face.style == "stack" else 4.0
        return QPointF(port.x + off, port.y + (5.0 if self.label_aside else -5.0 - size.height()))

    def _paint_badge(self, painter: QPainter, colors: Ink, brief: bool) -> None:
        radius = 18.0 if brief else 9.0
        center = QPointF(self._body.right() - 2.0, self._body.top() + 2.0)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colors.warning)
        painter.drawEllipse(center, radius, radius)
        painter.setPen(colors.card)
        painter.setFont(colors.badge_font)
        painter.drawText(
            QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius),
            Qt.AlignmentFlag.AlignCenter,
            "!",
        )
