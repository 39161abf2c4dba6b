"""One line on what the run does, what to know, and in the end what came of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from studio.app.canvas import texts
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px
from studio.app.theme.tokens import S1, S3
from studio.app.train import beginnings
from studio.app.train.add_epochs import AddEpochs
from studio.app.train.controller import TrainingController
from studio.project.problems import Fix, SetRecipe
from studio.runs.api import EpochDone, Failed, Finished, Started

_CHANGES = "Changes the recipe, which undo takes back"

KEPT = 50
"""How many of the last things said are kept."""

HEIGHT = 40

GO_ON = "Go on from the last checkpoint, exactly where this run was"
GO_ON_DIVERGED = (
    "Take the same steps again from the last checkpoint, with the same learning rate: it will "
    "diverge again"
)
LEAST_TEXT = 280


class RunStatus(QFrame):
    """Says the present stage, the newest epoch, warnings, and at last the result."""

    export_requested = Signal()
    remedy_wanted = Signal(object)
    """The Fix with which training shall be tried again from the beginning."""
    rescue_wanted = Signal(object, object)
    """The Fix, and the checkpoint from which training shall go on with it, as a new run."""

    def __init__(self, controller: TrainingController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._said: list[str] = []
        set_role(self, "card")
        self.setAccessibleName("Run")
        self.text = QLabel(self)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.text.setAccessibleName("What the run does")
        self.more = QPushButton(self)
        self.more.setCheckable(True)
        set_icon(self.more, "warning", "warning")
        set_role(self.more, "link")
        self.more.setToolTip("Show or hide what the run has warned of")
        self.more.toggled.connect(self._show_warnings)
        self.list = QLabel(self)
        self.list.setWordWrap(True)
        self.list.setTextInteractionFlags(self.text.textInteractionFlags())
        self.list.setAccessibleName("Warnings of this run")
        set_role(self.list, "warning")
        self.go_on = QPushButton("Continue", self)
        set_icon(self.go_on, "play")
        self.go_on.clicked.connect(controller.go_on)
        self.longer = QPushButton("Add epochs…", self)
        set_icon(self.longer, "plus")
        self.longer.setToolTip("Train this run for longer, from its last checkpoint on")
        self.longer.clicked.connect(self._ask_epochs)
        self.epochs: AddEpochs | None = None
        self.remedies: list[QPushButton] = []
        self.folder = QPushButton("Open folder", self)
        set_role(self.folder, "link")
        self.folder.clicked.connect(self._open_folder)
        self.export = QPushButton("Export…", self)
        set_icon(self.export, "export")
        self.export.setToolTip("Take the trained model away in a format that works elsewhere")
        self.export.clicked.connect(self.export_requested)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(S3)
        for button in (self.more, self.folder, self.go_on, self.longer, self.export):
            self._buttons.addWidget(button)
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        row.setSpacing(S3)
        row.addWidget(self.text, 1)
        row.addLayout(self._buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S3, S1, S1, S1)
        layout.setSpacing(S1)
        layout.addLayout(row)
        layout.addWidget(self.list)
        row.addStrut(HEIGHT - 2 * S1 - 2)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        controller.message.connect(self.say)
        controller.warned.connect(self.warn)
        controller.epoch_done.connect(self._tell_epoch)
        controller.started_changed.connect(self._begin)
        controller.state_changed.connect(self._show_state)
        controller.finished.connect(self._tell_result)
        controller.failed.connect(self._tell_failure)
        self._state: str = controller.state
        self._show_warnings()
        self._show_state(controller.state)

    @property
    def said(self) -> tuple[str, ...]:
        """What was said in this run, oldest first."""
        return tuple(self._said)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run has warned of, oldest first."""
        return self._controller.warnings

    def warn(self, text: str) -> None:
        """Show ``text``, which stays within reach when the next epoch is told."""
        self._show_warnings()
        self.say(text, "warning")

    def _show_warnings(self, _: bool = False) -> None:
        count = len(self.warnings)
        self.more.setText(f"{count} warning{'' if count == 1 else 's'}")
        self.more.setVisible(count > 0)
        self.list.setText("\n".join(self.warnings))
        self.list.setVisible(count > 0 and self.more.isChecked())

    def say(self, text: str, role: str = "") -> None:
        """Show ``text``; earlier ones stay in the tooltip."""
        self._said = [*self._said, text][-KEPT:]
        set_role(self.text, role)
        self.text.setText(text)
        self.text.setToolTip("\n".join(self._said[-12:]))
        self.text.setAccessibleDescription(text)

    def _begin(self) -> None:
        started, result = self._controller.started, self._controller.result
        if started is None:
            self._said = []
            self.more.setChecked(False)
            self._show_warnings()
            self.say("Starting" if self._controller.follower is None else "Reading the run")
            return
        self._show_warnings()
        if result is not None:  # it comes back after another one
            if isinstance(result, Finished):
                self._tell_result(result)
            else:
                self._tell_failure(result.message, advice_of(result))
            return
        images = f"{started.train_images:,} images to learn from"
        held = f"{started.validation_images:,} to check with"
        steps = f"{started.steps_per_epoch:,} steps an epoch"
        numbers = "" if started.precision == "float32" else f" in {started.precision}"
        place = started.device_title
        if started.device == "cpu" and started.threads:
            place += f" with {started.threads:,} thread{'' if started.threads == 1 else 's'}"
        branch = f"Branched at step {started.branched:,}. " if started.branched else ""
        self.say(f"{branch}Training on {place}{numbers}: {images}, {held}, {steps}.")

    def _tell_epoch(self, epoch: EpochDone) -> None:
        started = self._controller.started
        since = "since the branch" if started is not None and started.branched else "so far"
        best = f", the best {since}" if epoch.best else ""
        self.say(
            f"Epoch {epoch.epoch}: training loss {epoch.train_loss:.3g}, validation loss "
            f"{epoch.validation_loss:.3g}, validation accuracy "
            f"{100 * epoch.validation_accuracy:.1f} %{best}."
        )

    def _tell_result(self, result: Finished) -> None:
        self.say(result_sentence(result, self._controller.started))

    def _tell_failure(self, message: str, advice: str) -> None:
        parts = (texts.sentence(part, ()) for part in (message, advice) if part)
        self.say(" ".join(parts), "warning")

    def _show_state(self, state: str) -> None:
        was, self._state = self._state, state
        ended = state == "idle" and self._controller.run is not None
        result = self._controller.result
        self.folder.setVisible(ended)
        self.go_on.setVisible(ended and self._controller.can_continue)
        self.longer.setVisible(ended and self._controller.can_extend)
        failure = result if ended and isinstance(result, Failed) else None
        self.go_on.setToolTip(GO_ON_DIVERGED if failure and failure.diverged else GO_ON)
        self._offer(failure)
        usable = isinstance(result, Finished) and result.epochs > 0
        self.export.setVisible(ended and (usable or isinstance(result, Failed)))
        self.export.setEnabled(usable)
        self._flow()
        run = self._controller.run
        if run is not None:
            self.folder.setToolTip(str(run.folder))
        if state == "paused":
            self.say("Paused after the step under way. Resume goes on from there.")
        elif state == "running" and was == "paused":
            self.say("Training goes on.")
        elif state == "stopping" and result is None:
            self.say("Stopping after the step under way, with a checkpoint.")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._flow()

    def _flow(self) -> None:
        """Put the buttons under the text where they leave it too little room beside them."""
        direction = QBoxLayout.Direction
        room = self.width() - self._buttons.sizeHint().width()
        narrow = room < px(LEAST_TEXT)
        wanted = direction.TopToBottom if narrow else direction.LeftToRight
        if self._row.direction() != wanted:
            self._row.setDirection(wanted)
            self._buttons.setAlignment(
                Qt.AlignmentFlag.AlignLeft if narrow else Qt.AlignmentFlag(0)
            )

    def _ask_epochs(self) -> None:
        project, run = self._controller.project, self._controller.run
        if project is None or run is None:
            return
        if self.epochs is None:
            self.epochs = AddEpochs(self)
            self.epochs.wanted.connect(self._add_epochs)
        self.epochs.open_at(self.longer, len(self._controller.epochs), project.recipe.epochs)

    def _add_epochs(self, epochs: int) -> None:
        run = self._controller.run
        if run is not None:
            self._controller.continue_run(run.folder, epochs)

    def _offer(self, failure: Failed | None) -> None:
        """Buttons that change the project and train; each says whether from the beginning."""
        for button in self.remedies:
            if button.hasFocus():
                self.text.setFocus()  # the button goes
            self._buttons.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.remedies = []
        for fix in failure.remedies if failure is not None else ():
            lower = isinstance(fix.mend, SetRecipe) and fix.mend.name == "learning_rate"
            if failure is not None and failure.diverged and lower:
                button = self._rescue(fix)
            else:
                button = QPushButton(f"{fix.text} and train", self)
                set_role(button, "link")
                button.setToolTip(f"{_CHANGES}, and trains again from the beginning")
                button.clicked.connect(lambda _=False, fix=fix: self.remedy_wanted.emit(fix))
            self._buttons.insertWidget(1 + len(self.remedies), button)
            button.show()
            self.remedies.append(button)

    def _rescue(self, fix: Fix) -> QPushButton:
        """A button that goes on with the lower learning rate of ``fix``, from a checkpoint where
        there is a good one."""
        assert isinstance(fix.mend, SetRecipe)
        rate, run = f"{fix.mend.value:g}", self._controller.run
        kept = beginnings.last_good(run.folder) if run is not None else None
        button = QPushButton(f"{'Train again' if kept is None else 'Continue'} at {rate}", self)
        set_icon(button, "play" if kept is None else "branch")
        if kept is None:
            button.setToolTip(
                f"{_CHANGES} to a learning rate of {rate}, and trains again from the beginning"
            )
            button.clicked.connect(lambda: self.remedy_wanted.emit(fix))
        else:
            button.setToolTip(
                f"{_CHANGES} to a learning rate of {rate}, and begins a new run with it from the "
                f"checkpoint of step {kept.step:,}, before the loss rose"
            )
            button.clicked.connect(lambda: self.rescue_wanted.emit(fix, kept.path))
        return button

    def _open_folder(self) -> None:
        run = self._controller.run
        if run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(run.folder))))


def advice_of(failure: Failed) -> str:
    """What to do next after ``failure``, and what was kept."""
    return " ".join(part for part in (failure.advice, failure.saved) if part)


def result_sentence(result: Finished, started: Started | None = None) -> str:
    """What came of a run, which had ``started`` so, in a sentence. Of a branch its own epochs are
    counted."""
    branched = started.branched if started is not None else 0
    before = branched // started.steps_per_epoch if started is not None and branched else 0
    since = " since the branch" if branched else ""
    minutes, seconds = divmod(round(result.seconds), 60)
    time = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    word = "Done" if result.reason == "completed" else "Stopped"
    count = max(0, result.epochs - before)
    epochs = f"{count:,} epoch{'' if count == 1 else 's'}{since}"
    if result.best_epoch < 1:
        return f"{word} after {time}, before {'an' if since else 'the first'} epoch was over."
    return (
        f"{word}: {epochs} in {time}. Best validation accuracy{since} "
        f"{100 * result.best_accuracy:.1f} %, in epoch {result.best_epoch:,}."
    )
