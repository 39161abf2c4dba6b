"""The runs page: all runs at the left, the one that is chosen filling the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QStackedWidget,
    QWidget,
)

from studio.app.background import Background, Job
from studio.app.empty_state import EmptyState
from studio.app.runs import places, reading
from studio.app.runs.column import RunColumn
from studio.app.runs.detail import RunDetail
from studio.app.runs.reading import Details
from studio.app.theme.style import hairline
from studio.app.theme.text_size import sized
from studio.app.train.controller import TrainingController
from studio.runs.catalog import Catalog, Entry, is_run

LOOK_MS = 1500


class RunsPage(QWidget):
    """Looks for runs while it is to be seen. ``refused`` tells of a folder that holds none, and
    ``taken_off`` which one is listed no longer."""

    refused = Signal(str)
    taken_off = Signal(str)

    def __init__(
        self,
        controller: TrainingController,
        background: Background,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller = controller
        self._background = background
        self._catalog = Catalog()
        self._entries: tuple[Entry, ...] | None = None
        self._look_job: Job[tuple[Entry, ...]] | None = None
        self._read_job: Job[Details] | None = None
        self._wanted: Path | None = None
        self._taken_off: tuple[Sequence[Path], Path] | None = None
        self.column = RunColumn(self)
        self.column.other.clicked.connect(self.choose_folder)
        self.list = self.column.list
        self.list.chosen.connect(self._show)
        self.detail = RunDetail(controller, self)
        self.list.opened.connect(self._open_entry)
        self.detail.parent_wanted.connect(self.open)
        self.detail.take_off_wanted.connect(self.take_off)
        self.empty = EmptyState(self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.detail)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.column)
        layout.addWidget(hairline(vertical=True))
        layout.addWidget(self._stack, 1)
        sized(self.column, lambda column: column.take_share(self.width()))
        self.setFocusProxy(self.list)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        controller.state_changed.connect(self._look_if_seen)
        self._say_looking()

    def add_on_top(self, widget: QWidget) -> None:
        """Give ``widget`` the place above the list."""
        self.column.add_on_top(widget)

    @property
    def chosen(self) -> Entry | None:
        """The run that is shown."""
        return self.detail.entry if self._stack.currentWidget() is self.detail else None

    # Which runs there are

    def choose_folder(self) -> None:
        """Ask for a run folder, or a folder of runs, and show it."""
        start = str(QSettings().value("folder/runs", str(self._controller.runs_root)))
        folder = QFileDialog.getExistingDirectory(self, "A run folder, or a folder of runs", start)
        if folder:
            QSettings().setValue("folder/runs", folder)
            self.open(Path(folder))

    def open(self, folder: Path) -> None:
        """List and choose the run in ``folder``, or list those that lie under it."""
        folder = folder.absolute()
        if self.list.choose(folder):
            return
        if not is_run(folder) and not Catalog().look((folder,)):
            self.refused.emit(f"There is no run in {folder}. Choose the folder that a training "
                              "run made: it holds a run.json.")  # fmt: skip
            return
        self._list_again((folder,), folder)

    def take_off(self, run: Path) -> None:
        """List ``run`` no longer, nor what else lies in the folder that was opened for it; nothing
        on the disk is touched. ``taken_off`` says so, and ``put_back`` undoes it."""
        folders = places.listing(run, self._controller.runs_root)
        if folders:
            places.forget(folders)
            self._taken_off = folders, run
            self._drop_look()
            self.look()
            self.taken_off.emit(" and ".join(folder.name for folder in folders))

    def put_back(self) -> None:
        """List again what was taken off last."""
        if self._taken_off is not None:
            self._list_again(*self._taken_off)
            self._taken_off = None

    def _list_again(self, folders: Sequence[Path], wanted: Path) -> None:
        places.remember(folders)
        self.column.search.clear()
        self._wanted = wanted
        self._drop_look()
        self.look()

    def look(self) -> None:
        """Look for runs on a thread, unless one is at it."""
        if self._look_job is None:
            where = (self._controller.runs_root, *places.opened())
            self._look_job = self._background.run(
                lambda: self._catalog.look(where), self._take, self._look_failed
            )

    def _look_if_seen(self, _: str = "") -> None:
        if self.isVisible():
            self.look()

    def _drop_look(self) -> None:
        if self._look_job is not None:
            self._look_job.abandon()
            self._look_job, self._catalog = None, Catalog()

    def _look_failed(self, message: str, advice: str) -> None:
        self._look_job = None
        self.refused.emit(f"{message} {advice}".strip())

    def _take(self, entries: tuple[Entry, ...]) -> None:
        self._look_job = None
        if entries != self._entries:
            self._entries = entries
            self.column.show_entries(entries)
        wanted, self._wanted = self._wanted, None
        if wanted is not None and not self.list.choose(wanted):
            below = [each.folder for each in entries if wanted in each.folder.parents]
            if below:
                self.list.choose(below[0])
        if not entries:
            self._say_none()
        elif self.chosen is None:
            self._choose_first()
        self._follow_entry(entries)

    def _choose_first(self) -> None:
        shown = self.list.runs.shown
        if shown:
            self.list.choose(shown[0].folder)

    # The run that is chosen

    def _show(self, entry: Entry) -> None:
        self._stack.setCurrentWidget(self.detail)
        self.detail.show_entry(entry)
        self._read(entry, curves=True)

    def _follow_entry(self, entries: tuple[Entry, ...]) -> None:
        """Something is known of the chosen run that was not, or it is gone."""
        shown = self.chosen
        if shown is None:
            return
        now = next((each for each in entries if each.folder == shown.folder), None)
        if now is None:
            self.detail.leave()
            self._choose_first() if entries else self._say_none()
        elif now != shown or now.quiet > shown.quiet:
            self.detail.show_entry(now)
            if now != shown:
                self._read(now, curves=now.standing != shown.standing)

    def _read(self, entry: Entry, curves: bool) -> None:
        if self._read_job is not None:
            self._read_job.abandon()
        self._read_job = self._background.run(
            lambda: reading.read(entry, curves), self._take_details, self._read_failed
        )

    def _take_details(self, details: Details) -> None:
        self._read_job = None
        shown = self.chosen
        if shown is not None and shown.folder == details.folder and self.isVisible():
            self.detail.show_details(details)

    def _read_failed(self, message: str, advice: str) -> None:
        self._read_job = None
        self.detail.recipe.setText(f"{message} {advice}".strip())

    def _open_entry(self, entry: Entry) -> None:
        why = self.detail.refusals()
        if why is not None and not why.show:
            self.detail.show_wanted.emit(entry.folder)

    # Nothing to show

    def _say_looking(self) -> None:
        self._stack.setCurrentWidget(self.empty)
        self.empty.say("clock", "Looking for runs.")

    def _say_none(self) -> None:
        self._stack.setCurrentWidget(self.empty)
        self.empty.say(
            "runs",
            "Every training leaves a run here, with its curves and checkpoints.",
            "Press Train to make the first one. Runs that studio train made elsewhere, or that "
            "another machine writes on a shared disk, are opened by their folder: drop it onto "
            "the window.",
            "Open a run folder…",
            self.choose_folder,
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.column.take_share(self.width())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()
        self.look()
        shown = self.chosen
        if shown is not None:
            self._read(shown, curves=True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self.detail.leave()
