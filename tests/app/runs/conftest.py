"""The window of these tests wears its own style."""

from __future__ import annotations

import pytest

from studio.app.train import controller


@pytest.fixture(autouse=True)
def _dressed(dressed: None) -> None:
    pass


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One poll reads all that was said, however busy the machine is."""
    monkeypatch.setattr(controller, "SECONDS_A_POLL", 60.0)
