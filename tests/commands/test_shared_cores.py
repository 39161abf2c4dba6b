"""Whether other processes use the cores is seen before torch is loaded, and threads then sleep."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from studio.commands import shared_cores


@pytest.mark.parametrize(("busy", "policy"), [(0.0, None), (0.4, None), (0.9, "PASSIVE")])
def test_waiting_threads_sleep_where_others_are_at_work(
    monkeypatch: pytest.MonkeyPatch, busy: float, policy: str | None
) -> None:
    for name in shared_cores._CHOSEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shared_cores, "others_busy", lambda: busy)
    monkeypatch.setenv("OMP_WAIT_POLICY", "to be restored")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    shared_cores.share()
    assert os.environ.get("OMP_WAIT_POLICY") == policy


@pytest.mark.parametrize("name", shared_cores._CHOSEN)
def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for other in shared_cores._CHOSEN:
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, "0")
    monkeypatch.setattr(shared_cores, "others_busy", lambda: 8.0)
    shared_cores.share()
    assert os.environ[name] == "0"
    assert sum(other in os.environ for other in shared_cores._CHOSEN) == 1


def test_a_process_that_works_is_seen_and_ones_own_work_is_not() -> None:
    burn = "import sys; print('on', flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            seen = max(shared_cores.others_busy() for _ in range(10))
        finally:
            process.kill()
    assert seen > 0.3
