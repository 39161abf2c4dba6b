"""The window of these tests wears its own style."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _dressed(dressed: None) -> None:
    pass
