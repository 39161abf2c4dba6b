"""A run of another process on the train page: shown, left, continued, extended, branched from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QCoreApplication, Qt
from pytestqt.qtbot import QtBot

from studio.app.train import controller as control
from studio.app.train.beginnings import Parent
from studio.app.train.controller import TrainingController
from studio.app.train.page import TrainPage
from studio.app.workspace import Workspace
from studio.project import templates
from studio.project.problems import Fix, SetRecipe
from studio.project.values import Chosen, Project, Recipe
from studio.runs import following
from studio.runs.api import Failed, Finished, Probed, Warned
from studio.runs.control import RunControl
from studio.runs.requests import Listener
from tests.run_writer import HERE, THERE, Writer
from tests.scripted_engine import Script, ScriptedEngine


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One poll reads all that was said, however busy the machine is."""
    monkeypatch.setattr(control, "SECONDS_A_POLL", 60.0)


@pytest.fixture(scope="module")
def project() -> Project:
    project = templates.build("quickstart")
    return replace(project, recipe=replace(project.recipe, epochs=5))


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine(Script(paced=None))


@pytest.fixture
def controller(
    qtbot: QtBot, tmp_path: Path, engine: ScriptedEngine
) -> Iterator[TrainingController]:
    made = TrainingController(tmp_path / "runs")
    made.set_engine(engine)
    yield made
    assert made.shutdown()


@pytest.fixture
def page(qtbot: QtBot, controller: TrainingController, project: Project) -> TrainPage:
    page = TrainPage(Workspace(project), controller)
    qtbot.addWidget(page)
    page.resize(1376, 852)
    with qtbot.waitSignal(page.plots_loaded, timeout=10_000):
        page.load_plots()
    page.show()
    qtbot.waitExposed(page)
    return page


@pytest.fixture
def writer(tmp_path: Path, project: Project) -> Iterator[Writer]:
    made = Writer(tmp_path / "other", HERE, project)
    made.steps(0, 12)
    made.epoch(1, 10)
    yield made
    made.metrics.close()


@pytest.fixture
def past(writer: Writer) -> Writer:
    """A run that was stopped in its second epoch."""
    writer.folder.checkpoint("last").write_bytes(b"weights")
    known = {"epochs_done": 1, "best_epoch": 1, "best_accuracy": 0.7, "seconds": 6.0}
    writer.note(state="stopped", step=12, **known)
    assert writer.metrics.close() == ""
    return writer


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        QCoreApplication.processEvents()
        time.sleep(0.005)


def test_a_run_of_another_process_is_shown_while_it_grows(
    page: TrainPage, controller: TrainingController, writer: Writer
) -> None:
    assert controller.follow(writer.folder.path)
    assert (controller.state, controller.busy) == ("following", False)
    until(lambda: controller.telemetry is not None and len(controller.telemetry) == 12)
    assert [epoch.epoch for epoch in controller.epochs] == [1]
    assert page._stack.currentWidget() is page._run_side
    assert page.followed.isVisible()
    assert page.followed.text.text() == (
        f"Following digits: process {HERE.process} on this machine"
    )
    until(lambda: page.followed.progress.text().startswith("Epoch 2 / 5"))
    writer.steps(12, 8)
    writer.epoch(2, 20)
    until(lambda: [epoch.epoch for epoch in controller.epochs] == [1, 2])
    writer.note(state="completed", epochs_done=2, best_epoch=1, best_accuracy=0.7)
    until(lambda: controller.state == "idle")
    assert isinstance(controller.result, Finished)
    assert page.followed.text.text().startswith("digits: run of 1 Jan 2026 at ")
    assert page.followed.text.text().endswith(", complete")
    assert page.status.text.text().startswith("Done: 2 epochs")
    page.followed.back.click()
    assert controller.run is None
    assert page._stack.currentWidget() is page.empty


def test_a_run_that_is_followed_hinders_no_training_and_gives_way_to_it(
    page: TrainPage, controller: TrainingController, writer: Writer, engine: ScriptedEngine
) -> None:
    controller.follow(writer.folder.path)
    assert controller.free
    page.train()
    assert controller.state == "starting"
    assert controller.follower is None
    assert not page.followed.isVisible()
    engine.runs[0].begin()
    controller._poll()
    assert controller.run is engine.runs[0]
    controller.stop()
    controller._poll()


