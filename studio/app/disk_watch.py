"""Notices when somebody else changes, removes or replaces the project's file."""

from __future__ import annotations

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal, Slot

from studio.app.workspace import Workspace
from studio.project import codec


class DiskWatch(QObject):
    """Looks when the system tells of a change, and whenever it is asked to.

    Each content is told of once. Folders on a network may send no events at all, so the window
    asks when it becomes active and before it saves.
    """

    differs = Signal()
    """The file holds something else than what was last read from it or written to it."""
    broken = Signal(str)
    """So it does, and no project can be read from it; why, without a full stop."""
    gone = Signal()
    agrees = Signal()
    """The file is again what it was."""

    _SETTLE_MILLISECONDS = 400
    """A program may replace a file in steps: what is only half there is looked at again."""
    _PATIENCE = 4

    def __init__(self, workspace: Workspace, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._told = ""
        self._tries = 0
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._notice)
        self._watcher.directoryChanged.connect(self._notice)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(self._SETTLE_MILLISECONDS)
        self._timer.timeout.connect(self._settle)
        workspace.started.connect(self.follow)
        workspace.saved.connect(self.follow)
        self.follow()

    @Slot()
    def follow(self) -> None:
        """Watch the file that the workspace has now, as it is now."""
        self._told = ""
        self._watch()

    @Slot()
    def look(self) -> None:
        """Compare the file with what is known of it, soon."""
        self._notice()

    def close(self) -> None:
        """Watch no longer."""
        self._timer.stop()
        if watched := [*self._watcher.files(), *self._watcher.directories()]:
            self._watcher.removePaths(watched)

    @Slot()
    def _notice(self) -> None:
        self._tries = 0
        # A file that is written to all the time is looked at all the same.
        if self._workspace.path is not None and not self._timer.isActive():
            self._timer.start()

    def _watch(self) -> None:
        path = self._workspace.path
        # A file that was renamed over is watched no longer; its folder tells of the new one.
        wanted = [str(p) for p in (path, path.parent) if p.exists()] if path else []
        watched = [*self._watcher.files(), *self._watcher.directories()]
        if old := [each for each in watched if each not in wanted]:
            self._watcher.removePaths(old)
        if new := [each for each in wanted if each not in watched]:
            self._watcher.addPaths(new)

    @Slot()
    def _settle(self) -> None:
        state, digest = self._workspace.file_now()
        self._watch()
        wrong = ""
        if state == "other":
            wrong = self._wrong()
        if (state in ("gone", "unknown") or wrong) and self._tries < self._PATIENCE:
            self._tries += 1
            self._timer.start()
            return
        news = f"{state} {digest}"
        self._workspace.note_missing(state == "gone")
        if state == "unknown" or news == self._told:
            return
        before, self._told = self._told, news
        if state == "gone":
            self.gone.emit()
        elif wrong:
            self.broken.emit(wrong)
        elif state == "other":
            self.differs.emit()
        elif before:
            self.agrees.emit()

    def _wrong(self) -> str:
        """Why the file is no project; empty where it is one."""
        path = self._workspace.path
        assert path is not None
        try:
            codec.load(path)
        except codec.ProjectError as error:
            return str(error)
        return ""
