"""Nothing is lost: unsaved work is copied to a file of its own after each edit.

The window's thread hands a value over; encoding and writing happen on another. The copy is gone
when the work is saved or let go, and stays after a crash for the next start to offer.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, QTimer, Signal, Slot

from studio.app.latest import Latest
from studio.app.recovery_files import Kept, Lost, RecoveryFolder
from studio.app.recovery_files import Slot as FolderSlot
from studio.app.workspace import Workspace
from studio.project.values import Project
from studio.runs.files import explain_write_error

FOLDER = "recovery"


class Recovery(QObject):
    """Follows a workspace. ``close`` ends it, and its thread."""

    troubled = Signal(str)
    """Copies cannot be written: said once, until they can be again."""
    offers_changed = Signal()
    _LOOK_MILLISECONDS = 1000

    def __init__(
        self, workspace: Workspace, folder: Path | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        if folder is None:
            place = QStandardPaths.StandardLocation.AppDataLocation
            folder = Path(QStandardPaths.writableLocation(place)) / FOLDER
        self._folder = RecoveryFolder(folder)
        self._latest = Latest()
        self._slot: FolderSlot | None = None
        self._asked: tuple[Project | None, Path | None] = (None, None)
        self._offers: list[Lost] = []
        self._discarded: list[Lost] = []
        self._trouble = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(self._LOOK_MILLISECONDS)
        self._timer.timeout.connect(self._look)
        self._followed = (workspace.started, workspace.changed, workspace.saved_state_changed)
        for signal in self._followed:
            signal.connect(self._follow)
        self._follow()

    # Keeping

    @Slot()
    def _follow(self) -> None:
        workspace = self._workspace
        project, path = (workspace.project if workspace.modified else None), workspace.path
        before, place = self._asked
        if project is before and path == place:
            return
        if self._slot is None and not self._take_slot():
            return
        assert self._slot is not None
        if path != place:
            self._slot.say_open(path)
        self._asked = (project, path)
        if project is not None:
            kept = Kept(project, workspace.title, path, workspace.digest)
            self._latest.ask(partial(self._slot.write, kept))
        elif before is not None:
            self._latest.ask(self._slot.remove)
        if not self._timer.isActive():
            self._timer.start()

    def _take_slot(self) -> bool:
        try:
            self._slot = self._folder.new_slot()
        except OSError as error:
            self._complain(error)
            self._timer.start()
            return False
        return True

    @Slot()
    def _look(self) -> None:
        """See how the writing goes; a signal from its thread is not to be sent."""
        if self._slot is None:
            self._follow()
            return
        failure = self._latest.failure
        if failure is not None:
            self._complain(failure)
        elif self._latest.settled:
            self._trouble = False
            return
        self._timer.start()

    def _complain(self, error: OSError) -> None:
        if not self._trouble:
            self._trouble = True
            why = explain_write_error(error, "the recovery copy of this project")
            self.troubled.emit(f"{why} Save often; writing it is tried again.")

    def is_open_elsewhere(self) -> bool:
        """Whether another running window has this project's file open."""
        path = self._workspace.path
        if path is None or self._slot is None:
            return False
        return self._folder.is_open_elsewhere(path, self._slot)

    # Offering

    @property
    def offers(self) -> tuple[Lost, ...]:
        """Work that was left behind and is neither restored nor discarded, the newest first."""
        return tuple(self._offers)

    def find(self) -> list[str]:
        """Look for work that was left behind; sentences on copies that cannot be read."""
        found, complaints = self._folder.lost()
        self._offers += found
        self.offers_changed.emit()
        return complaints

    def restore(self, lost: Lost) -> None:
        """Go on with ``lost`` in this window, whose project has been saved or let go."""
        self._latest.forget()
        if self._slot is not None:
            self._drop(self._slot)
        # Its own copy goes on to hold it, so that there is no moment without one.
        self._slot, kept = lost.slot, lost.kept
        self._offers.remove(lost)
        self._slot.say_open(kept.path)
        self._asked = (kept.project, kept.path)
        self._workspace.restore(kept.project, kept.title, kept.path, kept.digest)
        self.offers_changed.emit()

    def discard(self, lost: Lost) -> None:
        """Offer ``lost`` no more. It is there to be put back until this window closes."""
        self._offers.remove(lost)
        self._discarded.append(lost)
        self.offers_changed.emit()

    def put_back(self, lost: Lost) -> None:
        """Take ``discard`` back."""
        self._discarded.remove(lost)
        self._offers = sorted([*self._offers, lost], key=lambda each: each.kept.when, reverse=True)
        self.offers_changed.emit()

    # Ending

    def close(self, *, keep: bool) -> bool:
        """End in order; ``keep`` leaves unsaved work to the next start. Whether it is kept."""
        self._timer.stop()
        for signal in self._followed:
            signal.disconnect(self._follow)
        if not keep:
            self._latest.forget()
        kept = self._latest.close() and keep and self._workspace.modified
        if self._slot is not None:
            if keep:
                self._slot.release()
            else:
                self._drop(self._slot)
        for lost in self._discarded:
            self._drop(lost.slot)
        for lost in self._offers:
            lost.slot.release()
        return kept and self._slot is not None

    @staticmethod
    def _drop(slot: FolderSlot) -> None:
        try:
            slot.remove()
        except OSError:
            return  # it is offered again, which is no harm
        finally:
            slot.release()