def test_the_way_back_leads_to_ones_own_run_with_its_result(
    page: TrainPage,
    controller: TrainingController,
    writer: Writer,
    past: Writer,
    engine: ScriptedEngine,
) -> None:
    page.train()
    engine.runs[0].begin()
    engine.runs[0].advance(200)
    controller._poll()
    result, epochs = controller.result, list(controller.epochs)
    assert controller.follow(past.folder.path)
    until(lambda: controller.state == "idle")
    assert controller.result != result
    assert page.followed.back.text() == "Back to my run"
    page.followed.back.click()
    assert (controller.run, controller.result) == (engine.runs[0], result)
    assert controller.epochs == epochs
    assert page.status.text.text().startswith("Done: 5 epochs")
    assert page.followed.isHidden()


def test_the_way_back_leads_to_a_stopped_run_with_its_button_its_findings_and_its_warnings(
    page: TrainPage, controller: TrainingController, past: Writer, engine: ScriptedEngine
) -> None:
    page.train()
    run = engine.runs[0]
    run.begin()
    run.say(Warned("The disk is nearly full."))
    run.advance(40)
    for step in range(3):
        run.say(Probed(step, ("features.act1",), ("relu",), (0.9,)))
    controller._poll()
    controller.stop()
    controller._poll()
    page.health.look()
    probes, findings = controller.probes, page.health.findings
    assert page.status.go_on.isVisible()
    assert "dead" in [finding.code for finding in findings]
    past.note(state="completed")  # which has no Continue
    assert controller.follow(past.folder.path)
    until(lambda: controller.state == "idle")
    assert not page.status.go_on.isVisible()
    assert not page.status.more.isVisible()
    page.followed.back.click()
    assert page.status.go_on.isVisible()
    assert page.status.text.text().startswith("Stopped: 2 epochs")
    assert controller.probes == probes
    assert page.health.findings == findings
    assert page.health.isVisible()
    assert page.status.more.text() == "1 warning"


def test_the_way_back_leads_to_a_failed_run_with_why_and_what_would_mend_it(
    page: TrainPage, controller: TrainingController, past: Writer, engine: ScriptedEngine
) -> None:
    page.train()
    engine.runs[0].begin()
    engine.runs[0].advance(20)
    fix = Fix("Set the learning rate to 0.002", SetRecipe("learning_rate", 0.002))
    engine.runs[0].fail(Failed("The loss is no number.", "Lower the rate.", "Kept.", (fix,)))
    controller._poll()
    said = page.status.text.text()
    remedies = [button.text() for button in page.status.remedies]
    assert remedies
    assert controller.follow(past.folder.path)
    until(lambda: controller.state == "idle")
    assert not page.status.remedies
    page.followed.back.click()
    assert page.status.text.text() == said == "The loss is no number. Lower the rate. Kept."
    assert [button.text() for button in page.status.remedies] == remedies


def test_while_a_run_is_under_way_here_no_other_is_shown(
    qtbot: QtBot, controller: TrainingController, project: Project, past: Writer
) -> None:
    controller.start(project)
    with qtbot.waitSignal(controller.refused) as caught:
        assert not controller.follow(past.folder.path)
    assert "under way" in caught.args[0]
    assert controller.run is not None
    assert controller.follow(controller.run.folder)  # one's own is shown already
    controller.stop()
    controller._poll()


def test_what_cannot_be_shown_is_refused_in_words(
    qtbot: QtBot, controller: TrainingController, tmp_path: Path, writer: Writer
) -> None:
    with qtbot.waitSignal(controller.refused) as caught:
        assert not controller.follow(tmp_path)
    assert "is not a run folder" in caught.args[0]
    writer.note(state="failed", total_steps=0, message="The folder is gone. Choose another.")
    with qtbot.waitSignal(controller.refused) as caught:
        assert not controller.follow(writer.folder.path)
    assert caught.args[0] == (
        "digits ended before its first step, so it has no curves. The folder is gone. Choose "
        "another."
    )
    assert (controller.state, controller.follower) == ("idle", None)


