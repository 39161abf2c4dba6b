"""The queue of runs: shared by windows, worked off in order, and there again after a kill."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import gethostname

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from studio.app import run_queue
from studio.app.queue_runner import QueueRunner
from studio.app.run_queue import RunQueue
from studio.app.train.controller import TrainingController
from studio.project import templates
from studio.project.values import Project
from studio.runs.api import Failed, Finished
from studio.runs.folder import RunFolder, RunInfo
from studio.runs.queue import MOST
from tests.scripted_engine import Script, ScriptedEngine, ScriptedRun

QUICKSTART = templates.build("quickstart")
STEPWISE = Script(paced=None, steps_per_epoch=3)

Make = Callable[..., "Window"]


def project(rate: float = 0.05) -> Project:
    return replace(QUICKSTART, recipe=replace(QUICKSTART.recipe, learning_rate=rate, epochs=1))


class FolderEngine(ScriptedEngine):
    """Makes run folders, as the real engine does before it begins."""

    refuses: frozenset[float] = frozenset()

    def start(self, project: Project, folder: Path, parent: Path | None = None) -> ScriptedRun:
        self.refuse = "The images are gone." if project.recipe.learning_rate in self.refuses else ""
        run = super().start(project, folder, parent)
        # Of this machine, and of a process that is gone: as after a kill.
        info = RunInfo(state="running", title=folder.name, created="", machine=gethostname())
        RunFolder.create(folder, project, info)
        return run

    def resume(self, folder: Path, epochs: int | None = None) -> ScriptedRun:
        run = ScriptedRun(RunFolder(folder).project(), folder, self.script, 1)
        self.runs.append(run)
        return run


class Window:
    """What a window has of the queue."""

    def __init__(self, folder: Path, runs: Path) -> None:
        self.controller = TrainingController(runs)
        self.queue = RunQueue(folder)
        self.queue.open()
        self.runner = QueueRunner(self.controller, self.queue)
        self.engine = FolderEngine(STEPWISE)
        self.told: list[str] = []
        self.runner.told.connect(lambda _, text: self.told.append(text))
        self.queue.failed.connect(self.told.append)

    def load(self) -> None:
        self.controller.set_engine(self.engine)

    @property
    def run(self) -> ScriptedRun:
        """The run under way."""
        return self.engine.runs[-1]

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.queue.queue.entries]

    def close(self) -> None:
        self.runner.close()
        self.controller.shutdown()
        self.queue.close()

    def kill(self) -> None:
        """What a kill -9 leaves: the system lets go of the locks, and nothing is written."""
        self.runner.close()
        self.controller._timer.stop()
        self.queue._timer.stop()
        if self.queue._work is not None:
            os.close(self.queue._work._descriptor)
            self.queue._work = None


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path) -> Iterator[Make]:
    made: list[Window] = []

    def new(loaded: bool = True) -> Window:
        window = Window(tmp_path / "queue", tmp_path / "runs")
        made.append(window)
        if loaded:
            window.load()
        return window

    yield new
    for window in made:
        window.close()


def end_of(qtbot: QtBot, window: Window, count: int) -> None:
    """Train the run under way to its end, and wait until ``count`` runs were begun in all."""
    window.run.begin()
    window.run.advance(100)
    qtbot.waitUntil(lambda: len(window.engine.runs) == count, timeout=3000)


def test_runs_are_worked_off_in_order(qtbot: QtBot, make: Make) -> None:
    window = make()
    for rate in (0.1, 0.01, 0.001):
        assert window.runner.add(project(rate), "digits")
    assert window.names == [
        "digits", "digits, learning rate 0.01", "digits, learning rate 0.001",
    ]  # fmt: skip
    qtbot.wait(20)
    assert window.engine.runs == []  # nothing begins by itself
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)
    end_of(qtbot, window, 2)
    assert window.run.folder.name.startswith("digits-learning-rate-0.01-")
    end_of(qtbot, window, 3)
    window.run.begin()
    window.run.advance(100)
    qtbot.waitUntil(lambda: not window.runner.on)
    rates = [run.project.recipe.learning_rate for run in window.engine.runs]
    assert rates == [0.1, 0.01, 0.001]
    assert window.names == []
    assert window.told == ["The queue is done: 3 runs trained."]


def test_what_is_queued_behind_a_run_follows_it(qtbot: QtBot, make: Make) -> None:
    window = make()
    assert window.controller.start(project(0.1), "digits")
    assert window.runner.add(project(0.1), "digits")
    assert window.runner.add(project(0.2), "digits")
    assert window.names == ["digits, once more", "digits, learning rate 0.2"]
    end_of(qtbot, window, 2)
    assert window.runner.entry is not None
    assert window.runner.entry.note == "once more"
    assert [entry.note for entry in window.runner.waiting] == ["learning rate 0.2"]


def test_a_hundred_clicks_queue_a_hundred_runs(make: Make) -> None:
    window = make()
    for _ in range(100):
        assert window.runner.add(project(), "digits")
    assert len(window.names) == 100
    assert len({entry.id for entry in window.queue.queue.entries}) == 100
    assert len(RunQueue(window.queue.path.parent).queue.entries) == 100


def test_a_full_queue_says_so_and_stays_as_it_is(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.runs.queue.MOST", 3)
    window = make()
    assert [window.runner.add(project(), "digits") for _ in range(4)] == [True, True, True, False]
    assert len(window.names) == 3
    assert window.told == ["The queue holds at most 3 runs. Remove some before you add others."]
    assert MOST > 100


def test_a_failing_run_is_marked_and_the_next_one_begins(qtbot: QtBot, make: Make) -> None:
    window = make()
    window.runner.add(project(0.1), "digits")
    window.runner.add(project(0.2), "digits")
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)
    window.run.begin()
    window.run.advance(1)
    window.run.fail(Failed("The loss is not a number.", "Lower the learning rate."))
    qtbot.waitUntil(lambda: len(window.engine.runs) == 2)
    first = window.queue.queue.entries[1]
    assert first.trouble == "The loss is not a number. Lower the learning rate."
    assert window.told == [f"“digits” of the queue failed: {first.trouble}"]
    window.run.begin()
    window.run.advance(100)
    qtbot.waitUntil(lambda: not window.runner.on)
    assert window.names == ["digits"]
    assert window.told[-1] == ("The queue is done: 1 run trained, 1 failed. The queue says why.")


def test_a_run_that_the_engine_refuses_is_passed_over(qtbot: QtBot, make: Make) -> None:
    window = make()
    window.engine.refuses = frozenset({0.1, 0.2})
    for rate in (0.1, 0.2, 0.3):
        window.runner.add(project(rate), "digits")
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)
    assert window.run.project.recipe.learning_rate == 0.3
    troubles = [entry.trouble for entry in window.queue.queue.entries]
    assert troubles == ["", *["The images are gone. Mend it and press Train again."] * 2]


def test_a_run_that_failed_can_be_tried_again(qtbot: QtBot, make: Make) -> None:
    window = make()
    window.engine.refuses = frozenset({0.1})
    window.runner.add(project(0.1), "digits")
    window.runner.start()
    qtbot.waitUntil(lambda: not window.runner.on)
    assert window.runner.waiting == ()
    window.engine.refuses = frozenset()
    window.runner.try_again(window.queue.queue.entries[0].id)
    assert len(window.runner.waiting) == 1
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)


def test_stop_holds_the_queue_and_says_so(qtbot: QtBot, make: Make) -> None:
    window = make()
    for rate in (0.1, 0.2, 0.3):
        window.runner.add(project(rate), "digits")
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)
    window.run.begin()
    window.controller.stop()
    qtbot.waitUntil(lambda: not window.runner.on)
    assert window.told == ["You stopped the run, so the queue is held: 2 runs wait."]
    assert len(window.names) == 2  # the stopped run can be gone on with from the train page
    window.runner.add(project(0.4), "digits")
    qtbot.wait(30)
    assert len(window.engine.runs) == 1
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 2)


def test_held_the_run_under_way_goes_on_and_no_other_begins(qtbot: QtBot, make: Make) -> None:
    window = make()
    window.runner.add(project(0.1), "digits")
    window.runner.add(project(0.2), "digits")
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)
    window.runner.hold()
    window.run.begin()
    with qtbot.waitSignal(window.controller.finished) as caught:
        window.run.advance(100)
    assert isinstance(caught.args[0], Finished)
    qtbot.waitUntil(lambda: window.names == ["digits, learning rate 0.2"])
    qtbot.wait(30)
    assert len(window.engine.runs) == 1


def test_the_queue_waits_for_the_engine(qtbot: QtBot, make: Make) -> None:
    window = make(loaded=False)
    window.runner.add(project(), "digits")
    window.runner.start()
    qtbot.wait(20)
    assert window.runner.on
    window.load()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)


# Restarts ----------------------------------------------------------------------------------------


def test_what_waited_is_there_after_a_restart_and_begins_only_when_asked(
    qtbot: QtBot, make: Make
) -> None:
    first = make()
    first.runner.add(project(0.1), "digits")
    first.runner.add(project(0.2), "digits")
    first.close()
    second = make()
    assert second.names == ["digits", "digits, learning rate 0.2"]
    assert [entry.project for entry in second.queue.queue.entries] == [project(0.1), project(0.2)]
    qtbot.wait(30)
    assert second.engine.runs == []


def test_a_run_that_was_killed_is_gone_on_with_in_its_folder(qtbot: QtBot, make: Make) -> None:
    first = make()
    first.runner.add(project(0.1), "digits")
    first.runner.add(project(0.2), "digits")
    first.runner.start()
    qtbot.waitUntil(lambda: len(first.engine.runs) == 1)
    first.run.begin()
    first.run.advance(1)
    folder = first.run.folder
    first.kill()
    second = make()
    assert len(second.runner.waiting) == 2
    second.runner.start()
    qtbot.waitUntil(lambda: len(second.engine.runs) == 1)
    assert second.run.folder == folder
    end_of(qtbot, second, 2)
    assert second.run.project == project(0.2)
    assert second.run.folder != folder
    first.run.stop()


def test_a_run_that_was_to_begin_when_all_was_killed_begins_anew(
    qtbot: QtBot, make: Make, tmp_path: Path
) -> None:
    window = make()
    window.runner.add(project(), "digits")
    entry = window.queue.queue.entries[0]
    window.queue.change(entry.id, folder=str(tmp_path / "runs" / "never made"))
    window.runner.start()
    qtbot.waitUntil(lambda: len(window.engine.runs) == 1)
    assert window.run.step == 0


def test_a_run_that_was_complete_when_all_was_killed_is_not_trained_again(
    qtbot: QtBot, make: Make, tmp_path: Path
) -> None:
    window = make()
    window.runner.add(project(), "digits")
    folder = tmp_path / "runs" / "complete"
    RunFolder.create(folder, project(), RunInfo(state="completed", title="", created=""))
    window.queue.change(window.queue.queue.entries[0].id, folder=str(folder))
    window.runner.start()
    qtbot.waitUntil(lambda: not window.runner.on)
    assert window.engine.runs == []
    assert window.names == []


def test_closing_the_window_keeps_the_run_and_all_that_waits(qtbot: QtBot, make: Make) -> None:
    first = make()
    first.runner.add(project(0.1), "digits")
    first.runner.add(project(0.2), "digits")
    first.runner.start()
    qtbot.waitUntil(lambda: len(first.engine.runs) == 1)
    first.run.begin()
    first.close()
    assert first.run.stop_asked
    second = make()
    assert [Path(entry.folder) for entry in second.runner.waiting] == [first.run.folder, Path()]


_DIES = """
    import os, sys
    from pathlib import Path
    from studio.app.run_queue import RunQueue
    from studio.project import templates
    queue = RunQueue(Path(sys.argv[1]))
    assert queue.take_work()
    project = templates.build("quickstart")
    print("ready", flush=True)
    for number in range(10_000):
        queue.add(project, f"run {number}")
        print(number, flush=True)
