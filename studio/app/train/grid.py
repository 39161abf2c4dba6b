"""The panels of the dashboard in a grid that the user arranges; the arrangement is remembered."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect, QSettings, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QWidget

from studio.app.theme.tokens import RADIUS, S2, color
from studio.app.train.panel import Panel

SLOTS = (
    (0, 0, 3),
    (0, 3, 3),
    (1, 0, 6),
    (2, 0, 2),
    (2, 2, 2),
    (2, 4, 2),
)
"""Row, first column and columns of each place; the panel at place i is the i-th of the order."""

ROW_STRETCH = (29, 37, 26)
COLUMNS = 6
SETTING = "train/panels"


class PanelGrid(QWidget):
    """Panels in six places. Titles are dragged to swap places; one panel may fill the page."""

    def __init__(self, panels: Sequence[Panel], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panels = {panel.key: panel for panel in panels}
        self._order = self._remembered([panel.key for panel in panels])
        self._filling: str | None = None
        self._target: str | None = None
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(S2 + 2)
        for column in range(COLUMNS):
            self._layout.setColumnStretch(column, 1)
        for panel in panels:
            panel.setParent(self)
            panel.title.dragged.connect(lambda place, key=panel.key: self._drag(key, place))
            panel.title.dropped.connect(lambda _, key=panel.key: self._drop(key))
            panel.title.canceled.connect(self._cancel)
            panel.title.opened.connect(lambda key=panel.key: self.toggle_filling(key))
        self._frame = _DropFrame(self)
        self._arrange()

    @property
    def order(self) -> tuple[str, ...]:
        """The keys of the panels, place by place."""
        return tuple(self._order)

    @property
    def filling(self) -> str | None:
        """The key of the panel that fills the page, if one does."""
        return self._filling

    def swap(self, one: str, other: str) -> None:
        """Let two panels change places, and remember it."""
        first, second = self._order.index(one), self._order.index(other)
        self._order[first], self._order[second] = other, one
        QSettings().setValue(SETTING, list(self._order))
        self._arrange()

    def toggle_filling(self, key: str) -> None:
        """Let a panel fill the page, or go back to the grid."""
        self._filling = None if self._filling == key else key
        self._arrange()

    def _remembered(self, keys: list[str]) -> list[str]:
        saved = QSettings().value(SETTING, [])
        order = [str(key) for key in saved] if isinstance(saved, list | tuple) else []
        return order if sorted(order) == sorted(keys) else keys

    def _arrange(self) -> None:
        while self._layout.count():
            self._layout.takeAt(0)
        filling = self._filling
        for row, stretch in enumerate(ROW_STRETCH):
            self._layout.setRowStretch(row, 0 if filling else stretch)
        if filling:
            self._layout.addWidget(self._panels[filling], 0, 0, 1, COLUMNS)
            self._layout.setRowStretch(0, 1)
        for key, (row, column, columns) in zip(self._order, SLOTS, strict=True):
            panel = self._panels[key]
            panel.setVisible(filling in (None, key))
            if not filling:
                self._layout.addWidget(panel, row, column, 1, columns)

    def _drag(self, key: str, place: QPointF) -> None:
        here = self.mapFromGlobal(place).toPoint()
        self._target = None
        for other, panel in self._panels.items():
            if other != key and panel.isVisible() and panel.geometry().contains(here):
                self._target = other
        box = self._panels[self._target].geometry() if self._target else QRect()
        self._frame.setGeometry(box)
        self._frame.setVisible(self._target is not None)
        self._frame.raise_()

    def _drop(self, key: str) -> None:
        target = self._target
        self._cancel()
        if target is not None:
            self.swap(key, target)

    def _cancel(self) -> None:
        self._target = None
        self._frame.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = next((k for k, panel in self._panels.items() if panel.title.hasFocus()), None)
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if event.key() == Qt.Key.Key_Escape and self._filling:
            self.toggle_filling(self._filling)
        elif key is not None and step is not None and shifted and not self._filling:
            place = (self._order.index(key) + step) % len(self._order)
            self.swap(key, self._order[place])
        else:
            event.ignore()


class _DropFrame(QWidget):
    """Shows which panel the dragged one would change places with."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color("accent"), 2))
        veil = color("accent")
        veil.setAlphaF(0.08)
        painter.setBrush(veil)
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), RADIUS, RADIUS)
