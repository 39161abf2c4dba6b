"""Finding a learning rate: a button, and the curve of the loss over growing rates with what it
suggests."""

from __future__ import annotations

import math
import time

from msgspec.structs import replace
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.app.background import Background, Job
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, RADIUS, S1, S2, color, font, theme
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project.recipes import WARMUP_SETTINGS
from studio.project.values import Recipe
from studio.runs.api import RateSearch

HEIGHT = 104
LOOK_MS = 100
"""Between two looks at how far a search is."""


class RateFinder(QWidget):
    """Under the learning rate's preview. What was found stays until the project changes."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        background: Background | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._background = background
        self._job: Job[RateSearch] | None = None
        self._stop = False
        self._search: RateSearch | None = None
        self._so_far: RateSearch | None = None
        """Of the search under way; set by its thread."""
        self._shown: RateSearch | None = None
        self._begun = 0.0
        self._found_for: object = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._show_progress)
        self.find_button = _link(
            "Find a rate",
            "Train some steps with ever larger rates on a copy of the network, and see where the "
            "loss falls steepest. Nothing else is changed.",
            self,
        )
        self.find_button.clicked.connect(self._press)
        self.use_button = _link("", "Take the suggested learning rate", self)
        self.use_button.clicked.connect(self._use)
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        set_role(self.said, "small")
        self.curve = RateCurve(self)
        buttons = QHBoxLayout()
        buttons.setSpacing(S2)
        buttons.addWidget(self.find_button)
        buttons.addStretch(1)
        buttons.addWidget(self.use_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(S1)
        column.addWidget(self.curve)
        column.addLayout(buttons)
        column.addWidget(self.said)
        workspace.changed.connect(self._forget_if_changed)
        controller.state_changed.connect(self.refresh)
        self.refresh()

    @property
    def search(self) -> RateSearch | None:
        """What was found, while it holds."""
        return self._search

    @Slot()
    def refresh(self, _: str = "") -> None:
        """Show what can be done now."""
        working = self._job is not None
        ready = self._controller.free and self._background is not None
        self.find_button.setText("Stop searching" if working else "Find a rate")
        self.find_button.setEnabled(working or ready)
        found = self._search
        self.curve.setVisible(found is not None or (working and self._shown is not None))
        useful = found is not None and found.suggested > 0
        self.use_button.setVisible(useful and not self._is_used())
        if found is not None:
            self.use_button.setText(f"Use {found.suggested:g}")
        self.said.setVisible(bool(self.said.text()))

    def _is_used(self) -> bool:
        found = self._search
        return found is not None and self._workspace.project.recipe.learning_rate == found.suggested

    @Slot()
    def _press(self) -> None:
        if self._job is not None:
            # The second click of a double click stands for nothing.
            if time.monotonic() - self._begun > QApplication.doubleClickInterval() / 1000:
                self._stop = True
                self._say("Stopping …")
            return
        engine, background = self._controller.engine, self._background
        project = self._workspace.project
        obstacles = self._controller.obstacles(project)
        if obstacles or engine is None or background is None:
            self._say(obstacles[0] if obstacles else "The engine is not loaded yet.")
            return
        self._stop = False
        self._search = self._so_far = self._shown = None
        self._found_for = self._key()
        self._begun = time.monotonic()
        self._say("Reading the images …")
        self._job = background.run(
            lambda: engine.find_rate(project, lambda: self._stop, self._hear),
            self._take,
            self._fail,
        )
        self._timer.start()
        self.refresh()

    def _hear(self, so_far: RateSearch) -> None:
        """Called on the search's thread."""
        self._so_far = so_far

    @Slot()
    def _show_progress(self) -> None:
        so_far = self._so_far
        if self._job is None or so_far is None or so_far is self._shown or self._stop:
            return
        if self._shown is None:
            self._begun = time.monotonic()  # from here on the rates take their time
        first, self._shown = self._shown is None, so_far
        if first:
            QTimer.singleShot(0, self, self._come_into_view)
        done = len(so_far.rates)
        left = (time.monotonic() - self._begun) / done * (so_far.planned - done)
        at_most = "" if first else f", at most {math.ceil(left)} s left"
        self._say(f"Trying {so_far.rates[-1]:.1e}: {done} of {so_far.planned} rates{at_most}")
        self.curve.show_search(so_far, growing=True)
        self.refresh()

    def _key(self) -> object:
        """What the answer depends on: all but the learning rate, its course and the epochs."""
        project, plain = self._workspace.project, Recipe()
        course = ("learning_rate", "epochs", "schedule", *(s.name for s in WARMUP_SETTINGS))
        recipe = replace(project.recipe, **{name: getattr(plain, name) for name in course})
        return project.network, project.data, recipe

    @Slot()
    def _come_into_view(self) -> None:
        """The curve has pushed its buttons down; the recipe scrolls as far as they need."""
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            parent.ensureWidgetVisible(self, 0, S2)

    def _take(self, search: RateSearch) -> None:
        self._job = None
        self._timer.stop()
        if self._found_for == self._key():
            self._search = search
            self.curve.show_search(search)
            self._say(
                "The loss falls at no rate that was tried: look at the network, how its weights "
                "start, and the input."
                if not search.suggested
                else f"The loss falls steepest at {search.suggested:g}; it is lowest at "
                f"{search.rates[search.losses.index(min(search.losses))]:.2g}."
            )
        else:
            self._say("")
        self.refresh()

    def _fail(self, message: str, advice: str) -> None:
        self._job = None
        self._timer.stop()
        self._say("The search was stopped." if self._stop else f"{message} {advice}".strip())
        self.refresh()

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))

    @Slot()
    def _use(self) -> None:
        found = self._search
        if found is not None:
            self._workspace.apply(
                "Use the found learning rate",
                lambda p: replace(p, recipe=replace(p.recipe, learning_rate=found.suggested)),
            )

    @Slot()
    def _forget_if_changed(self) -> None:
        if self._found_for is not None and self._found_for != self._key():
            self._found_for = self._search = None
            self._stop = True
            self._say("The project has changed: the search is over." if self._job else "")
        self.refresh()