"""


def test_a_process_that_is_killed_while_it_adds_loses_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_DIES), str(folder)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(8)]
    process.kill()
    said += process.stdout.readlines()
    process.wait()
    process.stdout.close()
    added = sum(line.strip().isdigit() for line in said)
    queue = RunQueue(folder)
    assert queue.complaint == ""
    assert len(queue.queue.entries) - added in (0, 1)
    assert not queue.worked_elsewhere
    assert queue.take_work()
    assert queue.add(project(), "afterwards")
    queue.close()


# Two windows -------------------------------------------------------------------------------------


def test_two_windows_add_to_one_queue_and_one_works_it_off(qtbot: QtBot, make: Make) -> None:
    one, other = make(), make()
    one.runner.add(project(0.1), "digits")
    other.runner.add(project(0.2), "digits")
    assert other.names == ["digits", "digits, learning rate 0.2"]
    qtbot.waitUntil(lambda: one.names == other.names, timeout=3000)  # the disk tells of it
    one.runner.start()
    qtbot.waitUntil(lambda: len(one.engine.runs) == 1)
    other.queue.look()
    assert other.queue.worked_elsewhere
    assert [entry.note for entry in other.runner.waiting] == ["learning rate 0.2"]
    other.runner.start()
    assert not other.runner.on
    assert other.told == ["Another window is working the queue off already."]
    other.runner.add(project(0.3), "digits")
    end_of(qtbot, one, 2)
    end_of(qtbot, one, 3)
    assert one.run.project == project(0.3)
    assert other.engine.runs == []


def test_the_other_window_takes_over_when_the_first_has_closed(qtbot: QtBot, make: Make) -> None:
    one, other = make(), make()
    one.runner.add(project(0.1), "digits")
    one.runner.start()
    qtbot.waitUntil(lambda: len(one.engine.runs) == 1)
    one.run.begin()
    one.close()
    other.queue.look()
    other.runner.start()
    qtbot.waitUntil(lambda: len(other.engine.runs) == 1)
    assert other.run.folder == one.run.folder


_ADDS = """
    import sys
    from pathlib import Path
    from studio.app.run_queue import RunQueue
    from studio.project import templates
    queue = RunQueue(Path(sys.argv[1]))
    project = templates.build("quickstart")
    for number in range(15):
        assert queue.add(project, f"{sys.argv[2]} {number}")
