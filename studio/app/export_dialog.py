"""Taking the model away: format, place, checkpoint; what was written, and how exact it is."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QEvent, QSettings, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.background import Background
from studio.app.canvas import texts
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3, S4, S5
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project import codec
from studio.project.analysis import Analysis, analyze
from studio.project.pretrained import matching
from studio.project.values import Project
from studio.runs.api import Engine, ExportReport, WorkFailed
from studio.runs.folder import list_runs


@dataclass(frozen=True, slots=True)
class Format:
    """A format of the engine, and what it is for."""

    key: str
    title: str
    purpose: str
    suffix: str
    ending: str = ""
    """What the suggested name ends with, so that no format takes another's file for its own."""


FORMATS = (
    Format("python", "Python file", "Readable classes and the weights beside it; needs torch alone "
           "and classifies an image from the command line", ".py"),
    Format("state-dict", "State dict", "The tensors by name, for torch.load(weights_only=True)",
           ".pt", "_state_dict"),
    Format("safetensors", "safetensors", "The same tensors without pickle, for any framework",
           ".safetensors"),
    Format("onnx", "ONNX", "For ONNX Runtime, web pages, phones; any batch size", ".onnx"),
    Format("torch-export", "torch.export", "The traced program for torch.export.load and ahead-of-"
           "time compilers", ".pt2"),
    Format("torchvision", "torchvision checkpoint", "For torchvision.models, where the network is "
           "one of them", ".pth"),
)  # fmt: skip


MODELS = 30
"""How many runs are offered at most."""


