"""The run that is chosen: what came of it, how it was trained, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.app.elided import ElidedLabel
from studio.app.runs import places, recipe_words
from studio.app.runs.allowed import Refusals, refusals
from studio.app.runs.checkpoint_list import CheckpointList
from studio.app.runs.facts import facts
from studio.app.runs.head import RunHead, words
from studio.app.runs.reading import Details
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3, S4, S5
from studio.app.train.add_epochs import AddEpochs
from studio.app.train.controller import TrainingController
from studio.app.train.status import GO_ON, GO_ON_DIVERGED
from studio.runs.catalog import Entry

if TYPE_CHECKING:
    from studio.app.runs.curves import RunCurves  # brings pyqtgraph

_FACT_COLUMNS = 4
_MOST_ACTIONS = 5


class RunDetail(QScrollArea):
    """Shows an ``Entry``, and its ``Details`` when they are read. Signals ask for what is to be
    done, with the run's folder."""

    show_wanted = Signal(object)
    continue_wanted = Signal(object)
    extend_wanted = Signal(object, int)
    branch_wanted = Signal(object, object)
    """The ``Details`` and the ``Kept`` checkpoint."""
    export_wanted = Signal(object)
    parent_wanted = Signal(object)
    take_off_wanted = Signal(object)

    def __init__(self, controller: TrainingController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.entry: Entry | None = None
        self.details: Details | None = None
        self._columns = 0
        self._removable = False
        self.curves: RunCurves | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        body = QWidget()
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(S5, S4, S5, S4)
        self._column.setSpacing(S3)
        self.head = RunHead()
        self.head.parent_wanted.connect(self.parent_wanted)
        self._column.addWidget(self.head)
        self._add_actions()
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(S5)
        self._facts.setVerticalSpacing(S2)
        self._column.addLayout(self._facts)
        self._column.addSpacing(S1)
        self._curves_place = QVBoxLayout()
        self._column.addLayout(self._curves_place)
        self.recipe = words()
        self.recipe.setAccessibleName("Recipe of the run")
        self._add_section("Recipe", self.recipe)
        self.checkpoints = CheckpointList()
        self.checkpoints.branch.clicked.connect(self._branch)
        self._add_section("Checkpoints", self.checkpoints)
        self._column.addStretch(1)
        self.setWidget(body)
        controller.state_changed.connect(self._allow)

    def _add_actions(self) -> None:
        self.show_button = _button("Show the curves", "train")
        set_role(self.show_button, "primary")
        set_icon(self.show_button, "train", "accent_text")
        self.go_on = _button("Continue", "play")
        self.extend = _button("Add epochs…", "plus")
        self.export = _button("Export…", "export")
        self.take_off = _button("Take off the list", "minus")
        self.show_button.clicked.connect(lambda: self._ask(self.show_wanted))
        self.go_on.clicked.connect(lambda: self._ask(self.continue_wanted))
        self.extend.clicked.connect(self._ask_epochs)
        self.export.clicked.connect(lambda: self._ask(self.export_wanted))
        self.take_off.clicked.connect(lambda: self._ask(self.take_off_wanted))
        self.epochs = AddEpochs(self)
        self.epochs.wanted.connect(self._extend)
        self._actions = QGridLayout()
        self._actions.setSpacing(S2)
        self._column.addSpacing(S1)
        self._column.addLayout(self._actions)
        self._column.addSpacing(S1)

    def _add_section(self, title: str, body: QWidget) -> None:
        label = QLabel(title)
        set_role(label, "title")
        self._column.addSpacing(S1)
        self._column.addWidget(label)
        self._column.addWidget(body)

    # What is shown

    def show_entry(self, entry: Entry) -> None:
        """Show what the list knows; of another run, what was read of the one before goes."""
        if self.entry is None or entry.folder != self.entry.folder:
            self.details = None
            self.checkpoints.show_checkpoints(())
            self.recipe.setText("")
            if self.curves is not None:
                self.curves.show_run(None)
        self.entry = entry
        self.head.show_entry(entry)
        self._offer_to_take_off(entry)
        self._show_facts(entry)
        self._allow()

    def _offer_to_take_off(self, entry: Entry) -> None:
        """For a run that is listed because its folder was opened, or the one that it lies in."""
        folders = places.listing(entry.folder, self._controller.runs_root)
        if entry.folder.parent in folders:
            text, what = "Take its folder off the list", f"all runs of {entry.folder.parent}"
        else:
            text, what = "Take off the list", "this run"
        does = f"List {what} no longer. Nothing on the disk is touched: open the folder again to "
        does += "have it back"
        self.take_off.setText(text)
        self.take_off.setToolTip(does)
        self.take_off.setAccessibleDescription(does)
        self._removable = bool(folders)
        self._flow()  # first, for a button without a place would be a window of its own
        self.take_off.setVisible(self._removable)

    def show_details(self, details: Details) -> None:
        """Show what was read of the run; its curves begin to be followed."""
        self.details = details
        self.recipe.setText(
            recipe_words.sentence(details.project.recipe, details.began.recipe, details.changes)
        )
        self.checkpoints.show_checkpoints(details.checkpoints)
        self._allow()
        if details.curves is not None:
            self._plots().show_run(details.curves)

    def leave(self) -> None:
        """Follow the curves no longer: the page is not to be seen."""
        if self.curves is not None:
            self.curves.show_run(None)

    def _plots(self) -> RunCurves:
        if self.curves is None:
            from studio.app.runs.curves import RunCurves

            self.curves = RunCurves()
            self._curves_place.addWidget(self.curves)
        return self.curves

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._flow()

    def _flow(self) -> None:
        """Lay actions and facts out in as many columns as there is room for."""
        buttons = [self.show_button, self.go_on, self.extend, self.export]
        if self._removable:
            buttons.append(self.take_off)
        room = self.viewport().width() - 2 * S5
        wide = sum(button.sizeHint().width() + S2 for button in buttons) <= room
        across = len(buttons) if wide else 2
        for number, button in enumerate(buttons):
            self._actions.addWidget(button, *divmod(number, across))
        for column in range(_MOST_ACTIONS + 1):
            self._actions.setColumnStretch(column, 1 if column == across else 0)
        columns = _FACT_COLUMNS if wide else 2
        if columns == self._columns:
            return
        self._columns = columns
        for column in range(_FACT_COLUMNS):
            self._facts.setColumnStretch(column, 0)
        if self.entry is not None:
            self._show_facts(self.entry)

    def _show_facts(self, entry: Entry) -> None:
        while (item := self._facts.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, (name, value, tip) in enumerate(facts(entry.info)):
            row, column = divmod(number, self._columns or _FACT_COLUMNS)
            self._facts.addWidget(_fact(name, value, tip), row, column)
            self._facts.setColumnStretch(column, 1)

    # What can be done

    def refusals(self) -> Refusals | None:
        """Why what cannot be done with the run cannot; None while there is no run."""
        if self.entry is None:
            return None
        controller = self._controller
        run = controller.run
        mine = run is not None and controller.follower is None and run.folder == self.entry.folder
        kept = bool(self.details and self.details.checkpoints)
        return refusals(self.entry, controller.hindrance, controller.busy, mine, kept)

    def _allow(self, _: str = "") -> None:
        why = self.refusals()
        if why is None:
            return
        again = GO_ON
        if self.entry is not None and self.entry.info.diverged:
            again = GO_ON_DIVERGED
        for button, reason, does in (
            (self.show_button, why.show, "Show all curves, gradients and findings on the Train "
             "page, live where the run goes on"),
            (self.go_on, why.go_on, again),
            (self.extend, why.extend, "Train the run for longer, from its last checkpoint on"),
            (self.checkpoints.branch, why.branch, "Begin a new run from the checkpoint that is "
             "chosen, with another recipe if you like: its project comes into the window"),
            (self.export, why.export, "Take the model away in a format that works elsewhere"),
        ):  # fmt: skip
            button.setEnabled(not reason)
            button.setToolTip(reason or does)
            button.setAccessibleDescription(reason or does)

    def _ask(self, signal: SignalInstance) -> None:
        if self.entry is not None:
            signal.emit(self.entry.folder)

    def _ask_epochs(self) -> None:
        if self.entry is not None:
            info = self.entry.info
            self.epochs.open_at(self.extend, info.epochs_done, info.epochs)

    def _extend(self, epochs: int) -> None:
        if self.entry is not None:
            self.extend_wanted.emit(self.entry.folder, epochs)

    def _branch(self) -> None:
        checkpoint = self.checkpoints.chosen
        if self.details is not None and checkpoint is not None:
            self.branch_wanted.emit(self.details, checkpoint)


def _fact(name: str, value: str, tip: str) -> QWidget:
    fact = QWidget()
    name_label, value_label = QLabel(name), ElidedLabel(value)
    set_role(name_label, "small")
    set_role(value_label, "number")
    value_label.setToolTip(tip or value)
    value_label.setAccessibleName(f"{name}: {value}")
    column = QVBoxLayout(fact)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(1)
    column.addWidget(name_label)
    column.addWidget(value_label)
    return fact


def _button(text: str, icon: str) -> QPushButton:
    button = QPushButton(text)
    set_icon(button, icon)
    return button
