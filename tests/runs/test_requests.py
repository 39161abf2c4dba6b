"""What is asked of a run through its folder reaches its control, and nothing else does."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from studio.project.values import Chosen, DataSettings, Project, Recipe
from studio.runs import requests
from studio.runs.api import Warned, WorkFailed
from studio.runs.control import RunControl
from studio.runs.requests import Listener

PROJECT = Project(data=DataSettings(), recipe=Recipe(learning_rate=0.1, epochs=5))


@pytest.fixture
def control() -> RunControl:
    return RunControl()


@pytest.fixture
def listener(tmp_path: Path, control: RunControl) -> Listener:
    """One that looks when the test says so."""
    return Listener(tmp_path, PROJECT, control)


def left(folder: Path) -> list[str]:
    return [path.name for path in (folder / requests.FOLDER).iterdir()]


def test_all_is_done_in_the_order_in_which_it_was_asked(
    tmp_path: Path, control: RunControl, listener: Listener
) -> None:
    requests.ask(tmp_path, requests.Pause())
    listener.look()
    assert control.paused
    requests.ask(tmp_path, requests.Resume())
    requests.ask(tmp_path, requests.StopAfterEpoch())
    requests.ask(tmp_path, requests.Keep())
    listener.look()
    assert (control.paused, control.last_epoch, control.take_keep()) == (False, True, True)
    requests.ask(tmp_path, requests.StopAfterEpoch(wanted=False))
    requests.ask(tmp_path, requests.Stop())
    requests.ask(tmp_path, requests.Pause())  # behind a stop it holds nothing
    listener.look()
    assert (control.last_epoch, control.stopping, control.paused) == (False, True, False)
    assert left(tmp_path) == []


def test_a_change_is_passed_on_where_a_run_can_follow_it(
    tmp_path: Path, control: RunControl, listener: Listener
) -> None:
    wanted = msgspec.structs.replace(PROJECT.recipe, learning_rate=0.01)
    requests.ask(tmp_path, requests.Change(wanted))
    listener.look()
    assert control.take_change() == wanted
    for wrong in (
        msgspec.structs.replace(wanted, learning_rate=-1.0),
        msgspec.structs.replace(wanted, epochs=0),
        msgspec.structs.replace(wanted, schedule=Chosen("unheard")),
        msgspec.structs.replace(wanted, warmup=7.0),
    ):
        requests.ask(tmp_path, requests.Change(wrong))
        listener.look()
        assert control.take_change() is None
        (said,) = control.poll()
        assert isinstance(said, Warned)
        assert said.message.startswith("A change was asked for and is not made: ")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"type":"format_disk"}', b"[" * 100_000, b"0" * (3 << 20)]
)
def test_what_cannot_be_read_is_told_and_taken_away(
    tmp_path: Path, control: RunControl, listener: Listener, content: bytes
) -> None:
    (tmp_path / requests.FOLDER).mkdir()
    (tmp_path / requests.FOLDER / "1.json").write_bytes(content)
    listener.look()
    assert control.poll() == [Warned("Something was asked of this run that cannot be read.")]
    assert (control.stopping, control.paused, control.asked) == (False, False, False)
    assert left(tmp_path) == []


def test_what_was_asked_before_is_forgotten_and_nothing_is_left_behind(
    tmp_path: Path, control: RunControl, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "LOOK_SECONDS", 0.01)
    listener.look()  # nobody has asked yet, so there is no folder
    requests.ask(tmp_path, requests.Stop())
    (tmp_path / requests.FOLDER / ".x.json.77.part").write_bytes(b"cut off")
    with listener:
        assert left(tmp_path) == []
        sent = requests.ask(tmp_path, requests.Keep())
        end = time.monotonic() + 10
        while sent.exists():
            assert time.monotonic() < end
            time.sleep(0.005)
    assert (control.stopping, control.take_keep()) == (False, True)
    requests.ask(tmp_path, requests.Stop())
    listener.clear()
    assert left(tmp_path) == []


def test_a_folder_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match="The folder is gone: what is asked of the run in"):
        requests.ask(tmp_path / "away", requests.Stop())
