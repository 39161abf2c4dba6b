"""The machine while it works: the GPU where there is an NVIDIA one, else processor and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetricsF, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_SMALL, S1, S2, color, font, theme
from studio.runs.system import GpuSample, SystemMonitor, SystemSample

REFRESH_MS = 1000
HOT_CELSIUS = 85.0
ROW_HEIGHT = 28
LABEL = 74
VALUE = 112
GIB = 2**30


@dataclass(frozen=True)
class Reading:
    """One row: its name, the share of its bar in 0..1 (None: no bar), its value in words."""

    name: str
    share: float | None
    value: str
    warning: bool = False


def readings(sample: SystemSample, device_title: str = "") -> tuple[str, tuple[Reading, ...], str]:
    """Title, rows and note for ``sample``; of several GPUs, the one that ``device_title`` names."""
    if sample.gpus:
        gpu = next((g for g in sample.gpus if g.name and g.name in device_title), sample.gpus[0])
        return f"{gpu.name}", _gpu_readings(gpu), ""
    memory = sample.memory_used / max(1, sample.memory_total)
    own = sample.process_memory / max(1, sample.memory_total)
    rows: tuple[Reading, ...] = (
        Reading("processor", sample.processor / 100, f"{sample.processor:.0f} %"),
        Reading("memory", memory, _of(sample.memory_used, sample.memory_total)),
    )
    if sample.process_memory:  # which no run folder keeps
        rows += (Reading("this program", own, f"{sample.process_memory / GIB:.1f} GiB"),)
    return "Processor and memory", rows, sample.note


def _gpu_readings(gpu: GpuSample) -> tuple[Reading, ...]:
    used, total = gpu.memory_used, gpu.memory_total
    known = used is not None and total
    memory = used / total if used is not None and total else None
    power = gpu.power / gpu.power_limit if gpu.power is not None and gpu.power_limit else None
    watts = "" if gpu.power is None else f"{gpu.power:.0f} W"
    if power is not None:
        watts = f"{gpu.power:.0f} of {gpu.power_limit:.0f} W"
    return (
        _plain("utilization", gpu.utilization, " %"),
        Reading("memory", memory, _of(used or 0, total or 0) if known else _SILENT),
        _plain("temperature", gpu.temperature, " °C", HOT_CELSIUS),
        Reading("power", power, watts or _SILENT),
    )


def _plain(name: str, value: float | None, unit: str, hot: float = float("inf")) -> Reading:
    if value is None:
        return Reading(name, None, _SILENT)
    return Reading(name, value / 100, f"{value:.0f}{unit}", value >= hot)


def _of(used: int, total: int) -> str:
    return f"{used / GIB:.1f} of {total / GIB:.{0 if total > 100 * GIB else 1}f} GiB"


_SILENT = "not reported"


class SystemPanel(QWidget):
    """Samples the machine once a second on a thread of its own, while it is to be seen.

    ``captioned`` tells what is shown: the GPU's name, or that it is processor and memory.
    """

    captioned = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._monitor: SystemMonitor | None = None
        self._record: Callable[[], tuple[SystemSample | None, str]] | None = None
        self._device_title = ""
        self._rows: tuple[Reading, ...] = ()
        self._note = ""
        self.setAccessibleName("Machine")
        sized(self, lambda w: w.setMinimumSize(180, 4 * px(20)))
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        theme().scheme_changed.connect(self.update)

    def set_device(self, title: str) -> None:
        """Show the GPU that this run's device names."""
        self._device_title = title

    def set_record(self, record: Callable[[], tuple[SystemSample | None, str]] | None) -> None:
        """Show what ``record`` gives, a sample and of which machine it is, in place of what this
        machine does; None for this machine."""
        self._record = record
        self._refresh()

    def show_sample(self, sample: SystemSample, of: str = "") -> None:
        """Show one sample, ``of`` another machine where it is named."""
        caption, self._rows, self._note = readings(sample, self._device_title)
        caption = f"{of}: {caption}" if of else caption
        said = ", ".join(f"{row.name} {row.value}" for row in self._rows)
        self.setAccessibleDescription(f"{caption}: {said}. {self._note}".strip())
        self.setToolTip(self._note)
        self.captioned.emit(caption)
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._monitor is None:
            self._monitor = SystemMonitor()
            self._monitor.start()
            self._timer.start()
            QTimer.singleShot(REFRESH_MS // 4, self, self._refresh)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        if self._monitor is not None:
            self._monitor.stop()
            self._monitor = None

    def _refresh(self) -> None:
        if self._record is not None:
            sample, of = self._record()
            if sample is not None:
                self.show_sample(sample, of)
            else:
                self._rows, self._note = (), f"Nothing is recorded of {of} yet."
                self.captioned.emit(of)
                self.update()
            return
        if self._monitor is not None and self._monitor.latest is not None:
            self.show_sample(self._monitor.latest)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = font(FONT_SMALL, tabular=True)
        painter.setFont(small)
        metrics = QFontMetricsF(small)
        y = float(S1)
        note_height = 2 * metrics.height() + S1 if self._note else 0.0
        room = max(1.0, self.height() - y - note_height)
        step = min(float(px(ROW_HEIGHT)), room / max(1, len(self._rows)))
        for row in self._rows:
            self._paint_row(painter, row, QRectF(S1, y, self.width() - S2, step))
            y += step
        if self._note:
            painter.setPen(color("muted"))
            where = QRectF(S1, self.height() - note_height, self.width() - S2, note_height)
            wrap = int(Qt.TextFlag.TextWordWrap)
            note = self._note
            if metrics.boundingRect(where, wrap, note).height() > where.height():
                # Two lines, of which the first is seldom full; the tooltip has it all.
                note = metrics.elidedText(note, Qt.TextElideMode.ElideRight, 1.75 * where.width())
            painter.drawText(where, wrap, note)
        painter.end()

    def _paint_row(self, painter: QPainter, row: Reading, box: QRectF) -> None:
        align = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(color("muted"))
        painter.drawText(box, align | Qt.AlignmentFlag.AlignLeft, row.name)
        painter.setPen(color("warning" if row.warning else "text"))
        painter.drawText(box, align | Qt.AlignmentFlag.AlignRight, row.value)
        width = box.width() - px(LABEL + VALUE)
        if row.share is None or width < 24:
            return
        track = QRectF(box.left() + px(LABEL), box.center().y() - 3, width, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("track"))
        painter.drawRoundedRect(track, 3, 3)
        track.setWidth(max(6.0, width * min(1.0, max(0.0, row.share))))
        painter.setBrush(color("warning" if row.warning else "plot1"))
        painter.drawRoundedRect(track, 3, 3)
