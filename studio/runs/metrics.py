"""The numbers of a run on disk: one SQLite file that a second process may read at any time.

Write-ahead logging lets readers and the writer work side by side, and keeps every committed row
through a kill. A row costs about 4 µs when a second's worth is committed at once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from studio.project.values import Recipe
from studio.runs.api import EpochDone, WorkFailed
from studio.runs.files import explain_write_error
from studio.runs.system import GpuSample, SystemSample

_TABLES = """
CREATE TABLE IF NOT EXISTS steps (
    step INTEGER PRIMARY KEY, epoch INTEGER, loss REAL, accuracy REAL, learning_rate REAL,
    images_per_second REAL, seconds REAL);
CREATE TABLE IF NOT EXISTS gradients (step INTEGER PRIMARY KEY, norms BLOB);
CREATE TABLE IF NOT EXISTS layers (
    position INTEGER PRIMARY KEY, name TEXT, kind TEXT, parameters INTEGER);
CREATE TABLE IF NOT EXISTS epochs (
    epoch INTEGER PRIMARY KEY, step INTEGER, train_loss REAL, train_accuracy REAL,
    validation_loss REAL, validation_accuracy REAL, learning_rate REAL, seconds REAL,
    best INTEGER);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, time REAL, step INTEGER, kind TEXT, message TEXT);
CREATE TABLE IF NOT EXISTS system (
    id INTEGER PRIMARY KEY, time REAL, processor REAL, memory_used INTEGER, memory_total INTEGER,
    gpu TEXT, gpu_name TEXT, gpu_utilization REAL, gpu_memory_used INTEGER,
    gpu_memory_total INTEGER, gpu_temperature REAL, gpu_power REAL);
"""

_MOST_GPUS = 64

_INSERTS = {
    "steps": "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)",
    "gradients": "INSERT OR REPLACE INTO gradients VALUES (?, ?)",
    "layers": "INSERT OR REPLACE INTO layers VALUES (?, ?, ?, ?)",
    "epochs": "INSERT OR REPLACE INTO epochs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "events": "INSERT INTO events (time, step, kind, message) VALUES (?, ?, ?, ?)",
    "system": f"INSERT INTO system VALUES (NULL{', ?' * 11})",
}


class MetricsWriter:
    """The one writer of a run's numbers; used on one thread.

    Rows wait in memory until ``commit``, and longer while the disk does not take them, so a full
    disk loses nothing that is written once there is room again. Without a path nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._waiting: dict[str, list[tuple[object, ...]]] = {table: [] for table in _INSERTS}

    def layers(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """The layers with parameters in forward order, as (name, kind, parameters)."""
        self._waiting["layers"].extend((at, *row) for at, row in enumerate(rows))

    def steps(self, rows: Iterable[tuple[int, int, float, float, float, float, float]]) -> None:
        """Rows of (step, epoch, loss, accuracy, learning rate, images per second, seconds)."""
        self._waiting["steps"].extend(rows)

    def gradients(self, first_step: int, norms: np.ndarray) -> None:
        """The layers' gradient norms ``(steps, layers)``, one float32 blob a step."""
        rows = norms.astype(np.float32)
        self._waiting["gradients"].extend(
            (first_step + at, row.tobytes()) for at, row in enumerate(rows)
        )

    def epoch(self, done: EpochDone) -> None:
        """The means of an epoch that ended."""
        self._waiting["epochs"].append(
            (done.epoch, done.step, done.train_loss, done.train_accuracy, done.validation_loss,
             done.validation_accuracy, done.learning_rate, done.seconds, done.best)
        )  # fmt: skip

    def event(self, step: int, kind: str, message: str = "") -> None:
        """Something that happened: started, paused, resumed, warning, failed, recipe, ..."""
        self._waiting["events"].append((time.time(), step, kind, message))

    def changed(self, step: int, text: str, recipe: Recipe) -> None:
        """From ``step`` on the run follows ``recipe``; ``text`` says what is new."""
        self.event(step, "recipe", msgspec.json.encode(recipe).decode())
        self.event(step, "changed", text)

    def system(self, samples: Iterable[SystemSample]) -> None:
        """Samples of the machine: a row for each GPU, or one without."""
        for sample in samples:
            machine = (sample.time, sample.processor, sample.memory_used, sample.memory_total)
            if not sample.gpus:
                self._waiting["system"].append((*machine, None, None, None, None, None, None, None))
            for gpu in sample.gpus:
                self._waiting["system"].append(
                    (*machine, gpu.uuid, gpu.name, gpu.utilization, gpu.memory_used,
                     gpu.memory_total, gpu.temperature, gpu.power)
                )  # fmt: skip

    def commit(self) -> str:
        """Write what waits; empty, or a sentence that says why it still waits."""
        try:
            if self._path is not None:
                connection = self._connected(self._path)
                with connection:
                    for table, rows in self._waiting.items():
                        if rows:
                            connection.executemany(_INSERTS[table], rows)
        except sqlite3.Error as error:
            return explain_write_error(error, "the run's curves")
        for rows in self._waiting.values():
            rows.clear()
        return ""

    def rewind(self, step: int) -> None:
        """Forget what was written from ``step`` on; raises WorkFailed."""
        if self._path is None:
            return
        try:
            connection = self._connected(self._path)
            with connection:
                connection.execute("DELETE FROM steps WHERE step >= ?", (step,))
                connection.execute("DELETE FROM gradients WHERE step >= ?", (step,))
                connection.execute("DELETE FROM epochs WHERE step > ?", (step,))
        except sqlite3.Error as error:
            raise WorkFailed(
                explain_write_error(error, "the run's curves"),
                f"Where {self._path} is damaged, move it away: the run goes on without its older "
                "curves.",
            ) from None

    def take_over(self, other: Path, step: int) -> None:
        """Copy what the run with the curves in ``other`` wrote before ``step``: a branch begins
        with its parent's curves. Raises WorkFailed."""
        if self._path is None:
            return
        try:
            connection = self._connected(self._path)
            with reading(other) as source, connection:
                for table, condition in (
                    ("layers", "? >= 0"), ("steps", "step < ?"), ("gradients", "step < ?"),
                    ("epochs", "step <= ?"),
                ):  # fmt: skip
                    rows = source.execute(f"SELECT * FROM {table} WHERE {condition}", (step,))
                    connection.executemany(_INSERTS[table], rows)
        except sqlite3.Error as error:
            raise WorkFailed(explain_write_error(error, "the run's curves")) from None

    def close(self) -> str:
        """Commit and let go of the file; as ``commit``."""
        problem = self.commit()
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        return problem

    def _connected(self, path: Path) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(path, timeout=10)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_TABLES)
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection


