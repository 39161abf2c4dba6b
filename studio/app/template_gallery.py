"""The gallery of templates: a card for each network, with its blocks as a colored spine."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QPushButton, QSizePolicy, QWidget

from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import (
    FONT_BASE,
    FONT_SMALL,
    S1,
    S2,
    S3,
    color,
    font,
    theme,
)
from studio.app.tiles import paint_ground
from studio.project import registry, templates
from studio.project.pretrained import PRETRAINED
from studio.project.templates import Template

_SKIPPED = ("input", "output", "activation", "normalization", "shape")
"""Families left out of a spine: it shows what the network is made of, not every step."""


_LIKED = ("vgg16", "googlenet", "resnet18", "resnet50", "densenet121", "mobilenet_v2")
"""One of each family; their variants come behind."""


def in_order(names: Iterable[str]) -> list[str]:
    """The templates as the gallery shows them: what a laptop trains, one of each family, others."""
    listed = [name for name in names if name != "quickstart"]
    sizes = {name: templates.TEMPLATES[name].input for name in listed}

    def rank(name: str) -> tuple[int, int]:
        small = max(sizes[name][1:]) <= 32 and sizes[name][0] == 1
        if small:
            return 0, 0
        return (1, _LIKED.index(name)) if name in _LIKED else (2, 0)

    return sorted(listed, key=rank)


class TemplateGallery(QWidget):
    """Cards in as many columns as fit; ``chosen`` is sent with the template's name, and
    ``chosen_pretrained`` where it is to start from torchvision's weights."""

    chosen = Signal(str)
    chosen_pretrained = Signal(str)
    _CARD = QSize(264, 132)
    """At the usual text size."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.cards: dict[str, TemplateCard] = {}
        for name in in_order(templates.TEMPLATES):
            template = templates.TEMPLATES[name]
            card = TemplateCard(template, self)
            card.clicked.connect(lambda _=False, chosen=name: self.chosen.emit(chosen))
            if card.pretrained is not None:
                card.pretrained.clicked.connect(
                    lambda _=False, chosen=name: self.chosen_pretrained.emit(chosen)
                )
            self.cards[name] = card
        self._shown = list(self.cards.values())
        sized(self, lambda w: w._arrange())

    def filter(self, text: str) -> int:
        """Show the templates that have every word of ``text`` in them; how many those are."""
        words = text.lower().split()
        self._shown = []
        for card in self.cards.values():
            fits = all(word in card.searched for word in words)
            card.setVisible(fits)
            if fits:
                self._shown.append(card)
        self._arrange()
        return len(self._shown)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        rows = -(-len(self._shown) // self._columns(width))
        return max(0, rows * (self._card.height() + S3) - S3)

    def sizeHint(self) -> QSize:
        return QSize(self._card.width(), self.heightForWidth(self.width()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    @property
    def _card(self) -> QSize:
        return QSize(px(self._CARD.width()), px(self._CARD.height()))

    def _columns(self, width: int) -> int:
        return max(1, (width + S3) // (self._card.width() + S3))

    def _arrange(self) -> None:
        columns = self._columns(self.width())
        width = (self.width() - (columns - 1) * S3) // columns
        for position, card in enumerate(self._shown):
            row, column = divmod(position, columns)
            top = row * (self._card.height() + S3)
            card.setGeometry(column * (width + S3), top, width, self._card.height())
        self.setMinimumHeight(self.heightForWidth(self.width()))
        self.updateGeometry()


class TemplateCard(QAbstractButton):
    """One template: its spine, name, what it is, its size and its paper.

    ``pretrained`` is the button at its foot that starts from torchvision's weights, where
    torchvision has some.
    """

    def __init__(self, template: Template, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._template = template
        channels, height, width = template.input
        self._facts = f"{channels}×{height}×{width}, {template.classes:,} classes"
        self._spine: tuple[str, ...] | None = None
        self.pretrained = self._pretrained_button()
        self.searched = " ".join(
            (template.name, template.title, template.description, template.source)
        ).lower()
        self.setText(template.title)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"Template {template.title}")
        self.setAccessibleDescription(f"{template.description} {template.source}. {self._facts}")
        self.setToolTip(
            f"<qt><b>{template.title}</b><br>{template.description}<br>"
            f"{template.source}<br>Input {self._facts}</qt>"
        )
        theme().scheme_changed.connect(self.update)

    def _pretrained_button(self) -> QPushButton | None:
        known = PRETRAINED.get(self._template.name)
        if known is None:
            return None
        button = QPushButton("With pretrained weights", self)
        set_role(button, "link")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        what = (
            f"Start from torchvision's pretrained weights, {known.enum}.{known.default}: "
            f"{known.megabytes[known.default]} MB, downloaded when the training starts. What was "
            "learned on ImageNet's photographs serves other images too."
        )
        button.setAccessibleName(f"Template {self._template.title}, pretrained")
        button.setAccessibleDescription(what)
        button.setToolTip(f"<qt>{what}</qt>")
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.pretrained is not None:
            size = self.pretrained.sizeHint()
            top = self.height() - S1 - size.height()
            self.pretrained.setGeometry(S3 + 28 + S3, top, size.width(), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(painter, self)
        self._paint_spine(painter, QRectF(S3, S3, 28, self.height() - 2 * S3))
        left = S3 + 28 + S3
        room = self.width() - left - S3
        title, small = font(FONT_BASE, bold=True), font(FONT_SMALL, tabular=True)
        painter.setFont(title)
        painter.setPen(color("text"))
        line = painter.fontMetrics().height()
        elide = Qt.TextElideMode.ElideRight
        painter.drawText(
            QRect(left, S2, room, line + S1),
            Qt.AlignmentFlag.AlignVCenter,
            painter.fontMetrics().elidedText(self.text(), elide, room),
        )
        painter.setFont(small)
        painter.setPen(color("muted"))
        metrics = painter.fontMetrics()
        body = QRect(left, S2 + line + S1, room, 3 * metrics.lineSpacing())
        painter.drawText(
            body, Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop, self._template.description
        )
        source = self._template.source.partition(",")[0]
        below = self.pretrained.height() if self.pretrained is not None else S1
        foot = self.height() - S1 - below - metrics.height()
        for line_above, text in ((1, source), (0, self._facts)):
            place = QRect(left, foot - line_above * metrics.lineSpacing(), room, metrics.height())
            painter.drawText(
                place, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(text, elide, room)
            )

    def _paint_spine(self, painter: QPainter, area: QRectF) -> None:
        if self._spine is None:
            # Made when it is first painted: a gallery that is scrolled past costs nothing.
            self._spine = spine(self._template.name)
        step = min(area.height() / max(1, len(self._spine)), 10.0)
        gap = 2.0 if step >= 5 else 1.0
        top = area.top() + (area.height() - step * len(self._spine)) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        for number, family in enumerate(self._spine):
            painter.setBrush(color(f"family.{family}"))
            inset = 6.0 if family in ("pooling", "dropout") else 0.0
            bar = QRectF(
                area.left() + inset, top + number * step, area.width() - 2 * inset, step - gap
            )
            painter.drawRoundedRect(bar, 1, 1)


def spine(name: str) -> tuple[str, ...]:
    """The families of the nodes of a template, from input to output, but for the small ones."""
    nodes = sorted(templates.build(name).network.nodes, key=lambda node: (node.y, node.x))
    families = []
    for node in nodes:
        kind = registry.lookup(node.kind)
        family = kind.family if kind else "unknown"
        if family not in _SKIPPED:
            families.append(family)
    return tuple(families)