def test_the_engine_may_come_while_a_run_is_followed(
    qtbot: QtBot, tmp_path: Path, writer: Writer, project: Project
) -> None:
    controller = TrainingController(tmp_path / "runs")
    assert controller.follow(writer.folder.path)
    assert controller.obstacles(project) == ("The engine is still loading. Try again in a moment.",)
    controller.set_engine(ScriptedEngine())
    assert controller.state == "following"
    assert controller.obstacles(project) == ()
    controller.leave()
    assert controller.state == "idle"


def test_without_an_engine_a_run_of_the_past_leaves_the_control_as_it_was(
    qtbot: QtBot, tmp_path: Path, past: Writer
) -> None:
    controller = TrainingController(tmp_path / "runs")
    controller.follow(past.folder.path)
    until(lambda: controller.state == "loading")
    assert isinstance(controller.result, Finished)
    assert controller.shutdown()


def test_a_run_that_goes_back_loses_its_epochs_and_marks(
    controller: TrainingController, writer: Writer
) -> None:
    writer.metrics.changed(11, "learning rate 0.001", Recipe(learning_rate=0.001, epochs=5))
    writer.steps(12, 8)
    controller.follow(writer.folder.path)
    until(lambda: controller.changed_at == ((11, "learning rate 0.001"),))
    assert controller.project is not None
    assert controller.project.recipe.learning_rate == 0.001
    writer.metrics.rewind(5)
    writer.event(5, "resumed")
    until(lambda: controller.changed_at == () and controller.epochs == [])
    assert controller.project.recipe.learning_rate != 0.001


def test_a_run_that_goes_on_keeps_the_marks_of_its_changes(
    controller: TrainingController, past: Writer, engine: ScriptedEngine
) -> None:
    past.metrics.changed(7, "learning rate 0.001", Recipe(learning_rate=0.001, epochs=5))
    assert past.metrics.close() == ""
    for _ in range(2):  # from its folder, and as it is shown
        assert controller.continue_run(past.folder.path)
        engine.runs[-1].begin()
        controller._poll()
        assert controller.marks == ((7, "learning rate 0.001"),)
        controller.stop()
        controller._poll()


def test_a_branch_that_is_followed_says_where_it_left_its_parent(
    page: TrainPage, controller: TrainingController, writer: Writer
) -> None:
    parent = str(writer.folder.checkpoint("last"))
    writer.note(parent=parent, parent_step=10, state="completed", epochs_done=1)
    assert controller.follow(writer.folder.path)
    until(lambda: controller.state == "idle")
    assert controller.marks == ((10, "branched at step 10"),)


def test_a_killed_run_can_be_continued_with_the_epochs_it_had(
    qtbot: QtBot,
    page: TrainPage,
    controller: TrainingController,
    writer: Writer,
    engine: ScriptedEngine,
) -> None:
    writer.note(process_started=1.0, step=12)
    with qtbot.waitSignal(controller.failed, timeout=10_000) as caught:
        controller.follow(writer.folder.path)
    assert "is gone without a word" in caught.args[0]
    assert page.followed.text.text().endswith(", interrupted")
    assert page.status.go_on.isVisible()
    qtbot.mouseClick(page.status.go_on, Qt.MouseButton.LeftButton)
    assert (engine.runs[0].folder, engine.runs[0].step) == (writer.folder.path, 12)
    assert [epoch.epoch for epoch in controller.epochs] == [1]
    assert controller.follower is None
    controller.stop()
    controller._poll()


def test_in_a_narrow_window_the_buttons_stand_under_the_text(
    page: TrainPage, controller: TrainingController, past: Writer
) -> None:
    controller.follow(past.folder.path)
    until(lambda: controller.state == "idle")
    status = page.status
    assert status.text.geometry().right() < status.export.x()
    page.resize(860, 700)
    until(lambda: status.export.y() > status.text.geometry().bottom())
    assert status.export.geometry().right() < status.width()
    page.resize(1376, 852)
    until(lambda: status.text.geometry().right() < status.export.x())


