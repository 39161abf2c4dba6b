"""What all plots over the steps of a run have in common: the axis, the view, hand and keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QGraphicsItem, QMenu, QToolTip, QWidget

from studio.app.plots import looks, saving, ticks
from studio.app.plots.axes import LeftAxis, StepAxis
from studio.app.plots.scheduler import DrawScheduler
from studio.app.theme.text_size import text_size
from studio.app.theme.tokens import color, theme

Bounds = tuple[float, float]


class StepPlot(pg.PlotWidget):  # type: ignore[misc]
    """A view over steps, shown in epochs or steps.

    It shows the whole run until the user moves or zooms it, and again after a double click, Home
    or 0. Arrow keys move it, plus and minus zoom.
    """

    def __init__(
        self,
        title: str,
        scheduler: DrawScheduler,
        unit: Callable[[float], str] = ticks.number,
        parent: QWidget | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.left_axis = LeftAxis(unit)
        self.step_axis = StepAxis()
        super().__init__(parent, axisItems={"left": self.left_axis, "bottom": self.step_axis})
        self.title = title
        self.stale = False
        self.held = False
        self.home: Bounds = (0.0, 1.0)
        self._moving = False
        self._ringed = False
        self.setAccessibleName(f"Plot: {title}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(120, 72)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setContentsMargins(0, 6, 8, 0)
        # The axes change now and then and the lines often: Qt keeps the axes as a picture.
        for axis in (self.left_axis, self.step_axis):
            axis.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
            axis.setZValue(-1)
        self.view = item.getViewBox()
        self.view.setDefaultPadding(0.0)
        self.view.disableAutoRange()
        self.view.sigRangeChangedManually.connect(self.hold)
        self.view.sigRangeChanged.connect(self._moved)
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.addItem(self._cursor, ignoreBounds=True)
        theme().scheme_changed.connect(self.dress)
        text_size().changed.connect(self.dress)

    def redraw(self) -> None:
        """Bring the picture up to date with the data, as far as it is in view."""
        raise NotImplementedError

    def show_home(self) -> None:
        """Lay the view over the whole run."""
        raise NotImplementedError

    def hover_texts(self, step: float, y: float) -> list[str]:
        """What the plot shows at a place, in words; nothing where there is nothing."""
        raise NotImplementedError

    def table(self) -> saving.Table:
        """What the plot shows in full, for a file."""
        raise NotImplementedError

    def set_run(self, total_steps: int, steps_per_epoch: int) -> None:
        """Lay out the axis for a run; the view goes back to the whole of it."""
        self.home = (0.0, float(max(1, total_steps)))
        self.step_axis.set_steps_per_epoch(max(1, steps_per_epoch))
        self.reset()

    def touch(self) -> None:
        """Note that something is new; it is drawn in the scheduler's time."""
        self.stale = True
        self.scheduler.request()

    def reset(self) -> None:
        """Show the whole run again."""
        self.held = False
        self.show_home()
        self.touch()

    def hold(self, *_: object) -> None:
        """Leave the view where the user put it."""
        self.held = True

    def move(self, x: Bounds | None = None, y: Bounds | None = None) -> None:
        """Set the view from the program, which does not hold it."""
        self._moving = True
        if x is not None:
            self.view.setXRange(*x, padding=0)
        if y is not None:
            self.view.setYRange(*y, padding=0)
        self._moving = False

    def dress(self) -> None:
        """Take the colors of the present scheme."""
        self.setBackground(color("card"))
        self.left_axis.dress()
        self.step_axis.dress()
        self._cursor.setPen(looks.pen(color("line_strong")))

    def _moved(self, *_: object) -> None:
        # The user sees at once what a hand moved; the budget is for what moves by itself.
        if not self._moving:
            self.redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        with self.scheduler.spending():
            super().paintEvent(event)
            if self._ringed:
                painter = QPainter(self.viewport())
                painter.setPen(looks.pen(color("accent")))
                painter.drawRect(self.viewport().rect().adjusted(0, 0, -1, -1))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # A ring shows the keyboard's user where it is; a click needs none.
        tabs = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._ringed = event.reason() in tabs
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._ringed = False
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if event.buttons() == Qt.MouseButton.NoButton:
            self._point_at(event.position())

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._cursor.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {Qt.Key.Key_Left: -0.1, Qt.Key.Key_Right: 0.1}
        zooms = {Qt.Key.Key_Plus: 0.8, Qt.Key.Key_Equal: 0.8, Qt.Key.Key_Minus: 1.25}
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Home, Qt.Key.Key_0):
            self.reset()
        elif key in moves:
            left, right = self.view.viewRange()[0]
            self.hold()
            self.view.translateBy(x=moves[key] * (right - left))
        elif key in zooms:
            self.hold()
            self.view.scaleBy(x=zooms[key])
        else:
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.context_menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def context_menu(self) -> QMenu:
        """What can be done with this plot."""
        menu = QMenu(self)
        menu.addAction("Show the whole run\tHome", self.reset)
        epochs = menu.addAction("Count in epochs")
        epochs.setCheckable(True)
        epochs.setChecked(self.step_axis.in_epochs)
        epochs.toggled.connect(self.step_axis.show_in_epochs)
        saving.add_actions(menu, self, self.title, self.table)
        return menu

    def _point_at(self, position: QPointF) -> None:
        place = self.mapToScene(position.toPoint())
        texts: list[str] = []
        if self.view.sceneBoundingRect().contains(place):
            here = self.view.mapSceneToView(place)
            texts = self.hover_texts(here.x(), here.y())
        if not texts:
            self._cursor.hide()
            QToolTip.hideText()
            return
        self._cursor.setPos(here.x())
        self._cursor.show()
        QToolTip.showText(self.mapToGlobal(position.toPoint()), "\n".join(texts), self)
