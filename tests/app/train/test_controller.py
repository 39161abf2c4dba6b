"""The control of a run, against the scripted engine."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from pytestqt.qtbot import QtBot

from studio.app.train.beginnings import new_folder
from studio.app.train.controller import SECONDS_A_POLL, TrainingController
from studio.project import edits, templates
from studio.project.values import Project
from studio.runs.api import EpochDone, Failed, Finished, RecipeChanged, Stage
from tests.scripted_engine import Script, ScriptedEngine, ScriptedRun

STEPWISE = Script(paced=None)


@pytest.fixture(scope="module")
def project() -> Project:
    project = templates.build("quickstart")
    return replace(project, recipe=replace(project.recipe, epochs=3))


@pytest.fixture
def controller(qtbot: QtBot, tmp_path: Path) -> TrainingController:
    return TrainingController(tmp_path / "runs")


def begun(
    controller: TrainingController, project: Project, script: Script = STEPWISE
) -> ScriptedRun:
    """A run of ``script`` under way in ``controller``."""
    engine = ScriptedEngine(script)
    controller.set_engine(engine)
    assert controller.start(project, "my digits")
    return engine.runs[0]


def test_a_run_goes_from_train_to_its_result(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    states: list[str] = []
    controller.state_changed.connect(states.append)
    controller.set_engine(ScriptedEngine(Script(paced=0.0005)))
    with qtbot.waitSignal(controller.finished, timeout=5000) as caught:
        assert controller.start(project, "my digits")
    result = caught.args[0]
    assert isinstance(result, Finished)
    assert result.reason == "completed"
    assert states == ["idle", "starting", "running", "stopping", "idle"]
    assert [epoch.epoch for epoch in controller.epochs] == [1, 2, 3]
    assert controller.result == result
    assert controller.telemetry is not None
    assert len(controller.telemetry) == 51
    assert controller.run is not None
    assert controller.run.folder.name.startswith("my-digits-")


def test_train_waits_for_the_engine_and_says_so(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    with qtbot.waitSignal(controller.refused) as caught:
        assert not controller.start(project)
    assert caught.args[0] == "The engine is still loading. Try again in a moment."


def test_an_engine_that_cannot_be_loaded_says_why(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    controller.engine_failed("torch is not installed. Run the bootstrap.")
    assert controller.state == "unavailable"
    assert controller.obstacles(project) == ("torch is not installed. Run the bootstrap.",)


def test_a_project_with_problems_is_refused_before_the_engine_is_asked(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    engine = ScriptedEngine(STEPWISE)
    controller.set_engine(engine)
    broken = replace(project, network=edits.disconnect(project.network, project.network.edges[0]))
    no_epochs = replace(project, recipe=replace(project.recipe, epochs=0))
    for bad in (broken, no_epochs):
        with qtbot.waitSignal(controller.refused) as caught:
            assert not controller.start(bad)
        assert len(caught.args[0]) > 10
    assert "epochs" in caught.args[0]
    assert engine.runs == []
    assert controller.state == "idle"


def test_an_engine_that_refuses_leaves_the_control_idle(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    controller.set_engine(ScriptedEngine(refuse="The folder holds no images."))
    with qtbot.waitSignal(controller.refused) as caught:
        assert not controller.start(project)
    assert caught.args == ["The folder holds no images. Mend it and press Train again."]
    assert controller.state == "idle"
    assert controller.run is None


def test_a_second_run_is_refused_while_one_is_under_way(
    controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    assert not controller.start(project)
    run.stop()
    controller.shutdown()


def test_telemetry_and_progress_are_there_from_the_first_step_on(
    controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    controller._poll()
    assert controller.state == "starting"
    assert controller.telemetry is None
    fraction, left, pace = controller.progress()
    assert (fraction, pace) == (0.0, 0.0)
    assert math.isnan(left)
    run.begin()
    run.advance(34)
    controller._poll()
    assert controller.state == "running"
    fraction, left, pace = controller.progress()
    assert fraction == pytest.approx(2 / 3)
    assert left == pytest.approx(17 * 0.01, rel=1e-3)  # the script's step takes 0.01 s
    assert pace == pytest.approx(64 / 0.01, rel=0.05)
    controller.shutdown()


def test_pause_resume_and_stop_follow_the_run(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    run.begin()
    run.advance(3)
    controller._poll()
    controller.pause()
    assert controller.state == "running"  # until the run itself says that it waits
    controller._poll()
    assert controller.state == "paused"
    controller.resume()
    controller._poll()
    assert controller.state == "running"
    controller.stop()
    assert controller.state == "stopping"
    with qtbot.waitSignal(controller.finished) as caught:
        controller._poll()
    assert caught.args[0].reason == "stopped"
    assert controller.state == "idle"


def test_a_run_that_fails_says_why_and_leaves_the_control_idle(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    controller.set_engine(ScriptedEngine(Script(paced=0.0005, fail_at=20)))
    with qtbot.waitSignal(controller.failed, timeout=5000) as caught:
        controller.start(project)
    assert caught.args == ["The loss is not a number.", "Try a lower learning rate."]
    assert controller.state == "idle"


def test_a_run_that_dies_without_a_word_is_noticed(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    controller.set_engine(ScriptedEngine(Script(paced=0.0005, die_at=20)))
    with qtbot.waitSignal(controller.failed, timeout=5000) as caught:
        controller.start(project)
    assert "without a word" in caught.args[0]
    assert controller.state == "idle"
    assert isinstance(controller.result, Failed)


def test_another_run_can_follow_and_starts_clean(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    run.begin()
    run.advance(51)
    controller._poll()
    first = controller.run
    assert controller.state == "idle"
    assert controller.start(project)
    assert controller.run is not first
    assert controller.epochs == []
    assert controller.telemetry is None
    controller.shutdown()


def test_a_run_that_fails_before_its_first_step_gives_the_one_before_it_back(
    qtbot: QtBot, controller: TrainingController, project: Project, tmp_path: Path
) -> None:
    run = begun(controller, project)
    run.begin()
    run.advance(51)
    controller._poll()
    before = (controller.run, controller.started, controller.result, list(controller.epochs))
    controller.start(replace(project, recipe=replace(project.recipe, seed=1)))
    again = controller.run
    assert isinstance(again, ScriptedRun)
    again.say(Failed("The folder is gone.", "Choose another.", ""))
    again._ended = True
    with qtbot.waitSignal(controller.refused) as caught:
        controller._poll()
    assert caught.args == ["The folder is gone. Choose another."]
    assert (controller.run, controller.started, controller.result, controller.epochs) == before
    assert controller.project is project
    assert controller.state == "idle"


def test_a_stopped_run_goes_on_with_the_epochs_it_had(
    controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    assert not controller.can_continue
    run.begin()
    run.advance(20)
    controller._poll()
    controller.stop()
    controller._poll()
    assert controller.can_continue
    assert controller.go_on()
    again = controller.run
    assert isinstance(again, ScriptedRun)
    assert (again.folder, again.step) == (run.folder, 20)
    again.begin()
    again.advance(31)
    controller._poll()
    assert [epoch.epoch for epoch in controller.epochs] == [1, 2, 3]
    assert not controller.can_continue  # it is complete
    assert not controller.go_on()


def test_a_flood_of_messages_is_read_in_parts(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    run.begin()
    epoch = EpochDone(1, 1, 1.0, 0.5, 1.0, 0.5, 0.1, 1.0, best=False)
    for _ in range(200_000):
        run.say(epoch)
    begin = time.thread_time()
    controller._poll()
    assert time.thread_time() - begin < 5 * SECONDS_A_POLL
    assert 0 < len(controller.epochs) < 200_000
    controller.shutdown()
    assert len(controller.epochs) == 200_000


def test_stages_and_warnings_reach_the_window_in_order(
    qtbot: QtBot, controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project, replace_script(warn_at=5))
    said: list[str] = []
    controller.message.connect(said.append)
    controller.warned.connect(said.append)
    run.say(Stage("Warming up"))
    run.begin()
    run.advance(10)
    controller._poll()
    assert said[:2] == ["Warming up", "Reading images"]
    assert said[2].startswith("The disk is full")
    controller.shutdown()


def replace_script(**changes: int) -> Script:
    return Script(paced=None, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("trial", range(12))
def test_closing_during_a_run_ends_its_thread(
    qtbot: QtBot, controller: TrainingController, project: Project, trial: int
) -> None:
    long = replace(project, recipe=replace(project.recipe, epochs=100_000))
    script = Script(paced=0.001, reading=0.05 * (trial % 3), ending=0.02 * (trial % 2))
    controller.set_engine(ScriptedEngine(script))
    results: list[object] = []
    controller.finished.connect(results.append)
    assert controller.start(long)
    qtbot.wait(20 * trial)
    if trial % 4 == 3:
        controller.pause()
    begin = time.monotonic()
    assert controller.shutdown()
    assert time.monotonic() - begin < 5
    assert controller.run is not None
    assert not controller.run.alive
    assert controller.state == "idle"
    assert len(results) == 1
    assert controller.shutdown()  # a second time changes nothing
    assert len(results) == 1


def test_run_folders_of_one_second_do_not_collide(
    controller: TrainingController, project: Project
) -> None:
    names = set()
    for _ in range(3):
        folder = new_folder(controller.runs_root, "été / 2 images?")
        folder.mkdir(parents=True)
        names.add(folder)
    assert len(names) == 3
    assert all(folder.parent == controller.runs_root for folder in names)


def test_a_change_on_the_way_reaches_project_plots_and_message(
    qtbot: QtBot, tmp_path: Path
) -> None:
    controller = TrainingController(tmp_path / "runs")
    engine = ScriptedEngine(Script(paced=None))
    controller.set_engine(engine)
    project = templates.build("quickstart")
    controller.start(project)
    engine.runs[0].begin()
    controller._poll()
    other = replace(project.recipe, learning_rate=0.001, epochs=99, batch_size=7)
    controller.compare(other)
    assert controller.changes == ("learning rate 0.001", "99 epochs")
    said: list[str] = []
    controller.message.connect(said.append)
    with qtbot.waitSignal(controller.recipe_changed):
        controller.change(other)
        controller._poll()
    assert controller.project is not None
    assert controller.project.recipe.epochs == 99
    assert controller.started is not None
    assert controller.started.total_steps == 99 * engine.script.steps_per_epoch
    assert controller.changed_at[0][1] == "another course"
    assert "From step" in said[-1]
    controller.keep()
    assert engine.runs[0].kept == 1
    controller.stop_after_epoch(True)
    assert engine.runs[0].last_epoch
    controller.shutdown()
    controller.compare(other)
    assert controller.changes == ()


def test_a_run_that_is_rolled_back_loses_the_epochs_and_marks_behind_its_checkpoint(
    controller: TrainingController, project: Project
) -> None:
    run = begun(controller, project)
    run.begin()
    run.advance(30)
    run.change(replace(project.recipe, learning_rate=0.01))
    controller._poll()
    assert len(controller.epochs) == 1
    assert [step for step, _ in controller.changed_at] == [30]
    assert controller.started is not None
    run.say(replace(controller.started, step=17))
    run.say(RecipeChanged(17, replace(project.recipe, learning_rate=0.001), 51, "a tenth"))
    controller._poll()
    assert controller.changed_at == ((17, "a tenth"),)
    assert len(controller.epochs) == 1
    run.say(replace(controller.started, step=0))
    controller._poll()
    assert controller.changed_at == ()
    assert controller.epochs == []
    controller.shutdown()
