"""Deterministic algorithms for the time of a run, and what was set before afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Within it torch refuses operations that may give other bits the next time."""
    if not wanted:
        yield
        return
    # Read by cuBLAS when it is first used; without it torch refuses its matrix products.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn = torch.backends.cudnn
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        cudnn.deterministic,
        cudnn.benchmark,
    )
    try:
        torch.use_deterministic_algorithms(True)
        cudnn.deterministic, cudnn.benchmark = True, False
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic, cudnn.benchmark = before[2:]


def is_refusal(error: Exception) -> bool:
    """Whether an operation has no deterministic form on this device."""
    return isinstance(error, RuntimeError) and "deterministic" in str(error)
