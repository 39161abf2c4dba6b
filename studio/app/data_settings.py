"""The left column of the data page: source, input normalization, split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.app.data_pictures import Histogram, normalized, training_moments
from studio.app.fields import field
from studio.app.forms import SettingsForm
from studio.app.theme.style import hairline, set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, S3, S4
from studio.app.tiles import ChoiceTile
from studio.app.workspace import Workspace
from studio.project.recipes import DATA_SETTINGS, NORMALIZATION
from studio.project.values import Project
from studio.runs.api import DataReport

WHY = (
    "The same thing in a dark room and in bright sunlight differs mainly in mean and deviation. "
    "In one range, no large input dominates the update: all weights learn in equal proportions."
)
"""The lecture's reason for input normalization."""

FORMULAS = {
    "none": "x = pixel, 0 … 255",
    "unit": "x = pixel / 255",
    "symmetric": "x = pixel / 127.5 − 1",
    "standard": "x = (pixel − mean) / deviation, of the training images, channel by channel",
    "imagenet": "x = (pixel / 255 − mean) / deviation, with the mean (0.485, 0.456, 0.406) and "
    "deviation (0.229, 0.224, 0.225) of ImageNet's red, green and blue: what most pretrained "
    "weights expect",
}

_SPLIT = tuple(setting for setting in DATA_SETTINGS if setting.name != "normalization")


class DataSettingsPanel(QScrollArea):
    """Edits ``project.data``. ``read_again`` is sent when the user asks for a fresh look."""

    read_again = Signal()
    WIDTH = 316

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._report: DataReport | None = None
        self.setWidgetResizable(True)
        sized(self, lambda w: w.setFixedWidth(px(w.WIDTH)))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QFrame()
        set_role(inner, "panel")
        self.setWidget(inner)
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(S4, S4, S4, S4)
        layout.setSpacing(S2)
        self._add_source(layout)
        _rule(layout)
        self._add_normalization(layout)
        _rule(layout)
        self._add_split(layout)
        layout.addStretch(1)
        workspace.changed.connect(self._show)
        self._show()

    def show_report(self, report: DataReport | None) -> None:
        """Draw the histograms of what was read, and show which shares it leaves to choose."""
        self._report = report
        own = report.own if report is not None else ()
        self.split.set_fixed({f"{name}_share": "in a folder of its own" for name in own})
        self._show_histograms()

    def choose_folder(self) -> None:
        """Ask for a folder of images and take it as the source."""
        start = str(QSettings().value("folder/images", str(Path.home())))
        folder = QFileDialog.getExistingDirectory(self, "Folder of images", start)
        if folder:
            QSettings().setValue("folder/images", folder)
            self.set_source(folder)

    def set_source(self, source: str) -> None:
        """Make ``source`` (``digits`` or a folder) the project's data."""
        title = "digits" if source == "digits" else Path(source).name
        self._edit(f"Use {title} as data", "source", source)

    def _add_source(self, layout: QVBoxLayout) -> None:
        layout.addWidget(_title("Source"))
        self._group = QButtonGroup(self)
        self.digits = ChoiceTile("digits", "Handwritten digits", "1,797 real images, built in")
        self.digits.clicked.connect(lambda: self.set_source("digits"))
        self.folder = ChoiceTile("folder", "A folder of images", "Choose it, or drop it here")
        self.folder.clicked.connect(self._folder_clicked)
        for button in (self.digits, self.folder):
            self._group.addButton(button)
            layout.addWidget(button)
        self._path = QLabel()
        self._path.setWordWrap(True)
        self._path.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(self._path, "small")
        layout.addWidget(self._path)
        self.other = _link("Choose another folder", self.choose_folder)
        self.again = _link("Read it again", self.read_again.emit)
        for link in (self.other, self.again):
            layout.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)

    def _add_normalization(self, layout: QVBoxLayout) -> None:
        layout.addWidget(_title("Input normalization"))
        self.normalization = field(NORMALIZATION)
        self.normalization.edited.connect(
            lambda value: self._edit("Set normalization", "normalization", value)
        )
        layout.addWidget(self.normalization)
        self._formula = _small()
        layout.addWidget(self._formula)
        self.before = Histogram("Before", "line_strong")
        self.after = Histogram("After", "accent")
        layout.addSpacing(S1)
        layout.addWidget(self.before)
        layout.addWidget(self.after)
        why = _small()
        why.setText(WHY)
        layout.addWidget(why)

    def _add_split(self, layout: QVBoxLayout) -> None:
        layout.addWidget(_title("Split"))
        self.split = SettingsForm(_SPLIT)
        titles = {setting.name: setting.title.lower() for setting in _SPLIT}
        self.split.edited.connect(
            lambda name, value: self._edit(f"Set {titles[name]}", name, value, f"data.{name}")
        )
        self.split.committed.connect(lambda _: self._workspace.end_merge())
        layout.addWidget(self.split)

    def _edit(self, label: str, name: str, value: Any, merge: str = "") -> None:
        def edit(project: Project) -> Project:
            data = msgspec.structs.replace(project.data, **{name: value})
            return msgspec.structs.replace(project, data=data)

        self._workspace.apply(label, edit, merge)

    def _folder_clicked(self) -> None:
        if self._workspace.project.data.source == "digits":
            self.choose_folder()
            self._show()

    def _show(self) -> None:
        data = self._workspace.project.data
        built_in = data.source == "digits"
        (self.digits if built_in else self.folder).setChecked(True)
        self._path.setText("" if built_in else data.source)
        for widget in (self._path, self.other, self.again):
            widget.setVisible(not built_in)
        values = msgspec.structs.asdict(data)
        self.normalization.set_value(data.normalization)
        self.split.set_values(values)
        self._formula.setText(FORMULAS.get(data.normalization, ""))
        too_much = data.validation_share + data.test_share > 0.95
        sentence = "validation and test take more than 95 % of the images: lower one of them"
        self.split.set_errors({"validation_share": sentence} if too_much else {})
        self._show_histograms()

    def _show_histograms(self) -> None:
        report = self._report
        shown = report is not None and report.samples.size > 0
        self.before.setVisible(shown)
        self.after.setVisible(shown)
        if report is not None and shown:
            how = self._workspace.project.data.normalization
            self.before.show_values(report.samples, *training_moments(report, "none"))
            self.after.show_values(normalized(report, how), *training_moments(report, how))


def _title(text: str) -> QLabel:
    label = QLabel(text)
    set_role(label, "title")
    return label


def _small() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    set_role(label, "small")
    return label


def _link(text: str, do: Any) -> QPushButton:
    button = QPushButton(text)
    set_role(button, "link")
    button.clicked.connect(do)
    return button


def _rule(layout: QVBoxLayout) -> None:
    layout.addSpacing(S3)
    layout.addWidget(hairline())
    layout.addSpacing(S2)
