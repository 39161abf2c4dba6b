"""Buttons that paint themselves: the start page's cards and rows, the data page's sources."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from studio.app.theme.icons import paint_icon
from studio.app.theme.style import focus_pen
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import (
    FONT_BASE,
    FONT_SMALL,
    RADIUS,
    S2,
    S3,
    S4,
    S5,
    color,
    font,
    theme,
)


class Tile(QAbstractButton):
    """A button that paints itself. Pointed at, it has a stronger outline and ground; with the
    keyboard it has a ring."""

    def __init__(self, title: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(title)
        self._hint = hint
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(title)
        self.setAccessibleDescription(hint)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme().scheme_changed.connect(self.update)


def paint_ground(painter: QPainter, button: QAbstractButton) -> None:
    """The card of a tile in its present state."""
    over, ringed = button.underMouse(), button.hasFocus()
    inset = 1.0 if ringed else 0.5
    painter.setPen(focus_pen() if ringed else color("line_strong" if over else "line"))
    painter.setBrush(color("track" if button.isDown() else "hover" if over else "card"))
    box = QRectF(button.rect()).adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(box, RADIUS, RADIUS)


class ActionCard(Tile):
    """One of the first things to do: a large icon, a title and a sentence."""

    _BADGE = 40
    _LOWEST = 96

    def __init__(self, icon: str, title: str, hint: str) -> None:
        super().__init__(title, hint)
        self._icon = icon
        sized(self, lambda w: w.setMinimumSize(200, px(w._LOWEST)))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return QSize(300, px(self._LOWEST))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        room = QRect(0, 0, max(1, width - 2 * S4 - self._BADGE - S3), 10_000)
        metrics = QFontMetrics(font(FONT_SMALL + 1))
        text = metrics.boundingRect(room, int(Qt.TextFlag.TextWordWrap), self._hint)
        return max(px(self._LOWEST), S4 + px(S5) + text.height() + S3)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_ground(painter, self)
        badge = QRectF(S4, S4, self._BADGE, self._BADGE)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("accent_soft"))
        painter.drawRoundedRect(badge, RADIUS, RADIUS)
        paint_icon(painter, badge.adjusted(8, 8, -8, -8), self._icon, "accent")
        left = round(badge.right()) + S4
        room = self.width() - left - S3
        painter.setFont(font(FONT_BASE, bold=True))
        painter.setPen(color("text"))
        painter.drawText(QRect(left, S4, room, px(20)), Qt.AlignmentFlag.AlignVCenter, self.text())
        painter.setFont(font(FONT_SMALL + 1))
        painter.setPen(color("muted"))
        painter.drawText(
            QRect(left, S4 + px(S5), room, self.height() - S4 - px(S5) - S2),
            Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop,
            self._hint,
        )


class RecentRow(Tile):
    """A project opened lately: its name, folder and when it was changed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.stem, str(path.parent))
        self._when = f"{datetime.fromtimestamp(path.stat().st_mtime):%d %b %Y, %H:%M}"
        self.setToolTip(str(path))
        sized(self, lambda w: w.setFixedHeight(px(34)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(300, px(34))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self.hasFocus():
            painter.setPen(focus_pen() if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(color("hover") if self.underMouse() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        middle = Qt.AlignmentFlag.AlignVCenter
        paint_icon(painter, QRectF(S2, (self.height() - 18) / 2, 18, 18), "build", "muted")
        name = self.fontMetrics().horizontalAdvance(self.text())
        left = S2 + 18 + S3
        painter.setPen(color("text"))
        painter.drawText(QRect(left, 0, name + S2, self.height()), middle, self.text())
        painter.setPen(color("muted"))
        when = self.fontMetrics().horizontalAdvance(self._when)
        start = left + name + S4
        room = self.width() - start - when - S4
        folder = self.fontMetrics().elidedText(self._hint, Qt.TextElideMode.ElideMiddle, room)
        painter.drawText(QRect(start, 0, room, self.height()), middle, folder)
        painter.drawText(
            QRect(0, 0, self.width() - S2, self.height()),
            middle | Qt.AlignmentFlag.AlignRight,
            self._when,
        )


class ChoiceTile(Tile):
    """One of a few that exclude each other; the chosen one has a thick outline and a check."""

    def __init__(self, icon: str, title: str, hint: str) -> None:
        super().__init__(title, hint)
        self._icon = icon
        self.setCheckable(True)
        sized(self, lambda w: w.setFixedHeight(px(52)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(240, px(52))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self.isChecked()
        ringed = self.hasFocus() and not chosen
        width = 2 if chosen or ringed else 1
        edge = "accent" if chosen or ringed else "line"
        if self.underMouse() and not (chosen or ringed):
            edge = "line_strong"
        painter.setPen(QPen(color(edge), width))
        painter.setBrush(color("accent_soft" if chosen else "field"))
        inset = width / 2
        box = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        if self.hasFocus() and chosen:
            painter.setPen(QPen(color("accent"), 1))
            painter.drawRoundedRect(box.adjusted(4, 4, -4, -4), RADIUS - 2, RADIUS - 2)
        tone = "accent" if chosen else "muted"
        paint_icon(painter, QRectF(S3, (self.height() - 24) / 2, 24, 24), self._icon, tone)
        if chosen:
            top = (self.height() - 16) / 2
            paint_icon(painter, QRectF(self.width() - S3 - 16, top, 16, 16), "check", "accent")
        left = S3 + 24 + S3
        room = self.width() - left - S3 - 16 - S2
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font(FONT_BASE, bold=True))
        painter.setPen(color("text"))
        painter.drawText(QRect(left, px(S2), room, px(18)), middle, self.text())
        painter.setFont(font(FONT_SMALL))
        painter.setPen(color("muted"))
        painter.drawText(QRect(left, px(S2 + 18), room, px(16)), middle, self._hint)
