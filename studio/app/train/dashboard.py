"""The live plots of a run in their panels. Importing this loads pyqtgraph."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import groupby

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from studio.app.elided import ElidedLabel
from studio.app.plots import ticks
from studio.app.plots.gradient_map import GradientMap
from studio.app.plots.line_plot import LinePlot
from studio.app.plots.lines import ColumnLine, PointsLine, SmoothedLine
from studio.app.plots.scheduler import DrawScheduler, Together
from studio.app.plots.strip import BlockRows
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, S1
from studio.app.train.controller import TrainingController
from studio.app.train.grid import PanelGrid
from studio.app.train.legend import ColorScale, Entry, Legend
from studio.app.train.panel import HEAD, Panel
from studio.app.train.system_panel import SystemPanel
from studio.project import registry, schedules
from studio.project.values import Network, Project
from studio.runs.api import EpochDone, Started
from studio.runs.system import SystemSample
from studio.runs.telemetry import Telemetry

PALE = 0.28
"""How much of its color a raw line keeps behind its smoothed one."""

SMOOTHING_PARTS = 60
"""The moving average spans this part of the run, so that it looks alike in short and long ones; at
most an epoch, so that it does not lag behind the validation of a long run."""


MOST_DROPS = 100
"""Marks beyond this many would be a grey wall."""


def percent(share: float) -> str:
    """``share`` of one in percent, to a tenth, as an axis writes it."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def steady_percent(share: float) -> str:
    """``share`` of one in percent, always with its tenth."""
    return f"{100 * share:.1f} %"


