"""The app's one stateful object: the current project, its undo stack, its file, the selection.

Views are drawn from ``project`` and ``analysis`` and change them only through ``apply``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, QSettings, Signal, Slot

from studio.app.shelf import Shelf
from studio.project import codec
from studio.project.analysis import Analysis, analyze
from studio.project.edits import EditRefused, means_the_same
from studio.project.values import Network, Project

RECENT = 10


@dataclass(frozen=True, slots=True)
class _Done:
    """One undo step: the value before it, and what it was."""

    label: str
    before: Project
    selection: tuple[str, ...]
    merge: str


class Workspace(QObject):
    """Holds the current Project; every edit is ``Project -> Project`` and one undo step."""

    started = Signal()
    """Another project is here: a new one or one from a file. Sent before ``changed``."""
    changed = Signal()
    selection_changed = Signal()
    saved_state_changed = Signal()
    saved = Signal()
    refused = Signal(str)
    failed = Signal(str)

    def __init__(
        self,
        project: Project | None = None,
        parent: QObject | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        super().__init__(parent)
        self.shelf = shelf or Shelf(parent=self)
        """The user's own blocks, which no project holds."""
        self._project = project or Project()
        self._saved = self._project
        self._analysis = analyze(self._project.network)
        self._undo: list[_Done] = []
        self._redo: list[_Done] = []
        self._path: Path | None = None
        self._title = "untitled"
        self._selection: tuple[str, ...] = ()

    @property
    def project(self) -> Project:
        """The current value."""
        return self._project

    @property
    def analysis(self) -> Analysis:
        """What is known of the current network."""
        return self._analysis

    @property
    def path(self) -> Path | None:
        """The file the project was opened from or saved to."""
        return self._path

    @property
    def title(self) -> str:
        """The project's name for the window."""
        return self._path.stem if self._path else self._title

    @property
    def modified(self) -> bool:
        """Whether something is not saved. A new project without an edit has nothing to lose."""
        return self._project is not self._saved and self._project != self._saved

    @property
    def selection(self) -> tuple[str, ...]:
        """The names of the selected nodes."""
        return self._selection

    @property
    def undo_label(self) -> str:
        """What undo would take back; empty where there is nothing."""
        return self._undo[-1].label if self._undo else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again; empty where there is nothing."""
        return self._redo[-1].label if self._redo else ""

    def apply(
        self,
        label: str,
        edit: Callable[[Project], Project],
        merge: str = "",
        select: Callable[[], Iterable[str]] | None = None,
    ) -> bool:
        """Make an edit, as one undo step called ``label``; whether it was allowed.

        Edits in a row with the same non-empty ``merge`` key become one step. ``select`` gives what
        is selected afterwards, where that is not what was. A refusal is announced by ``refused``.
        """
        try:
            project = edit(self._project)
        except EditRefused as refusal:
            self.refused.emit(str(refusal))
            return False
        if project is self._project or project == self._project:
            return True
        merges = bool(merge) and bool(self._undo) and self._undo[-1].merge == merge
        if merges and not self._redo and means_the_same(project, self._undo[-1].before):
            # An edit that ends where it began (Escape, a text that is no number) was none.
            project = self._undo.pop().before
        elif not merges or self._redo:
            self._undo.append(_Done(label, self._project, self._selection, merge))
        self._redo.clear()
        self._set(project, select() if select is not None else None)
        return True

    def edit_network(
        self,
        label: str,
        edit: Callable[[Network], Network],
        merge: str = "",
        select: Callable[[], Iterable[str]] | None = None,
    ) -> bool:
        """``apply`` for an edit of the network alone."""
        return self.apply(
            label, lambda project: replace(project, network=edit(project.network)), merge, select
        )

    def end_merge(self) -> None:
        """Let the next edit be an undo step of its own, whatever its merge key."""
        if self._undo and self._undo[-1].merge:
            self._undo[-1] = replace_merge(self._undo[-1])

    @Slot()
    def undo(self) -> None:
        """Take the last step back."""
        if self._undo:
            done = self._undo.pop()
            self._redo.append(_Done(done.label, self._project, self._selection, ""))
            self._restore(done)

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back."""
        if self._redo:
            done = self._redo.pop()
            self._undo.append(_Done(done.label, self._project, self._selection, ""))
            self._restore(done)

    def _restore(self, done: _Done) -> None:
        self._set(done.before)
        self.select(done.selection)

    def _set(self, project: Project, selection: Iterable[str] | None = None) -> None:
        was_modified = self.modified
        network_changed = project.network is not self._project.network
        self._project = project
        if network_changed:
            self._analysis = analyze(project.network)
            self.select(self._selection if selection is None else selection)
            self.shelf.follow(project.network, self._selection)
        self.changed.emit()
        if self.modified != was_modified:
            self.saved_state_changed.emit()

    def select(self, names: Iterable[str]) -> None:
        """Select these nodes and no others; names that do not exist are passed over."""
        known = self._analysis.nodes
        selection = tuple(dict.fromkeys(name for name in names if name in known))
        if selection != self._selection:
            self._selection = selection
            self.shelf.follow(self._project.network, selection)
            self.selection_changed.emit()

    def new(self, project: Project, title: str = "untitled", worth_saving: bool = False) -> None:
        """Start over with ``project``, which is no file yet.

        ``worth_saving`` counts it as modified from the start: it holds a choice of the user's.
        """
        self._path = None
        self._title = title
        self._start(project, saved=Project() if worth_saving else project)

    def open(self, path: Path) -> bool:
        """Open a project file; announces ``failed`` and keeps what is there otherwise."""
        try:
            project = codec.load(path)
        except codec.ProjectError as error:
            self.failed.emit(f"{error}.")
            return False
        self._path = path.resolve()
        self._start(project, saved=project)
        self._remember(self._path)
        return True

    def _start(self, project: Project, saved: Project) -> None:
        self._undo.clear()
        self._redo.clear()
        self._project, self._saved = project, saved
        self._analysis = analyze(project.network)
        self._selection = ()
        self.started.emit()
        self.changed.emit()
        self.selection_changed.emit()
        self.saved_state_changed.emit()

    def save(self, path: Path | None = None) -> bool:
        """Save to ``path``, or where it was saved last; whether it was written.

        Announces ``failed`` where it was not; the project stays as it is, unsaved.
        """
        target = path or self._path
        if target is None:
            self.failed.emit("Choose a file to save the project in.")
            return False
        if target.suffix != codec.SUFFIX:
            target = target.with_name(target.name + codec.SUFFIX)
        try:
            codec.save(self._project, target)
        except codec.ProjectError as error:
            self.failed.emit(f"{error}.")
            return False
        self._path = target.resolve()
        self._saved = self._project
        self._remember(self._path)
        self.saved_state_changed.emit()
        self.saved.emit()
        return True

    def _remember(self, path: Path) -> None:
        recent = [str(path), *(p for p in self._recent_texts() if p != str(path))]
        QSettings().setValue("recent", recent[:RECENT])

    @staticmethod
    def _recent_texts() -> list[str]:
        value = QSettings().value("recent", [])
        # A list of one comes back from the settings as its only text.
        return [value] if isinstance(value, str) else [str(item) for item in _as_list(value)]

    def recent(self) -> list[Path]:
        """Project files opened or saved lately that still exist, newest first."""
        return [path for path in map(Path, self._recent_texts()) if path.is_file()]


def replace_merge(done: _Done) -> _Done:
    """The same step, closed to merging."""
    return _Done(done.label, done.before, done.selection, "")


def _as_list(value: object) -> list[object]:
    """What the settings gave, as a list; anything else counts as empty."""
    return value if isinstance(value, list) else []