@dataclass(frozen=True)
class Curves:
    """The per-step columns of a run, all of one length; accuracies are shares in 0..1."""

    step: np.ndarray
    epoch: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray
    learning_rate: np.ndarray
    images_per_second: np.ndarray
    seconds: np.ndarray


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the curves at ``path`` that writes nothing; raises WorkFailed, also for
    what goes wrong while it is used."""
    if not path.is_file():
        raise WorkFailed(f"There are no curves yet in {path.parent}.", "Wait for the first step.")
    # Without a log beside it nobody writes, and the file can be read from a folder that must not
    # change; otherwise a reader would leave an empty log behind.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, timeout=10)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise WorkFailed(
            f"The run's curves in {path} cannot be read: {error}.", "The file may be damaged."
        ) from None


def read_curves(path: Path, first_step: int = 0) -> Curves:
    """The steps from ``first_step`` on in the file at ``path``; raises WorkFailed."""
    with reading(path) as connection:
        rows = connection.execute(
            "SELECT * FROM steps WHERE step >= ? ORDER BY step", (first_step,)
        ).fetchall()
    columns = np.array(rows, float).reshape(-1, 7).T
    return Curves(columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:])


def read_gradients(path: Path, first_step: int = 0) -> tuple[tuple[str, ...], np.ndarray]:
    """The layers' names and their gradient norms ``(steps, layers)``; raises WorkFailed."""
    with reading(path) as connection:
        names = connection.execute("SELECT name FROM layers ORDER BY position").fetchall()
        blobs = connection.execute(
            "SELECT norms FROM gradients WHERE step >= ? ORDER BY step", (first_step,)
        ).fetchall()
    norms = np.frombuffer(b"".join(blob for (blob,) in blobs), np.float32)
    if len(norms) != len(blobs) * len(names):
        raise WorkFailed(f"The gradients in {path} are damaged.", "Train the network again.")
    return tuple(name for (name,) in names), norms.reshape(len(blobs), len(names))


def read_epochs(path: Path) -> tuple[EpochDone, ...]:
    """The epochs that ended, in order; raises WorkFailed."""
    with reading(path) as connection:
        rows = connection.execute("SELECT * FROM epochs ORDER BY epoch").fetchall()
    return tuple(epoch_of(row) for row in rows)


def read_events(path: Path) -> Sequence[tuple[float, int, str, str]]:
    """What happened, as (time in seconds since 1970, step, kind, message); raises WorkFailed."""
    with reading(path) as connection:
        return connection.execute(
            "SELECT time, step, kind, message FROM events ORDER BY id"
        ).fetchall()


def last_sample(connection: sqlite3.Connection) -> SystemSample | None:
    """What was recorded last of the machine; None where nothing was. What its program used of
    the memory, and the limit of its power, are not kept."""
    rows = connection.execute(
        "SELECT time, processor, memory_used, memory_total, gpu, gpu_name, gpu_utilization, "
        "gpu_memory_used, gpu_memory_total, gpu_temperature, gpu_power "
        "FROM system ORDER BY id DESC LIMIT ?",
        (_MOST_GPUS,),
    ).fetchall()
    if not rows:
        return None
    together = [row for row in reversed(rows) if row[0] == rows[0][0]]  # a row for each GPU
    gpus = tuple(GpuSample(*(*row[4:], None)) for row in together if row[4] is not None)
    time, processor, used, total = rows[0][:4]
    return SystemSample(time, processor, used, total, process_memory=0, gpus=gpus)


def epoch_of(row: tuple[Any, ...]) -> EpochDone:
    """A row of the table ``epochs`` as the message that it was."""
    number = [_number(value) for value in row[2:8]]
    return EpochDone(
        epoch=row[0],
        step=row[1],
        train_loss=number[0],
        train_accuracy=number[1],
        validation_loss=number[2],
        validation_accuracy=number[3],
        learning_rate=number[4],
        seconds=number[5],
        best=bool(row[8]),
    )


def _number(value: object) -> float:
    """SQLite keeps not-a-number as NULL."""
    return float(value) if isinstance(value, int | float) else float("nan")
