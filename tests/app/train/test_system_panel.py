"""What the machine's panel says of a sample."""

from __future__ import annotations

from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from studio.app.train.system_panel import SystemPanel, readings
from studio.runs.system import GpuSample, SystemSample

GIB = 2**30
NOTE = "No NVIDIA driver is installed, so there are no GPU statistics."
H200 = GpuSample("GPU-1", "NVIDIA H200", 87.0, 3 * GIB, 139 * GIB, 54.0, 412.0, 700.0)
SILENT = GpuSample("GPU-2", "NVIDIA T4", None, None, None, 90.0, None, None)


def sample(gpus: tuple[GpuSample, ...] = (), note: str = "") -> SystemSample:
    return SystemSample(0.0, 50.0, 4 * GIB, 16 * GIB, GIB, gpus, note=note)


def test_a_gpu_is_shown_with_its_four_numbers() -> None:
    title, rows, note = readings(sample((H200,)))
    assert title == "NVIDIA H200"
    assert [row.value for row in rows] == ["87 %", "3.0 of 139 GiB", "54 °C", "412 of 700 W"]
    assert rows[0].share == 0.87
    assert not any(row.warning for row in rows)
    assert note == ""


def test_of_several_gpus_the_one_of_the_run_is_shown() -> None:
    title, rows, _ = readings(sample((H200, SILENT)), "NVIDIA T4, 15 GiB")
    assert title == "NVIDIA T4"
    assert [row.value for row in rows] == ["not reported", "not reported", "90 °C", "not reported"]
    assert rows[2].warning


def test_without_a_gpu_processor_and_memory_are_shown_and_why() -> None:
    title, rows, note = readings(sample(note=NOTE))
    assert title == "Processor and memory"
    assert [row.value for row in rows] == ["50 %", "4.0 of 16.0 GiB", "1.0 GiB"]
    assert note == NOTE


def test_the_panel_samples_while_it_is_to_be_seen_and_says_it_in_words(qtbot: QtBot) -> None:
    panel = SystemPanel()
    qtbot.addWidget(panel)
    panel.resize(320, 160)
    panel.show()
    qtbot.waitUntil(lambda: "memory" in panel.accessibleDescription(), timeout=4000)
    assert not panel.grab().isNull()
    panel.hide()
    assert not panel._timer.isActive()


def test_a_recorded_sample_is_said_to_be_of_its_machine(qtbot: QtBot) -> None:
    panel = SystemPanel()
    qtbot.addWidget(panel)
    captions: list[str] = []
    panel.captioned.connect(captions.append)
    recorded = replace(sample((H200,)), process_memory=0)
    panel.set_record(lambda: (recorded, "gpu-node-7"))
    assert captions == ["gpu-node-7: NVIDIA H200"]
    assert "utilization 87 %" in panel.accessibleDescription()
    panel.set_record(lambda: (replace(sample(), process_memory=0), "far"))
    assert "this program" not in panel.accessibleDescription()
    panel.set_record(lambda: (None, "far"))
    assert panel._note == "Nothing is recorded of far yet."
    panel.set_record(None)
    assert panel._record is None
