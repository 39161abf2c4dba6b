"""Training elsewhere: the command or the Slurm script for the project, as it is in its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.launch_form import LaunchForm
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_BASE, S2, S3, S4, S5, fixed_font
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project import codec
from studio.runs.launch import Launch, command, share_of_batch, slurm_script, word

_FOLLOW = (
    "The run can be followed, paused and changed from here while it is trained, where the disk is "
    "shared: open its folder on the Runs page."
)


class LaunchDialog(QDialog):
    """Not modal. What it shows follows the project and its file."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        save: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        """``save`` is what the window's Save does."""
        super().__init__(parent)
        self._workspace = workspace
        self._save = save
        self.setWindowTitle("Train elsewhere")
        self.setMinimumWidth(720)
        set_role(self, "panel")
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(S5, S4, S5, S4)
        self._whole.setSpacing(S3)
        self._add_notice()
        self.form = LaunchForm(workspace, controller, self)
        self._whole.addWidget(self.form)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self._whole.addWidget(self.note)
        self._add_preview()
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter ends the typing in a field, and presses nothing
        self.form.changed.connect(self._show)
        self.form.refused.connect(lambda text: self._say("error", text))
        workspace.changed.connect(self._show)
        workspace.saved_state_changed.connect(self._show)
        controller.parent_changed.connect(self._show)
        self._show()
        self.resize(px(760), px(600))

    # What it is made of --------------------------------------------------------------------------

    def _add_notice(self) -> None:
        self._notice = QFrame(self)
        set_role(self._notice, "bar")
        self._notice.setProperty("tone", "warning")
        self.notice = QLabel(self._notice)
        self.notice.setWordWrap(True)
        self.save = QPushButton(self._notice)
        set_role(self.save, "link")
        self.save.clicked.connect(lambda: self._save())
        row = QHBoxLayout(self._notice)
        row.setContentsMargins(S4, S2, S4, S2)
        row.setSpacing(S3)
        row.addWidget(self.notice, 1)
        row.addWidget(self.save)
        self._whole.addWidget(self._notice)

    def _add_preview(self) -> None:
        self.heading = QLabel(self)
        set_role(self.heading, "title")
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        sized(self.text, lambda w: w.setFont(fixed_font(FONT_BASE - 1)))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.text.document().setDocumentMargin(S2)
        self._whole.addWidget(self.heading)
        self._whole.addWidget(self.text, 1)
        follow = QLabel(_FOLLOW, self)
        follow.setWordWrap(True)
        set_role(follow, "small")
        self._whole.addWidget(follow)
        self.copy = QPushButton("Copy", self)
        set_icon(self.copy, "copy")
        self.copy.clicked.connect(self._copy)
        self.store = QPushButton("Save the script …", self)
        set_icon(self.store, "save")
        self.store.clicked.connect(self._store)
        self.said = QLabel(self)
        close = QPushButton("Close", self)
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.setSpacing(S2)
        row.addWidget(self.copy)
        row.addWidget(self.store)
        row.addSpacing(S2)
        row.addWidget(self.said, 1)
        row.addWidget(close)
        self._whole.addLayout(row)

    # What is shown -------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        """Bring notice and text in line with the project and what was typed."""
        launch, slurm = self.form.launch, self.form.slurm.isChecked()
        self._show_notice()
        self._show_note(launch, slurm)
        if slurm:
            text, heading = slurm_script(launch, self.form.job), "Submit this with sbatch"
        else:
            text, heading = command(launch), "Run this in a terminal"
            if launch.machines > 1:
                heading += f" on each of the {launch.machines:,} machines"
        self.heading.setText(heading)
        self.text.setAccessibleName(heading)
        if self.text.toPlainText() != text.rstrip("\n"):
            self.text.setPlainText(text.rstrip("\n"))
            self.said.clear()
        ready = self._workspace.path is not None and bool(launch.run)
        for button in (self.copy, self.store):
            button.setEnabled(ready)
            button.setToolTip("" if ready else "Save the project first, and give a run folder")
        self.store.setVisible(slurm)

    def _show_notice(self) -> None:
        workspace = self._workspace
        if workspace.path is None:
            self.notice.setText("The project has no file yet, and the command needs one.")
            self.save.setText("Save …")
        else:
            self.notice.setText(
                "There are unsaved changes: the command trains what the file holds."
            )
            self.save.setText("Save")
        self._notice.setVisible(workspace.path is None or workspace.modified)

    def _show_note(self, launch: Launch, slurm: bool) -> None:
        recipe, team = self._workspace.project.recipe, launch.processes * launch.machines
        text, warns = share_of_batch(recipe.batch_size, team)
        if team > 1 and recipe.device == "mps":
            text = "Several processes cannot train together on an Apple GPU: set another device."
            warns = True
        elif launch.machines > 1 and not launch.host and not slurm:
            text, warns = "Give the first machine: the processes meet there.", True
        if launch.resume:
            text = f"There is a run in this folder already, which is gone on with. {text}".strip()
        self.note.setText(text)
        self.note.setVisible(bool(text))
        set_role(self.note, "warning" if warns else "small")

    # What is done --------------------------------------------------------------------------------

    def _content(self) -> str:
        return self.text.toPlainText() + "\n"

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._content())
        self._say("good", "Copied.")

    @Slot()
    def _store(self) -> None:
        path = self._workspace.path
        folder = path.parent if path is not None else Path.home()
        wish = folder / f"{word(self._workspace.title)}.sbatch"
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Save the script", str(wish), "Slurm scripts (*.sbatch *.sh);;All files (*)"
        )
        if not chosen:
            return
        try:
            codec.write_atomically(Path(chosen), self._content().encode())
        except codec.ProjectError as error:
            self._say("warning", f"{error}.")
        else:
            self._say("good", f"Saved: sbatch {Path(chosen).name}")

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)