class Dashboard(QWidget):
    """Loss, accuracy, gradients, learning rate, throughput and the machine, live."""

    block_clicked = Signal(str)

    def __init__(self, controller: TrainingController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._validation: dict[LinePlot, PointsLine] = {}
        self._unlaid: deque[Callable[[], None]] = deque()
        self._layer = QTimer(self)
        self._layer.setInterval(0)
        self._layer.timeout.connect(self._lay_out_next)
        self.scheduler = DrawScheduler(self)
        self.loss = LinePlot("Loss", self.scheduler, words=ticks.steady, floor=0.0)
        self.accuracy = LinePlot(
            "Accuracy",
            self.scheduler,
            unit=percent,
            words=steady_percent,
            floor=0.0,
            ceiling=1.0,
        )
        self.gradients = GradientMap(self.scheduler)
        self.rate = LinePlot("Learning rate", self.scheduler, floor=0.0)
        self.throughput = LinePlot("Throughput", self.scheduler, words="{:,.0f}".format, floor=0.0)
        self.system = SystemPanel()
        self._line_plots = (self.loss, self.accuracy, self.rate, self.throughput)
        watched = Together(self.loss, self.accuracy)
        for plot in (watched, self.gradients, self.rate, self.throughput):
            self.scheduler.add(plot)
        self.grid = PanelGrid(self._panels(), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.grid)
        self.gradients.strip.block_clicked.connect(self.block_clicked)
        controller.started_changed.connect(self.show_run)
        controller.recipe_changed.connect(self.show_run)
        controller.epoch_done.connect(self._add_epoch)
        controller.telemetry_advanced.connect(self._advance)
        controller.state_changed.connect(self._settle)
        self.show_run()

    def _panels(self) -> list[Panel]:
        loss = Panel("loss", "Loss", self.loss)
        loss.add_to_head(_log_button(self.loss))
        loss.add_to_head(self._legend(self.loss, "8.8·10⁻⁸", _BOTH))
        accuracy = Panel("accuracy", "Accuracy", self.accuracy)
        accuracy.add_to_head(self._legend(self.accuracy, "88.8 %", _BOTH))
        gradients = Panel("gradients", "Gradient norm, layer by step", self.gradients)
        scale = ColorScale(self.gradients.plot.color_at)
        self.gradients.plot.scaled.connect(lambda: scale.set_limits(self.gradients.plot.limits))
        gradients.add_to_head(scale)
        legend = Legend(_BARS)
        self.gradients.profile.styled.connect(
            lambda bars: legend.set_entries(_BARS if bars else _LINES)
        )
        gradients.add_to_head(legend)
        gradients.add_caption(self._comparison())
        rate = Panel("rate", "Learning rate", self.rate)
        rate.add_to_head(_log_button(self.rate))
        rate.add_to_head(
            self._legend(self.rate, "8.88·10⁻⁸", (Entry("", "plot1", "none", "8.8·10⁻⁸"),))
        )
        throughput = Panel("throughput", "Throughput", self.throughput)
        entry = Entry("images/s", "plot1", "none", "8,888,888")
        throughput.add_to_head(self._legend(self.throughput, "", (entry,)))
        system = Panel("system", "Machine", self.system)
        caption = ElidedLabel()
        caption.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_role(caption, "small")
        self.system.captioned.connect(caption.setText)
        system.add_to_head(caption)
        return [loss, accuracy, gradients, rate, throughput, system]

    def _comparison(self) -> QLabel:
        """Which part of the network gets how little of another's gradient."""
        caption = ElidedLabel()

        def show(text: str, little: bool) -> None:
            set_role(caption, "small-warning" if little else "small")
            caption.setText(text)

        self.gradients.profile.compared.connect(show)
        return caption

    def _legend(self, plot: LinePlot, widest: str, entries: Sequence[Entry]) -> Legend:
        entries = [Entry(e.name, e.tint, e.style, e.widest or widest) for e in entries]
        legend = Legend(entries)

        def refresh() -> None:
            titled = [line for line in plot.lines if line.title and line.current]
            values = [plot.words(v) if (v := line.last()) is not None else "" for line in titled]
            legend.set_values(values if len(values) == len(entries) else [""] * len(entries))

        plot.drawn.connect(refresh)
        return legend

    def show_run(self) -> None:
        """Lay the plots out for the controller's run, or empty them where it has not begun.

        One plot a turn of the event loop, so that the window answers between them.
        """
        self._validation.clear()
        self._unlaid.clear()
        started, telemetry = self._controller.started, self._controller.telemetry
        project = self._controller.project
        self.system.set_record(self._recorded if self._controller.follower is not None else None)
        if started is None or telemetry is None or project is None:
            for plot in self._line_plots:
                self._unlaid.append(plot.clear_lines)
            self._unlaid.append(partial(self.gradients.set_telemetry, None, ()))
        else:
            self.system.set_device(started.device_title)
            for plot in self._line_plots:
                self._unlaid.append(partial(self._lay_out, plot, started, telemetry, project))
            self._unlaid.append(partial(self._lay_out_gradients, started, telemetry, project))
        self._layer.start()

    def _recorded(self) -> tuple[SystemSample | None, str]:
        """What the run that is followed recorded of its machine, and which that is."""
        follower = self._controller.follower
        if follower is None:
            return None, ""
        when = "" if self._controller.state == "following" else ", at the end"
        return follower.sample, f"{follower.info.machine}{when}"

    def _lay_out_next(self) -> None:
        if self._unlaid:
            self._unlaid.popleft()()
        else:
            self._layer.stop()

    def _lay_out(
        self, plot: LinePlot, started: Started, telemetry: Telemetry, project: Project
    ) -> None:
        plot.clear_lines()
        plot.set_run(started.total_steps, started.steps_per_epoch)
        first = telemetry.first_step
        if plot is self.throughput:
            column = telemetry.images_per_second
            plot.add(ColumnLine("images/s", column, "plot1", first, key="images_per_s"))
        elif plot is self.rate:
            if not schedules.SCHEDULES[project.recipe.schedule.kind].depends:
                plot.add(_planned(started, project, self._planned_from()))
            column = telemetry.learning_rate
            plot.add(ColumnLine("rate", column, "plot1", first, key="rate", stairs=True))
        else:
            column = telemetry.loss if plot is self.loss else telemetry.accuracy
            part = started.total_steps / SMOOTHING_PARTS
            span = max(3.0, min(part, started.steps_per_epoch))
            plot.add(ColumnLine("", column, "plot1", first, key="training", share=PALE, rough=True))
            plot.add(SmoothedLine("training", column, "plot1", span, first, key="smoothed"))
            self._validation[plot] = PointsLine("validation", "plot2", key="validation", dots=True)
            plot.add(self._validation[plot])
            self._show_epochs()
        if plot is not self.throughput:
            # Words on the first of them alone: the same ones thrice would be in the way.
            worded = plot is self.loss
            marks = [(float(at), text if worded else "") for at, text in self._controller.marks]
            plot.set_marks(marks, planned=rate_drops(project, started) if worded else ())

    def _planned_from(self) -> int:
        """The step from which on the present recipe is followed: that of the last change, of the
        branch, or of the beginning here."""
        controller = self._controller
        begun = controller.started.step if controller.started is not None else 0
        return max([begun, *(step for step, _ in controller.marks)])

    def _lay_out_gradients(self, started: Started, telemetry: Telemetry, project: Project) -> None:
        self.gradients.plot.set_run(started.total_steps, started.steps_per_epoch)
        self.gradients.set_telemetry(telemetry, block_rows(telemetry.layers, project.network))

    def _show_epochs(self) -> None:
        epochs = self._controller.epochs
        steps = np.array([epoch.step for epoch in epochs], float)
        for plot, line in self._validation.items():
            values = [
                epoch.validation_loss if plot is self.loss else epoch.validation_accuracy
                for epoch in epochs
            ]
            line.set_points(steps, np.array(values, float))
            plot.touch()

    def _add_epoch(self, epoch: EpochDone) -> None:
        self._show_epochs()

    def _advance(self) -> None:
        for plot in self._line_plots:
            plot.touch()
        self.gradients.touch()

    def _settle(self, state: str) -> None:
        if state in ("idle", "paused"):
            self.scheduler.request()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.scheduler.request()


_BARS = (Entry("now", "plot3", "bar"), Entry("at the start", "text", "mark"))
_LINES = (Entry("now", "plot1"), Entry("at the start", "muted", "dash"))
_BOTH = (Entry("training", "plot1"), Entry("validation", "plot2", "dash"))


def block_rows(layers: Sequence[str], network: Network) -> list[BlockRows]:
    """The layers' rows grouped by the node they lie in, with its family's color."""
    nodes = {node.name: node for node in network.nodes}
    blocks = []
    first = 0
    for name, members in groupby(layers, key=lambda layer: _node_of(layer, nodes)):
        count = sum(1 for _ in members)
        node = nodes.get(name)
        kind = registry.lookup(node.kind) if node is not None else None
        family = kind.family_of(node.settings) if kind and node is not None else "unknown"
        blocks.append(BlockRows(name, f"family.{family}", first, count))
        first += count
    return blocks


def _node_of(layer: str, nodes: Collection[str]) -> str:
    return layer if layer in nodes else layer.partition(".")[0]


def _planned(started: Started, project: Project, since: int) -> PointsLine:
    """The rate from the step ``since`` to the end as a dashed staircase: it holds from its step to
    the next. What was planned before is of no interest once something else is followed."""
    plan = np.array(schedules.curve(project.recipe, started.steps_per_epoch))
    steps, rates = plan[:, 0] * started.steps_per_epoch, plan[:, 1]
    first = max(0, int(np.searchsorted(steps, since, "right")) - 1)
    steps = np.concatenate([[max(since, 0)], steps[first + 1 :], [started.total_steps]])
    line = PointsLine("planned", "muted", key="planned", current=False)
    line.set_points(np.repeat(steps, 2)[1:-1], np.repeat(rates[first:], 2))
    return line


def rate_drops(project: Project, started: Started) -> list[tuple[float, str]]:
    """The steps at which step decay lowers the learning rate, and by what."""
    drops = schedules.drops(project.recipe, started.steps_per_epoch)
    return [(float(step), f"rate × {ticks.number(by)}") for step, by in drops][:MOST_DROPS]


def _small(button: QToolButton) -> None:
    button.setStyleSheet(f"font-size: {px(FONT_SMALL)}px; padding: 0 {S1 + 2}px; min-height: 0;")
    button.setFixedHeight(px(HEAD - 2))


def _log_button(plot: LinePlot) -> QToolButton:
    button = QToolButton()
    button.setText("log")
    button.setCheckable(True)
    button.setAccessibleName(f"Logarithmic axis of {plot.title}")
    button.setToolTip("Show the values on a logarithmic axis")
    set_role(button, "button")
    sized(button, _small)
    button.toggled.connect(plot.set_logarithmic)
    plot.scale_changed.connect(lambda: button.setChecked(plot.logarithmic))
    return button
