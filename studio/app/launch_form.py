"""What is asked for a training elsewhere: how many processes, where, and what Slurm shall give."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QSettings, Signal, Slot
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.number_field import NumberField
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2, S3, S5
from studio.app.train.beginnings import new_folder
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project.settings import Integer
from studio.runs.launch import PORT, Launch, Slurm

PROCESSES = Integer(
    name="processes", title="Processes", default=2, minimum=1, maximum=1024, unit="a machine",
    help="One for each GPU. Each has the whole network and takes its part of every batch.",
)  # fmt: skip
MACHINES = Integer(
    name="machines", title="Machines", default=1, minimum=1, maximum=4096,
    help="All of them see the same project, images and run folder, as on a shared disk.",
)  # fmt: skip
PORT_SETTING = Integer(
    name="port", title="Port", default=PORT, minimum=1, maximum=65535,
    help="Where the processes meet on the first machine: any port that is free there.",
)  # fmt: skip
HOURS = Integer(
    name="hours", title="Time", default=24, minimum=1, maximum=8760, unit="hours",
    help="After that Slurm ends the job. Submitted again, it goes on from the last checkpoint.",
)  # fmt: skip
CORES = Integer(
    name="cores", title="Cores", default=8, minimum=1, maximum=4096, unit="a machine",
    help="Processor cores of each machine: two to four for each process read images fast enough.",
)  # fmt: skip
MEMORY = Integer(
    name="memory", title="Memory", default=32, minimum=1, maximum=65536, unit="GiB a machine",
    help="Main memory of each machine. Sets of images larger than it stream from the disk.",
)  # fmt: skip

NUMBERS = (PROCESSES, MACHINES, PORT_SETTING, HOURS, CORES, MEMORY)

_KEPT = "elsewhere/{}"
"""What is remembered from one project to the next."""


class LaunchForm(QWidget):
    """The fields. Those that matter are shown, and what is typed is remembered."""

    changed = Signal()
    refused = Signal(str)
    """A number is none, and why; empty once it is one again."""

    def __init__(
        self, workspace: Workspace, controller: TrainingController, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._run_is_ours = True
        self.terminal = QRadioButton("A command for a terminal", self)
        self.slurm = QRadioButton("A script for Slurm", self)
        self.terminal.setChecked(True)
        kinds = QHBoxLayout()
        kinds.setSpacing(S5)
        kinds.addWidget(self.terminal)
        kinds.addWidget(self.slurm)
        kinds.addStretch(1)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(S3)
        self._grid.setVerticalSpacing(S2)
        self._grid.setColumnStretch(1, 1)
        self._grid.setColumnStretch(3, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(S3)
        whole.addLayout(kinds)
        whole.addLayout(self._grid)
        self._add_fields()
        self._restore(controller)
        self.slurm.toggled.connect(self._edited)
        workspace.changed.connect(self.refresh)
        workspace.saved_state_changed.connect(self.refresh)
        self.refresh()

    def _add_fields(self) -> None:
        self.numbers: dict[str, NumberField] = {}
        for setting, row, column in (
            (PROCESSES, 0, 0), (MACHINES, 0, 2), (PORT_SETTING, 1, 2), (HOURS, 2, 2),
            (CORES, 3, 0), (MEMORY, 3, 2),
        ):  # fmt: skip
            field = NumberField(setting, self)
            field.setToolTip(setting.help)
            field.edited.connect(self._edited)
            field.refused.connect(self.refused)
            self.numbers[setting.name] = field
            self._add_row(setting.title, field, row, column)
        self.host = self._add_line("First machine", 1, "its name or address")
        self.partition = self._add_line("Partition", 2, "the cluster's default")
        self.run = self._add_line("Run folder", 4, "")
        self.images = self._add_line("Images there", 5, "where they lie on this machine")
        self.run.textEdited.connect(self._own_run)
        self._add_chooser(self.run, "Choose the run folder's place", 4)
        self._add_chooser(self.images, "Choose the folder of images", 5)

    def _add_row(self, title: str, widget: QWidget, row: int, column: int, span: int = 1) -> None:
        label = QLabel(title, self)
        set_role(label, "muted")
        label.setBuddy(widget)
        widget.setAccessibleName(title)
        self._grid.addWidget(label, row, column)
        self._grid.addWidget(widget, row, column + 1, 1, span)

    def _add_line(self, title: str, row: int, hint: str) -> QLineEdit:
        line = QLineEdit(self)
        line.setPlaceholderText(hint)
        line.textEdited.connect(self._edited)
        self._add_row(title, line, row, 0, 1 if row < 4 else 3)
        return line

    def _add_chooser(self, line: QLineEdit, name: str, row: int) -> None:
        button = QPushButton("Choose …", self)
        button.setAccessibleName(name)

        def choose() -> None:
            start = line.text() or self._workspace.project.data.source
            folder = QFileDialog.getExistingDirectory(self, name, start)
            if not folder:
                return
            if line is self.run:  # it is a folder of its own, in the one that was chosen
                folder = str(Path(folder) / (Path(line.text()).name or "run"))
                self._own_run()
            line.setText(folder)
            self._edited()

        button.clicked.connect(choose)
        self._grid.addWidget(button, row, 4)

    # What is asked for ---------------------------------------------------------------------------

    @property
    def launch(self) -> Launch:
        """What the fields ask for, for the project's file."""
        run = self.run.text().strip()
        parent = self._controller.parent_run
        return Launch(
            project=str(self._workspace.path or "PROJECT.studio"),
            run=run,
            processes=self._number("processes"),
            machines=self._number("machines"),
            host=self.host.text().strip(),
            port=self._number("port"),
            images=self.images.text().strip() if self._has_folder() else "",
            activate=environment(),
            branch=str(parent.checkpoint) if parent is not None else "",
            resume=bool(run) and (Path(run) / "run.json").is_file(),
        )

    @property
    def job(self) -> Slurm:
        """What Slurm is asked for."""
        return Slurm(
            job=self._workspace.title,
            partition=self.partition.text().strip(),
            hours=self._number("hours"),
            cores=self._number("cores"),
            memory=self._number("memory"),
            gpus=self._workspace.project.recipe.device != "cpu",
        )

    def _number(self, name: str) -> int:
        return int(self.numbers[name].value or 1)

    def _has_folder(self) -> bool:
        return self._workspace.project.data.source != "digits"

    @Slot()
    def _own_run(self) -> None:
        self._run_is_ours = False

    @Slot()
    def _edited(self, _: object = None) -> None:
        kept: dict[str, object] = {name: each.value for name, each in self.numbers.items()}
        kept |= {"host": self.host.text(), "partition": self.partition.text()}
        for name, value in kept.items():
            QSettings().setValue(_KEPT.format(name), value)
        QSettings().setValue(_KEPT.format("as"), "slurm" if self.slurm.isChecked() else "command")
        self.refresh()
        self.changed.emit()

    def _restore(self, controller: TrainingController) -> None:
        devices = controller.machine.devices if controller.machine else ()
        gpus = sum(device.name.startswith("cuda") for device in devices)
        self.numbers["processes"].set_value(gpus or PROCESSES.default)
        for setting in NUMBERS:
            try:
                kept = QSettings().value(_KEPT.format(setting.name))
                self.numbers[setting.name].set_value(setting.check(int(str(kept))))
            except ValueError:
                continue  # nothing was kept, or somebody has written into the settings
        self.host.setText(str(QSettings().value(_KEPT.format("host"), "")))
        self.partition.setText(str(QSettings().value(_KEPT.format("partition"), "")))
        self.slurm.setChecked(QSettings().value(_KEPT.format("as")) == "slurm")

    @Slot()
    def refresh(self) -> None:
        """Show the fields that matter for what is chosen, and for the project."""
        title = self._workspace.title
        if self._run_is_ours and self.run.property("title") != title:
            self.run.setProperty("title", title)
            self.run.setText(str(new_folder(self._controller.runs_root, title)))
        slurm = self.slurm.isChecked()
        several = not slurm and self._number("machines") > 1
        for row, shown in ((1, several), (2, slurm), (3, slurm), (5, self._has_folder())):
            for column in range(self._grid.columnCount()):
                item = self._grid.itemAtPosition(row, column)
                widget = item.widget() if item is not None else None
                if widget is not None:
                    widget.setVisible(shown)


def environment() -> str:
    """The script that activates the environment that this program runs in; empty where it runs in
    none, or on Windows, whose terminals differ."""
    script = Path(sys.prefix) / "bin" / "activate"
    return str(script) if sys.prefix != sys.base_prefix and script.is_file() else ""