def test_epochs_are_added_to_a_run_that_has_ended(
    qtbot: QtBot,
    page: TrainPage,
    controller: TrainingController,
    past: Writer,
    engine: ScriptedEngine,
) -> None:
    controller.follow(past.folder.path)
    until(lambda: controller.state == "idle")
    assert page.status.longer.isVisible()
    page.status.longer.click()
    popup = page.status.epochs
    assert popup is not None
    assert popup.total.text().startswith("4 of its epochs are left. 10 epochs in all")
    qtbot.keyClicks(popup.field, "3")
    assert "8 epochs in all" in popup.total.text()
    qtbot.keyClick(popup.field, Qt.Key.Key_Return)
    assert popup.isHidden()
    assert engine.epochs_asked == 8
    assert controller.project is not None
    assert controller.project.recipe.epochs == 8
    controller.stop()
    controller._poll()


def test_a_continued_run_follows_the_recipe_that_it_had_last(
    controller: TrainingController, writer: Writer
) -> None:
    slower = replace(Recipe(), learning_rate=0.003, epochs=7)
    writer.metrics.changed(12, "learning rate 0.003", slower)
    writer.note(state="stopped", epochs=7)
    writer.metrics.close()
    assert controller.continue_run(writer.folder.path)
    assert controller.project is not None
    assert controller.project.recipe == slower
    controller.stop()
    controller._poll()


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, f"It is trained by process {HERE.process} now."),
        ({"state": "paused"}, "or branch from its checkpoint"),
        ({"machine": "far-away"}, "It is trained by process"),
    ],
)
def test_a_run_under_way_elsewhere_is_not_taken_over(
    qtbot: QtBot,
    controller: TrainingController,
    writer: Writer,
    engine: ScriptedEngine,
    known: dict[str, object],
    words: str,
) -> None:
    writer.note(**known)
    with qtbot.waitSignal(controller.refused) as caught:
        assert not controller.continue_run(writer.folder.path)
    assert words in caught.args[0]
    assert engine.runs == []


def test_a_continued_run_that_breaks_before_its_first_step_leaves_what_was_shown(
    qtbot: QtBot, controller: TrainingController, past: Writer, engine: ScriptedEngine
) -> None:
    controller.continue_run(past.folder.path)
    engine.runs[0].fail(Failed("The images are gone.", "Choose others."))
    with qtbot.waitSignal(controller.refused) as caught:
        controller._poll()
    assert caught.args[0] == "The images are gone. Choose others."
    assert (controller.run, controller.state) == (None, "idle")
    assert past.folder.checkpoint("last").exists()


def test_the_next_run_begins_from_the_checkpoint_that_was_chosen_and_the_one_after_does_not(
    qtbot: QtBot, controller: TrainingController, project: Project, engine: ScriptedEngine
) -> None:
    checkpoint = Path("somewhere/checkpoints/best.safetensors")
    with qtbot.waitSignal(controller.parent_changed):
        controller.branch_from(Parent(checkpoint, "digits", 30))
    controller.start(project)
    assert engine.parent == checkpoint
    assert controller.parent_run is not None  # until the branch has begun
    with qtbot.waitSignal(controller.parent_changed):
        engine.runs[0].begin()
        controller._poll()
    assert controller.parent_run is None
    controller.stop()
    controller._poll()
    controller.start(project)
    assert engine.parent is None
    controller.stop()
    controller._poll()


def test_a_silent_run_of_another_machine_can_be_continued_after_a_quarter_of_an_hour(
    qtbot: QtBot, controller: TrainingController, tmp_path: Path, project: Project
) -> None:
    writer = Writer(tmp_path / "far", THERE, project)
    writer.steps(0, 3)
    writer.metrics.close()
    for minutes, taken in ((5, False), (20, True)):
        then = time.time() - 60 * minutes
        for path in writer.folder.path.iterdir():
            os.utime(path, (then, then))
        assert controller.continue_run(writer.folder.path) is taken
    controller.stop()
    controller._poll()


class Heard:
    """What was asked of the run in ``folder``, taken as the run itself takes it."""

    def __init__(self, folder: Path, project: Project) -> None:
        self.control = RunControl()
        self._listener = Listener(folder, project, self.control)

    def until(self, condition: Callable[[], bool]) -> None:
        def look() -> bool:
            self._listener.look()
            return condition()

        until(look)


