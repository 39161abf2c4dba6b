"""What is trained now and what waits, with all that can be done about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.device_chip import pick
from studio.app.elided import ElidedLabel
from studio.app.queue_runner import QueueRunner, count
from studio.app.runs.queue_list import QueueList, Row
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S1, S2, S3
from studio.app.train.controller import TrainingController
from studio.app.train.pace import progress_words
from studio.project.recipes import DEVICE
from studio.project.values import Recipe
from studio.runs.queue import Queued

EMPTY = (
    "Nothing waits. The button beside Train (Ctrl+Shift+R) puts the project into the queue as it "
    "is then; change the recipe and press it again, and the runs are trained one after the other."
)


class QueuePanel(QFrame):
    """Follows the runner and the controller. Arrows choose, Alt+Up and Alt+Down move, Delete
    removes."""

    def __init__(
        self,
        runner: QueueRunner,
        controller: TrainingController,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner = runner
        self._controller = controller
        self.setAccessibleName("Queue of runs")
        self.state = ElidedLabel("", self)
        set_role(self.state, "small")
        self.toggle = QPushButton(self)
        self.toggle.clicked.connect(self._toggle)
        self.list = QueueList(self)
        self.list.setStyleSheet("QListView { border: none; background: transparent; }")
        self.list.ordered.connect(self._arrange)
        self.list.itemSelectionChanged.connect(self._show_actions)
        self.earlier = self._action("Earlier", "Alt+Up", lambda: self._move(-1))
        self.later = self._action("Later", "Alt+Down", lambda: self._move(1))
        self.again = self._action("Try again", "", self._try_again)
        self.remove = self._action("Remove", "Del", self._remove)
        self.empty = QLabel(EMPTY, self)
        self.empty.setWordWrap(True)
        set_role(self.empty, "muted")
        self.empty.setContentsMargins(S3, 0, S3, S3)
        self._arrange_widgets()
        runner.changed.connect(self.refresh)
        controller.state_changed.connect(self.refresh)
        controller.started_changed.connect(self.refresh)
        controller.epoch_done.connect(self.refresh)
        self.refresh()

    def _arrange_widgets(self) -> None:
        title = QLabel("Queue", self)
        set_role(title, "title")
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(title)
        words.addWidget(self.state)
        head = QHBoxLayout()
        head.setContentsMargins(S3, S2, S2, 0)
        head.setSpacing(S1)
        head.addLayout(words, 1)
        for action, icon in (
            (self.earlier, "chevron-up"), (self.later, "chevron-down"),
            (self.again, "redo"), (self.remove, "trash"),
        ):  # fmt: skip
            head.addWidget(self._button(action, icon))
        head.addSpacing(S1)
        head.addWidget(self.toggle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, S1)
        layout.setSpacing(S2)
        layout.addLayout(head)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.empty)

    def _action(self, text: str, keys: str, do: Callable[[], object]) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(keys))
        # The keys belong to the list that has the focus, and to none where something else has it.
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(lambda: do())
        self.list.addAction(action)
        return action

    def _button(self, action: QAction, icon: str) -> QToolButton:
        button = QToolButton(self)
        set_icon(button, icon, "muted")
        button.setIconSize(QSize(16, 16))
        sized(button, lambda w: w.setFixedSize(px(ROW), px(ROW)))
        button.setAccessibleName(action.text())
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        button.setToolTip(_TIPS[action.text()] + (f" ({keys})" if keys else ""))
        button.clicked.connect(action.trigger)
        button.setEnabled(action.isEnabled())
        action.enabledChanged.connect(button.setEnabled)
        return button

    def whole_height(self) -> int:
        """Pixels that it takes to show every row."""
        body = self.empty if self.list.isHidden() else self.list
        height = body.y() + S1
        if not self.list.isHidden():
            height += self.list.whole_height() + S2
        if not self.empty.isHidden():
            height += self.empty.heightForWidth(self.width())
        return height

    # What is shown -------------------------------------------------------------------------------

    @Slot()
    def refresh(self, _: object = None) -> None:
        """Bring everything in line with queue and controller."""
        runner = self._runner
        entries = runner.queue.queue.entries
        rows = [self._row(entry) for entry in entries]
        if self._controller.busy and not runner.current:
            rows.insert(0, self._running_row())
        self.list.show_rows(rows)
        self.list.setVisible(bool(rows))
        self.empty.setVisible(not entries)
        elsewhere = runner.queue.worked_elsewhere
        self.state.setText(self._words(elsewhere))
        self.state.setToolTip(self.state.text())
        self.toggle.setText("Hold" if runner.on else "Start")
        set_icon(self.toggle, "pause" if runner.on else "play")
        self.toggle.setEnabled(runner.on or (bool(runner.waiting) and not elsewhere))
        self.toggle.setToolTip(
            "Begin no other run; the one under way goes on"
            if runner.on
            else "Train what waits, one run after the other"
        )
        self._show_actions()

    def _words(self, elsewhere: bool) -> str:
        runner, waiting = self._runner, len(self._runner.waiting)
        text = count(waiting) if waiting else "Nothing else waits" if runner.current else ""
        if elsewhere:
            return " · ".join(part for part in (text, "another window works it off") if part)
        if runner.on and self._controller.engine is None:
            return f"{text} · the first begins when the engine is loaded"
        if runner.on and self._controller.busy and waiting:
            return f"{text} · the next begins when this one ends"
        if runner.held and waiting:
            return f"{text} · held"
        return text

    def _running_row(self) -> Row:
        """The run under way that was begun by Train."""
        run = self._controller.run
        title = run.folder.name if run is not None else "A run"
        return Row("", "play", "accent", title, "", self._progress(), fixed=True)

    def _progress(self) -> str:
        controller = self._controller
        fraction, left, pace = controller.progress()
        if controller.started is None:
            return "Under way: starting"
        per_epoch = max(1, controller.started.steps_per_epoch)
        epochs = max(1, round(controller.started.total_steps / per_epoch))
        epoch = min(epochs, int(fraction * epochs) + 1)
        return f"Under way: {progress_words(controller.state, epoch, epochs, left, pace)[0]}"

    def _row(self, entry: Queued) -> Row:
        recipe = entry.project.recipe
        epochs = f"{recipe.epochs:,} epoch{'' if recipe.epochs == 1 else 's'}"
        details = f"{epochs} · batch {recipe.batch_size:,} · {self._device(recipe)}"
        fixed = self._runner.is_under_way(entry)
        icon, tone = "clock", "muted"
        if entry.id == self._runner.current:
            icon, tone, details = "play", "accent", self._progress()
        elif fixed:
            icon, tone, details = "play", "accent", "Under way in another window"
        elif entry.trouble:
            icon, tone = "warning", "warning"
        elif entry.folder:
            icon, details = "redo", f"{details} · goes on from its last checkpoint"
        return Row(entry.id, icon, tone, entry.title, entry.note, details, entry.trouble, fixed)

    def _device(self, recipe: Recipe) -> str:
        machine = self._controller.machine
        device = pick(machine, recipe.device) if machine is not None else None
        return f"on {device.title}" if device is not None else DEVICE.show(recipe.device)

    @Slot()
    def _show_actions(self) -> None:
        rows = {row.id: row for row in self.list.rows if row.id and not row.fixed}
        order, chosen = list(rows), [each for each in self.list.chosen() if each in rows]
        at = sorted(order.index(each) for each in chosen)
        self.earlier.setEnabled(bool(at) and at != list(range(len(at))))
        last = len(order)
        self.later.setEnabled(bool(at) and at != list(range(last - len(at), last)))
        self.again.setEnabled(any(rows[each].trouble for each in chosen))
        self.remove.setEnabled(bool(chosen))

    # What is done --------------------------------------------------------------------------------

    def _chosen(self) -> list[str]:
        fixed = {row.id for row in self.list.rows if row.fixed}
        return [each for each in self.list.chosen() if each not in fixed]

    @Slot()
    def _toggle(self) -> None:
        if self._runner.on:
            self._runner.hold()
        else:
            self._runner.start()

    def _move(self, step: int) -> None:
        self._runner.queue.move(self._chosen(), step, self._runner.floor)

    @Slot(list)
    def _arrange(self, ids: list[str]) -> None:
        self._runner.queue.arrange(ids)
        self.refresh()  # where nothing has changed, the list has to be put right all the same

    def _try_again(self) -> None:
        for each in self._chosen():
            self._runner.try_again(each)

    def _remove(self) -> None:
        self._runner.queue.remove(self._chosen())


_TIPS = {
    "Earlier": "Train the selected runs earlier",
    "Later": "Train the selected runs later",
    "Try again": "Let the selected runs that failed wait for another try",
    "Remove": "Take the selected runs off the queue; they can be put back",
}