class ExportDialog(QDialog):
    """Not modal: the work goes on beside it, and the writing happens on a thread."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        background: Background,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self._background = background
        self._run: Path | None = None
        self._asked: Path | None = None
        self._path_is_ours = True
        self._may_replace: Path | None = None
        self._written: Path | None = None
        self.setWindowTitle("Export the model")
        self.setMinimumWidth(720)
        set_role(self, "panel")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(S5, S5, S5, S5)
        layout.setSpacing(S3)
        self._add_source(layout)
        self._add_formats(layout)
        self._add_place(layout)
        self._add_outcome(layout)
        controller.state_changed.connect(self._follow)
        workspace.changed.connect(self._follow)
        self._follow()

    def chosen_format(self) -> Format:
        """The format whose button is on."""
        return next(entry for entry in FORMATS if self.formats[entry.key].isChecked())

    def choose_format(self, key: str) -> None:
        """Take the format ``key``, as a click on it does."""
        self.formats[key].setChecked(True)

    def choose_run(self, folder: Path) -> None:
        """Offer the run in ``folder``, wherever it lies, and take it."""
        row = self.model.findData(folder)
        if row < 0:
            self._asked = folder
            self._list_models()
            row = self.model.findData(folder)
        self.model.setCurrentIndex(row)

    def _add_source(self, layout: QVBoxLayout) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(S4)
        grid.setColumnStretch(1, 1)
        self.model = QComboBox()
        self.model.setAccessibleName("Model")
        self.checkpoint = QComboBox()
        self.checkpoint.setAccessibleName("Checkpoint")
        self.checkpoint.addItem("best: the highest validation accuracy", "best")
        self.checkpoint.addItem("last: as the training left it", "last")
        for row, (name, widget) in enumerate((("Model", self.model), ("Weights", self.checkpoint))):
            label = QLabel(name)
            set_role(label, "muted")
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
        self.untrained = _label("", "warning")
        self.untrained.setWordWrap(True)
        grid.addWidget(self.untrained, 2, 1)
        self.model.currentIndexChanged.connect(self._suggest)
        layout.addLayout(grid)

    def _add_formats(self, layout: QVBoxLayout) -> None:
        layout.addSpacing(S1)
        layout.addWidget(_label("Format", "title"))
        self.formats: dict[str, QRadioButton] = {}
        self._purposes: dict[str, QLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(S4)
        grid.setVerticalSpacing(S2)
        grid.setColumnStretch(1, 1)
        for row, entry in enumerate(FORMATS):
            button = QRadioButton(entry.title)
            button.setAccessibleDescription(entry.purpose)
            button.toggled.connect(self._suggest)
            self.formats[entry.key] = button
            purpose = _label(entry.purpose, "muted")
            purpose.setWordWrap(True)
            self._purposes[entry.key] = purpose
            grid.addWidget(button, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(purpose, row, 1)
        layout.addLayout(grid)

    def _add_place(self, layout: QVBoxLayout) -> None:
        layout.addSpacing(S1)
        layout.addWidget(_label("File", "title"))
        row = QHBoxLayout()
        self.path = QLineEdit()
        self.path.setAccessibleName("File to write")
        self.path.textEdited.connect(self._path_typed)
        # A long path shows its end, where the file's name is; the rest is in the tooltip.
        self.path.textChanged.connect(self.path.setToolTip)
        choose = QPushButton("Choose …")
        choose.clicked.connect(self._choose)
        row.addWidget(self.path, 1)
        row.addWidget(choose)
        layout.addLayout(row)
        self.formats["python"].setChecked(True)

    def _add_outcome(self, layout: QVBoxLayout) -> None:
        self._result = QFrame()
        set_role(self._result, "card")
        inner = QVBoxLayout(self._result)
        inner.setContentsMargins(S4, S3, S4, S3)
        self.outcome = QLabel()
        self.outcome.setWordWrap(True)
        self.outcome.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        inner.addWidget(self.outcome)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._busy.setFixedHeight(6)
        inner.addWidget(self._busy)
        self._result.hide()
        layout.addWidget(self._result)
        layout.addStretch(1)
        row = QHBoxLayout()
        self.reveal = QPushButton("Open its folder")
        self.reveal.clicked.connect(self._open_folder)
        self.reveal.hide()
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        self.write = QPushButton("Export")
        set_role(self.write, "primary")
        self.write.setDefault(True)
        self.write.clicked.connect(self._export)
        self.path.textChanged.connect(self._path_changed)
        row.addWidget(self.reveal)
        row.addStretch(1)
        row.addWidget(close)
        row.addWidget(self.write)
        layout.addLayout(row)

    def _follow(self, _: object = None) -> None:
        """Bring the list of models up to date with the runs and the project."""
        run = self._controller.run
        trained = run.folder if run is not None and self._controller.epochs else None
        if trained != self._run or self.model.count() == 0:
            self._run = trained
            self._list_models()
        self._show_torchvision(self.model.currentData())
        ready = self._controller.engine is not None
        self.write.setEnabled(ready and not self._busy.isVisible())
        self.write.setToolTip("" if ready else "Exporting needs the engine; see the device chip")

    def _list_models(self) -> None:
        """The run at hand, earlier runs of any project, and the project as it is."""
        self.model.clear()
        if self._run is not None:
            self.model.addItem(f"Trained: {self._run.name}", self._run)
        if self._asked is not None:
            self.model.addItem(f"Trained: {self._asked.name}", self._asked)
        first = self.model.count()
        for folder, info in list_runs(self._controller.runs_root):
            # A run without an epoch has no checkpoint worth taking away.
            known = folder.path in (self._run, self._asked)
            if info.best_epoch and not known and self.model.count() < MODELS:
                share = f"{info.best_accuracy:.1%}".replace("%", " %")
                self.model.addItem(f"Trained: {folder.path.name}, {share}", folder.path)
        self.model.addItem("This project as it starts, untrained", None)
        own = _file_stem(self._workspace.title)
        names = [Path(str(self.model.itemData(row))).name for row in range(self.model.count())]
        earlier = (row for row in range(first, len(names) - 1) if _file_stem(names[row]) == own)
        self.model.setCurrentIndex(0 if first else next(earlier, len(names) - 1))

    def _suggest(self) -> None:
        source = self.model.currentData()
        self.checkpoint.setEnabled(source is not None)
        self._show_torchvision(source)
        self.untrained.setVisible(source is None)
        self.untrained.setText(
            "These are the weights the project starts from; nothing has been learned here yet."
            if self._workspace.project.recipe.weights
            else "These weights are random: the model has learned nothing yet. Train first to take "
            "a trained one away."
        )
        if not self._path_is_ours or not hasattr(self, "path"):
            return
        entry = self.chosen_format()
        title = self._workspace.title if source in (None, self._run) else source.name
        name = f"{_file_stem(title)}{entry.ending}{entry.suffix}"
        self.path.setText(str(self._folder(source) / name))

    def _show_torchvision(self, source: Path | None) -> None:
        """Offer torchvision's format only for a network that is one of its models."""
        if "torchvision" not in self.formats:
            return
        run = self._controller.run
        analysis: Analysis | None = self._workspace.analysis
        if source is not None:
            ran = self._controller.project if run is not None and run.folder == source else None
            # What is not known here is left to the engine, which looks at the weights.
            analysis = analyze(ran.network) if ran is not None else None
        name = (matching(analysis) or "") if analysis is not None else "?"
        button, purpose = self.formats["torchvision"], self._purposes["torchvision"]
        if not name and button.isChecked():
            self.choose_format("python")
        button.setEnabled(bool(name))
        purpose.setEnabled(bool(name))
        known = next(entry.purpose for entry in FORMATS if entry.key == "torchvision")
        words = {"": "This network is none of torchvision's models", "?": known}
        purpose.setText(words.get(name, f"For torchvision.models.{name}"))

    def _folder(self, source: Path | None) -> Path:
        last = QSettings().value("folder/export", "")
        if last:
            return Path(str(last))
        if source is not None:
            return source / "exports"
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        return Path(QStandardPaths.writableLocation(documents) or Path.home())

    def _path_changed(self) -> None:
        """What was allowed for another file does not hold for this one."""
        self._may_replace = None
        self.write.setText("Export")

    def _path_typed(self) -> None:
        self._path_is_ours = False

    def _choose(self) -> None:
        suffix = self.chosen_format().suffix
        chosen, _ = QFileDialog.getSaveFileName(
            self, "Export to", self.path.text(), f"{self.chosen_format().title} (*{suffix})"
        )
        if chosen:
            QSettings().setValue("folder/export", str(Path(chosen).parent))
            self.path.setText(chosen)
            self._path_is_ours = False
            self._may_replace = Path(chosen)  # the file dialog has asked

    def _export(self) -> None:
        engine = self._controller.engine
        text = self.path.text().strip()
        if engine is None:
            return
        if not text:
            self._failed("There is no file to write to.", "Type a path, or choose one.")
            return
        path, entry = Path(text).expanduser(), self.chosen_format()
        there = [file for file in (path, *_beside(entry, path)) if file.exists()]
        if there and path != self._may_replace:
            self._may_replace = path
            names = " and ".join(file.name for file in there)
            verb = "is" if len(there) == 1 else "are"
            self._say("warning", f"{names} {verb} there already. Press Replace to write over.")
            self.write.setText("Replace")
            return
        self.write.setText("Export")
        source: Path | None = self.model.currentData()
        checkpoint = str(self.checkpoint.currentData())
        project = self._workspace.project
        self._say("text", f"Writing {path.name}, reading it back and comparing …", busy=True)
        self.write.setEnabled(False)
        self._background.run(
            lambda: write(engine, source, project, entry.key, path, checkpoint),
            self._done,
            self._failed,
        )

    def _done(self, report: ExportReport) -> None:
        names = " and ".join(Path(file).name for file in report.files)
        self._written = Path(report.files[0]).parent if report.files else None
        self._may_replace = None
        self._say(
            "good",
            f"Written: {names}, {texts.size(report.bytes)}, in\n{self._written}\n\n"
            f"{report.checked} "
            f"Largest difference between its logits and the original's: {report.difference:.2g}.",
        )

    def _failed(self, message: str, advice: str) -> None:
        self._written = None
        self._say("warning", f"{message} {advice}".strip())

    def _say(self, role: str, text: str, busy: bool = False) -> None:
        self._busy.setVisible(busy)
        set_role(self.outcome, "" if role in ("text", "good") else role)
        self.outcome.setText(text)
        self._result.show()
        self.reveal.setVisible(self._written is not None and not busy)
        if not busy:
            self.write.setEnabled(self._controller.engine is not None)

    def event(self, event: QEvent) -> bool:
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return handled

    def _fit(self) -> None:
        """Make room for all lines: a dialog does not grow by itself with wrapped texts."""
        layout = self.layout()
        if layout is None:
            return
        room = self.screen().availableGeometry().height()
        height = min(layout.totalHeightForWidth(self.width()), room)
        if height != self.minimumHeight():
            self.setMinimumHeight(height)
            self.resize(self.width(), max(self.height(), height))

    def _open_folder(self) -> None:
        if self._written is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._written)))


