"""The queue of runs as all windows of a user share it: one file, changed under a lock.

It is no part of a project, so undo does not reach it; what is removed can be put back.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QFileSystemWatcher, QObject, QStandardPaths, QTimer, Signal, Slot

from studio.project import codec
from studio.project.values import Project
from studio.runs import queue as queues
from studio.runs.file_lock import FileLock
from studio.runs.files import explain_write_error, write_whole
from studio.runs.queue import Queue, Queued, note_on

_WRITING, _WORKING = "writing.lock", "working.lock"
_PATIENCE_SECONDS = 0.5
"""So long a change waits for another window's, which takes a hundredth of it."""


class RunQueue(QObject):
    """Reads the file, writes each change to it at once, and notices those of other windows.

    One window at a time works the queue off: the one that holds ``take_work``.
    """

    changed = Signal()
    removed = Signal(str)
    """What was taken off, in words; ``put_back`` brings it again."""
    failed = Signal(str)
    _SETTLE_MILLISECONDS = 100

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._queue: Queue | None = None
        self._content: bytes | None = None
        self._projects: dict[bytes, Project] = {}
        self._gone: tuple[tuple[int, Queued], ...] = ()
        self._work: FileLock | None = None
        self._opened = False
        self.complaint = ""
        """What was wrong with the file when it was read, as sentences; "" for nothing."""
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(self._SETTLE_MILLISECONDS)
        self._timer.timeout.connect(self.look)
        self._watcher.directoryChanged.connect(self._notice)

    @property
    def path(self) -> Path:
        """The file; in the user's folder for data where no folder was given."""
        if self._folder is None:
            place = QStandardPaths.StandardLocation.AppDataLocation
            self._folder = Path(QStandardPaths.writableLocation(place)) / queues.FOLDER
        return self._folder / queues.FILE

    @property
    def queue(self) -> Queue:
        """The queue as it was last read or written; read when first asked for."""
        if self._queue is None:
            self._queue = self._read()
        return self._queue

    # Changing ------------------------------------------------------------------------------------

    def add(
        self, project: Project, title: str, before: Project | None = None, parent: str = ""
    ) -> bool:
        """Let ``project`` wait at the end; whether it does. ``before`` is what is trained now: the
        entry is named by what sets it apart from that, or from the last one that waits."""

        def edit(queue: Queue) -> Queue:
            if len(queue.entries) >= queues.MOST:
                raise QueueFull
            last = queue.waiting[-1].project if queue.waiting else before
            note = note_on(project, last)
            when = datetime.now().astimezone()
            return queue.add(Queued(uuid.uuid4().hex, title, project, when, note, parent))

        try:
            return self._edit(edit)
        except QueueFull:
            self.failed.emit(
                f"The queue holds at most {queues.MOST} runs. Remove some before you add others."
            )
            return False

    def remove(self, ids: Collection[str]) -> bool:
        """Take entries off; ``removed`` says which, and they can be put back."""
        places = tuple(
            (at, entry) for at, entry in enumerate(self.queue.entries) if entry.id in ids
        )
        if not places or not self._edit(lambda queue: queue.remove(ids)):
            return False
        self._gone = places
        one = f"“{places[0][1].name}”" if len(places) == 1 else f"{len(places)} runs"
        self.removed.emit(one)
        return True

    @Slot()
    def put_back(self) -> None:
        """Undo the last removal."""
        places, self._gone = self._gone, ()
        if places:
            self._edit(lambda queue: queue.put_back(places))

    def drop(self, id: str) -> bool:
        """Take off an entry whose run is over."""
        return self._edit(lambda queue: queue.remove((id,)))

    def move(self, ids: Collection[str], step: int, floor: int = 0) -> bool:
        """Let entries be trained one place earlier (-1) or later (1)."""
        return self._edit(lambda queue: queue.move(ids, step, floor))

    def arrange(self, ids: Sequence[str]) -> bool:
        """Let these entries be trained first, in this order."""
        return self._edit(lambda queue: queue.arrange(ids))

    def change(self, id: str, **fields: Any) -> bool:
        """Replace fields of the entry ``id``."""
        return self._edit(lambda queue: queue.change(id, **fields))

    def _edit(self, edit: Callable[[Queue], Queue]) -> bool:
        """Make a change to what the file holds now; whether it is written."""
        try:
            with self._writing():
                before = self._read()
                after = edit(before)
                if after != before:
                    self._write(after)
        except OSError as error:
            self.failed.emit(explain_write_error(error, "the queue of runs"))
            return False
        self._take(after)
        self._watch()
        return True

    # The work ------------------------------------------------------------------------------------

    def take_work(self) -> bool:
        """Be the window that works the queue off; False where another one is."""
        if self._work is None:
            with contextlib.suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._work = FileLock.take(self.path.with_name(_WORKING))
        return self._work is not None

    def leave_work(self) -> None:
        """Let another window work it off."""
        if self._work is not None:
            self._work.release()
            self._work = None

    @property
    def worked_elsewhere(self) -> bool:
        """Whether another window works the queue off now."""
        lock = self.path.with_name(_WORKING)
        # A lock's file is there only while it is held, or after its process was killed.
        if self._work is not None or not lock.exists():
            return False
        with contextlib.suppress(OSError):
            probe = FileLock.take(lock)
            if probe is not None:
                probe.release()
            return probe is None
        return False

    # The file ------------------------------------------------------------------------------------

    def open(self) -> None:
        """Read the file, and watch it from now on."""
        with contextlib.suppress(OSError):  # said when something is added
            self.path.parent.mkdir(parents=True, exist_ok=True)
        self.look()
        self._opened = True

    @Slot()
    def look(self) -> None:
        """Take over what other windows have changed."""
        self._watch()
        self._take(self._read())
        self.changed.emit()  # who works on it may have changed too

    def close(self) -> None:
        """Watch no longer."""
        self._timer.stop()
        if watched := self._watcher.directories():
            self._watcher.removePaths(watched)
        self.leave_work()

    @Slot()
    def _notice(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _watch(self) -> None:
        folder = str(self.path.parent)
        if folder not in self._watcher.directories() and self.path.parent.is_dir():
            self._watcher.addPath(folder)

    def _take(self, queue: Queue) -> None:
        if queue != self._queue:
            self._queue = queue
            self.changed.emit()

    def _read(self) -> Queue:
        """What the file holds. One that cannot be read wholly is set aside, never lost."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            self._content = None
            return Queue()
        except OSError as error:
            self.complaint = (
                f"The queue of runs cannot be read from {self.path} ({error.strerror or error})."
            )
            return self._queue or Queue()
        if content == self._content and self._queue is not None:
            return self._queue
        used: dict[bytes, Project] = {}

        def project(raw: bytes) -> Project:
            used[raw] = known = self._projects.get(raw) or codec.loads(raw)
            return known

        queue, wrong = queues.loads(content, project)
        self._content, self._projects = content, used
        if wrong:
            self._set_aside(queue, wrong)
        return queue

    def _set_aside(self, queue: Queue, wrong: str) -> None:
        """Keep a damaged file under another name, and write what could be read of it anew."""
        beside = self.path.with_name(f"queue-damaged-{time.time_ns()}.json")
        self.complaint = f"The queue of runs could not all be read from {self.path}: {wrong}. "
        try:
            self.path.replace(beside)
            self._content = None
            if queue.entries:
                self._write(queue)
        except OSError as error:
            self.complaint += f"The file cannot be set aside ({error.strerror or error})."
        else:
            self.complaint += f"The file is kept as {beside.name}."
        if self._opened:
            self.failed.emit(self.complaint)

    def _write(self, queue: Queue) -> None:
        content = queues.dumps(queue)
        write_whole(self.path, content)
        self._content = content

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Alone with the file; raises OSError where another window does not let go of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + _PATIENCE_SECONDS
        while (lock := FileLock.take(self.path.with_name(_WRITING))) is None:
            if time.monotonic() > until:
                raise OSError("another window is writing it; try again")
            time.sleep(0.005)
        try:
            yield
        finally:
            lock.release()


class QueueFull(Exception):
    """There is no room for another run."""
