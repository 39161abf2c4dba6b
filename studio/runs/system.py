"""What the machine does while a run goes on: NVIDIA GPUs through gpustat, the rest through psutil.

gpustat counts GPUs in PCI order and CUDA does not, so a GPU is known by its UUID alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque

import msgspec
import psutil


class GpuSample(msgspec.Struct, frozen=True):
    """One NVIDIA GPU: shares in percent, memory in bytes, °C, watts; None where it does not say."""

    uuid: str
    name: str
    utilization: float | None
    memory_used: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None
    power_limit: float | None


class SystemSample(msgspec.Struct, frozen=True):
    """The machine at ``time`` (seconds since 1970): processor in percent of all cores, memory in
    bytes, its NVIDIA GPUs and their driver's version; ``note`` says in a sentence why there is
    none."""

    time: float
    processor: float
    memory_used: int
    memory_total: int
    process_memory: int
    gpus: tuple[GpuSample, ...] = ()
    driver: str = ""
    note: str = ""

    def gpu(self, uuid: str) -> GpuSample | None:
        """The GPU called ``uuid`` (with or without NVML's ``GPU-`` in front), if it is there."""
        wanted = uuid.removeprefix("GPU-").lower()
        for gpu in self.gpus:
            if gpu.uuid.removeprefix("GPU-").lower() == wanted:
                return gpu
        return None


def read_system() -> SystemSample:
    """One sample; never raises. The processor's share is that since the call before."""
    gpus, driver, note = _read_gpus()
    memory = psutil.virtual_memory()
    return SystemSample(
        time=time.time(),
        processor=float(psutil.cpu_percent(interval=None)),
        memory_used=int(memory.total - memory.available),
        memory_total=int(memory.total),
        process_memory=int(psutil.Process().memory_info().rss),
        gpus=gpus,
        driver=driver,
        note=note,
    )


def _read_gpus() -> tuple[tuple[GpuSample, ...], str, str]:
    # Imported here: it brings a terminal library that only a machine with a monitor thread needs.
    try:
        import gpustat

        found = gpustat.GPUStatCollection.new_query()
    except Exception as error:  # NVML, its binding and gpustat each have their own errors
        return (), "", _explain(error)
    gpus = tuple(_gpu_sample(gpu) for gpu in found)
    note = "" if gpus else "The NVIDIA driver finds no GPU in this machine."
    return gpus, str(found.driver_version or ""), note


def _gpu_sample(gpu: object) -> GpuSample:
    entry: dict[str, object] = gpu.entry  # type: ignore[attr-defined]

    def number(key: str) -> float | None:
        value = entry.get(key)
        return float(value) if isinstance(value, int | float) else None

    def size(key: str) -> int | None:
        mebibytes = number(key)
        return None if mebibytes is None else int(mebibytes) * 2**20

    return GpuSample(
        uuid=str(entry.get("uuid", "")),
        name=str(entry.get("name", "")),
        utilization=number("utilization.gpu"),
        memory_used=size("memory.used"),
        memory_total=size("memory.total"),
        temperature=number("temperature.gpu"),
        power=number("power.draw"),
        power_limit=number("enforced.power.limit"),
    )


def _explain(error: Exception) -> str:
    kind = type(error).__name__
    if kind == "NVMLError_LibraryNotFound":
        return "No NVIDIA driver is installed, so there are no GPU statistics."
    if kind == "NVMLError_DriverNotLoaded":
        return "The NVIDIA driver is installed but not loaded, so there are no GPU statistics."
    if kind in ("NVMLError_LibRmVersionMismatch", "NVMLError_Lib_rm_version_mismatch"):
        return "The NVIDIA driver was updated while in use: restart the machine to see the GPU."
    if kind == "NVMLError_NoPermission":
        return "The NVIDIA driver does not let this user read GPU statistics."
    return f"GPU statistics cannot be read: {error}"


class SystemMonitor:
    """Samples the machine on a thread of its own until stopped; the thread never raises."""

    def __init__(self, interval: float = 1.0, history: int = 3600) -> None:
        """Sample every ``interval`` seconds and keep the last ``history`` samples."""
        self._interval = interval
        self._samples: deque[SystemSample] = deque(maxlen=history)
        self._new: deque[SystemSample] = deque(maxlen=history)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="system monitor")

    @property
    def latest(self) -> SystemSample | None:
        """The newest sample, or None before the first."""
        return self._samples[-1] if self._samples else None

    @property
    def samples(self) -> tuple[SystemSample, ...]:
        """All samples that are kept, oldest first."""
        return tuple(self._samples.copy())

    def take(self) -> tuple[SystemSample, ...]:
        """The samples since the last call, for the one reader who writes them down."""
        taken: list[SystemSample] = []
        while self._new:
            taken.append(self._new.popleft())
        return tuple(taken)

    def start(self) -> None:
        """Begin to sample."""
        self._thread.start()

    def stop(self) -> None:
        """End and wait for the thread; at most one sample (a fraction of a second) is under way."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        psutil.cpu_percent(interval=None)  # the first call only sets the mark to measure from
        while not self._end.wait(0.1 if not self._samples else self._interval):
            sample = read_system()
            self._samples.append(sample)
            self._new.append(sample)
