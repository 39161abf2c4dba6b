"""The recipe as a column of short cards at the left of the train page."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.app.background import Background
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S3, S4
from studio.app.train.branch_note import BranchNote
from studio.app.train.cards import Card, ChoiceCard, ChosenCard, PlainCard, RateCard
from studio.app.train.controller import TrainingController
from studio.app.train.layer_rates_card import LayerRatesCard
from studio.app.train.preset_card import PresetCard
from studio.app.train.rate_finder import RateFinder
from studio.app.train.start_card import StartCard
from studio.app.workspace import Workspace
from studio.project import augmentation, recipes, regularization
from studio.project.augmentation import AUGMENTATION_SETTINGS
from studio.project.optimizers import OPTIMIZERS
from studio.project.regularization import REGULARIZATION_SETTINGS

WIDTH = 284
SCROLL_BAR = 10
FOLLOW_MS = 500


class RecipeColumn(QFrame):
    """The recipe from its preset to the device; what few change is folded to one line."""

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        parent: QWidget | None = None,
        background: Background | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        self.setAccessibleName("Recipe")
        sized(self, lambda w: w.setFixedWidth(px(WIDTH)))
        set_role(self, "panel")
        self.start = StartCard(workspace, controller, background)
        self.optimizer = ChosenCard(
            "Optimizer",
            workspace,
            "optimizer",
            OPTIMIZERS,
            "The rule by which each step changes the weights.",
        )
        self.rate = RateCard(workspace)
        self.finder = RateFinder(workspace, controller, background)
        self.rate.column.addWidget(self.finder)
        self.preset = PresetCard(workspace)
        self.batch = PlainCard("Batch and epochs", workspace, "recipe", recipes.BATCH_SETTINGS)
        self.images = QLabel(self.batch)
        self.images.setWordWrap(True)
        self.images.hide()
        set_role(self.images, "small")
        self.batch.column.addWidget(self.images)
        self.regularization = PlainCard(
            "Regularization",
            workspace,
            "recipe",
            REGULARIZATION_SETTINGS,
            summarize=regularization.summary,
        )
        self.augmentation = PlainCard(
            "Augmentation",
            workspace,
            "recipe",
            AUGMENTATION_SETTINGS,
            summarize=augmentation.summary,
        )
        self.layer_rates = LayerRatesCard(workspace)
        self.input = ChoiceCard("Input normalization", workspace, "data", recipes.NORMALIZATION)
        self.machine = PlainCard(
            "Device and precision", workspace, "recipe", recipes.MACHINE_SETTINGS
        )
        self.elsewhere = QPushButton("Train elsewhere …")
        set_role(self.elsewhere, "link")
        self.elsewhere.setToolTip(
            "The command or Slurm script that trains this project on several GPUs or machines"
        )
        self.machine.column.addWidget(self.elsewhere)
        folding: dict[str, Card] = {
            "regularization": self.regularization,
            "augmentation": self.augmentation,
            "layer_rates": self.layer_rates,
            "input": self.input,
            "start": self.start,
            "machine": self.machine,
        }
        for key, card in folding.items():
            card.folds(key)
        self._cards: tuple[Card, ...] = (
            self.preset,
            self.optimizer,
            self.rate,
            self.batch,
            *folding.values(),
        )
        self.note = QLabel(
            "A run is under way with the recipe it started with. What you change here holds for "
            "the next one."
        )
        self.note.setWordWrap(True)
        set_role(self.note, "small")
        self.note.setContentsMargins(S4, S3, S4, S3)
        self.note.hide()
        self.apply = QPushButton()
        set_role(self.apply, "link")
        self.apply.setAccessibleName("Use in the run under way")
        self.apply.setToolTip(
            "The learning rate, its course and the number of epochs can change while a run is "
            "under way. What changed is noted in the run and on the plots"
        )
        self.apply.clicked.connect(lambda: controller.change(workspace.project.recipe))
        self.apply.hide()
        controller.recipe_changed.connect(self.refresh)
        body = QWidget()
        set_role(body, "panel")
        # The scroll bar has its place whether it is needed or not: fields keep their width.
        sized(body, lambda w: w.setFixedWidth(px(WIDTH) - SCROLL_BAR))
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.branch = BranchNote(controller)
        column.addWidget(self.branch)
        for card in self._cards:
            column.addWidget(card)
        column.addStretch(1)
        area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addWidget(self.note)
        below = QHBoxLayout()
        below.setContentsMargins(S4, 0, S4, S3)  # where the note's text stands
        below.addWidget(self.apply, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addLayout(below)
        self._follow = QTimer(self)
        self._follow.setInterval(FOLLOW_MS)
        self._follow.timeout.connect(self._show_position)
        workspace.changed.connect(self.refresh)
        controller.state_changed.connect(self._show_state)
        controller.started_changed.connect(self.refresh)
        self.refresh()
        self._show_state(controller.state)

    def refresh(self) -> None:
        """Bring all cards in line with the project."""
        project = self._workspace.project
        self._show_images()
        for card in self._cards:
            card.show_project(project)
        self._show_device()
        self._show_changes()

    def _show_changes(self) -> None:
        """Offer what can be taken into the run under way."""
        self._controller.compare(self._workspace.project.recipe)
        changes = self._controller.changes
        self.apply.setVisible(bool(changes))
        self.apply.setText(f"Use now: {', '.join(changes)}")

    def _show_images(self) -> None:
        """The number of images, known from a run on the same data, and what a batch makes of it."""
        project, ran = self._workspace.project, self._controller.project
        started = self._controller.started
        same = (
            ran is not None
            and ran.data.source == project.data.source
            and ran.data.validation_share == project.data.validation_share
            and ran.data.test_share == project.data.test_share
        )
        if started is None or not same:
            self.images.hide()
            self.rate.set_steps_per_epoch(None)
            return
        images = started.train_images
        recipe = project.recipe
        steps = -(-images // max(1, recipe.batch_size * recipe.accumulate))
        if ran is not None and (ran.recipe.batch_size, ran.recipe.accumulate) == (
            recipe.batch_size,
            recipe.accumulate,
        ):
            steps = started.steps_per_epoch
        total = steps * project.recipe.epochs
        self.images.setText(
            f"{images:,} images to train with, {started.validation_images:,} to check with"
        )
        self.images.show()
        self.images.setToolTip(f"{steps:,} steps an epoch, {total:,} in the whole run")
        self.rate.set_steps_per_epoch(steps)

    def _show_device(self) -> None:
        machine = self._controller.machine
        wanted = self._workspace.project.recipe.device
        if machine is None:
            self.machine.summary.clear()
            self.machine.form.set_unavailable({})
            return
        devices = machine.devices
        if wanted != "auto":
            devices = tuple(d for d in devices if d.name.partition(":")[0] == wanted)
        text = devices[0].title if devices else "not in this machine"
        self.machine.summary.setText(text)
        set_role(self.machine.summary, "small" if devices else "warning")
        uncompiled = devices[0].uncompiled if devices else ""
        self.machine.form.set_unavailable({"compile": uncompiled})

    def _show_state(self, state: str) -> None:
        busy = self._controller.busy
        self.note.setVisible(busy)
        self._show_changes()
        if state == "running":
            self._follow.start()
        else:
            self._follow.stop()
        self._show_device()
        self._show_position()

    def _show_position(self) -> None:
        started, telemetry = self._controller.started, self._controller.telemetry
        if started is None or telemetry is None or not self._controller.busy:
            self.rate.preview.show_position(None)
            return
        steps = telemetry.first_step + len(telemetry)
        self.rate.preview.show_position(steps / max(1, started.steps_per_epoch))