class RateCurve(QWidget):
    """The loss over the logarithm of the rate, and a mark at the suggestion."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._search: RateSearch | None = None
        self._axis = (0.0, 1.0)
        """The logarithms of the rates at its ends."""
        sized(self, lambda w: w.setFixedHeight(px(HEIGHT)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Loss over the learning rate")
        theme().scheme_changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(200, px(HEIGHT))

    def show_search(self, search: RateSearch, growing: bool = False) -> None:
        """Draw what was found; while it is ``growing``, on the axis of all that will be tried."""
        self._search = search
        tried = len(search.rates)
        first, last = math.log(search.rates[0]), math.log(search.rates[-1])
        if growing and tried > 1:
            last = first + (last - first) / (tried - 1) * (search.planned - 1)
        self._axis = first, max(last, first + 1e-6)
        suggested = f" Suggested: {search.suggested:g}." if search.suggested else ""
        words = (
            f"The loss over rates from {search.rates[0]:.2g} to {search.rates[-1]:.2g}: from "
            f"{search.losses[0]:.3g} to {min(search.losses):.3g} at its lowest.{suggested}"
        )
        self.setToolTip(words)
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(color("line"))
        painter.setBrush(color("field"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        search = self._search
        if search is None:
            return
        painter.setFont(font(FONT_SMALL, tabular=True))
        row = QFontMetricsF(painter.font()).height() + S1
        box = QRectF(self.rect()).adjusted(S2, row + S1, -S2, -row - S1)
        first, last = self._axis
        low = min(search.losses)
        high = max(search.losses[: search.losses.index(low) + 1]) * 1.15

        def x(rate: float) -> float:
            return box.left() + box.width() * (math.log(rate) - first) / (last - first)

        way = QPainterPath()
        for rate, loss in zip(search.rates, search.losses, strict=True):
            share = min(1.0, (loss - low) / max(high - low, 1e-12))
            at = QPointF(x(rate), box.bottom() - box.height() * share)
            way.lineTo(at) if way.elementCount() else way.moveTo(at)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color("plot1"), 1.5))
        painter.drawPath(way)
        self._paint_words(painter, search, row)
        if not search.suggested:
            return
        mark = x(search.suggested)
        pen = QPen(color("plot2"), 1.25)
        pen.setDashPattern([3, 3])
        painter.setPen(pen)
        painter.drawLine(QPointF(mark, box.top() - 2), QPointF(mark, box.bottom() + 2))

    def _paint_words(self, painter: QPainter, search: RateSearch, row: float) -> None:
        painter.setPen(color("muted"))
        top = QRectF(S2, S1, self.width() - 2 * S2, row)
        painter.drawText(top, Qt.AlignmentFlag.AlignLeft, "loss")
        if search.suggested:
            words = f"steepest at {search.suggested:g}"
            painter.drawText(top, Qt.AlignmentFlag.AlignRight, words)
        below = QRectF(S2, self.height() - row, self.width() - 2 * S2, row)
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, f"{search.rates[0]:.0e}")
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "learning rate")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, f"{math.exp(self._axis[1]):.2g}")


def _link(text: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(text, parent)
    set_role(button, "link")
    button.setToolTip(tip)
    button.setAccessibleName(text or tip)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button
