"""The app's process is killed without warning, and the next start brings the work back."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from studio.app.recovery_files import RecoveryFolder
from studio.project import codec, templates

CHECKOUT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the folders of the test are named in Linux's way"
)


def environment(home: Path) -> dict[str, str]:
    """The caller's, with a home of the test's own and no screen."""
    own = {"XDG_CONFIG_HOME": str(home / "config"), "XDG_DATA_HOME": str(home / "data")}
    return {**os.environ, **own, "HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}


def copies(home: Path) -> RecoveryFolder:
    return RecoveryFolder(home / "data" / "TrainingStudio" / "Training Studio" / "recovery")


def edit_until_killed(home: Path, project: Path, seconds: float, wanted: int = 0) -> int:
    """Edit for so long, then kill -9; the last edit old enough to be kept, at least ``wanted``."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.journeys.kill", "edit", str(project)],
        cwd=CHECKOUT, env=environment(home), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    made: list[tuple[float, int]] = []
    for line in process.stdout:
        made.append((time.monotonic(), int(line)))
        if made[-1][0] > made[0][0] + seconds and kept_at_least(made, made[-1][0]) >= wanted:
            break
    process.kill()
    killed = time.monotonic()
    process.wait()
    process.stdout.close()
    return kept_at_least(made, killed)


def kept_at_least(made: list[tuple[float, int]], end: float) -> int:
    """The last edit that was made more than a second before ``end``.

    A machine on which the edits come to a halt halts the writer as well: that time is no part of
    the second.
    """
    times = [at for at, _ in made]
    halt = max((after - before for before, after in pairwise(times)), default=0.0)
    return max((number for at, number in made if at < end - 1.0 - 2 * halt), default=0)


def test_killed_work_is_offered_at_the_next_start_and_saved_to_its_file(tmp_path: Path) -> None:
    project = tmp_path / "net.studio"
    codec.save(templates.build("quickstart"), project)
    least = edit_until_killed(tmp_path, project, 2.0, wanted=2)
    assert least >= 2
    done = subprocess.run(
        [sys.executable, "-m", "tests.journeys.kill", "restore"],
        cwd=CHECKOUT, env=environment(tmp_path), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    epochs, modified, path = done.stdout.split()
    assert int(epochs) >= least
    assert (modified, path) == ("True", str(project))
    assert codec.load(project).recipe.epochs == int(epochs)
    assert copies(tmp_path).lost() == ([], [])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_at_most_a_second_of_work_is_missing_whenever_the_process_is_killed(
    tmp_path: Path, seed: int
) -> None:
    project = tmp_path / "net.studio"
    codec.save(templates.build("resnet152"), project)
    least = edit_until_killed(tmp_path, project, random.Random(seed).uniform(0.0, 3.0))
    lost, complaints = copies(tmp_path).lost()
    assert complaints == []
    kept = [each.kept for each in lost]
    for each in lost:
        each.slot.release()
    assert [each.path for each in kept] in ([project], [])
    assert max((each.project.recipe.epochs for each in kept), default=0) >= least
    assert codec.load(project) == templates.build("resnet152")
