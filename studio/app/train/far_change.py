"""Asks what of its course a run that another process trains shall change."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QPushButton, QWidget

from studio.app.number_field import NumberField
from studio.app.popup import Popup
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S2
from studio.project import live
from studio.project.recipes import EPOCHS, LEARNING_RATE
from studio.project.values import Project, Recipe
from studio.runs.requests import fault

WIDTH = 340


class FarChange(Popup):
    """Opens at the button that asks. Enter asks the run; Escape or a press elsewhere closes it."""

    wanted = Signal(object)
    """The recipe whose rate, decay and epochs the run shall follow."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Change the run", WIDTH, parent)
        self._run = Project()
        self._mine = Recipe()
        title = QLabel("Change the run from its next step on", self)
        set_role(title, "title")
        self.rate = NumberField(LEARNING_RATE, self)
        self.epochs = NumberField(EPOCHS, self)
        grid = QGridLayout()
        grid.setHorizontalSpacing(S2)
        grid.setVerticalSpacing(S2)
        grid.setColumnStretch(1, 1)
        for row, (text, field) in enumerate(
            ((LEARNING_RATE.title, self.rate), ("Epochs in all", self.epochs))
        ):
            label = QLabel(text, self)
            label.setBuddy(field)
            field.setAccessibleName(text)
            field.edited.connect(self._show)
            field.refused.connect(self._refuse)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        self.decay = QCheckBox(self)
        self.decay.setAccessibleName("Take my recipe's decay")
        self.decay.setToolTip(
            "The course of the learning rate and the warm-up that the recipe at the left has"
        )
        self.decay.toggled.connect(self._show)
        self.news = QLabel(self)
        self.news.setWordWrap(True)
        set_role(self.news, "muted")
        self.button = QPushButton("Ask for it", self)
        set_role(self.button, "primary")
        self.button.clicked.connect(self.choose)
        self.column.addWidget(title)
        self.column.addLayout(grid)
        self.column.addWidget(self.decay)
        self.column.addWidget(self.news)
        self.column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignRight)

    def open_at(self, anchor: QWidget, run: Project, now: Recipe, mine: Recipe) -> None:
        """Ask beside ``anchor`` for the run of ``run``, which follows ``now``; ``mine`` is the
        recipe of this window's project."""
        self._run, self._mine = replace(run, recipe=now), mine
        self.rate.set_value(now.learning_rate)
        self.epochs.set_value(now.epochs)
        self.decay.setText(f"Take my recipe's decay: {mine.schedule.kind.replace('_', ' ')}")
        self.decay.setChecked(False)
        self._show()
        self.open_below(anchor)
        self.rate.setFocus(Qt.FocusReason.PopupFocusReason)
        self.rate.selectAll()

    def _recipe(self) -> Recipe:
        now = self._run.recipe
        rate, epochs = self.rate.value, self.epochs.value
        recipe = live.take_over(now, self._mine) if self.decay.isChecked() else now
        return replace(
            recipe,
            learning_rate=float(rate) if rate is not None else now.learning_rate,
            epochs=int(epochs) if epochs is not None else now.epochs,
        )

    def _show(self, _: object = None) -> None:
        recipe = self._recipe()
        news = live.differences(self._run.recipe, recipe)
        wrong = fault(self._run, recipe) if news else ""
        self.button.setEnabled(bool(news) and not wrong)
        if wrong:
            self.news.setText(f"{wrong[:1].upper()}{wrong[1:]}.")
        elif news:
            self.news.setText(f"New: {', '.join(news)}.")
        else:
            self.news.setText("Change something, and the run is asked for it.")
        self.fit()

    def _refuse(self, wrong: str) -> None:
        """Say what is wrong with a number; no word takes it away again."""
        self._show()
        if wrong:
            self.button.setEnabled(False)
            self.news.setText(f"{wrong[:1].upper()}{wrong[1:]}.")
            self.fit()

    def choose(self) -> None:
        """Ask the run for it, where it is something new."""
        if self.button.isEnabled():
            self.hide()
            self.wanted.emit(self._recipe())