def test_a_run_of_another_process_is_paused_changed_and_stopped_from_the_bar(
    page: TrainPage, controller: TrainingController, writer: Writer, project: Project
) -> None:
    writer.note(listens=True)
    heard = Heard(writer.folder.path, project)
    assert controller.follow(writer.folder.path)
    far = page.followed.control
    until(lambda: far.isVisible() and far.pause.isEnabled())
    far.pause.click()
    assert not far.stop.isEnabled()  # until the run has taken what was asked
    heard.until(lambda: heard.control.paused)
    writer.note(state="paused")
    until(lambda: far.pause.accessibleName() == "Resume" and far.pause.isEnabled())
    far.pause.click()
    heard.until(lambda: not heard.control.paused)
    writer.note(state="running")
    until(lambda: far.pause.accessibleName() == "Pause" and far.pause.isEnabled())
    far.keep.trigger()
    heard.until(lambda: heard.control.asked)
    assert heard.control.take_keep()
    until(far.more.isEnabled)
    far.after_epoch.trigger()
    heard.until(lambda: heard.control.last_epoch)
    until(far.more.isEnabled)
    far.change.trigger()
    assert not far.popup.button.isEnabled()  # nothing of it is new yet
    far.popup.rate.set_value(0.5)
    far.popup.rate.edited.emit(0.5)
    assert far.popup.news.text() == "New: learning rate 0.5."
    far.popup.button.click()
    heard.until(lambda: heard.control.asked)
    wanted = heard.control.take_change()
    assert wanted == replace(project.recipe, learning_rate=0.5)
    until(far.stop.isEnabled)
    far.stop.click()
    heard.until(lambda: heard.control.stopping)
    writer.note(state="stopped")
    until(lambda: far.isHidden())


def test_a_run_can_take_the_decay_of_ones_own_recipe(
    page: TrainPage, controller: TrainingController, writer: Writer, project: Project
) -> None:
    writer.note(listens=True)
    heard = Heard(writer.folder.path, project)

    def cosine(mine: Project) -> Project:
        course = Chosen("cosine")
        return replace(mine, recipe=replace(mine.recipe, schedule=course, warmup=40.0))

    page._workspace.apply("Other decay", cosine)
    assert controller.follow(writer.folder.path)
    far = page.followed.control
    until(lambda: far.isVisible() and far.pause.isEnabled())
    far.change.trigger()
    far.popup.decay.setChecked(True)
    assert "set the warm-up to 1 epoch" in far.popup.news.text()  # 40 epochs of a run of 5
    assert not far.popup.button.isEnabled()
    far.popup.epochs.set_value(60)
    far.popup.epochs.edited.emit(60)
    assert far.popup.news.text() == "New: cosine decay, 60 epochs."
    far.popup.choose()
    heard.until(lambda: heard.control.asked)
    wanted = heard.control.take_change()
    assert wanted is not None
    assert (wanted.schedule.kind, wanted.epochs) == ("cosine", 60)


def test_a_run_of_an_older_version_cannot_be_asked(
    page: TrainPage, controller: TrainingController, writer: Writer
) -> None:
    assert controller.follow(writer.folder.path)
    far = page.followed.control
    until(far.isVisible)
    assert [b.isEnabled() for b in (far.pause, far.stop, far.more)] == [False, False, False]
    assert "does not take requests" in far.stop.toolTip()


def test_a_run_that_does_not_answer_is_told_of(
    page: TrainPage,
    controller: TrainingController,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "PATIENCE_HERE", 0.1)
    writer.note(listens=True)
    told: list[str] = []
    controller.warned.connect(told.append)
    assert controller.follow(writer.folder.path)
    far = page.followed.control
    until(lambda: far.isVisible() and far.stop.isEnabled())
    far.stop.click()
    until(lambda: page.followed.progress.text().endswith("asked, not answered yet"))
    until(lambda: bool(told))
    assert told == [
        "The run has not answered for 0 seconds: its process may be held up, or the disk is slow. "
        "It does what was asked as soon as it looks."
    ]
