"""Where to compute: what torch finds, which of it "auto" takes, and how many threads it gets."""

from __future__ import annotations

import contextlib
import os
import platform
import warnings
from collections.abc import Iterator

import psutil
import torch

from studio.engine import compilers
from studio.runs.api import Device, Machine, WorkFailed

_STICKY = (
    "illegal memory access", "illegal instruction", "misaligned address", "hardware stack error",
    "invalid program counter", "unspecified launch failure", "device-side assert triggered",
    "launch timed out", "uncorrectable ECC error", "CUDA error: unknown error",
    "STATUS_EXECUTION_FAILED",
)  # fmt: skip
"""What CUDA says of faults that end its context (CUDA Runtime API, "cudaError"), and its libraries
of kernels that failed."""


def find_machine() -> Machine:
    """The devices of this machine; the first is the one that "auto" takes."""
    devices = [*_cuda_devices(), *_mps_device()]
    note = "" if devices else _why_no_gpu()
    memory = int(psutil.virtual_memory().total)
    cores = _cores()
    title = f"Processor, {cores} core{'s' if cores != 1 else ''}"
    devices.append(Device("cpu", title, memory, _fastest_on_cpu(), compilers.obstacle("cpu")))
    return Machine(tuple(devices), str(torch.__version__), note)


def choose_device(wanted: str) -> Device:
    """The device for a recipe's ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises WorkFailed where the machine does not have it.
    """
    machine = find_machine()
    if wanted == "auto":
        return machine.devices[0]
    for device in machine.devices:
        if wanted in (device.name, device.name.partition(":")[0]):
            return device
    if wanted.partition(":")[0] not in ("cuda", "mps"):
        raise WorkFailed(f"There is no device {wanted!r}.", "Choose auto, cpu, cuda or mps.")
    raise WorkFailed(
        f"The recipe asks for {wanted}, which this machine does not have. {machine.note}".strip(),
        "Set the device to auto or cpu.",
    )


def device_uuid(name: str) -> str:
    """The UUID of a CUDA device as NVML has it, to find it in GPU statistics; else empty."""
    if not name.startswith("cuda"):
        return ""
    return f"GPU-{torch.cuda.get_device_properties(name).uuid}"


def cuda_version() -> str:
    """The CUDA version torch was built for, or empty for a build without it."""
    return str(torch.version.cuda or "")


def use_threads(spare_cores: int, wanted: int = 0) -> int:
    """Let torch compute with ``wanted`` threads on the calling thread, or where that is 0 on all
    cores but ``spare_cores``; how many these are.

    The one place that sets it, with ``threads``. A window that shares the machine keeps a core to
    stay quick.
    """
    count = wanted or max(1, _cores() - spare_cores)
    torch.set_num_threads(count)
    return count


@contextlib.contextmanager
def threads(spare_cores: int, wanted: int = 0) -> Iterator[int]:
    """``use_threads`` for the time of some work: a thread that is not ours computes afterwards
    with as many as before, and to the same bits, for sums depend on how they are divided."""
    before = torch.get_num_threads()
    try:
        yield use_threads(spare_cores, wanted)
    finally:
        torch.set_num_threads(before)


def synchronize(device: torch.device) -> None:
    """Wait until ``device`` has done all that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def free_memory(name: str) -> int:
    """Bytes that a run on the device ``name`` could have now; 0 where that is not known."""
    if name.startswith("cuda"):
        torch.cuda.empty_cache()  # what torch keeps for later is free for another run
        return int(torch.cuda.mem_get_info(name)[0])
    return int(psutil.virtual_memory().available)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that the processor's or a GPU's memory is full."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)


def is_broken(error: BaseException) -> bool:
    """Whether ``error`` says that the GPU has failed, and with it all that this process has there.

    After a fault in a kernel, or when the driver has lost the device, every later call fails alike;
    after what is merely not supported, none does.
    """
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _STICKY)


def _cores() -> int:
    """The cores this process may use, or fewer where OMP_NUM_THREADS says so."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(allowed or 1, int(limit)) if limit.isdigit() and int(limit) > 0 else allowed or 1


def _cuda_devices() -> list[Device]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of a driver too old; the note says it
        if not torch.cuda.is_available():
            return []
    devices = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        name, major = f"cuda:{index}", properties.major
        memory = int(properties.total_memory)
        uncompiled = compilers.obstacle(name, major)
        devices.append(Device(name, properties.name, memory, _fastest_on_cuda(major), uncompiled))
    return devices


def _fastest_on_cuda(major: int) -> str:
    """By compute capability: 8 (Ampere) has bfloat16 in its tensor cores, 7 float16 alone."""
    return "bfloat16" if major >= 8 else "float16" if major == 7 else "float32"


def _fastest_on_cpu() -> str:
    """bfloat16 where instructions for it multiply matrices; emulated it would be slower."""
    # torch 2.11 cannot say.
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    built_in = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return "bfloat16" if built_in else "float32"


def _mps_device() -> list[Device]:
    if not torch.backends.mps.is_available():
        return []
    memory = int(torch.mps.recommended_max_memory())
    return [Device("mps", f"Apple GPU ({platform.machine()})", memory)]


def _why_no_gpu() -> str:
    if torch.version.cuda is None and torch.version.hip is None and platform.system() != "Darwin":
        return "This torch was built without CUDA, so only the processor is used."
    if platform.system() == "Darwin":
        return "This torch cannot use the Mac's GPU, so only the processor is used."
    return "Torch finds no GPU with a working driver, so only the processor is used."
