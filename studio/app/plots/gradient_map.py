"""The gradient map: the image of all norms, read against the network beside it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.app.plots.gradient_plot import GradientPlot
from studio.app.plots.norm_profile import NormProfile
from studio.app.plots.scheduler import DrawScheduler
from studio.app.plots.strip import BlockRows, BlockStrip
from studio.app.theme.tokens import S2
from studio.runs.telemetry import Telemetry


class GradientMap(QWidget):
    """The strip of the network, the image, and the profile of now against the start, in line."""

    def __init__(self, scheduler: DrawScheduler, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = GradientPlot(scheduler, self)
        self.strip = BlockStrip(self.plot.rows_span, lambda: self.plot.step_axis.name, self)
        self.plot.step_axis.renamed.connect(self.strip.update)
        self.profile = NormProfile(self.plot, self)
        self.stale = False
        self._scheduler = scheduler
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S2)
        layout.addWidget(self.strip)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.profile)
        self.setFocusProxy(self.plot)

    def set_telemetry(self, telemetry: Telemetry | None, blocks: Sequence[BlockRows]) -> None:
        """Show this run's gradients from now on, its layers grouped by ``blocks``."""
        self.strip.set_blocks(blocks, len(telemetry.layers) if telemetry is not None else 0)
        self.plot.set_telemetry(telemetry, blocks)
        self.touch()

    def touch(self) -> None:
        """Note that something is new; it is drawn in the scheduler's time."""
        self.stale = True
        self._scheduler.request()

    def redraw(self) -> None:
        """Bring image and profile up to date."""
        self.stale = False
        self.plot.redraw()
        self.profile.refresh()
        description = self.profile.describe()
        self.plot.setAccessibleDescription(description)
        self.setAccessibleDescription(description)
