"""Loss and accuracy of the run that is chosen, live where it goes on. Brings pyqtgraph."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from studio.app.plots import ticks
from studio.app.plots.line_plot import LinePlot
from studio.app.plots.lines import ColumnLine, PointsLine, SmoothedLine
from studio.app.plots.scheduler import DrawScheduler, Together
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, S3
from studio.app.train.legend import Entry, Legend
from studio.app.train.run_words import course, percent, round_percent
from studio.runs.api import EpochDone, RecipeChanged, Started
from studio.runs.following import FollowedRun

POLL_MS = 200
HEIGHT = 190
_PALE = 0.28
_PARTS = 60
"""The moving average spans this part of the run, as on the train page."""


class RunCurves(QWidget):
    """Two small plots that follow a run folder, without its gradients."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: FollowedRun | None = None
        self._started: Started | None = None
        self._epochs: list[EpochDone] = []
        self._steps = 0
        self._marks: list[tuple[float, str]] = []
        self.scheduler = DrawScheduler(self)
        self.loss = LinePlot("Loss", self.scheduler, words=ticks.steady, floor=0.0)
        self.accuracy = LinePlot(
            "Accuracy", self.scheduler, unit=round_percent, words=percent, floor=0.0, ceiling=1.0
        )
        self._validation = {
            plot: PointsLine("validation", "plot2", key="validation", dots=True)
            for plot in (self.loss, self.accuracy)
        }
        self.scheduler.add(Together(self.loss, self.accuracy))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S2)
        for plot in self._validation:
            layout.addWidget(_card(plot), 1)
        sized(self, lambda w: w.setFixedHeight(px(HEIGHT)))
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def show_run(self, run: FollowedRun | None) -> None:
        """Show this run, which begins to read, in place of the one before; none with None."""
        if self._run is not None:
            self._run.leave()
        self._run, self._started, self._epochs, self._steps = run, None, [], 0
        self._marks = []
        self._lay_out()
        if run is None:
            self._timer.stop()
            return
        run.start()
        self._timer.start()

    def _poll(self) -> None:
        run = self._run
        if run is None:
            return
        alive = run.alive
        for message in run.poll(1000):
            match message:
                case Started():
                    self._started, self._epochs, self._steps = message, list(run.earlier), 0
                    step = message.branched
                    self._marks = [(float(step), f"branched at step {step:,}")] if step else []
                    self._lay_out()
                case RecipeChanged():
                    self._follow_recipe(message)
                case EpochDone():
                    self._epochs.append(message)
                    self._show_epochs()
        if len(run.telemetry) != self._steps:
            self._steps = len(run.telemetry)
            for plot in self._validation:
                plot.touch()
        if not alive:
            self._timer.stop()

    def _follow_recipe(self, changed: RecipeChanged) -> None:
        """Mark where the run took another course, which may be longer."""
        per_epoch = self._started.steps_per_epoch if self._started else 1
        words = course(changed.text, changed.recipe, changed.step, per_epoch)
        self._marks.append((float(changed.step), words))
        for plot in self._validation:
            plot.set_run(changed.total_steps, per_epoch)
        self._show_marks()

    def _show_marks(self) -> None:
        """With words on the loss alone: there is little room."""
        self.loss.set_marks(self._marks)
        self.accuracy.set_marks([(step, "") for step, _ in self._marks])

    def _lay_out(self) -> None:
        run, started = self._run, self._started
        for plot, validation in self._validation.items():
            plot.clear_lines()
            if run is None or started is None:
                plot.set_run(1, 1)
                continue
            plot.set_run(started.total_steps, started.steps_per_epoch)
            telemetry = run.telemetry
            column = telemetry.loss if plot is self.loss else telemetry.accuracy
            first, span = telemetry.first_step, max(3.0, started.total_steps / _PARTS)
            plot.add(
                ColumnLine("", column, "plot1", first, key="training", share=_PALE, rough=True)
            )
            plot.add(SmoothedLine("training", column, "plot1", span, first, key="smoothed"))
            plot.add(validation)
        self._show_marks()
        self._show_epochs()

    def _show_epochs(self) -> None:
        steps = np.array([epoch.step for epoch in self._epochs], float)
        for plot, line in self._validation.items():
            values = [
                epoch.validation_loss if plot is self.loss else epoch.validation_accuracy
                for epoch in self._epochs
            ]
            line.set_points(steps, np.array(values, float))
            plot.touch()


def _card(plot: LinePlot) -> QFrame:
    card = QFrame()
    set_role(card, "card")
    title = QLabel(plot.title)
    set_role(title, "title")
    head = QHBoxLayout()
    head.setContentsMargins(S3, 0, S3, 0)
    head.setSpacing(S3)
    head.addWidget(title)
    head.addStretch(1)
    head.addWidget(Legend((Entry("training", "plot1"), Entry("validation", "plot2", "dash"))))
    layout = QVBoxLayout(card)
    layout.setContentsMargins(S2, S2, S2, S1)
    layout.setSpacing(S1)
    layout.addLayout(head)
    layout.addWidget(plot, 1)
    return card
