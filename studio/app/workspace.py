"""The app's one stateful object: the current project, its undo stack, its file, the selection.

Views are drawn from ``project`` and ``analysis`` and change them only through ``apply``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace
from PySide6.QtCore import QObject, Signal, Slot

from studio.app import recent
from studio.app.seen_file import SeenFile, State, digest_of
from studio.app.shelf import Shelf
from studio.project import codec, levels, rates
from studio.project.analysis import Analysis, analyze
from studio.project.edits import EditRefused, means_the_same
from studio.project.values import Network, Project


@dataclass(frozen=True, slots=True)
class _Done:
    """One undo step: the value before it, and what it was."""

    label: str
    before: Project
    selection: tuple[str, ...]
    path: levels.Path
    merge: str


class Workspace(QObject):
    """Holds the current Project; every edit is ``Project -> Project`` and one undo step."""

    started = Signal()
    """Another project is here: a new one or one from a file. Sent before ``changed``."""
    changed = Signal()
    selection_changed = Signal()
    level_changed = Signal()
    """Another level is in view. Sent before ``changed``."""
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
        self._saved: Project | None = self._project
        """What the file holds, or a new project begins with; None where nothing holds it."""
        self._level = self._top = levels.top(self._project.network)
        self._undo: list[_Done] = []
        self._redo: list[_Done] = []
        self._file: SeenFile | None = None
        self._missing = False
        self._title = "untitled"
        self._selection: tuple[str, ...] = ()
        self.happened = ""
        """What the last change was: the step's label, or what was done with it."""

    @property
    def project(self) -> Project:
        """The current value."""
        return self._project

    @property
    def analysis(self) -> Analysis:
        """What is known of the current network."""
        return self._top.analysis

    @property
    def level(self) -> levels.Level:
        """What is in view: the network, or the inside of a block that was opened.

        The selection is one of its nodes, and ``edit_network`` edits its network.
        """
        return self._level

    @property
    def path(self) -> Path | None:
        """The file the project was opened from or saved to."""
        return self._file.path if self._file else None

    @property
    def title(self) -> str:
        """The project's name for the window."""
        return self._file.path.stem if self._file else self._title

    @property
    def digest(self) -> str:
        """Of what the file held when it was last read or written; empty without a file."""
        return self._file.digest if self._file else ""

    def file_now(self) -> tuple[State, str]:
        """Whether the file still holds what was last read from or written to it, and the digest
        of what it holds."""
        return self._file.now() if self._file else ("same", "")

    @property
    def modified(self) -> bool:
        """Whether something is not saved. A new project without an edit has nothing to lose."""
        if self._saved is None or self._missing:
            return True
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
            self._undo.append(_Done(label, self._project, self._selection, self._level.path, merge))
        self._redo.clear()
        self.happened = label
        self._set(project, select() if select is not None else None)
        return True

    def edit_network(
        self,
        label: str,
        edit: Callable[[Network], Network],
        merge: str = "",
        select: Callable[[], Iterable[str]] | None = None,
    ) -> bool:
        """``apply`` for an edit of the network in view, which may be the inside of a block."""
        path = self._level.path

        def change(project: Project) -> Project:
            recipe = project.recipe

            def followed(before: Network) -> Network:
                nonlocal recipe
                after = edit(before)
                recipe = rates.follow(recipe, path, before, after)
                return after

            network = levels.edit(project.network, path, followed)
            return replace(project, network=network, recipe=recipe)

        return self.apply(label, change, merge, select)

    def amend(self, edit: Callable[[Network], Network]) -> bool:
        """``edit_network`` as part of the step before it: taken back, both go at once."""
        before = self._undo[-1] if self._undo else None
        if before is not None:
            self._undo[-1] = replace_merge(before, "amended")
        done = self.edit_network(before.label if before else "Edit", edit, merge="amended")
        self.end_merge()
        return done

    def end_merge(self) -> None:
        """Let the next edit be an undo step of its own, whatever its merge key."""
        if self._undo and self._undo[-1].merge:
            self._undo[-1] = replace_merge(self._undo[-1])

    @Slot()
    def undo(self) -> None:
        """Take the last step back."""
        if self._undo:
            done = self._undo.pop()
            self.happened = f"Undone: {done.label}"
            self._redo.append(_Done(done.label, self._project, self._selection, done.path, ""))
            self._restore(done)

    @Slot()
    def redo(self) -> None:
        """Do again what was taken back."""
        if self._redo:
            done = self._redo.pop()
            self.happened = f"Done again: {done.label}"
            self._undo.append(_Done(done.label, self._project, self._selection, done.path, ""))
            self._restore(done)

    def _restore(self, done: _Done) -> None:
        self._set(done.before, path=done.path)
        self.select(done.selection)

    def _set(
        self,
        project: Project,
        selection: Iterable[str] | None = None,
        path: levels.Path | None = None,
    ) -> None:
        was_modified = self.modified
        network_changed = project.network is not self._project.network
        self._project = project
        if network_changed:
            self._top = levels.top(project.network, analyze(project.network, self._top.analysis))
        if network_changed or path not in (None, self._level.path):
            self._look_at(self._level.path if path is None else path)
            self.select(self._selection if selection is None else selection)
            self.shelf.follow(project.network, self._selection)
        self.changed.emit()
        if self.modified != was_modified:
            self.saved_state_changed.emit()

    def open_level(self, path: levels.Path) -> bool:
        """Bring the inside of the block at ``path`` into view; the network for an empty path.

        Whether it can be: ``refused`` says why not.
        """
        try:
            level = self._top
            for name in path:
                level = levels.into(level, name)
        except EditRefused as refusal:
            self.refused.emit(str(refusal))
            return False
        before = self._level.path
        self.end_merge()
        self._look_at(path)
        # Going out, the block that was left is selected.
        inner = before[len(path) :]
        self.select(inner[:1] if before[: len(path)] == path else ())
        self.changed.emit()
        return True

    def _look_at(self, path: levels.Path) -> None:
        """Take what lies at ``path``, or as far along it as it leads, into view."""
        before = self._level.path
        self._level = levels.at(self._project.network, path, self._top.analysis)
        if self._level.path != before:
            self._selection = ()
            self.level_changed.emit()

    def select(self, names: Iterable[str]) -> None:
        """Select these nodes and no others; names that do not exist are passed over."""
        known = self._level.analysis.nodes
        selection = tuple(dict.fromkeys(name for name in names if name in known))
        if selection != self._selection:
            self._selection = selection
            self.shelf.follow(self._project.network, selection)
            self.selection_changed.emit()

    def new(self, project: Project, title: str = "untitled", worth_saving: bool = False) -> None:
        """Start over with ``project``, which is no file yet.

        ``worth_saving`` counts it as modified from the start: it holds a choice of the user's.
        """
        self._file = None
        self._title = title
        self._start(project, saved=None if worth_saving else project)

    def restore(self, project: Project, title: str, path: Path | None, digest: str) -> None:
        """Go on with unsaved work on the file ``path``, which held ``digest`` at the time."""
        self._file = SeenFile(path, digest) if path else None
        self._title = title
        self._start(project, saved=None)

    def open(self, path: Path) -> bool:
        """Open a project file; announces ``failed`` and keeps what is there otherwise."""
        try:
            content = codec.read(path)
            project = codec.parse(content, path)
        except codec.ProjectError as error:
            self.failed.emit(f"{error}.")
            return False
        self._file = SeenFile(path.resolve(), digest_of(content))
        self._start(project, saved=project)
        recent.remember(self._file.path)
        return True

    def load_again(self) -> bool:
        """Take over what the file holds by now, as an undo step; whether it could be read."""
        if self._file is None:
            return False
        try:
            content = codec.read(self._file.path)
            project = codec.parse(content, self._file.path)
        except codec.ProjectError as error:
            self.failed.emit(f"{error}. Your work here is kept.")
            return False
        self._file = SeenFile(self._file.path, digest_of(content))
        self._saved, self._missing = project, False
        self.apply("Load from disk", lambda _: project)
        self.saved_state_changed.emit()
        return True

    def note_missing(self, missing: bool) -> None:
        """Whether the file was removed: then nothing holds the project but this window."""
        if missing != self._missing:
            self._missing = missing
            self.saved_state_changed.emit()

    def keep_mine(self) -> None:
        """The file is no longer that of the project as it is; saving writes over it unasked."""
        if self._file is not None:
            self._file = SeenFile(self._file.path, self._file.now()[1])
            self._saved = None
            self.saved_state_changed.emit()

    def _start(self, project: Project, saved: Project | None) -> None:
        self._undo.clear()
        self._redo.clear()
        self._project, self._saved, self._missing = project, saved, False
        self._level = self._top = levels.top(project.network)
        self._selection = ()
        self.level_changed.emit()
        self.started.emit()
        self.changed.emit()
        self.selection_changed.emit()
        self.saved_state_changed.emit()

    def save(self, path: Path | None = None) -> bool:
        """Save to ``path``, or where it was saved last; whether it was written.

        Announces ``failed`` where it was not; the project stays as it is, unsaved.
        """
        target = path or self.path
        if target is None:
            self.failed.emit("Choose a file to save the project in.")
            return False
        if target.suffix != codec.SUFFIX:
            target = target.with_name(target.name + codec.SUFFIX)
        content = codec.dumps(self._project)
        try:
            codec.write_atomically(target, content)
        except codec.ProjectError as error:
            self.failed.emit(f"{error}.")
            return False
        self._file = SeenFile(target.resolve(), digest_of(content))
        self._saved, self._missing = self._project, False
        recent.remember(self._file.path)
        self.saved_state_changed.emit()
        self.saved.emit()
        return True

    @staticmethod
    def recent() -> list[Path]:
        """Project files opened or saved lately that still exist, newest first."""
        return recent.recent()


def replace_merge(done: _Done, merge: str = "") -> _Done:
    """The same step with another merge key; without one it is closed to merging."""
    return _Done(done.label, done.before, done.selection, done.path, merge)