"""


def test_windows_that_add_at_the_same_time_lose_none(qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    command = [sys.executable, "-c", textwrap.dedent(_ADDS), str(folder)]
    processes = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    titles = [entry.title for entry in RunQueue(folder).queue.entries]
    assert len(titles) == 45
    for name in "abc":  # each in the order in which it added
        assert [t for t in titles if t[0] == name] == [f"{name} {n}" for n in range(15)]


# The file ----------------------------------------------------------------------------------------


def test_a_damaged_file_is_told_of_and_kept(make: Make) -> None:
    first = make()
    first.runner.add(project(0.1), "digits")
    first.runner.add(project(0.2), "digits")
    content = first.queue.path.read_bytes()
    damaged = content.replace(b'"learning_rate":0.2', b'"learning_rate":"?"')
    assert damaged != content
    first.queue.path.write_bytes(damaged)
    second = make()
    assert second.names == ["digits"]
    assert "run 2 in it is damaged" in second.queue.complaint
    aside = list(second.queue.path.parent.glob("queue-damaged-*.json"))
    assert [file.read_bytes() for file in aside] == [damaged]
    assert aside[0].name in second.queue.complaint
    assert make().queue.complaint == ""


def test_what_is_removed_can_be_put_back(qtbot: QtBot, make: Make) -> None:
    window = make()
    for rate in (0.1, 0.2, 0.3):
        window.runner.add(project(rate), "digits")
    names, ids = window.names, [entry.id for entry in window.queue.queue.entries]
    with qtbot.waitSignal(window.queue.removed) as caught:
        assert window.queue.remove(ids[:1])
    assert caught.args == ["“digits”"]
    window.queue.put_back()
    assert window.names == names
    with qtbot.waitSignal(window.queue.removed) as caught:
        assert window.queue.remove({ids[0], ids[2]})
    assert caught.args == ["2 runs"]
    window.queue.put_back()
    window.queue.put_back()
    assert window.names == names


def test_a_full_disk_is_told_and_changes_nothing(
    qtbot: QtBot, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = make()
    window.runner.add(project(0.1), "digits")

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_queue, "write_whole", full)
    assert not window.runner.add(project(0.2), "digits")
    assert window.told == ["The disk is full: the queue of runs could not be written."]
    assert window.names == ["digits"]
    window.runner.start()
    qtbot.waitUntil(lambda: not window.runner.on)  # a run that cannot be noted is not begun
    assert window.engine.runs == []
