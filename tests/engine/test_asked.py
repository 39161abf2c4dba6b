"""A run of another process, or of a team, does what is asked of it through its folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.commands.main import main
from studio.project import codec
from studio.project.values import Project
from studio.runs.api import Finished, PausedChanged, RecipeChanged
from studio.runs.changes import recipe_now
from studio.runs.folder import RunFolder
from studio.runs.following import FollowedRun
from tests.engine.helpers import small_project, until
from tests.engine.test_team import command, losses, saved
from tests.run_writer import HERE, Writer


def status(*arguments: str) -> int:
    """What the command ends with, wrong calls among them."""
    try:
        return main(arguments)
    except SystemExit as left:
        return int(str(left.code))


@contextmanager
def trained(project: Project, folder: Path, processes: int) -> Iterator[Path]:
    """The folder of a run that one process, or several, train without an end."""
    out = folder / "run"
    arguments = (saved(project, folder), "--out", str(out))
    call = [sys.executable, "-m", "studio", "train", *arguments]
    if processes > 1:
        call = command(*arguments, processes=processes)
    running = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        until((out / "checkpoints/last.safetensors").exists, 120)
        yield out
        said, errors = running.communicate(timeout=120)
        assert running.returncode == 0, errors[-3000:]
        (folder / "said.txt").write_text(said)
    finally:
        if running.poll() is None:
            running.kill()
            running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_it_is_paused_changed_and_stopped_from_outside(tmp_path: Path, processes: int) -> None:
    project = small_project(epochs=100_000, batch_size=64)
    with trained(project, tmp_path, processes) as out:
        run = FollowedRun(out).start()
        said: list[object] = []

        def heard(wanted: type[object]) -> bool:
            said.extend(run.poll())
            return any(isinstance(message, wanted) for message in said)

        assert run.listens
        run.pause()
        until(lambda: heard(PausedChanged))
        assert RunFolder(out).info().state == "paused"
        steps = len(losses(out))
        run.change(replace(run.recipe, learning_rate=0.0123))
        run.resume()
        until(lambda: heard(RecipeChanged))
        until(lambda: len(losses(out)) > steps)
        run.keep()
        until(lambda: any((out / "checkpoints").glob("step-*.safetensors")))
        run.stop()
        assert run.join(60)
        assert heard(Finished)
    printed = (tmp_path / "said.txt").read_text()
    assert printed.count("paused, as was asked; to go on: studio ask ") == 1
    assert printed.count("going on") == 1
    assert ": learning rate 0.0123" in printed
    folder = RunFolder(out)
    assert folder.info().state == "stopped"
    assert recipe_now(folder, project.recipe, 0).learning_rate == 0.0123
    assert list((out / "requests").iterdir()) == []


@pytest.mark.slow
def test_the_command_asks_and_hears_that_it_was_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = small_project(epochs=100_000)
    with trained(project, tmp_path, 1) as out:
        assert main(["ask", str(out), "--set", "learning_rate=0.02", "epochs=90000"]) == 0
        assert "was asked to follow learning rate 0.02, 90,000 epochs, and has heard it" in (
            capsys.readouterr().out
        )
        until(lambda: RunFolder(out).info().epochs == 90_000)
        assert status("ask", str(out), "--set", "learning_rate=0.02") == 2
        assert "the run follows that already" in capsys.readouterr().err
        assert main(["ask", str(out), "stop"]) == 0
    assert main(["ask", str(out), "pause"]) == 1
    assert "is not under way: it is stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give one of pause, resume"),
        (["pause", "--set", "epochs=3"], "give one of pause, resume"),
        (["--set", "batch_size=3"], "'batch_size' cannot change while a run is under way"),
        (["--set", "epochs"], "--set takes KEY=VALUE"),
        (["--set", "learning_rate=-1"], "must be above 0"),
        (["--set", "warmup=900"], "set the warm-up to"),
        (["explode"], "invalid choice"),
    ],
)
def test_a_wrong_call_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    Writer(tmp_path / "run", replace(HERE, listens=True), small_project()).metrics.close()
    assert status("ask", str(tmp_path / "run"), *arguments) == 2
    assert words in capsys.readouterr().err


def test_nobody_is_asked_who_would_not_hear_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, gone = tmp_path / "old", tmp_path / "gone"
    Writer(old, HERE).metrics.close()
    assert main(["ask", str(old), "pause"]) == 1
    assert "takes no requests" in capsys.readouterr().err
    Writer(gone, replace(HERE, process=1, process_started=0.0)).metrics.close()
    assert main(["ask", str(gone), "pause"]) == 1
    assert "it is interrupted" in capsys.readouterr().err
    assert main(["ask", str(tmp_path / "none"), "pause"]) == 1
    silent = tmp_path / "silent"
    Writer(silent, replace(HERE, listens=True), Project()).metrics.close()
    assert main(["ask", str(silent), "pause", "--wait", "0.2"]) == 1
    assert "has not answered for 0.2 seconds. It will wait after the step under way as soon" in (
        capsys.readouterr().err
    )
    assert codec.load(silent / "project.studio") == Project()