def write(
    engine: Engine, source: Path | None, project: Project, key: str, path: Path, checkpoint: str
) -> ExportReport:
    """Export the run in ``source``, or with None ``project`` itself as it starts.

    Makes the folder of ``path`` where there is none.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise WorkFailed(
            f"The folder {path.parent} cannot be made: {why}.", "Choose another place."
        ) from None
    if source is not None:
        return engine.export(source, key, path, checkpoint)
    with tempfile.TemporaryDirectory(prefix="training-studio-") as folder:
        # The engine reads files, so that the window and the command line export alike.
        file = Path(folder) / f"{path.stem}{codec.SUFFIX}"
        try:
            codec.save(project, file)
        except codec.ProjectError as error:
            raise WorkFailed(f"{error}.") from None
        return engine.export(file, key, path, checkpoint)


def _file_stem(title: str) -> str:
    """A project's title, or a run folder's name without its date, as a file's name."""
    plain = re.sub(r"-\d{8}-\d{6}(-\d+)?\Z", "", title)
    return re.sub(r"\W+", "_", plain).strip("_") or "model"


def _beside(entry: Format, path: Path) -> tuple[Path, ...]:
    """What the format writes beside ``path``."""
    return (path.with_suffix(".pt"),) if entry.key == "python" else ()


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    set_role(label, role)
    return label
