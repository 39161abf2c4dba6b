"""The card that says what the weights start from: random numbers, torchvision's, or a file."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QWidget

from studio.app.background import Background, Job
from studio.app.fields import ChoiceField
from studio.app.theme.style import set_role
from studio.app.train.cards import Card
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace
from studio.project.pretrained import (
    PREFIX,
    RANDOM,
    of_architecture,
    start_from,
    title,
)
from studio.project.recipes import NORMALIZATION
from studio.project.settings import Choice
from studio.project.values import Network, Project
from studio.runs.api import WeightsReport

_FILES = "Weights (*.pt *.pth *.safetensors);;All files (*)"

_REST_MILLISECONDS = 250
"""How long the network must rest before the file is read again."""

WHY = (
    "What the weights are before the first step. A network that has learned to tell ImageNet's "
    "1.2 million photographs apart knows edges, textures and parts; those serve other images too, "
    "so from there it learns faster and from fewer images than from random weights."
)

_FROM = Choice(
    name="start",
    title="Start from",
    default=RANDOM,
    choices=(
        (RANDOM, "random weights"),
        ("torchvision", "torchvision's pretrained"),
        ("file", "a file …"),
    ),
    help=WHY,
)


class StartCard(Card):
    """Edits the recipe's ``weights``, with the normalization that they want, and tells in words
    what will be taken of them. A file is read behind the window as soon as it is chosen."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        background: Background | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Start", workspace, parent)
        self._controller = controller
        self._background = background
        self._job: Job[WeightsReport] | None = None
        self._checked: tuple[str, Network] | None = None
        self._report: WeightsReport | None = None
        self._failure = ""
        self.choice = ChoiceField(_FROM, self)
        self.choice.setAccessibleName(_FROM.title)
        self.choice.setAccessibleDescription(WHY)
        self.choice.setToolTip(f"<qt>{WHY}</qt>")
        self.choice.edited.connect(lambda word: self._choose(str(word)))
        version = Choice(
            name="version", title="Version of the weights", default="", choices=(("", ""),),
            help="torchvision has trained some networks twice: V2 with a newer recipe, which is "
            "more accurate on ImageNet.",
        )  # fmt: skip
        self.version = ChoiceField(version, self)
        self.version.setAccessibleName(version.title)
        self.version.setToolTip(f"<qt>{version.help}</qt>")
        self.version.edited.connect(lambda name: self._start_from(str(name)))
        self.state = QLabel(self)
        self.state.setWordWrap(True)
        self.state.setAccessibleName("What the weights start from")
        self.other = QPushButton("Choose another file", self)
        self.other.setToolTip("Choose a file of weights: .pt, .pth or .safetensors")
        self.other.clicked.connect(self.choose_file)
        self.normalize = QPushButton(self)
        self.normalize.setToolTip(
            "Normalize the input as these weights want it: they know images only as they were "
            "normalized when they were trained"
        )
        self.normalize.clicked.connect(self._normalize)
        for widget in (self.choice, self.version, self.state):
            self.column.addWidget(widget)
        for button in (self.other, self.normalize):
            set_role(button, "link")
            self.column.addWidget(button)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST_MILLISECONDS)
        self._rest.timeout.connect(self._check)
        controller.state_changed.connect(lambda _: self._check_soon())
        controller.parent_changed.connect(lambda: self.show_project(workspace.project))

    def show_project(self, project: Project) -> None:
        weights = project.recipe.weights
        parent = self._controller.parent_run
        begins = f"{parent.title}, step {parent.step:,}" if parent is not None else ""
        self.summary.setText(begins or (title(weights) if weights else "random weights"))
        pretrained = weights.startswith(PREFIX)
        self.choice.set_value("torchvision" if pretrained else "file" if weights else RANDOM)
        self._show_versions(weights)
        self.other.setVisible(bool(weights) and not pretrained)
        if self._checked != (weights, project.network):
            self._forget()
            self._check_soon()
        self._show_state()

    def choose_file(self) -> None:
        """Ask for a file of weights and start from it."""
        start = str(QSettings().value("folder/weights", str(Path.home())))
        path, _ = QFileDialog.getOpenFileName(self, "Weights to start from", start, _FILES)
        if path:
            QSettings().setValue("folder/weights", str(Path(path).parent))
            self._start_from(path)
        else:
            self.show_project(self.workspace.project)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_project(self.workspace.project)

    def _choose(self, word: str) -> None:
        if word == "file":
            self.choose_file()
        else:
            self._start_from(RANDOM if word == RANDOM else "DEFAULT")

    def _start_from(self, text: str) -> None:
        self.workspace.apply("Choose the weights to start from", lambda p: start_from(p, text))
        # A refusal leaves the project as it was, and the choice has to follow.
        self.show_project(self.workspace.project)

    def _show_versions(self, weights: str) -> None:
        known = of_architecture(weights)
        names = list(known.megabytes) if known else []
        self.version.setVisible(len(names) > 1)
        if [self.version.itemData(at) for at in range(self.version.count())] != names:
            self.version.clear()
            for name in names:
                self.version.addItem(name, name)
        if known:
            self.version.set_value(weights.rpartition(".")[2])

    def _show_state(self) -> None:
        weights = self.workspace.project.recipe.weights
        text, role = self._in_words(weights), "error" if self._failure else "small"
        self.state.setText(text)
        self.state.setToolTip("" if weights.startswith(PREFIX) else weights)
        set_role(self.state, role)
        self._show_normalization()

    def _in_words(self, weights: str) -> str:
        if self._controller.parent_run is not None:
            return "The checkpoint that the next run continues from brings its weights."
        if not weights:
            return "Every weight starts at random, from the seed."
        if known := of_architecture(weights):
            said = (
                f"{title(weights)}: {known.megabytes[weights.rpartition('.')[2]]} MB, downloaded "
                "when the training starts if they are not on this machine yet."
            )
            classes = self.workspace.analysis.classes
            if classes not in (None, 1000):
                said += f" The last layer starts at random, since it is for {classes:,} classes."
            return said
        if self._failure:
            return self._failure
        if self._report:
            return self._report.text
        if self._job:
            return f"Reading {title(weights)} …"
        return f"{title(weights)}, read when the training starts."

    # The normalization that the weights want

    def _wanted(self) -> str:
        if known := of_architecture(self.workspace.project.recipe.weights):
            return known.normalization
        return self._report.normalization if self._report else ""

    def _show_normalization(self) -> None:
        wanted = self._wanted()
        differs = wanted not in ("", self.workspace.project.data.normalization)
        self.normalize.setVisible(differs)
        self.normalize.setText(f"Use {NORMALIZATION.show(wanted)}")

    def _normalize(self) -> None:
        wanted = self._wanted()
        self.workspace.apply(
            "Set normalization",
            lambda p: replace(p, data=replace(p.data, normalization=wanted)),
        )

    # The check of a file

    def _check_soon(self) -> None:
        if self.isVisible():
            self._rest.start()

    def _check(self) -> None:
        project, engine = self.workspace.project, self._controller.engine
        weights = project.recipe.weights
        wanted = (weights, project.network)
        if not weights or weights.startswith(PREFIX) or wanted == self._checked:
            return
        if engine is None or self._background is None or self.workspace.analysis.problems:
            return
        self._forget()
        self._checked = wanted
        self._job = self._background.run(
            lambda: engine.check_weights(project), self._take, self._fail
        )
        self._show_state()

    def _forget(self) -> None:
        if self._job is not None:
            self._job.abandon()
        self._job = self._report = self._checked = None
        self._failure = ""

    def _take(self, report: WeightsReport) -> None:
        self._job, self._report = None, report
        self._show_state()

    def _fail(self, message: str, advice: str) -> None:
        self._job, self._failure = None, f"{message} {advice}".strip()
        self._show_state()
